"""The ladder of a device: for each state that it can be in, the headline, its colour, and how far its readings come."""

from dataclasses import replace
from math import nan
from typing import Any

import pytest

from gateway.core.batching.deliveries import ReadingPlace, Whereabouts
from gateway.core.batching.fair_shares import Flood
from gateway.core.devices.setback import Setback
from gateway.core.readings.steps import Doubt
from gateway.core.readings.sums import Register
from gateway.core.status.ladder import ladder
from gateway.core.status.rungs import NO_ALARMS, DeviceAlarms, DeviceEvidence, RungName, RungState
from gateway.core.status.silence import Presence
from gateway.core.status.verdict import Level
from schemas.rejects import RejectReason
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, RULES, SECOND_MS
from tests.rows import each_row

TOPIC = "iot/v1/s/water/m/readings"
HEARD_MS = NOW_MS - 5 * SECOND_MS
WELL = DeviceEvidence(
    now_ms=NOW_MS,
    rules=RULES,
    heard_ms=HEARD_MS,
    arrival_ms=HEARD_MS,
    domain="water",
    profile="native",
    offset_ms=-2000,
    registers=(Register("volume_m3", 12.5, HEARD_MS),),
    whereabouts=Whereabouts(ReadingPlace.WRITTEN, 40),
)
GOOD, LOOK, ACT = Level.GOOD, Level.ATTENTION, Level.TROUBLE
UNHEARD: dict[str, Any] = {"heard_ms": 0, "arrival_ms": 0, "has_readings": False, "offset_ms": None, "registers": ()}
ELSEWHERE: dict[str, Any] = {"heard_ms": HEARD_MS, "elsewhere": True}


def setback(code: str, detail: str = "", *values: tuple[str, str], since_ms: int = HEARD_MS) -> dict[str, Any]:
    """A device whose newest message had a fault."""
    return {"setback": Setback(code, since_ms, detail, values)}


def doubted(value: float) -> dict[str, Any]:
    """A device whose counter took a step that is not confirmed yet."""
    return {"registers": (Register("volume_m3", 12.5, HEARD_MS, Doubt(value, NOW_MS, 0, value, NOW_MS)),)}


