"""Membership: of devices that gateways share, each says what it knows, and one says what none has heard."""

from typing import Any

import pytest

from gateway.core.devices.device import Device
from gateway.core.status.health import health_lines
from gateway.core.status.silence import Membership, NewestReadings, Presence, Silence
from schemas.registry import RegisteredDevice
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS

ONLINE, SILENT, NEW, UNKNOWN = Presence
SPAN_MS = 45 * MINUTE_MS
LEADER, OTHER = True, False


def device(heard_ms: int = 0, site: str | None = "s1", **state: Any) -> Device:  # noqa: ANN401 - of any slot
    """A device that sends every quarter of an hour, with what this gateway heard of it."""
    made = Device("m1", RegisteredDevice(id="m1", interval="15min", site=site, domain="water"))  # type: ignore[arg-type]
    made.last_seen_ms = made.newest_ms = heard_ms
    for slot, value in state.items():
        setattr(made, slot, value)
    return made


def sharing(newest_ms: int = 0, *, leads: bool = True, asked_ms: int | None = NOW_MS) -> Silence:
    """The judge of a member; the database knows a reading of ``newest_ms``."""
    elsewhere = NewestReadings()
    if asked_ms is not None:
        elsewhere.take({"m1": newest_ms} if newest_ms else {}, {"m1"}, asked_ms)
    return Silence(membership=Membership(elsewhere, leads))


def written(silence: Silence, found: Device) -> str:
    """Return what a member's health point says of the device: up, down, or nothing."""
    lines = [line for some in health_lines([found], silence, NOW_MS) for line in some]
    return "" if not lines else "up" if "up=True" in lines[0] else "down"


# ---- what is known ----------------------------------------------------------------------------------------------------------


def test_a_device_that_another_gateway_hears_is_online() -> None:
    lost = device(NOW_MS - 2 * HOUR_MS)
    assert sharing(NOW_MS - 5 * MINUTE_MS).presence(lost, NOW_MS) is ONLINE
    assert sharing(NOW_MS - 5 * MINUTE_MS).presence(device(), NOW_MS) is ONLINE, "it was never heard here"


def test_a_device_that_no_gateway_hears_is_silent() -> None:
    assert sharing(NOW_MS - HOUR_MS).presence(device(NOW_MS - 2 * HOUR_MS), NOW_MS) is SILENT
    assert sharing().presence(device(NOW_MS - 2 * HOUR_MS), NOW_MS) is SILENT
    assert sharing(NOW_MS - HOUR_MS).presence(device(), NOW_MS) is SILENT


@pytest.mark.parametrize("asked_ms", [None, NOW_MS - HOUR_MS])
def test_while_the_database_does_not_answer_a_device_not_heard_here_is_unknown(asked_ms: int | None) -> None:
    silence = sharing(asked_ms=asked_ms)
    assert silence.presence(device(NOW_MS - 2 * HOUR_MS), NOW_MS) is UNKNOWN
    assert silence.presence(device(NOW_MS - MINUTE_MS), NOW_MS) is ONLINE
    assert silence.presence(device(NOW_MS - MINUTE_MS, online=False, goodbye_ms=NOW_MS), NOW_MS) is SILENT, "it said so itself"


def test_what_others_heard_since_the_last_answer_is_not_held_against_a_device() -> None:
    """Its span ends now; the answer is a minute old, and the reading of this minute came to another gateway."""
    spoke = device(NOW_MS - SPAN_MS)
    assert sharing(asked_ms=NOW_MS - MINUTE_MS).presence(spoke, NOW_MS) is ONLINE
    assert Silence().presence(spoke, NOW_MS) is SILENT, "alone it would be"


def test_a_goodbye_ends_with_a_reading_that_another_gateway_received() -> None:
    left = device(NOW_MS - HOUR_MS, online=False, goodbye_ms=NOW_MS - 10 * MINUTE_MS)
    assert sharing(NOW_MS - 11 * MINUTE_MS).presence(left, NOW_MS) is SILENT
    assert sharing(NOW_MS - 9 * MINUTE_MS).presence(left, NOW_MS) is ONLINE


def test_readings_of_devices_that_are_not_registered_are_forgotten() -> None:
    elsewhere = NewestReadings()
    elsewhere.take({"m1": 5, "stranger": 5}, {"m1"}, NOW_MS)
    elsewhere.take({"m2": 7}, {"m1", "m2"}, NOW_MS)
    assert [elsewhere.newest_ms(name) for name in ("m1", "m2", "stranger")] == [5, 7, 0]


