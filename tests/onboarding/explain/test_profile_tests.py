"""The tests inside profiles: when their messages arrive, what a failed one says, and fields that none of them reaches."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from gateway.core.profiles.matching import Profiles
from gateway.ingest.codecs.process import SyncCodecs
from gateway.onboarding.explain.profile_tests import Checked, check_profile, unfilled
from gateway.support.config.profile_files import ProfileFile
from schemas.profile_tests import ExpectedPoint
from tests.core.profiled import ENVELOPES
from tests.profile_loading import load_profiles

PROFILE = """
profile: p
match: {topic: "a/{device}"}
time: [{path: /ts, format: unix_s}, arrival]
points:
  - {measurement: water, when: {/ph: present}, fields: {ph: /ph, level_m: /level}}
  - {measurement: power, when: {/u: present}, fields: {voltage_l1_v: /u}}
"""
LAST_YEAR = "{ph: 7, level: 2, ts: 1756800000}"
"""Of 2025-09-02T08:00:00Z."""


def loaded(tmp_path: Path, *tests: str, profile: str = PROFILE) -> ProfileFile:
    """The profile with these tests."""
    (tmp_path / "p.yaml").write_text(f"{profile}\ntests: [{', '.join(tests)}]\n")
    return load_profiles(tmp_path, tmp_path / "nothing").profiles["p"]


def checked(tmp_path: Path, *tests: str, profile: str = PROFILE) -> list[Checked]:
    """Run the tests of the profile."""
    file = loaded(tmp_path, *tests, profile=profile)
    with SyncCodecs({}) as codecs:
        return check_profile("p", file.model.tests, Profiles([file.compiled]), codecs)


def one(payload: str, expect: str, more: str = "") -> str:
    return f"{{topic: a/b, payload: {payload}, expect: {expect}{more}}}"


@pytest.mark.parametrize(
    "point",
    [
        pytest.param("{measurement: water, time: '2025-09-02T08:00:00Z', fields: {ph: 7, level_m: 2}}", id="time-expected"),
        pytest.param("{measurement: water, fields: {ph: 7, level_m: 2}}", id="no-time-expected"),
        pytest.param("{measurement: water, time: arrival, fields: {ph: 7, level_m: 2}}", id="arrival-expected"),
    ],
)
def test_a_message_of_last_year_without_arrival_is_believed_when_its_time_is_wanted(tmp_path: Path, point: str) -> None:
    (test,) = checked(tmp_path, one(LAST_YEAR, f"[{point}]"))
    assert (test.faults, test.name) == ((), "test 1")
    assert len(test.arrivals) == 1


def test_a_test_expects_a_point_for_each_item_of_a_codecs_list(tmp_path: Path) -> None:
    profile = """
profile: p
match: {envelope: lorawan}
codec: c.js
points:
  - {measurement: water, when: {/codec/kind: ph}, fields: {ph: /codec/value}}
  - {measurement: water, when: {/codec/kind: level}, fields: {level_m: /codec/value}}
