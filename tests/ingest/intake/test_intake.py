"""The connection to a broker that a test plays: what is noted of a chunk of messages."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import mqtt5
import pytest

from gateway.core.batching.fair_shares import Floods
from gateway.core.batching.pacing import LinkBudget
from gateway.core.batching.write_result import Answer
from gateway.core.mqtt_session import Session, SessionOptions
from gateway.ingest.intake.connection import BrokerAddress, Connection
from gateway.ingest.intake.intake import Intake, MessageReceiver
from gateway.ingest.intake.session_cut import SessionCut
from gateway.ingest.intake.side_effects import CodecCalls, CommonEffects, SideEffectRunner
from gateway.ingest.intake.subscriptions import Fence, Subscriptions
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.quarantine_lanes import ReleasedKeys
from gateway.support.clock import WallClock
from schemas.quantities import Quality
from tests.core.conversation import CONNACK, publish
from tests.core.making import HOUR_MS, pipeline, topic, trusted_clock
from tests.ingest.delivery.delivering import Lanes, Rejects, until
from tests.ingest.delivery.far_broker import FarBroker
from tests.ingest.intake.side_effects_rig import AsyncCodecs, KeptValues, Quarantine, Sums
from tests.waiting import PATIENCE_S

LOUD, QUIET = topic("loud"), topic("quiet")


class Influxdb:
    """In InfluxDB's place: it takes everything."""

    link = LinkBudget()

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def write(self, gzip: bytes) -> Answer:
        """Take a body."""
        self.lines += zlib.decompress(gzip, wbits=31).decode().split("\n")
        return Answer(204)


class SteppedClock(WallClock):
    """A clock that somebody sets."""

    step_ms = 0

    def now_and_steady_ms(self) -> tuple[int, int]:
        """Return the time as it was set, and a steady one."""
        now_ms, steady_ms = super().now_and_steady_ms()
        return now_ms + self.step_ms, steady_ms


@dataclass
class Noted(Floods):
    """A list of notes that is never cleared."""

    topics: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def count(self, topic: str, messages: int, size_bytes: int = 0) -> None:
        """Count."""
        self.topics += [topic] * bool(messages)
        self.sizes.append(size_bytes)