# State of a device, its headline's rung and code, its colour, and the rungs that are not reached.
TABLE: dict[str, tuple[dict[str, Any], str, str, Level, int]] = {
    "well": ({}, "influxdb", "in_influxdb", GOOD, 0),
    "simulated": ({"simulated": True}, "influxdb", "well_simulated", GOOD, 0),
    "new-not-heard-yet": (UNHEARD | {"presence": Presence.NEW}, "heard", "not_heard_yet", LOOK, 7),
    "never-heard": (UNHEARD | {"presence": Presence.UNKNOWN}, "heard", "never_heard", ACT, 7),
    "perhaps-heard-by-another": ({"presence": Presence.UNKNOWN}, "heard", "heard_in_doubt", LOOK, 0),
    "only-retained-messages": ({"heard_ms": 0, "presence": Presence.NEW}, "heard", "only_retained", LOOK, 0),
    "only-status-messages": ({"has_readings": False, "registers": ()}, "payload", "no_reading_yet", LOOK, 4),
    "silent": ({"presence": Presence.SILENT, "heard_ms": NOW_MS - 9 * HOUR_MS}, "heard", "silent", ACT, 0),
    "said-goodbye": ({"presence": Presence.SILENT, "has_left": True}, "heard", "said_goodbye", ACT, 0),
    "silent-and-nobody-expects-it": ({"presence": Presence.SILENT, "registered": False}, "heard", "silent", LOOK, 0),
    "heard-by-another-gateway": (UNHEARD | ELSEWHERE, "heard", "heard_elsewhere", GOOD, 0),
    "silent-at-another-gateway": (UNHEARD | ELSEWHERE | {"presence": Presence.SILENT}, "heard", "silent", ACT, 0),
    "moved-away-with-a-fault": (ELSEWHERE | setback("bad_json"), "heard", "heard_elsewhere", GOOD, 0),
    "heard-elsewhere-broker-away": (UNHEARD | ELSEWHERE | {"mqtt_connected": False}, "heard", "heard_elsewhere", GOOD, 0),
    "broker-away": ({"mqtt_connected": False}, "heard", "broker_away", LOOK, 0),
    "floods": ({"flood": Flood(TOPIC, 812.0, 0.9)}, "heard", "floods", LOOK, 0),
    "floods-by-large-messages": ({"flood": Flood(TOPIC, 0.0, 0.0, 61_000.0)}, "heard", "floods_heavy", LOOK, 0),
    "heard-not-registered": ({"registered": False}, "registered", "not_registered", LOOK, 0),
    "waits-for-registration": ({"registered": False, "waiting": 3}, "registered", "waits_registration", ACT, 6),
    "refused-unregistered": ({"registered": False, **setback("unknown_device")}, "registered", "unknown_device", ACT, 6),
    "ambiguous-profile": (UNHEARD | setback("ambiguous_profile"), "profile", "ambiguous_profile", ACT, 5),
    "no-profile": (UNHEARD | setback("unknown_topic"), "profile", "unknown_topic", ACT, 5),
    "codec-fault": (setback("profile_error", "profile x: its codec: port 3"), "profile", "profile_error", ACT, 5),
    "codec-suspended": (setback("waits_codec", "x.js"), "profile", "waits_codec", ACT, 5),
    "waits-for-birth": (UNHEARD | setback("waits_no_birth", "g/n"), "profile", "waits_no_birth", ACT, 5),
    "two-names": (setback("device_mismatch"), "profile", "device_mismatch", ACT, 5),
    "broken-json": (setback("bad_json"), "payload", "bad_json", ACT, 4),
    "too-large": (setback("too_large"), "payload", "too_large", ACT, 4),
    "repeats-itself": (setback("duplicate", since_ms=NOW_MS - 2 * HOUR_MS), "payload", "repeats", LOOK, 0),
    "one-duplicate": (setback("duplicate"), "influxdb", "in_influxdb", GOOD, 0),
    "no-quantity": (setback("no_quantity", "", ("zzz", "unknown_key")), "values", "no_quantity", ACT, 3),
    "misspelt-quantity": (setback("no_quantity", "", ("volume", "unknown_key")), "values", "no_quantity_guess", ACT, 3),
    "values-out-of-bounds": (setback("dropped", "", ("ph", "out_of_bounds")), "values", "values_dropped", LOOK, 0),
    "further-keys": (setback("dropped", "", ("fw", "unknown_key")), "influxdb", "in_influxdb", GOOD, 0),
    "a-further-key-misspelt": (setback("dropped", "", ("flow", "unknown_key")), "values", "unknown_key_guess", LOOK, 0),
    "clock-seventeen-years-off": ({"offset_ms": -17 * 365 * DAY_MS}, "clock", "clock_not_believed", LOOK, 0),
    "clock-minutes-ahead": ({"offset_ms": 3 * MINUTE_MS}, "clock", "clock_ahead", LOOK, 0),
    "clock-minutes-behind": ({"offset_ms": -20 * MINUTE_MS}, "influxdb", "in_influxdb", GOOD, 0),
    "clock-asked-about": (
        {"offset_ms": -8 * HOUR_MS, "clock_off_ms": -7 * HOUR_MS, "clock_asked": "-7h"},
        "clock",
        "clock_asked",
        LOOK,
        0,
    ),
    "clock-ahead-behind-a-backlog": (
        {"offset_ms": -HOUR_MS, "clock_off_ms": 2 * HOUR_MS, "clock_asked": "2h"},
        "clock",
        "clock_not_believed",
        LOOK,
        0,
    ),
    "late-or-hours-behind": ({"offset_ms": -3 * HOUR_MS}, "clock", "clock_behind", LOOK, 0),
    "no-clock": ({"offset_ms": None}, "influxdb", "in_influxdb", GOOD, 0),
    "gateway-clock-doubted": ({"clock_doubted": True}, "clock", "gateway_clock_doubted", LOOK, 0),
    "time-conflict": (setback("time_conflict"), "clock", "time_conflict", ACT, 2),
    "counter-went-back": (doubted(3.0), "counter", "counter_back", LOOK, 0),
    "counter-jumped": (doubted(9e6), "counter", "counter_jumped", LOOK, 0),
    "meter-exchanged": ({"registers": (Register("volume_m3", nan, HEARD_MS),)}, "influxdb", "in_influxdb", GOOD, 0),
    "sums-awaited": ({"awaits_sums": True}, "influxdb", "in_influxdb", GOOD, 0),
    "sums-wrong": ({"wrong_since_ms": NOW_MS - DAY_MS}, "counter", "sums_wrong", LOOK, 0),
    "influxdb-away": ({"whereabouts": Whereabouts(ReadingPlace.JOURNAL)}, "influxdb", "in_journal", LOOK, 0),
    "influxdb-refuses-it": ({"not_taken_ms": NOW_MS}, "influxdb", "influxdb_rejected", ACT, 0),
    "influxdb-took-the-next": ({"not_taken_ms": HEARD_MS - 1}, "influxdb", "in_influxdb", GOOD, 0),
    "given-up": ({"whereabouts": Whereabouts(ReadingPlace.GIVEN_UP)}, "influxdb", "given_up", ACT, 0),
    "on-its-way": ({"whereabouts": Whereabouts(ReadingPlace.MEMORY)}, "influxdb", "on_its_way", GOOD, 0),
    "stuck": (
        {"whereabouts": Whereabouts(ReadingPlace.MEMORY), "arrival_ms": NOW_MS - MINUTE_MS},
        "influxdb",
        "on_its_way",
        LOOK,
        0,
    ),
    "written-long-ago": ({"whereabouts": Whereabouts(ReadingPlace.WRITTEN)}, "influxdb", "in_influxdb_once", GOOD, 0),
    "after-a-crash": ({"whereabouts": Whereabouts(ReadingPlace.UNKNOWN)}, "influxdb", "whereabouts_unknown", GOOD, 0),
}


