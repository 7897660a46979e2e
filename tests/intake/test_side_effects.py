"""Side effects of messages are carried out, and no message is acknowledged before its outcome is durable."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import pytest

from gateway.codecs.protocol import CodecAnswer
from gateway.core.delivery.batch import Batch
from gateway.core.delivery.write_result import Answer
from gateway.core.message import CodecAsk, Message, QuarantinedMessage, Refusal, WaitCause
from gateway.core.process import Processor
from gateway.delivery.reject_writer import RejectWriter
from gateway.intake.codec_calls import CodecCalls
from gateway.intake.connection import Connection
from gateway.intake.replay_pipeline import ReplayPipeline
from gateway.intake.side_effects import SideEffectRunner
from gateway.storage.births import BirthWriter
from gateway.storage.quarantine_in import QuarantineIn
from gateway.storage.released_keys import ReleasedKeys
from schemas.registry import RegisteredDevice
from schemas.rejects import RejectReason
from tests.core.making import NOW_MS
from tests.core.profiled import EUI, pipeline, sent, uplink
from tests.core.sparkplug_payloads import FLOAT, LONG, M, payload
from tests.delivery.delivering import Lanes
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
        self.sent = 0
        self._then: list[Callable[[CodecAnswer], None]] = []

    def ask(self, call: CodecAsk, then: Callable[[CodecAnswer], None]) -> None:
        """Ask."""
        self.asked.append(call)
        self._then.append(then)

    def flush(self) -> None:
        """Send what was asked."""
        self.sent = len(self.asked)

    def answer(self, answer: CodecAnswer | None = None) -> None:
        """The oldest call is answered."""
        self._then.pop(0)(answer or CodecAnswer({"ph": 7}))


class Influxdb:
    """In InfluxDB's place: answers 204, at once or when a test opens it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
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


class Births(BirthWriter):
    """In the disk's place: what is saved stays in the air."""

    def __init__(self) -> None:
        self.saved: list[tuple[Mapping[str, str | None], Batch | None]] = []

    def save(self, births: Mapping[str, str | None], batch: Batch | None) -> None:
        """Save."""
        if batch is not None:
            batch.holds += 1
        self.saved.append((births, batch))


