"""A number decides which faults come, in which world."""

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.campaigns.chaos.faults import FAULTS
from tests.campaigns.chaos.settings import CLOCK_FAULTS, SAID_EXACTLY, SETTINGS, setting_of
from tests.campaigns.chaos.trial import TRIAL
from tests.campaigns.rig.schedule import Deed, Kind, Setting, schedule
from tests.examples import examples
from tests.rows import each_row

NUMBERS = st.integers(0, 10_000)
SECONDS = st.sampled_from([2.0, 6.0, 20.0, 40.0])


@given(NUMBERS, SECONDS)
@settings(max_examples=examples(50))
def test_the_same_number_is_the_same_schedule(number: int, seconds: float) -> None:
    assert TRIAL.deeds(number, seconds) == TRIAL.deeds(number, seconds)


@given(NUMBERS, SECONDS)
@settings(max_examples=examples(50))
def test_every_fault_is_over_in_time(number: int, seconds: float) -> None:
    deeds = TRIAL.deeds(number, seconds)
    assert deeds
    for deed in deeds:
        assert 0 < deed.at_s < deed.at_s + deed.for_s <= seconds + 0.01


@given(NUMBERS, SECONDS)
@settings(max_examples=examples(50))
def test_two_faults_never_have_hold_of_the_same_part(number: int, seconds: float) -> None:
    for one, other in combinations(TRIAL.deeds(number, seconds), 2):
        if FAULTS[one.fault].kind.parts & FAULTS[other.fault].kind.parts:
            assert one.at_s + one.for_s <= other.at_s + 0.01, (one, other)


@given(NUMBERS)
@settings(max_examples=examples(50))
def test_a_world_keeps_out_what_it_does_not_allow(number: int) -> None:
    setting = setting_of(number)
    came = {deed.fault for deed in TRIAL.deeds(number, 20.0)}
    assert not came & setting.never
    assert not setting.only or came <= setting.only


def test_what_a_world_begins_with_comes_first_and_holds_its_part() -> None:
    setting = Setting("world", begins_with=(Deed(0.5, "outage", 9.0),))
    deeds = schedule(1, 6.0, [Kind("outage", frozenset({"link"}), 8.0), Kind("cut", frozenset({"link"}), 1.0)], setting)
    assert deeds == [Deed(0.5, "outage", 5.5)]


def test_kinds_are_dealt_like_cards() -> None:
    kinds = [Kind(f"kind {n}", frozenset({f"part {n}"}), 0.4) for n in range(5)]
    names = [deed.fault for deed in schedule(7, 60.0, kinds, Setting("world"))]
    for round_from in range(0, len(names) - 5, 5):
        assert len(set(names[round_from : round_from + 5])) == 5


def test_in_200_schedules_every_fault_comes_often() -> None:
    came = Counter(deed.fault for number in range(200) for deed in TRIAL.deeds(number, 20.0))
    assert set(came) == set(FAULTS)
    assert min(came.values()) >= 20, came
    assert {setting_of(number).name for number in range(200)} == {setting.name for setting in SETTINGS}


@each_row(
    "names",
    [
        pytest.param(TRIAL.kills_broker, id="kills-broker"),
        pytest.param(CLOCK_FAULTS, id="clock"),
        pytest.param(SAID_EXACTLY, id="said-exactly"),
        *(pytest.param(setting.only | setting.never, id=setting.name) for setting in SETTINGS),
    ],
)
def test_every_fault_that_is_named_anywhere_exists(names: frozenset[str]) -> None:
    assert names <= set(FAULTS)