class Broker(FarBroker):
    """A broker that greets one gateway, and the intake that comes to it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.writer: asyncio.StreamWriter | None = None
        self.received = bytearray()
        self.acknowledged: list[int] = []
        self.shares = Noted()
        self.influxdb, self.clock, self.trust = Influxdb(), SteppedClock(), trusted_clock()
        self.lanes = Lanes(self.influxdb, Rejects(), self, max_readings=50, receive_maximum=2000)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greet, and take what comes."""
        await reader.read(1000)
        writer.write(CONNACK)
        self.writer = writer
        while data := await reader.read(1000):
            self.received += data

    async def send(self, packets: list[bytes]) -> None:
        """Send messages in one chunk; when this returns all are acknowledged."""
        assert self.writer is not None
        expected = len(self.acknowledged) + len(packets)
        self.writer.write(b"".join(packets))
        await until(lambda: len(self.acknowledged) == expected)

    def intake(self, port: int) -> Intake:
        """The intake, joined to lanes that write everything at once."""
        lanes, processor = self.lanes, pipeline(trust=self.trust)
        released, session = ReleasedKeys(WallClock()), Session(SessionOptions("gateway-1"))
        codec_calls = CodecCalls(processor, AsyncCodecs().ask, released, lanes.events)
        connection = self._connection = Connection([BrokerAddress("127.0.0.1", port)], session)
        common = CommonEffects(KeptValues(), released, Sums().want)
        side_effects = SideEffectRunner(lanes.live_lane, codec_calls, Quarantine(), common, connection, lanes.events)
        acknowledger, events = lanes.acknowledger, lanes.events
        fence = Fence(connection.publish, acknowledger, "gateway-1")
        receiver = MessageReceiver(processor, lanes.live_lane, acknowledger, events, side_effects, self.shares, fence)
        subscriptions = Subscriptions(self.database, connection.subscribe, {"iot/#": mqtt5.RetainHandling.SEND_ALWAYS})
        cut = SessionCut(fence.topic, connection.acknowledge)
        return Intake(connection, subscriptions, receiver, acknowledger, events, self.trust, self.clock, cut)

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Acknowledge, and note it."""
        self.acknowledged += packet_ids
        self._connection.acknowledge(packet_ids)

    def resume_reading(self) -> None:
        """Read again."""
        self._connection.resume_reading()


@asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[Broker]:
    """A gateway is connected to it."""
    database = Database(folder / "journal.db")
    database.open()
    made = Broker(database)
    server = await asyncio.start_server(made.serve, "127.0.0.1")
    intake = made.intake(server.sockets[0].getsockname()[1])
    tasks = [asyncio.create_task(made.lanes.live_lane.run()), asyncio.create_task(intake.run())]
    try:
        async with asyncio.timeout(PATIENCE_S):
            await until(lambda: made.writer and b"iot/#" in made.received)
            yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if made.writer is not None:
            made.writer.close()
        server.close()
        await server.wait_closed()
        database.close()


@pytest.mark.parametrize("place", range(4))
def test_a_device_whose_messages_take_the_same_place_in_large_chunks_is_noted_like_any_other(
    tmp_path: Path, place: int
) -> None:
    """Some messages of these are noted: a quiet device could hide who floods."""

    async def story() -> None:
        async with broker(tmp_path) as door:
            for chunk in range(20):
                first = 50 * chunk + 1
                await door.send(
                    [publish(b'{"ph": 7}', first + at, topic=QUIET if at % 4 == place else LOUD) for at in range(50)]
                )
            noted = door.shares.topics
            assert noted.count(LOUD) > 2 * noted.count(QUIET) > 0
            assert door.acknowledged == list(range(1, 1001))

    asyncio.run(story())


def test_among_devices_that_send_in_turn_none_stands_for_all(tmp_path: Path) -> None:
    """Eight in turn, and a chunk that is a multiple: every eighth message is the same device's."""

    async def story() -> None:
        async with broker(tmp_path) as door:
            await door.send([publish(b'{"ph": 7}', at + 1, topic=topic(f"m{at % 8}")) for at in range(120)])
            assert len(set(door.shares.topics)) > 2

    asyncio.run(story())


def test_every_message_of_a_small_chunk_is_noted(tmp_path: Path) -> None:
    """Else a device among those that wait for the same write would have to send many times as much to be found."""

    async def story() -> None:
        async with broker(tmp_path) as door:
            await door.send([publish(b'{"ph": 7}', at + 1, topic=QUIET if at == 4 else LOUD) for at in range(15)])
            assert sorted(door.shares.topics) == sorted([QUIET] + [LOUD] * 14)

    asyncio.run(story())


def test_a_message_is_noted_with_its_size_also_one_too_large_to_be_taken(tmp_path: Path) -> None:
    async def story() -> None:
        async with broker(tmp_path) as door:
            await door.send([publish(b'{"ph": 7}', 1, topic=QUIET), publish(b"x" * 300_000, 2, topic=LOUD)])
            assert door.shares.sizes == [9, 300_000]

    asyncio.run(story())


def test_a_clock_that_was_set_is_doubted_from_the_first_message_on_that_comes_by_it(tmp_path: Path) -> None:
    """It is looked at each minute too: readings of that minute would be stamped an hour back, and nobody would see it."""

    async def story() -> list[bool]:
        async with broker(tmp_path) as door:
            await door.send([publish(b'{"ph": 7}', 1)])
            door.trust.see_influxdb(0, door.clock.now_ms())
            door.clock.step_ms = -HOUR_MS
            await door.send([publish(b'{"ph": 7.1}', 2)])
            assert door.trust.behind, "the right time is ahead of it"
            return [f"quality={Quality.GATEWAY_TIME | Quality.CLOCK_DOUBTED}i" in line for line in door.influxdb.lines]

    assert asyncio.run(story()) == [False, True]
