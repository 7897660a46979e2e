"""The past that a counter stands on: offsets that held before, exchanges that were told, and sums to work out again."""

from math import isnan, nan

import pytest

from gateway.core.readings.counters import CounterState
from gateway.core.readings.steps import CounterRule, RegisterStep, is_older
from gateway.core.readings.sums import (
    FORMERS_MAX,
    NO_PAST,
    TOLD_MAX,
    CounterPast,
    ExchangeEffect,
    FormerOffset,
    FoundSum,
    Register,
    ToldExchange,
    exact,
    is_beyond,
    may_lie_behind,
    offset_at,
    sum_text,
)
from schemas.quantities import GROWTH
from tests.core.making import HOUR_MS, NOW_MS

FORMERS = (FormerOffset(100, 1.0, 50.0), FormerOffset(200, 2.0))
NAME = "volume_m3"


def test_an_offset_holds_until_its_time_and_the_next_from_then_on() -> None:
    assert [offset_at(FORMERS, time_ms, 3.0) for time_ms in (0, 99, 100, 199, 200)] == [1.0, 1.0, 2.0, 2.0, 3.0]
    assert FORMERS[0].raised(0.5) == FormerOffset(100, 1.5, 50.5)
    assert FORMERS[1].raised(0.5) == FormerOffset(200, 2.5, None)


def test_a_late_reading_that_shows_more_than_a_sum_ended_with_says_that_the_sums_behind_it_are_wrong() -> None:
    assert [is_beyond(FORMERS, 99, value) for value in (49.0, 49.000002)] == [False, True]
    assert not is_beyond(FORMERS, 150, 1e9), "nobody knows with what this one ended"
    assert not is_beyond(FORMERS, 200, 1e9), "it is the newest"
    assert not is_beyond((), 0, 1e9)
    assert [may_lie_behind(behind, 2.0) for behind in (-0.1, -5e-7, 0.0, 2.0000005, 2.1)] == [False, True, True, True, False]


def test_sums_are_written_with_six_decimals_and_offsets_kept_with_nine() -> None:
    assert (exact(0.1 + 0.2), exact(1.0000000004), sum_text(0.1, 0.2), sum_text(1.0, 0.0000004)) == (0.3, 1.0, "0.3", "1.0")
    assert FoundSum(4.1, 1004.3, 0).offset == 1000.2
    assert Register(NAME, 4.1, 0, None, 1000.2).total == 1004.3
    assert Register(NAME, nan, 0, None, 1000.2).total == 1000.2
    assert (FORMERS_MAX, TOLD_MAX) == (8, 8)


@pytest.mark.parametrize(
    ("field", "concerned"),
    [(None, [True, True, True]), ("volume_m3", [True, True, False]), ("volume_m3,channel=2", [False, True, False])],
)
def test_an_exchange_is_of_a_counter_with_all_its_channels_or_of_one(field: str | None, concerned: list[bool]) -> None:
    told = ToldExchange(field, 0)
    assert [told.concerns(name) for name in ("volume_m3", "volume_m3,channel=2", "volume_m3_total")] == concerned


def test_an_exchange_told_again_replaces_what_was_said_and_the_newest_eight_are_kept() -> None:
    past = NO_PAST
    for hour in (3, 1, 2):
        past = past.with_told(ToldExchange(None, hour))
    past = past.with_told(ToldExchange(None, 2, final=5.0)).with_told(ToldExchange("heat_mwh", 2))
    told = [(one.at_ms, one.field, one.final) for one in past.told]
    assert told == [(1, None, None), (2, None, 5.0), (2, "heat_mwh", None), (3, None, None)]
    for hour in range(4, 20):
        past = past.with_told(ToldExchange(None, hour))
    assert [one.at_ms for one in past.told] == list(range(12, 20))