@each_row(("given", "rung", "code", "level", "not_reached"), [pytest.param(*row, id=name) for name, row in TABLE.items()])
def test_the_truth_table(given: dict[str, Any], rung: str, code: str, level: Level, not_reached: int) -> None:
    found = ladder(replace(WELL, **given))
    assert (found.headline.name, found.headline.code, found.level) == (rung, code, level)
    assert [one.name for one in found.rungs] == list(RungName)
    assert [one.state for one in found.rungs].count(RungState.NOT_REACHED) == not_reached


def test_every_reason_of_a_reject_belongs_to_a_rung() -> None:
    for reason in RejectReason:
        found = ladder(replace(WELL, **setback(reason)))
        assert (found.headline.code, found.level) == (reason, ACT), reason


def test_what_stops_readings_goes_before_what_wants_a_look() -> None:
    found = ladder(replace(WELL, registered=False, **setback("bad_json")))
    assert (found.headline.code, found.rungs[1].code) == ("bad_json", "not_registered")
    found = ladder(replace(WELL, registered=False, offset_ms=-17 * 365 * DAY_MS))
    assert found.headline.code == "not_registered", "of two the first"


def test_a_silent_device_shows_how_far_its_last_message_came() -> None:
    found = ladder(replace(WELL, presence=Presence.SILENT, **setback("bad_json")))
    assert found.headline.code == "silent"
    assert found.rungs[3].code == "bad_json"


def test_the_arguments_name_what_was_meant() -> None:
    values = (("Volume", "unknown_key"), ("zzz", "unknown_key"))
    found = ladder(replace(WELL, **setback("no_quantity", "no value left", *values)))
    assert found.headline.args["keys"] == "Volume, zzz"
    assert (found.headline.args["key"], found.headline.args["guess"]) == ("Volume", "volume_m3")


def args(code: str, given: dict[str, Any]) -> dict[str, Any]:
    """The numbers and names in the sentence of the rung that says this."""
    (found,) = [rung for rung in ladder(replace(WELL, **given)).rungs if rung.code == code]
    return dict(found.args)


def unknown_keys(*keys: str) -> dict[str, Any]:
    """A device whose newest message has keys that name no quantity."""
    return setback("dropped", "", *[(key, "unknown_key") for key in keys])


SPEAKS: dict[str, Any] = {"heard_ms": HEARD_MS}
ARRIVED: dict[str, Any] = {"arrival_ms": HEARD_MS}
FAULT: dict[str, Any] = {"since_ms": HEARD_MS, "detail": "port 3"}


