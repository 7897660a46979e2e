"""The way of messages from the core to InfluxDB, quarantine and broker, with a codec and a database that answer when told."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

from gateway.core.batching.batch import Batch
from gateway.core.batching.fair_shares import Floods
from gateway.core.batching.pacing import LinkBudget
from gateway.core.batching.write_result import Answer
from gateway.core.message import CodecAsk, Message, QuarantinedMessage, Refusal
from gateway.core.process import Processor
from gateway.ingest.codecs.protocol import CodecAnswer
from gateway.ingest.intake.broker_socket import BrokerSocket
from gateway.ingest.intake.connection import Connection
from gateway.ingest.intake.intake import MessageReceiver
from gateway.ingest.intake.side_effects import CodecCalls, CommonEffects, SideEffectRunner
from gateway.ingest.intake.subscriptions import Fence
from gateway.ingest.replay import with_codecs
from gateway.ingest.storage.keyvalue import KeptValueWriter
from gateway.ingest.storage.quarantine_lanes import QuarantineIn, ReleasedKeys
from gateway.ingest.storage.reject_account import RejectWriter
from gateway.monitoring.reports.take_over import SumsTakeOver
from gateway.support.clock import WallClock
from schemas.registry import RegisteredDevice
from tests.core.making import NOW_MS
from tests.core.profiled import EUI, pipeline, sent, uplink
from tests.ingest.delivery.delivering import Lanes
from tests.waiting import PATIENCE_S

RADIO = "profile: radio\nmatch: {envelope: lorawan}\ncodec: c.js\npoints: [{measurement: water, fields: {ph: /codec/ph}}]"
PLAIN = "profile: plain\nmatch: {topic: 't/{device}'}"
NODES = """
match: {topic: "spBv1.0/{group}/{verb}/{node}/{device}"}
decode: sparkplug_b
points: [{measurement: power, each: {of: /metrics, by: name, value: value}, map: {V: {field: voltage_l1_v}}}]
"""


class AsyncCodecs:
    """In the codecs' place: a test answers, the oldest call first."""

    def __init__(self) -> None:
        self.asked: list[CodecAsk] = []
        self._then: list[Callable[[CodecAnswer], None]] = []

    def ask(self, call: CodecAsk, then: Callable[[CodecAnswer], None]) -> None:
        """Ask."""
        self.asked.append(call)
        self._then.append(then)

    def answer(self, answer: CodecAnswer | None = None) -> None:
        """The oldest call is answered."""
        self._then.pop(0)(answer or CodecAnswer({"ph": 7}))


class Influxdb:
    """In InfluxDB's place: answers 204, at once or when a test opens it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.link = LinkBudget()
        self.opened = asyncio.Event()
        self.opened.set()

    async def write(self, gzip: bytes) -> Answer:
        """Take a body."""
        await self.opened.wait()
        self.bodies.append(gzip)
        return Answer(204)


class Quarantine(QuarantineIn):
    """In the quarantine's place: what is kept stays in the air until a test lets it go."""

    def __init__(self) -> None:
        self.kept: list[tuple[Batch, list[QuarantinedMessage]]] = []

    def keep(self, batch: Batch, waiting: list[QuarantinedMessage]) -> None:
        """Store."""
        batch.holds += 1
        self.kept.append((batch, waiting))


class KeptValues(KeptValueWriter):
    """In the disk's place: what is saved stays in the air."""

    def __init__(self) -> None:
        self.saved: list[tuple[Mapping[str, str | None], Batch | None]] = []

    def save(self, values: Mapping[str, str | None], batch: Batch | None) -> None:
        """Save."""
        if batch is not None:
            batch.holds += 1
        self.saved.append((values, batch))


class Sums(SumsTakeOver):
    """In the place of the question to InfluxDB: the devices that await their sums."""

    def __init__(self) -> None:
        self.wanted: list[str] = []

    def want(self, devices: Iterable[str]) -> None:
        """Note them."""
        self.wanted += devices


class Broker(Connection):
    """In the broker's place: the topics of what it was sent."""

    def __init__(self, acknowledged: list[int]) -> None:
        self.published: list[str] = []
        self._socket = BrokerSocket(lambda _: None)
        self._acknowledged = acknowledged

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Note it."""
        self._acknowledged += packet_ids

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:  # noqa: ARG002 - as a connection has it
        """Send."""
        self.published.append(topic)
        return True


class Rejects(RejectWriter):
    """In the place of the reject writer: a batch is held until a test releases it."""

    def __init__(self) -> None:
        self.refused: list[tuple[Batch, list[Refusal]]] = []

    def keep_refusals(self, batch: Batch) -> None:
        """Take them."""
        if batch.refusals:
            batch.holds += 1
            self.refused.append((batch, batch.refusals))
            batch.refusals = []


class Rig(Lanes):
    """A gateway without broker, InfluxDB, disk and codecs: messages come in, and a test sees what leaves."""

    def __init__(self, processor: Processor) -> None:
        self.processor, self.influxdb, self.rejects, self.acknowledged = processor, Influxdb(), Rejects(), list[int]()
        self.codecs, self.quarantine, self.keys = AsyncCodecs(), Quarantine(), ReleasedKeys(WallClock())
        self.kept_values, self.sums, self.broker = KeptValues(), Sums(), Broker(self.acknowledged)
        super().__init__(self.influxdb, self.rejects, self.broker, max_readings=50, receive_maximum=2000)
        codec_calls = CodecCalls(processor, self.codecs.ask, self.keys, self.events)
        common = CommonEffects(self.kept_values, self.keys, self.sums.want)
        self.replay = with_codecs(processor, codec_calls, common)
        self.side_effects = SideEffectRunner(self.live_lane, codec_calls, self.quarantine, common, self.broker, self.events)
        acknowledger, fence = self.acknowledger, Fence(self.broker.publish, self.acknowledger, "gateway-1")
        self.floods = Floods()
        self.receiver = MessageReceiver(
            processor, self.live_lane, acknowledger, self.events, self.side_effects, self.floods, fence
        )
        self._packet_id = 0

    def come(self, *messages: Message) -> None:
        """Messages come in one chunk, each numbered by the next packet identifier, as intake takes them."""
        for message in messages:
            batch = self.receiver.take(message, "mqtt", None, NOW_MS, 0.0)
            self._packet_id += 1
            self.acknowledger.owe(batch, self._packet_id, 0)
        self.receiver.end_chunk([])

    @property
    def written(self) -> list[str]:
        """Return the devices whose readings are in InfluxDB, in the order of writing."""
        lines = [line for body in self.influxdb.bodies for line in zlib.decompress(body, wbits=31).decode().split("\n")]
        return [line.split("device=")[1].split(" ")[0] for line in lines]


@asynccontextmanager
async def rig(*profiles: str) -> AsyncIterator[Rig]:
    """A rig at work; at its end nothing is held in memory and the ledger balances."""
    made = Rig(pipeline(*(profiles or (RADIO, PLAIN)), devices=[RegisteredDevice(EUI, domain="water")]))
    task = asyncio.create_task(made.live_lane.run())
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield made
        assert (made.queue.memory_bytes, made.acknowledger.owed, made.ledger.imbalance) == (0, 0, 0)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object]) -> None:
    """Return once it holds."""
    while not condition():  # noqa: ASYNC110 - a condition of the parts, which know nothing of us
        await asyncio.sleep(0)


def plain(device: str) -> Message:
    return sent({"ph": 7}, f"t/{device}")


def radio(device: str, counter: int = 1) -> Message:
    return uplink(device, fCnt=counter)