"""
    payload = "{deviceInfo: {devEui: '0011223344556677'}, time: '2026-09-03T08:15:41Z', fPort: 1, data: 'Bw=='}"
    points = ", ".join(
        f"{{measurement: water, time: '2026-09-03T08:15:41Z', fields: {{{values}}}}}" for values in ("ph: 7", "level_m: 2")
    )
    test = f"{{topic: application/1/device/0011223344556677/event/up, payload: {payload}, expect: [{points}]}}"
    source = "function decodeUplink(i) { return {data: [{kind: 'ph', value: i.bytes[0]}, {kind: 'level', value: 2}]}; }"
    (tmp_path / "c.js").write_text(source)
    file = loaded(tmp_path, test, profile=profile)
    with SyncCodecs({"c.js": source}) as codecs:
        done = check_profile("p", file.model.tests, Profiles([file.compiled], ENVELOPES), codecs)
    assert [one.faults for one in done] == [()]
    assert unfilled(file.model, done) == []


LIST = """
profile: p
match: {envelope: lorawan}
codec: c.js
points: [{measurement: water, fields: {ph: /codec}}]
"""


def checked_list(tmp_path: Path, items: str, points: str) -> tuple[str, ...]:
    """The faults of a test of a codec that gives these items without times."""
    payload = "{deviceInfo: {devEui: '0011223344556677'}, fPort: 1, data: 'Bw=='}"
    test = f"{{topic: application/1/device/0011223344556677/event/up, payload: {payload}, expect: [{points}]}}"
    source = f"function decodeUplink() {{ return {{data: {items}}}; }}"
    (tmp_path / "c.js").write_text(source)
    file = loaded(tmp_path, test, profile=LIST)
    with SyncCodecs({"c.js": source}) as codecs:
        (done,) = check_profile("p", file.model.tests, Profiles([file.compiled], ENVELOPES), codecs)
    return done.faults


def test_items_that_are_stamped_apart_are_expected_at_arrival(tmp_path: Path) -> None:
    at_arrival = [f"{{measurement: water, time: arrival, fields: {{ph: {ph}}}}}" for ph in (7, 6, 7)]
    assert checked_list(tmp_path, "[7, 6, 7]", ", ".join(at_arrival)) == ()
    fault, *_ = checked_list(tmp_path, "[7, 6, 7]", ", ".join(at_arrival[:2]))
    assert "a point too many" in fault


TWICE = PROFILE.partition("  - {measurement: power")[0] + "  - {measurement: water, fields: {ph: /ph2}}\n"


@pytest.mark.parametrize("more", ["", ", ts: 1756800000"], ids=["arrival", "device"])
def test_a_test_fails_where_two_points_of_its_message_are_for_one_place_in_the_database(tmp_path: Path, more: str) -> None:
    points = ", ".join(f"{{measurement: water, fields: {{ph: {ph}}}, quality: {1 if not more else 0}}}" for ph in (7, 6))
    (test,) = checked(tmp_path, one(f"{{ph: 7, ph2: 6{more}}}", f"[{points}]"), profile=TWICE)
    assert test.faults[0].startswith("rejected: time_conflict: another reading of b at ")
    (test,) = checked(tmp_path, one(f"{{ph: 7, ph2: 6{more}}}", "time_conflict"), profile=TWICE)
    assert test.faults == ()


def test_a_test_fails_where_a_point_that_it_expects_is_a_duplicate(tmp_path: Path) -> None:
    profile = "profile: p\nmatch: {topic: 'a/{hub}'}\ndevice: /id\npoints:\n" + "".join(
        f"  - {{measurement: water, {device}fields: {{ph: /ph}}}}\n" for device in ("", "device: /id, ")
    )
    point = "{measurement: water, time: arrival, fields: {ph: 7}}"
    (test,) = checked(tmp_path, one("{id: d1, ph: 7}", f"[{point}, {point}]"), profile=profile)
    assert [fault.partition(";")[0] for fault in test.faults[:2]] == [
        "there is no point water {'ph': 7} at arrival",
        "duplicates: 1, of the same series, time and values as another reading",
    ]


def test_messages_that_do_not_say_when_arrive_one_after_the_other(tmp_path: Path) -> None:
    at_arrival = "{measurement: water, time: arrival, fields: {ph: 7}}"
    messages = ", ".join(f"{{topic: a/b, payload: {{ph: 7}}, expect: [{at_arrival}]}}" for _ in range(3))
    (test,) = checked(tmp_path, f"{{messages: [{messages}]}}")
    assert test.faults == ()


def test_messages_in_order_arrive_at_their_own_times(tmp_path: Path) -> None:
    messages = ", ".join(f"{{topic: a/b, payload: {{ph: 7, ts: {1756800000 + hours * 3600}}}}}" for hours in (0, 2))
    points = ", ".join(f"{{measurement: water, time: '2025-09-02T{hour}:00:00Z', fields: {{ph: 7}}}}" for hour in ("08", "10"))
    (test,) = checked(tmp_path, f"{{messages: [{messages}], expect: [{points}]}}")
    assert test.faults == ()


def test_a_failed_test_says_when_its_message_arrived_and_why_then(tmp_path: Path) -> None:
    expected = "{measurement: water, time: '2025-09-02T08:00:00Z', fields: {ph: 7, level_m: 2}, quality: 8}"
    (test,) = checked(tmp_path, one(LAST_YEAR, f"[{expected}]"))
    assert test.faults == (
        "quality should be 8, but is 0",
        "arrives at 2025-09-02T08:00:00.000Z, the newest time expected; with arrival: a test says another",
    )


def test_a_wrong_value_is_told_without_the_arrival(tmp_path: Path) -> None:
    (test,) = checked(tmp_path, one(LAST_YEAR, "[{measurement: water, fields: {ph: 6, level_m: 2}}]"))
    assert test.faults == ("ph should be 6, but is 7.0",)


def test_an_expected_point_that_is_missing_shows_those_that_came(tmp_path: Path) -> None:
    (test,) = checked(tmp_path, one(LAST_YEAR, "[{measurement: power, fields: {voltage_l1_v: 230}}]"))
    came = "water {'level_m': 2.0, 'ph': 7.0} at 2025-09-02T08:00:00.000Z"
    assert test.faults[:2] == (
        f"there is no point power {{'voltage_l1_v': 230}}; there came {came}",
        f"there is a point too many: {came}",
    )


def test_a_point_that_is_right_is_found_before_one_that_is_nearly_right(tmp_path: Path) -> None:
    points = [f"{{measurement: water, fields: {{ph: {ph}}}}}" for ph in (6, 7)]
    messages = "[{topic: a/b, payload: {ph: 7, ts: 1756800000}}, {topic: a/b, payload: {ph: 5, ts: 1756800060}}]"
    (test,) = checked(tmp_path, f"{{messages: {messages}, expect: [{', '.join(points)}]}}")
    assert test.faults == ("ph should be 6, but is 5.0",)


def test_points_of_one_kind_that_are_all_wrong_are_each_compared_with_the_one_that_is_nearest(tmp_path: Path) -> None:
    points = [f"{{measurement: water, fields: {{ph: {ph}, level_m: {level}}}}}" for ph, level in ((6, 2), (8, 3))]
    sent = ", ".join(f"{{topic: a/b, payload: {{ph: 7, level: {level}, ts: {1756800000 + level}}}}}" for level in (3, 2, 5))
    (test,) = checked(tmp_path, f"{{messages: [{sent}], expect: [{', '.join(points)}]}}")
    assert test.faults[:3] == (
        "ph should be 6, but is 7.0",
        "ph should be 8, but is 7.0",
        "there is a point too many: water {'level_m': 5.0, 'ph': 7.0} at 2025-09-02T08:00:05.000Z",
    )


def test_what_a_test_expects_instead_of_points_is_told_with_what_became_of_its_message(tmp_path: Path) -> None:
    expected = {
        "{reject: bad_json}": "should be the reject bad_json, but is points: water,device=b level_m=2.0,ph=7.0,quality=8i",
        "ignored": "should be ignored, but is points: water,device=b level_m=2.0,ph=7.0,quality=8i",
    }
    for expect, fault in expected.items():
        (test,) = checked(tmp_path, one(LAST_YEAR, expect, ", arrival: '2025-09-02T18:00:00Z'"))
        assert test.faults[0].startswith(fault)
    (test,) = checked(tmp_path, one("{q: 1}", "[{measurement: water, fields: {ph: 7}}]"))
    assert test.faults == ("ignored: rule",)
    (test,) = checked(tmp_path, one("{q: 1}", "ignored"))
    assert test.faults == ()
    (test,) = checked(tmp_path, one("{q: 1}", "{reject: bad_json}"))
    assert test.faults[0] == "should be the reject bad_json, but is ignored (rule)"
    (test,) = checked(tmp_path, one("{ph: x}", "ignored"))
    assert test.faults[0].startswith("rejected: no_quantity: ")
    (test,) = checked(tmp_path, one("{ph: x}", "{reject: bad_json}"))
    assert test.faults[0].startswith("should be the reject bad_json, but is the reject no_quantity: ")


def test_a_value_that_nobody_expected_is_a_fault_and_the_place_is_not(tmp_path: Path) -> None:
    (test,) = checked(tmp_path, one(LAST_YEAR, "[{measurement: water, fields: {ph: 7}}]"))
    assert test.faults == ("level_m should be None, but is 2.0",)
    (test,) = checked(tmp_path, one(LAST_YEAR, "[{measurement: water, tags: {site: s1}, fields: {ph: 7, level_m: 2, seq: 1}}]"))
    assert test.faults == ("tags should be {'site': 's1'}, but is {}", "seq should be 1, but is None")
    (test,) = checked(tmp_path, one(LAST_YEAR, "[{measurement: water, device: c, fields: {ph: 7, level_m: 2.000000001}}]"))
    assert test.faults == ("device should be c, but is b",)


def test_messages_whose_points_stand_behind_all_of_them_arrive_at_the_newest_time_of_those(tmp_path: Path) -> None:
    points = [f"{{measurement: water, time: '2026-09-03T0{hour}:00:00Z', fields: {{ph: {hour}}}}}" for hour in (8, 9)]
    profile = PROFILE.replace("format: unix_s}", "format: unix_s, max_past: 1h}")
    sent = "[{topic: a/b, payload: {ph: 8, ts: 1788422400}}, {topic: a/b, payload: {ph: 9, ts: 1788426000}}]"
    (test,) = checked(tmp_path, f"{{messages: {sent}, expect: [{', '.join(points)}]}}", profile=profile)
    assert test.faults == ()
    silent = "[{topic: a/b, payload: {ph: 8}}]"
    expect = "[{measurement: water, time: '2026-09-03T09:00:00Z', quality: 1, fields: {ph: 8}}]"
    (test,) = checked(tmp_path, f"{{messages: {silent}, expect: {expect}}}")
    assert test.faults == ()
    assert test.arrivals[0].startswith("arrives at 2026-09-03T09:00:00.000Z, the newest time expected; ")


@pytest.mark.parametrize("hours", [0.9, 1.1])
def test_a_reading_is_late_in_a_test_after_an_hour(tmp_path: Path, hours: float) -> None:
    arrival = f"2025-09-02T{8 + int(hours):02}:{round(hours % 1 * 60):02}:00Z"
    quality = ", quality: 8" if hours > 1 else ""
    expect = f"[{{measurement: water, time: '2025-09-02T08:00:00Z', fields: {{ph: 7, level_m: 2}}{quality}}}]"
    (test,) = checked(tmp_path, one(LAST_YEAR, expect, f", arrival: '{arrival}'"))
    assert test.faults == ()


@pytest.mark.parametrize("time", ["'2025-09-02T08:00:00'", "'02.09.2025 08:00'", "arrivel"])
def test_an_expected_time_that_cannot_be_compared_is_refused(time: str) -> None:
    with pytest.raises(ValidationError, match="is not a time with a zone; write for example"):
        ExpectedPoint.model_validate(yaml.safe_load(f"{{measurement: water, time: {time}, fields: {{ph: 7}}}}"))


def test_a_field_that_no_test_ever_filled_is_told(tmp_path: Path) -> None:
    test = one("{ph: 7}", "[{measurement: water, time: arrival, fields: {ph: 7}}]")
    file = loaded(tmp_path, test)
    assert [line.partition(": no test")[0] for line in unfilled(file.model, checked(tmp_path, test))] == [
        "points.0.fields.level_m",
        "points.1.fields.voltage_l1_v",
    ]


def test_a_name_with_a_pattern_is_filled_by_any_that_fits(tmp_path: Path) -> None:
    text = """