@each_row(
    ("code", "given", "told"),
    [
        ("heard", {}, SPEAKS),
        ("heard", {"heard_ms": 0} | setback("bad_json"), {"heard_ms": HEARD_MS}),
        ("floods", {"flood": Flood(TOPIC, 812.4, 0.9)}, SPEAKS | {"per_s": 812}),
        ("floods_heavy", {"flood": Flood(TOPIC, 0.0, 0.0, 61_400.0)}, SPEAKS | {"kb_per_s": 61}),
        ("said_goodbye", {"has_left": True}, SPEAKS),
        ("silent", {"presence": Presence.SILENT, "silent_after_ms": 900_000}, SPEAKS | {"after_s": 900.0}),
        ("heard_in_doubt", {"presence": Presence.UNKNOWN}, SPEAKS),
        ("heard_elsewhere", ELSEWHERE, SPEAKS),
        ("waits_registration", {"waiting": 3}, {"count": 3}),
        ("profile_is", {}, {"profile": "native"}),
        ("profile_error", setback("profile_error", "port 3"), FAULT),
        ("repeats", setback("duplicate", since_ms=NOW_MS - 2 * HOUR_MS), {"since_ms": NOW_MS - 2 * HOUR_MS}),
        (
            "values_dropped",
            setback("dropped", "", ("fw", "unknown_key"), ("ph", "out_of_bounds"), ("a", "bad_tag"), ("b", "out_of_bounds")),
            {"keys": "ph, b", "cause": "out_of_bounds", "since_ms": HEARD_MS},
        ),
        (
            "unknown_key_guess",
            setback("dropped", "", ("flow", "unknown_key")),
            {"keys": "flow", "key": "flow", "guess": "flow_m3_h"},
        ),
        (
            "unknown_keys",
            setback("dropped", "", *[(key, "unknown_key") for key in ("q1", "q2", "q3", "q4")]),
            {"keys": "q1, q2, q3"},
        ),
        ("no_value_told", setback("dropped", "", ("ph", "sentinel")), {}),
        ("clock_good", {}, {"offset_s": 2.0, "side": "behind"}),
        ("clock_ahead", {"offset_ms": 90_500}, {"offset_s": 90.5, "side": "ahead"}),
        ("counter_back", doubted(3.0), {"counter": "volume_m3", "value": 3.0, "before": 12.5}),
        ("sums_wrong", {"wrong_since_ms": 77}, {"since_ms": 77}),
        ("counters_good", {}, {"count": 1}),
        ("no_counter", {"registers": ()}, {"count": 0}),
        ("in_influxdb", {}, ARRIVED | {"late_s": 0.04}),
        ("in_influxdb_once", {"whereabouts": Whereabouts(ReadingPlace.WRITTEN)}, ARRIVED),
        ("in_journal", {"whereabouts": Whereabouts(ReadingPlace.JOURNAL)}, ARRIVED),
        ("whereabouts_unknown", {"whereabouts": Whereabouts(ReadingPlace.UNKNOWN)}, ARRIVED),
        ("influxdb_rejected", {"not_taken_ms": NOW_MS}, {"since_ms": NOW_MS}),
    ],
)
def test_a_sentence_has_the_numbers_it_tells(code: str, given: dict[str, Any], told: dict[str, Any]) -> None:
    assert args(code, given) == told