def test_sums_are_wrong_from_the_earliest_time_that_was_noted_until_they_are_written() -> None:
    past = NO_PAST.since(50).since(70).since(40)
    assert (past.again_ms, past.amended_ms, past.wrong_since_ms) == (40, None, 40)
    assert past.worked_out(41, is_written=True).wrong_since_ms == 40, "not as far back as was asked"
    assert past.worked_out(40, is_written=True) == NO_PAST
    amended = past.worked_out(40, is_written=False)
    assert (amended.again_ms, amended.amended_ms, amended.wrong_since_ms) == (None, 40, 40)
    assert amended.worked_out(60, is_written=False).amended_ms == 40
    assert amended.worked_out(20, is_written=False).amended_ms == 20
    assert amended.since(30).wrong_since_ms == 30
    assert CounterPast().wrong_since_ms is None
    assert past.with_formers(NAME, ()) is past


def state(value: float = 10.0, **more: float) -> CounterState:
    found = CounterState()
    found.restore(Register(NAME, value, NOW_MS, **more))  # type: ignore[arg-type]
    return found


def test_an_exchange_is_at_once_or_late_by_the_readings_that_came_since() -> None:
    told = ToldExchange(None, NOW_MS, final=12.0, register=3.0)
    before = state()
    assert before.exchange(told) == ExchangeEffect([NAME], [])
    assert (before.believed(NAME), before.newest_ms, before.version) == (3.0, NOW_MS, 1)
    (register,) = before.registers()
    assert (register.total, register.formers) == (12.0, (FormerOffset(NOW_MS + 1, 0.0, 12.0),))
    after = state()
    assert after.exchange(ToldExchange(None, NOW_MS - 1)) == ExchangeEffect([], [NAME])
    assert (after.believed(NAME), after.past.wrong_since_ms) == (10.0, NOW_MS - 1)
    unread = state()
    unread.exchange(ToldExchange(NAME, NOW_MS + HOUR_MS))
    assert isnan(unread.believed(NAME) or 0.0)
    judged = unread.judge(NAME, GROWTH[NAME], 500.0, NOW_MS + 2 * HOUR_MS)
    assert (judged.suspect, judged.offset) == (False, -490.0), "the first of the new meter goes on from the last of the old one"
    assert state().exchange(ToldExchange("heat_mwh", NOW_MS)).names == []


def test_a_device_has_sixty_four_counters_and_the_one_met_first_makes_room() -> None:
    many = CounterState()
    for number in range(65):
        many.judge(f"volume_m3,channel={number}", GROWTH[NAME], float(number), NOW_MS + number)
    assert len(many.registers()) == 64
    assert (many.believed("volume_m3,channel=0"), many.believed("volume_m3,channel=1")) == (None, 1.0)
    assert many.believed("volume_m3,channel=64") == 64.0
    assert many.newest_ms == NOW_MS + 64
    assert CounterState().newest_ms == 0


def test_a_step_is_told_with_each_message_that_says_so() -> None:
    counter = state(1000.0)
    steps = []
    for minute, value in ((1, 5.0), (2, 5.1), (3, 5.2), (4, 5.3)):
        steps.append(counter.judge(NAME, GROWTH[NAME], value, NOW_MS + minute * 60_000).step)
    first_ms = NOW_MS + 60_000
    assert steps == [*(RegisterStep(first_ms, number, is_restart=True) for number in (1, 2, 3)), None]
    apart = state(1000.0)
    message = object()
    array = [apart.judge(NAME, GROWTH[NAME], 5.0 + n / 10, NOW_MS + n + 1, None, message).step for n in range(4)]
    assert [step.readings for step in array if step is not None] == [1, 1, 1, 1], "an array is one message"
    exchanged = state(1000.0)
    exchanged.past = exchanged.past.with_told(ToldExchange(None, NOW_MS))
    assert exchanged.judge(NAME, GROWTH[NAME], 5.0, NOW_MS + 60_000).step is None, "the exchange explains it"


