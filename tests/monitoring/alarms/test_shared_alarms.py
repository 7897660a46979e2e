"""Alarms between gateways: whoever takes over a pair or a share goes on with those of the other, and nobody is told twice."""

import asyncio
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from gateway.core.alarms.alarm import AlarmKey, AlarmState, AlarmTags, Severity
from gateway.core.alarms.rules import Silent
from gateway.core.devices.streams import Streams
from gateway.core.gateways.sharing import Share
from gateway.core.gateways.tenures import Tenures
from gateway.ingest.storage.alarms import SharedState
from gateway.monitoring.alarms.outbox import WEBHOOK
from gateway.monitoring.alarms.shared_alarms import AlarmBucket, AlarmHandover, bucket_of, bucket_payload, read_bucket
from tests.core.alarms.alarming import above, registered, rule
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS
from tests.monitoring.alarms.keeping import COLD_C, HOT, HOT_C, Kept, opened

HOT_FOR_LONG: Final = rule(above("temperature_c", 30.0), name="hot_long", for_ms=30 * MINUTE_MS)
SITE = "s1"
"""The site of the devices of a bed."""


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Kept]:
    (tmp_path / "a").mkdir()
    with opened(tmp_path / "a") as file:
        yield Kept(file, HOT, HOT_FOR_LONG)


@pytest.fixture
def passive(tmp_path: Path) -> Iterator[Kept]:
    (tmp_path / "b").mkdir()
    with opened(tmp_path / "b") as file:
        yield Kept(file, HOT, HOT_FOR_LONG, follows=True)


def tell_webhook(kept: Kept) -> None:
    """Have the webhook take all that waits for it."""
    kept.keeper.taken(kept.keeper.outbox.first(WEBHOOK, 100))
    kept.commit()


def hand_on(live: Kept, passive: Kept) -> None:
    """Bring all alarms of one machine to the other, as the broker does."""
    bucket = read_bucket(bucket_payload(AlarmBucket("a", live.keeper.shared())))
    assert bucket is not None
    assert bucket.machine == "a"
    passive.clock.at_ms = live.clock.at_ms
    passive.keeper.follow(bucket.states, lambda _: True)
    passive.commit()


def test_an_acknowledged_alarm_goes_on_at_the_other_machine_and_ends_once(live: Kept, passive: Kept) -> None:
    live.send(0, HOT_C)
    live.acknowledge("hot@d1", "crew on its way")
    tell_webhook(live)
    before = live.keeper.active()
    hand_on(live, passive)
    passive.keeper.lead(passive.registry)
    assert passive.keeper.active() == before
    assert before[0].acknowledged is not None
    passive.send(MINUTE_MS, HOT_C)
    assert (passive.told, passive.points) == ([], [])
    passive.send(2 * MINUTE_MS, COLD_C)
    assert passive.told == ["cleared hot@d1"]
    assert passive.notices()[0]["acknowledged"]["note"] == "crew on its way"


def test_what_waits_for_its_time_needs_only_the_rest_of_it(live: Kept, passive: Kept) -> None:
    live.send(0, HOT_C)
    live.send(15 * MINUTE_MS, HOT_C)
    tell_webhook(live)
    hand_on(live, passive)
    passive.keeper.lead(passive.registry)
    passive.send(30 * MINUTE_MS, HOT_C)
    assert passive.told == ["raised hot_long@d1"]


def test_what_ended_at_the_live_machine_is_forgotten_without_a_word(live: Kept, passive: Kept) -> None:
    live.send(0, HOT_C)
    hand_on(live, passive)
    live.send(MINUTE_MS, COLD_C)
    hand_on(live, passive)
    passive.keeper.lead(passive.registry)
    passive.commit()
    assert (passive.active, passive.told, passive.points) == ([], [], [])


def test_only_places_of_the_bucket_that_came_are_taken(live: Kept, passive: Kept) -> None:
    live.send(0, HOT_C)
    hand_on(live, passive)
    passive.keeper.follow([], lambda key: key.place != "d1")
    assert passive.active == ["hot@d1"]


def test_what_was_followed_outlives_a_restart(live: Kept, passive: Kept) -> None:
    live.send(0, HOT_C)
    tell_webhook(live)
    hand_on(live, passive)
    again = Kept(passive.file, HOT, HOT_FOR_LONG, follows=True)
    again.keeper.lead(again.registry)
    again.commit()
    assert (again.active, again.told) == (["hot@d1"], [])


def test_an_alarm_that_the_webhook_was_not_told_of_is_told_by_the_machine_that_takes_over(live: Kept, passive: Kept) -> None:
    live.send(0, HOT_C)
    hand_on(live, passive)
    passive.commit()
    assert not passive.told, "the live machine may still tell it"
    passive.keeper.lead(passive.registry)
    passive.commit()
    assert passive.told == ["raised hot@d1"]


def test_an_alarm_whose_rule_or_device_is_gone_here_ends_at_the_take_over_and_is_told(live: Kept, passive: Kept) -> None:
    live.send(0, HOT_C)
    tell_webhook(live)
    hand_on(live, passive)
    passive.keeper.lead({})
    passive.commit()
    assert passive.told == ["cleared hot@d1"]


def test_a_follower_tells_nobody_of_what_changes_here(live: Kept, passive: Kept) -> None:
    live.send(0, HOT_C)
    tell_webhook(live)
    hand_on(live, passive)
    passive.keeper.replace(passive.keeper.rules, {})  # its registry is renewed before that of the live machine
    passive.commit()
    assert (passive.told, passive.points, passive.history) == ([], [], [])