@each_row(
    ("given", "rung", "code", "level"),
    [
        ({"offset_ms": MINUTE_MS}, RungName.CLOCK, "clock_good", GOOD),
        ({"offset_ms": MINUTE_MS + 1}, RungName.CLOCK, "clock_ahead", LOOK),
        ({"offset_ms": 5 * MINUTE_MS}, RungName.CLOCK, "clock_ahead", LOOK),
        ({"offset_ms": 5 * MINUTE_MS + 1}, RungName.CLOCK, "clock_not_believed", LOOK),
        ({"offset_ms": -5 * MINUTE_MS + 1}, RungName.CLOCK, "clock_good", GOOD),
        ({"offset_ms": -5 * MINUTE_MS}, RungName.CLOCK, "clock_or_delay", GOOD),
        ({"offset_ms": -HOUR_MS}, RungName.CLOCK, "clock_or_delay", GOOD),
        ({"offset_ms": -HOUR_MS - 1}, RungName.CLOCK, "clock_behind", LOOK),
        ({"offset_ms": -HOUR_MS - 1, "silent_after_ms": 2 * HOUR_MS}, RungName.CLOCK, "clock_or_delay", GOOD),
        ({"offset_ms": -40 * DAY_MS}, RungName.CLOCK, "clock_behind", LOOK),
        ({"offset_ms": -40 * DAY_MS - 1}, RungName.CLOCK, "clock_not_believed", LOOK),
        ({"offset_ms": 0}, RungName.CLOCK, "clock_good", GOOD),
        (doubted(12.5), RungName.COUNTER, "counter_jumped", LOOK),
        ({"registers": (), "awaits_sums": True}, RungName.COUNTER, "sums_awaited", GOOD),
        (setback("duplicate", since_ms=HEARD_MS - HOUR_MS), RungName.PAYLOAD, "duplicate", GOOD),
        (setback("duplicate", since_ms=HEARD_MS - HOUR_MS - 1), RungName.PAYLOAD, "repeats", LOOK),
        ({"profile": "", "has_readings": True}, RungName.PROFILE, "profile_fits", GOOD),
        ({"profile": "", "has_readings": False}, RungName.PROFILE, "profile_open", GOOD),
        ({"not_taken_ms": HEARD_MS}, RungName.INFLUXDB, "influxdb_rejected", ACT),
        (
            {"not_taken_ms": HEARD_MS - 1, "whereabouts": Whereabouts(ReadingPlace.JOURNAL)},
            RungName.INFLUXDB,
            "influxdb_rejected",
            ACT,
        ),
        (
            {"whereabouts": Whereabouts(ReadingPlace.MEMORY), "arrival_ms": NOW_MS - 10 * SECOND_MS},
            RungName.INFLUXDB,
            "on_its_way",
            GOOD,
        ),
        (
            {"whereabouts": Whereabouts(ReadingPlace.MEMORY), "arrival_ms": NOW_MS - 10 * SECOND_MS - 1},
            RungName.INFLUXDB,
            "on_its_way",
            LOOK,
        ),
        ({"presence": Presence.SILENT, "registered": False}, RungName.HEARD, "silent", LOOK),
    ],
)
def test_a_rung_changes_at_its_limit(given: dict[str, Any], rung: RungName, code: str, level: Level) -> None:
    (found,) = [one for one in ladder(replace(WELL, **given)).rungs if one.name is rung]
    assert (found.code, found.level) == (code, level)


def test_what_is_known_elsewhere_is_not_known_here() -> None:
    found = ladder(replace(WELL, **ELSEWHERE))
    assert [(rung.code, rung.state) for rung in found.rungs[1:-1]] == [("known_elsewhere", RungState.UNKNOWN)] * 7
    assert found.rungs[0].state is RungState.OK
    assert found.rungs[-1].code == "no_alarm"
    in_doubt = ladder(replace(WELL, **ELSEWHERE, presence=Presence.UNKNOWN))
    assert (in_doubt.headline.code, in_doubt.headline.state) == ("heard_in_doubt", RungState.UNKNOWN)
    assert ladder(replace(WELL, flood=Flood(TOPIC, 200.0, 0.9))).headline.state is RungState.FAILING


def test_a_device_on_which_an_alarm_stands_is_not_well_whatever_its_messages_are() -> None:
    overdue, seen_to = DeviceAlarms(urgent=1, others=2, worst="leak"), DeviceAlarms(others=1, worst="burst")
    for state, alarms, rung, code, level in (
        ({}, overdue, RungName.ALARMS, "alarm_urgent", ACT),
        ({}, seen_to, RungName.ALARMS, "alarm_active", LOOK),
        ({"simulated": True}, seen_to, RungName.ALARMS, "alarm_active", LOOK),
        (ELSEWHERE, overdue, RungName.ALARMS, "alarm_urgent", ACT),
        (ELSEWHERE, NO_ALARMS, RungName.HEARD, "heard_elsewhere", GOOD),
        (doubted(99.0), seen_to, RungName.COUNTER, "counter_jumped", LOOK),
        (doubted(99.0), overdue, RungName.ALARMS, "alarm_urgent", ACT),
        (UNHEARD | {"presence": Presence.NEW}, overdue, RungName.ALARMS, "alarm_urgent", ACT),
        ({"presence": Presence.SILENT}, overdue, RungName.HEARD, "silent", ACT),
    ):
        found = ladder(replace(WELL, **state, alarms=alarms))
        assert (found.headline.name, found.headline.code, found.level) == (rung, code, level), state
    assert ladder(replace(WELL, alarms=overdue)).headline.args == {"alarm": "leak", "count": 3}
