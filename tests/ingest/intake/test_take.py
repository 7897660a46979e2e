"""Whoever brings messages is told of each when it is durable; here one that is not the broker."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.message import Message, StoredMessage
from gateway.core.mqtt_session import Oversized
from tests.core.making import NOW_MS
from tests.core.profiled import sent
from tests.ingest.intake.side_effects_rig import Rig, plain, radio, rig, until


class Folder:
    """A tiny source: messages by name, and the names that it was told of."""

    def __init__(self, gate: Rig) -> None:
        self._gate = gate
        self.told: list[str] = []

    def bring(self, **messages: Message | Oversized) -> bool:
        """Bring messages together; False: no more for now."""
        for name, message in messages.items():
            self._gate.receiver.take(message, "replay", partial(self.told.append, name), NOW_MS, 0.0)
        return self._gate.receiver.end_chunk([])


def run(story: Callable[[Rig, Folder], Awaitable[None]]) -> None:
    async def begun() -> None:
        async with rig() as gate:
            await story(gate, Folder(gate))

    asyncio.run(begun())


def test_a_source_is_told_once_its_message_is_durable_and_counted_under_its_name() -> None:
    async def story(gate: Rig, folder: Folder) -> None:
        gate.influxdb.opened.clear()
        gate.receiver.take(plain("p0"), "mqtt", None, NOW_MS, 0.0)  # in the same turn
        assert folder.bring(a=plain("p1"), b=plain("p2"))
        for _ in range(20):
            await asyncio.sleep(0)
        assert folder.told == []
        gate.influxdb.opened.set()
        await until(lambda: folder.told == ["a", "b"])
        gate.come(plain("p3"))
        assert gate.ledger.received == {"replay": 2, "mqtt": 2}
        await until(lambda: gate.acknowledged == [1])
        assert (gate.written, folder.told) == (["p0", "p1", "p2", "p3"], ["a", "b"])

    run(story)


def test_a_source_waits_for_what_was_taken_before_and_the_broker_for_it() -> None:
    async def story(gate: Rig, folder: Folder) -> None:
        gate.come(radio("r1"))
        folder.bring(a=radio("r2"))
        gate.come(plain("p3"))
        await until(lambda: gate.written == ["p3"])
        assert (gate.acknowledged, folder.told) == ([], [])
        gate.codecs.answer()
        await until(lambda: "r1" in gate.written)
        assert folder.told == []
        gate.codecs.answer()
        await until(lambda: folder.told == ["a"])
        assert (gate.acknowledged, gate.ledger.received) == ([1, 2], {"mqtt": 2, "replay": 1})

    run(story)


def test_a_copy_is_told_of_although_nothing_of_it_is_written() -> None:
    async def story(gate: Rig, folder: Folder) -> None:
        folder.bring(a=radio("r1"))
        gate.codecs.answer()
        await until(lambda: folder.told == ["a"])
        folder.bring(b=radio("r1"))
        gate.codecs.answer()
        await until(lambda: folder.told == ["a", "b"])
        assert gate.written == ["r1"]

    run(story)


def test_a_message_that_nobody_wants_is_told_of_at_once() -> None:
    async def story(gate: Rig, folder: Folder) -> None:
        folder.bring(a=sent({}, "t/d1", retain=True))
        assert (folder.told, gate.written, gate.ledger.received) == (["a"], [], {})

    run(story)


def test_what_is_refused_is_told_of_when_it_is_kept() -> None:
    async def story(gate: Rig, folder: Folder) -> None:
        folder.bring(a=Oversized("t/d1", b"{", None, retain=False, duplicate=False, size_bytes=2**20))
        await until(lambda: gate.rejects.refused)
        assert folder.told == []
        for batch, (refusal,) in gate.rejects.refused:
            assert (refusal.detail.split(";")[0], refusal.arrival_ms) == ("1048576 bytes", NOW_MS)
            gate.queue.release(batch)
        await until(lambda: folder.told == ["a"])

    run(story)


def test_a_source_hears_when_memory_is_at_its_limit() -> None:
    async def story(gate: Rig, folder: Folder) -> None:
        gate.influxdb.opened.clear()
        gate.queue.memory_bytes += 2**25
        assert not folder.bring(a=plain("p1"))
        gate.queue.memory_bytes -= 2**25
        gate.influxdb.opened.set()
        await until(lambda: folder.told == ["a"])

    run(story)


def test_the_door_believes_topics_and_leaves_it_to_other_sources_to_count_them() -> None:
    """As docs/recipes/intake.md says: what a broker refuses or counts, another source refuses and counts itself."""

    async def story(gate: Rig, folder: Folder) -> None:
        for number in (0, 5):
            folder.bring(a=StoredMessage(BROKER_DROPPED, str(number).encode(), retain=False))
        assert gate.events.drops.total == 5
        for number in range(500):
            folder.bring(a=plain(f"p{number}"))
        gate.floods.count("t/other", 1)
        assert gate.floods.find(1.0) == []
        gate.floods.count("t/other", 1)
        for _ in range(500):
            gate.floods.count(plain("p").topic, 1)
        assert [flood.topic for flood in gate.floods.find(1.0)] == [plain("p").topic]
        await until(lambda: len(folder.told) == 502)

    run(story)