# ---- who says it ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here_ms", "newest_ms", "leader", "other"),
    [
        pytest.param(NOW_MS - 1000, NOW_MS - 1000, "up", "up", id="its-newest-reading-came-here"),
        pytest.param(NOW_MS - 1000, NOW_MS - 90_000, "up", "up", id="and-is-not-in-the-database-yet"),
        pytest.param(NOW_MS - 90_000, NOW_MS - 1000, "", "", id="its-newest-reading-came-to-another"),
        pytest.param(0, NOW_MS - 1000, "", "", id="it-was-never-heard-here"),
        pytest.param(NOW_MS - HOUR_MS, NOW_MS - HOUR_MS, "down", "", id="it-was-heard-here-and-is-silent"),
        pytest.param(0, NOW_MS - HOUR_MS, "down", "", id="it-was-heard-by-another-and-is-silent"),
        pytest.param(0, 0, "down", "", id="it-was-never-heard"),
    ],
)
def test_a_heard_device_is_told_by_who_heard_it_last_and_others_by_the_leader(
    here_ms: int, newest_ms: int, leader: str, other: str
) -> None:
    assert written(sharing(newest_ms, leads=LEADER), device(here_ms)) == leader
    assert written(sharing(newest_ms, leads=OTHER), device(here_ms)) == other


def test_a_status_which_may_come_to_every_member_is_told_by_one() -> None:
    for online, said in ((True, "up"), (False, "down")):
        state: dict[str, Any] = {"last_seen_ms": NOW_MS - 1000, "online": online, "goodbye_ms": 0 if online else NOW_MS - 1000}
        assert [written(sharing(leads=leads), device(**state)) for leads in (LEADER, OTHER)] == [said, ""], "it never sent more"
        for leads in (LEADER, OTHER):
            assert written(sharing(NOW_MS - 2000, leads=leads), device(**state)) == "", "who heard its newest reading says it"
            assert written(sharing(NOW_MS - 2000, leads=leads), device(**state, newest_ms=NOW_MS - 2000)) == said


def test_while_the_database_does_not_answer_nobody_is_told_to_be_down() -> None:
    assert written(sharing(asked_ms=None), device(NOW_MS - 2 * HOUR_MS)) == ""
    assert written(sharing(asked_ms=None), device()) == ""


def test_a_gateway_alone_speaks_of_every_device() -> None:
    assert [written(Silence(), found) for found in (device(NOW_MS), device(1), device())] == ["up", "down", "down"]


def test_what_others_heard_half_a_minute_ago_can_be_read_for_three_minutes() -> None:
    newest = NewestReadings()
    newest.take({"m1": 7, "gone": 8}, {"m1", "m2"}, NOW_MS)
    assert newest.known_until_ms(NOW_MS) == NOW_MS - 30_000
    assert [newest.known_until_ms(NOW_MS - 30_000 + 180_000 - early) is None for early in (1, 0)] == [False, True]
    assert [newest.newest_ms(name) for name in ("m1", "m2", "gone")] == [7, 0, 0]
    newest.take({"m1": 5}, {"m1"}, NOW_MS)
    assert newest.newest_ms("m1") == 7, "an answer that came late"


def test_a_device_never_heard_is_neither_overdue_nor_in_doubt() -> None:
    silence = sharing(asked_ms=None)
    assert not silence.is_overdue(device(), NOW_MS)
    assert not silence.is_heard(device(), NOW_MS)
    assert not silence.is_in_doubt(device(), NOW_MS)
    assert silence.is_in_doubt(device(NOW_MS - DAY_MS), NOW_MS)
    assert not Silence().is_in_doubt(device(NOW_MS - DAY_MS), NOW_MS), "a gateway alone knows"


def test_a_point_of_a_device_that_only_its_status_tells_of_is_the_leaders() -> None:
    found = device(last_seen_ms=NOW_MS, newest_ms=0)
    assert [written(sharing(leads=leads), found) for leads in (LEADER, OTHER)] == ["up", ""]
    membership = sharing().membership
    assert not membership.writes_health(device(), NOW_MS, heard=True), "nobody heard it here"


@pytest.mark.parametrize(("here_ms", "passed_on"), [(0, False), (NOW_MS - 100, False), (NOW_MS - 101, True)])
def test_a_device_is_passed_on_once_others_have_heard_it_for_longer_than_its_span(here_ms: int, passed_on: bool) -> None:  # noqa: FBT001
    assert sharing(NOW_MS).membership.has_passed_on(device(here_ms), 100) is passed_on
    assert not Membership().has_passed_on(device(here_ms), 100)