def test_work_that_is_planned_at_one_machine_silences_at_the_other_until_it_ends_there(live: Kept, passive: Kept) -> None:
    number = live.plan(site="s1")
    live.send(0, HOT_C)
    hand_on(live, passive)
    follow_planned(live, passive)
    follow_planned(live, passive)  # as heard again
    assert [work.note for work in passive.keeper.planned_works()] == ["a new pump"]
    passive.keeper.lead(passive.registry)
    passive.commit()
    assert passive.told == []
    assert live.end_work(number)
    follow_planned(live, passive)
    passive.commit()
    assert (passive.keeper.planned_works(), passive.told) == ([], ["raised hot@d1"])
    assert not Kept(passive.file, HOT, HOT_FOR_LONG).keeper.planned_works(), "a restart changes nothing"


def test_who_looks_at_a_machine_that_follows_is_woken_by_what_it_takes(live: Kept, passive: Kept) -> None:
    before = passive.keeper.changed.number
    passive.keeper.follow([], lambda _: True)
    assert passive.keeper.changed.number == before + 1
    follow_planned(live, passive)
    assert passive.keeper.changed.number == before + 2


def follow_planned(live: Kept, passive: Kept) -> None:
    """Bring planned work to the other machine."""
    bucket = read_bucket(bucket_payload(AlarmBucket("a", works=live.keeper.planned_works())))
    assert bucket is not None
    asyncio.run(passive.keeper.follow_planned(bucket.works))


def test_a_bucket_that_is_too_large_for_a_broker_or_unreadable_is_none() -> None:
    made = [AlarmState(_key(number), Severity.INFO, AlarmTags(), NOW_MS, number**0.5) for number in range(9)]
    states = [SharedState(state, held_back=False) for state in made]
    for state, _ in states:
        state.field = "".join(chr(33 + hash((state.value, at)) % 90) for at in range(40_000))  # nothing that deflates
    assert bucket_payload(AlarmBucket("a", states)) == b""
    assert read_bucket(b"") is None
    assert read_bucket(b"[1, 2]") is None
    assert read_bucket(zlib.compress(b'{"machine": "' + bytes(9 << 20) + b'"}')) is None


def test_a_place_is_in_the_same_bucket_on_both_machines() -> None:
    assert {bucket_of(_key(number)) for number in range(5)} == {10, 28, 38, 41, 48}


def _key(number: int) -> AlarmKey:
    return AlarmKey("hot", f"d{number}")


class Handing(Kept):
    """A gateway that hands over the alarms of sites, or takes them over."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments, HOT, rule(Silent(), name="device_silent"))  # type: ignore[arg-type]
        self.streams = Streams(tenures=Tenures())
        self.streams.devices["d1"] = self.bed.devices["d1"]
        self.handover = AlarmHandover(self.bed.alarms, self.keeper, self.streams, self.clock)

    def end(self, *shares: str) -> None:
        """Leave some shares."""
        asyncio.run(self.handover.end(shares))

    def tell_again(self, *shares: str) -> None:
        """Have some shares."""
        asyncio.run(self.handover.tell_again(shares))


@contextmanager
def handing(folder: Path) -> Iterator[Handing]:
    with opened(folder) as file:
        yield Handing(file)


def test_an_alarm_about_a_value_ends_where_its_share_was_left(tmp_path: Path) -> None:
    with handing(tmp_path) as old:
        old.send(0, HOT_C)
        old.end("s2", f"{SITE}/power", "application/7/#")
        assert old.active == ["hot@d1"], "another share"
        old.end(SITE)
        assert (old.active, old.told) == ([], ["raised hot@d1", "cleared hot@d1"])


def test_an_alarm_stays_where_the_device_is_in_another_share_than_its_site(tmp_path: Path) -> None:
    with handing(tmp_path) as old:
        old.streams.tenures.want({Share(topic="application/7/#"): "me", Share(site=SITE): "me"}, "me", NOW_MS)
        old.streams.meet_again(old.bed.devices["d1"], "application/7/device/1/event/up")
        old.send(0, HOT_C)
        old.end(SITE)
        assert old.active == ["hot@d1"]
        old.end("application/7/#")
        assert old.active == []


def test_a_silence_stays_where_it_was_told(tmp_path: Path) -> None:
    with handing(tmp_path) as leader:
        leader.bed.device("d1", registered("d1"))
        leader.streams.devices["d1"] = leader.bed.devices["d1"]
        leader.send(0, 20.0)
        leader.bed.alarms.replace_registry({"d1": registered("d1")}, NOW_MS)
        for _ in leader.bed.alarms.tick(NOW_MS + HOUR_MS, leader.bed.devices.values()):
            pass
        leader.commit()
        leader.end(SITE)
        leader.tell_again(SITE)
        assert (leader.active, leader.told) == (["device_silent@d1"], ["raised device_silent@d1"])


def test_an_alarm_of_the_new_gateway_is_told_once_more_behind_the_end_of_the_old_one(tmp_path: Path) -> None:
    with handing(tmp_path) as new:
        new.send(0, HOT_C)
        new.clock.at_ms = NOW_MS + 20 * MINUTE_MS
        new.tell_again("s2")
        new.tell_again(SITE)
        assert new.history == ["raised hot@d1", "raised hot@d1"]
        (told,) = new.notices()
        assert (told["change"], told["changes"]) == ("raised", 2), "the first one was still waiting"
        assert (told["at_ms"], told["first_raised_ms"]) == (NOW_MS + 20 * MINUTE_MS, NOW_MS)
        assert told["since_ms"] == NOW_MS, "it is the same alarm"
        times_ms = [int(point.splitlines()[0].split()[-1]) for point in new.points]
        assert times_ms == [NOW_MS, NOW_MS + 20 * MINUTE_MS], "newer than the point of its end at the old one"