profile: p
match: {topic: "a/{device}"}
points: [{measurement: power, each: /m, map: {"U{p:1|2|3}": "voltage_l{p}_v", "I{p:1|2|3}": "current_l{p}_a", "*": skip}}]
"""
    test = one("{m: {U2: 230}}", "[{measurement: power, time: arrival, fields: {voltage_l2_v: 230}}]")
    file = loaded(tmp_path, test, profile=text)
    found = unfilled(file.model, checked(tmp_path, test, profile=text))
    assert [line.partition(": no test")[0] for line in found] == ["points.0.map.I{p:1|2|3}"]


def test_devices_behind_a_concentrator_have_the_parameters_that_a_test_gives_them(tmp_path: Path) -> None:
    text = """
profile: p
match: {topic: "a/{device}"}
points: [{measurement: water, each: /m, device: {key: true}, fields: {volume_m3: {item: true, scale: {param: weight}}}}]
"""
    points = ", ".join(
        f"{{measurement: water, device: {name}, time: arrival, fields: {{volume_m3: {v}}}}}"
        for name, v in (("x", 5), ("y", 50))
    )
    test = one("{m: {x: 5, y: 5}}", f"[{points}]", ", params: {weight: 1}, devices: {y: {weight: 10}}")
    (found,) = checked(tmp_path, test, profile=text)
    assert found.faults == ()


def test_a_value_that_is_missing_is_told_with_the_step_that_gave_nothing(tmp_path: Path) -> None:
    (test,) = checked(tmp_path, one("{ph: 7, lvl: 2}", "[{measurement: water, time: arrival, fields: {ph: 7, level_m: 2}}]"))
    assert test.faults == ("level_m should be 2, but is None", "step: level_m from /level: nothing: / holds ph, lvl")


def test_a_message_without_any_quantity_is_told_with_its_steps(tmp_path: Path) -> None:
    (test,) = checked(tmp_path, one("{ph: x}", "[{measurement: water, fields: {ph: 7}}]"))
    assert test.faults[0].startswith("rejected: no_quantity")
    assert 'step: ph from /ph: "x" → number: dropped, wrong_type' in test.faults


@pytest.mark.parametrize(("sent", "wanted", "is_well"), [("true", "1", False), ("true", "true", True)])
def test_a_truth_is_no_number(tmp_path: Path, sent: str, wanted: str, *, is_well: bool) -> None:
    profile = PROFILE.replace("{ph: /ph, level_m: /level}", "{alarm_leak: /ph}")
    point = f"{{measurement: water, time: arrival, fields: {{alarm_leak: {wanted}}}}}"
    (test,) = checked(tmp_path, one(f"{{ph: {sent}}}", f"[{point}]"), profile=profile)
    assert (test.faults == ()) == is_well


def test_a_message_arrives_when_its_test_says(tmp_path: Path) -> None:
    point = "{measurement: water, time: arrival, fields: {ph: 7, level_m: 2}}"
    (test,) = checked(tmp_path, one("{ph: 7, level: 2}", f"[{point}]", ", arrival: '2025-09-02T08:00:00Z'"))
    assert test.faults == ()
    late = point.replace("time: arrival", "time: '2025-09-02T08:00:00Z', quality: 1")
    (test,) = checked(tmp_path, one("{ph: 7, level: 2}", f"[{late}]", ", arrival: '2025-09-02T08:00:00Z'"))
    assert not any(fault.startswith("time ") or "time should" in fault for fault in test.faults)