def test_a_register_that_rolls_over_is_believed_at_once_and_goes_on() -> None:
    rule, counter = CounterRule(None, 1000.0), state(995.0)
    judged = counter.judge(NAME, GROWTH[NAME], 4.0, NOW_MS + HOUR_MS, rule)
    assert (judged.suspect, judged.offset, judged.step) == (True, 1000.0, None)
    assert counter.past.rules == {NAME: rule}
    assert counter.past.formers[NAME] == (FormerOffset(NOW_MS + HOUR_MS, 0.0, 995.0),)
    back = state(600.0).judge(NAME, GROWTH[NAME], 200.0, NOW_MS + HOUR_MS, rule)
    assert (back.suspect, back.offset) == (True, None), "as far forward as back: that is no roll-over"


def test_a_register_read_before_its_time_shows_less_than_is_believed() -> None:
    assert [is_older(5.0, believed) for believed in (None, 4.9, 5.0, 5.1)] == [False, False, False, True]


def test_an_older_reading_sets_no_counter_back_however_coarse_its_register() -> None:
    coarse = next(name for name, growth in GROWTH.items() if growth.step > 0)
    counter = CounterState()
    counter.judge(coarse, GROWTH[coarse], 10.0, NOW_MS)
    counter.judge(coarse, GROWTH[coarse], 10.0, NOW_MS - 1)
    assert counter.newest_ms == NOW_MS


def test_a_late_reading_of_a_counter_that_was_exchanged_is_sound_with_its_offset() -> None:
    counter = state(10.0, offset=500.0)
    late = counter.judge(NAME, GROWTH[NAME], 9.9, NOW_MS - HOUR_MS)
    assert (late.suspect, late.offset) == (False, 500.0)
    assert counter.believed(NAME) == 10.0
    usual = counter.judge(NAME, GROWTH[NAME], 10.1, NOW_MS + HOUR_MS)
    assert (usual.suspect, usual.offset) == (False, 500.0)


def test_a_reading_that_goes_on_from_a_step_confirms_it_even_if_time_alone_would_explain_it() -> None:
    counter, growth = state(10.0), GROWTH[NAME]
    assert counter.judge(NAME, growth, 510.0, NOW_MS + HOUR_MS // 60).offset is None
    later_ms = NOW_MS + round((501.0 / growth.usual_per_h + 1) * HOUR_MS)
    assert counter.judge(NAME, growth, 511.0, later_ms).offset is None, "one message confirms the step"
    assert counter.judge(NAME, growth, 511.5, later_ms + HOUR_MS).offset == -500.0, "a second one: it hardly goes on"
    dismissed = state(10.0)
    dismissed.judge(NAME, growth, 510.0, NOW_MS + HOUR_MS // 60)
    assert dismissed.judge(NAME, growth, 500.0, later_ms).offset == 0.0, "less than the step showed: that was garbage"


def test_the_rule_of_a_counter_is_remembered_from_its_last_step_that_had_one() -> None:
    counter, rule = state(995.0), CounterRule(None, 1000.0)
    counter.judge(NAME, GROWTH[NAME], 4.0, NOW_MS + HOUR_MS, rule)
    counter.judge(NAME, GROWTH[NAME], 1.0, NOW_MS + 2 * HOUR_MS)
    assert counter.past.rules == {NAME: rule}


def test_who_was_asked_for_sums_is_not_asked_again_and_a_counter_nobody_knows_needs_no_work() -> None:
    counter = CounterState()
    counter.ask_again()
    assert counter.awaits is True
    counter.awaits = "asked"
    counter.ask_again()
    assert counter.awaits == "asked"
    assert counter.swap(Register(NAME, 5.0, NOW_MS), NOW_MS)
    assert counter.registers() == []
    assert not state(10.0).swap(Register(NAME, nan, NOW_MS - 1), NOW_MS - 1), "readings of the new meter must be read first"
