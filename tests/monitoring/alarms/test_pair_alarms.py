"""The machines of a pair over their broker: the passive one follows, and goes on once it is live."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.monitoring.alarms.shared_alarms import (
    BUCKETS,
    PLANNED,
    AlarmBucket,
    PairAlarms,
    bucket_of,
    bucket_payload,
    read_bucket,
)
from tests.core.making import MINUTE_MS
from tests.ingest.delivery.delivering import until
from tests.monitoring.alarms.keeping import COLD_C, HOT_C, Kept, opened
from tests.waiting import PATIENCE_S


class Watching:
    """The watch of a machine, with a broker that retains."""

    def __init__(self, name: str) -> None:
        self.standby = SimpleNamespace(name=name)
        self.live, self.news, self.syncs = asyncio.Event(), asyncio.Event(), 1
        self.retained: dict[str, bytes] = {}
        self.sent: list[str] = []
        self.heard: dict[str, bytes] = {}
        self.is_away = False

    def take_alarms(self) -> dict[str, bytes]:
        """Return, once, the buckets heard."""
        heard, self.heard = self.heard, {}
        return heard

    def publish_alarms(self, bucket: str, payload: bytes) -> bool:
        """Retain a bucket."""
        if not self.is_away:
            self.retained[bucket] = payload
            self.sent.append(bucket)
        return not self.is_away

    def hear(self, name: str, payload: bytes) -> None:
        """Bring news."""
        self.heard[name] = payload
        self.news.set()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Kept]:
    (tmp_path / "a").mkdir()
    with opened(tmp_path / "a") as file:
        yield Kept(file)


@pytest.fixture
def passive(tmp_path: Path) -> Iterator[Kept]:
    (tmp_path / "b").mkdir()
    with opened(tmp_path / "b") as file:
        yield Kept(file, follows=True)


def pair_of(kept: Kept, watch: Watching) -> PairAlarms:
    return PairAlarms(kept.keeper, cast("Any", watch), cast("Any", SimpleNamespace(registry=kept.registry)))


async def turns(number: int = 200) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def test_a_live_machine_has_each_bucket_retained_once_and_again_what_changed(live: Kept) -> None:
    async def story() -> None:
        watch = Watching("a")
        watch.live.set()
        live.keeper.follows = True
        running = asyncio.create_task(pair_of(live, watch).run())
        await turns()
        assert not live.keeper.follows, "it leads"
        assert sorted(watch.sent) == sorted([*map(str, range(BUCKETS)), PLANNED])
        watch.sent.clear()
        live.bed.push(live.clock.at_ms, {"temperature_c": HOT_C})
        await live.keeper.commit()
        await turns()
        (state,) = live.keeper.active()
        name = str(bucket_of(state.key))
        assert watch.sent == [name]
        bucket = read_bucket(watch.retained[name])
        assert bucket is not None
        assert [shared.state.key for shared in bucket.states] == [state.key]
        assert bucket.machine == "a"
        watch.sent.clear()
        live.bed.push(live.clock.at_ms + 1000, {"temperature_c": HOT_C + 1})
        live.keeper.changed.bump()
        await turns()
        assert watch.sent == [], "only its value is another one"
        watch.syncs, watch.is_away = 2, True
        live.keeper.changed.bump()
        await turns()
        watch.is_away = False
        live.keeper.changed.bump()
        await turns()
        assert len(watch.sent) == BUCKETS + 1, "a broker that was restarted may have forgotten all"
        watch.sent.clear()
        watch.live.clear()
        live.bed.push(live.clock.at_ms + MINUTE_MS, {"temperature_c": COLD_C})
        await live.keeper.commit()
        await turns()
        assert watch.sent == [], "it is not live any more"
        running.cancel()

    asyncio.run(asyncio.wait_for(story(), PATIENCE_S))


def test_a_passive_machine_takes_what_the_other_said_until_it_is_live(live: Kept, passive: Kept) -> None:
    live.send(0, HOT_C)
    number = live.plan(site="s1")
    (shared,) = live.keeper.shared()
    name = str(bucket_of(shared.state.key))
    passive.clock.at_ms = live.clock.at_ms

    async def story() -> None:
        watch = Watching("b")
        pair = pair_of(passive, watch)
        running = [asyncio.create_task(pair.run()), asyncio.create_task(pair.follow_planned())]
        watch.heard = {name: b"damaged", "strange": bucket_payload(AlarmBucket("a", [shared]))}
        await turns()
        assert passive.active == []
        watch.hear(name, bucket_payload(AlarmBucket("b", [shared])))
        await turns()
        assert passive.active == [], "its own word tells it nothing new"
        watch.hear(name, bucket_payload(AlarmBucket("a", [shared])))
        await turns()
        assert passive.active == ["hot@d1"]
        watch.hear(str((int(name) + 1) % BUCKETS), bucket_payload(AlarmBucket("a")))
        await turns()
        assert passive.active == ["hot@d1"], "another bucket says nothing of it"
        watch.hear(PLANNED, bucket_payload(AlarmBucket("a", works=live.keeper.planned_works())))
        await until(passive.keeper.planned_works)
        assert [work.note for work in passive.keeper.planned_works()] == ["a new pump"]
        watch.hear(name, bucket_payload(AlarmBucket("a")))
        await turns()
        assert passive.active == [], "it ended at the other machine"
        assert watch.sent == []
        assert passive.keeper.follows
        watch.live.set()
        watch.news.set()
        await turns()
        assert not passive.keeper.follows
        assert watch.sent
        for task in running:
            task.cancel()

    asyncio.run(asyncio.wait_for(story(), PATIENCE_S))
    assert live.end_work(number)