class Broker(Connection):
    """In the broker's place: the topics of what it was sent."""

    def __init__(self, acknowledged: list[int]) -> None:
        self.published: list[str] = []
        self._acknowledged = acknowledged

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Note it."""
        self._acknowledged += packet_ids

    def publish(self, topic: str, payload: bytes) -> None:  # noqa: ARG002 - as a connection has it
        """Send."""
        self.published.append(topic)


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
        self.codecs, self.quarantine, self.keys = AsyncCodecs(), Quarantine(), ReleasedKeys()
        self.births, self.broker = Births(), Broker(self.acknowledged)
        super().__init__(self.influxdb, self.rejects, self.broker, max_readings=50, receive_maximum=2000)
        codec_calls = CodecCalls(processor, self.codecs, self.keys, self.events)
        self.replay = ReplayPipeline(processor, codec_calls, self.keys, self.births)
        self.side_effects = SideEffectRunner(
            self.live_lane, codec_calls, self.quarantine, self.keys, self.births, self.broker, self.events
        )
        self._packet_id = 0

    def come(self, *messages: Message) -> None:
        """Messages come in one chunk, each numbered by the next packet identifier, as intake takes them."""
        for message in messages:
            outcome = self.processor.process(message, NOW_MS)
            batch = self.queue.add(outcome, 0.0)
            if outcome.side_effects is not None:
                self.side_effects.do(outcome.side_effects, batch, 0.0)
            self._packet_id += 1
            self.acknowledger.owe(batch, self._packet_id, 0)
        self.side_effects.flush()
        self.live_lane.pump()

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


def test_messages_are_acknowledged_in_order_of_receipt_when_all_before_them_are_durable() -> None:
    """The second is written while the codec of the first still thinks; its acknowledgement waits for the first."""

    async def story() -> None:
        async with rig() as gate:
            gate.come(radio("r1"))
            gate.come(plain("p2"))
            await until(lambda: gate.written == ["p2"])
            assert gate.acknowledged == []
            gate.codecs.answer()
            assert gate.acknowledged == []
            await until(lambda: gate.acknowledged)
            assert (gate.written, gate.acknowledged) == (["p2", "r1"], [1, 2])

    asyncio.run(story())


def test_what_came_before_a_message_that_asks_does_not_wait_for_it() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come(plain("p1"))
            gate.come(radio("r2"), plain("p3"))
            await until(lambda: gate.acknowledged == [1])
            gate.codecs.answer()
            await until(lambda: gate.acknowledged == [1, 2, 3])

    asyncio.run(story())


def test_an_answer_is_not_durable_before_influxdb_has_it() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.influxdb.opened.clear()
            gate.come(radio("r1"))
            gate.codecs.answer()
            for _ in range(20):
                await asyncio.sleep(0)
            assert gate.acknowledged == []
            gate.influxdb.opened.set()
            await until(lambda: gate.acknowledged == [1])

    asyncio.run(story())


def test_an_answer_may_land_in_the_batch_that_its_message_came_with() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.influxdb.opened.clear()
            gate.come(plain("p1"))  # its write flies; what comes now collects
            gate.come(radio("r2"), radio("r3"))
            gate.codecs.answer()
            gate.influxdb.opened.set()
            await until(lambda: gate.written == ["p1", "r2"])
            await until(lambda: gate.acknowledged == [1])
            gate.codecs.answer()
            await until(lambda: gate.acknowledged == [1, 2, 3])

    asyncio.run(story())


@pytest.mark.parametrize("behind", [1, 5, 60], ids="{}-unanswered".format)
def test_under_an_endless_stream_of_messages_that_ask_acknowledgements_leave(behind: int) -> None:
    """There is always a message whose codec thinks; each waits for its own answer only."""

    async def story() -> None:
        async with rig() as gate:
            for number in range(200):
                gate.come(radio("r1", number), plain("p1"))
                if number >= behind:
                    gate.codecs.answer()
                for _ in range(6):
                    await asyncio.sleep(0)
                assert len(gate.acknowledged) >= 2 * (number - behind)
                assert gate.acknowledger.unreleased <= 2 * behind + 3
            for _ in range(behind):
                gate.codecs.answer()
            await until(lambda: gate.acknowledged == list(range(1, 401)))

    asyncio.run(story())


def test_a_message_on_its_way_takes_memory_and_gives_it_back() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come(radio("r1"))
            assert gate.queue.memory_bytes > len(gate.codecs.asked[0].payload)
            gate.codecs.answer()
            await until(lambda: gate.acknowledged == [1])
            assert gate.queue.memory_bytes == 0

    asyncio.run(story())


def test_codecs_are_asked_once_for_all_that_came_together() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come(radio("r1"), radio("r2"))
            assert (gate.codecs.sent, [call.codec for call in gate.codecs.asked]) == (2, ["c.js", "c.js"])
            for _ in range(2):
                gate.codecs.answer()
            await until(lambda: gate.acknowledged == [1, 2])

    asyncio.run(story())


def test_what_the_connection_owed_is_not_acknowledged_on_the_next_one() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come(radio("r1"))
            gate.acknowledger.disconnected()
            gate.acknowledger.connected(session_present=False)
            gate.codecs.answer()
            await until(lambda: gate.written == ["r1"])
            gate.come(plain("p2"))
            await until(lambda: gate.acknowledged == [2])

    asyncio.run(story())


def test_a_fault_of_a_codec_is_a_reject_and_acknowledged_when_that_is_kept() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come(radio(EUI))
            gate.codecs.answer(CodecAnswer(None, ["clock not set"], "TypeError"))
            await until(lambda: gate.rejects.refused)
            ((batch, (refusal,)),) = gate.rejects.refused
            assert (refusal.reason, refusal.domain) == (RejectReason.PROFILE_ERROR, "water")
            assert gate.events.codec_warnings["c.js"] == 1
            await asyncio.sleep(0)
            assert gate.acknowledged == []
            gate.ledger.settle("rejected", {refusal.domain: 1})
            gate.queue.release(batch)
            assert gate.acknowledged == [1]

    asyncio.run(story())


def test_a_message_whose_codec_is_suspended_is_acknowledged_when_it_is_in_quarantine() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come(radio(EUI))
            gate.codecs.answer(CodecAnswer(None, suspended=True))
            await asyncio.sleep(0)
            ((batch, (waits,)),) = gate.quarantine.kept
            assert (waits.cause, waits.key, waits.payload) == (WaitCause.CODEC, "c.js", radio(EUI).payload)
            assert (gate.ledger.pending["memory"], gate.acknowledged) == (1, [])
            gate.queue.release(batch)
            await until(lambda: gate.acknowledged == [1])

    asyncio.run(story())


def test_births_are_saved_before_their_message_is_acknowledged_and_what_waits_for_them_is_freed() -> None:
    async def story() -> None:
        async with rig(NODES) as gate:
            gate.come(sent(payload(M("bdSeq", 1, LONG, kind="Int64"), seq=0), "spBv1.0/g/NBIRTH/n"))
            gate.come(sent(payload(M("V", 230, FLOAT, alias=4, kind="Float"), seq=1), "spBv1.0/g/DBIRTH/n/m1"))
            assert [sorted(values) for values, _ in gate.births.saved] == [["birth g/n"], ["birth g/n/m1"]]
            assert gate.keys.pop_all() == ["g/n", "g/n/m1"]
            await until(lambda: gate.written == ["m1"])
            assert gate.acknowledged == []
            for _, batch in gate.births.saved:
                assert batch is not None
                gate.queue.release(batch)
            assert gate.acknowledged == [1, 2]

    asyncio.run(story())


def test_data_before_its_birth_waits_in_quarantine_and_its_node_is_asked() -> None:
    async def story() -> None:
        async with rig(NODES) as gate:
            gate.come(sent(payload(M(None, 230, FLOAT, alias=4), seq=1), "spBv1.0/g/DDATA/n/m1"))
            assert gate.broker.published == ["spBv1.0/g/NCMD/n"]
            ((batch, (waits,)),) = gate.quarantine.kept
            assert (waits.cause, waits.key) == (WaitCause.NO_BIRTH, "g/n/m1")
            gate.queue.release(batch)
            await until(lambda: gate.acknowledged == [1])

    asyncio.run(story())


# A message that comes out of quarantine.


def test_a_message_that_was_stored_goes_on_when_its_codec_has_answered() -> None:
    async def story() -> None:
        async with rig() as gate:
            task = asyncio.create_task(gate.replay.process(radio("r1"), NOW_MS - 5000))
            await until(lambda: gate.codecs.asked)
            assert gate.codecs.asked[0].received_ms == NOW_MS - 5000
            gate.codecs.answer()
            assert [reading.domain for reading in (await task).readings] == ["water"]

    asyncio.run(story())


def test_what_must_wait_again_is_left_to_the_caller() -> None:
    async def story() -> None:
        async with rig() as gate:
            task = asyncio.create_task(gate.replay.process(radio("r1"), NOW_MS))
            await until(lambda: gate.codecs.asked)
            gate.codecs.answer(CodecAnswer(None, suspended=True))
            side_effects = (await task).side_effects
            assert side_effects is not None
            assert [waits.key for waits in side_effects.waiting] == ["c.js"]
            assert gate.quarantine.kept == []

    asyncio.run(story())


def test_a_birth_that_was_stored_is_saved_and_frees_what_waits_for_it() -> None:
    async def story() -> None:
        async with rig(NODES) as gate:
            for verb in ("NBIRTH/n", "DBIRTH/n/m1"):
                message = sent(payload(M("V", 230, FLOAT, alias=4, kind="Float"), seq=0), f"spBv1.0/g/{verb}")
                await gate.replay.process(message, NOW_MS)
            assert [sorted(values) for values, _ in gate.births.saved] == [["birth g/n"], ["birth g/n/m1"]]
            assert {batch for _, batch in gate.births.saved} == {None}
            assert gate.keys.pop_all() == ["g/n", "g/n/m1"]

    asyncio.run(story())
