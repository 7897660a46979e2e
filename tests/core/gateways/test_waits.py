"""Waits for other machines: who waits for whom, and when people are told."""

from collections.abc import Mapping

import pytest

from gateway.core.gateways.standby import PairRole, Standby
from gateway.core.gateways.tenures import Stage
from gateway.core.gateways.waits import Wait, WaitKind, Waits, waits_of_moves, waits_of_pair

NOT_LEFT, NOT_EMPTY, NOT_READ, KEPT, JOURNAL = WaitKind
LEFT, LEAVING, TAKING_OVER, HOLDING = Stage
OLD, NEW = "gateway-1", "gateway-2"
TO_NEW, TO_OLD = {"site": NEW, "other": OLD}, {"site": OLD, "other": OLD}
STEP_MS = 15_000


def moves(
    told: Mapping[str, Stage], readers: Mapping[str, str] = TO_NEW, *kept: tuple[str, str], share: str = "site"
) -> set[Wait]:
    return waits_of_moves({share: told}, kept, readers)


@pytest.mark.parametrize("readers", [TO_NEW, TO_OLD])
@pytest.mark.parametrize(("old", "kind"), [(HOLDING, NOT_LEFT), (TAKING_OVER, NOT_LEFT), (LEAVING, NOT_EMPTY)])
def test_a_gateway_that_takes_a_share_over_waits_for_each_that_has_not_left_it_whatever_the_file_here_says(
    old: Stage, kind: WaitKind, readers: Mapping[str, str]
) -> None:
    found = moves({OLD: old, NEW: TAKING_OVER}, readers)
    assert {wait for wait in found if wait.waiting == NEW and wait.kind is not NOT_READ} == {Wait(kind, NEW, OLD, "site")}


def test_a_gateway_that_is_not_in_the_file_any_more_is_waited_for_too() -> None:
    assert moves({"gone": HOLDING, NEW: TAKING_OVER}) == {Wait(NOT_LEFT, NEW, "gone", "site")}


@pytest.mark.parametrize("told", [{OLD: HOLDING}, {OLD: LEFT, NEW: HOLDING}, {OLD: LEFT, NEW: TAKING_OVER}, {}])
def test_nobody_waits_before_a_move_nor_after_it_nor_for_sums_that_the_database_has(told: Mapping[str, Stage]) -> None:
    assert moves(told, TO_OLD if told == {OLD: HOLDING} else TO_NEW) == set()


def test_a_share_that_another_reads_waits_for_the_gateway_that_is_to() -> None:
    assert moves({OLD: HOLDING}) == {Wait(NOT_READ, OLD, NEW, "site")}
    assert moves({OLD: HOLDING, NEW: LEFT}) == {Wait(NOT_READ, OLD, NEW, "site")}
    assert moves({OLD: LEFT, NEW: HOLDING}, TO_OLD) == {Wait(NOT_READ, NEW, OLD, "site")}, "the file here is an old one"


def test_an_old_gateway_that_reads_on_is_told_of_where_the_file_here_does_not_say_for_whom() -> None:
    kept = ("site", OLD)
    assert moves({OLD: HOLDING}, TO_OLD, kept) == {Wait(KEPT, OLD, "", "site")}
    assert moves({OLD: HOLDING}, TO_NEW, kept) == {Wait(NOT_READ, OLD, NEW, "site")}
    assert moves({OLD: HOLDING, NEW: TAKING_OVER}, TO_OLD, kept) == {Wait(NOT_LEFT, NEW, OLD, "site")}
    assert moves({OLD: LEFT}, TO_OLD, kept) == set()


def test_a_site_that_is_split_waits_under_each_name_that_it_has_or_had() -> None:
    split = {"site/water": NEW, "site/power": OLD}
    assert waits_of_moves({"site": {OLD: HOLDING}}, [], split) == {Wait(NOT_READ, OLD, NEW, "site/water")}
    told = {"site": {OLD: HOLDING}, "site/water": {NEW: TAKING_OVER}}
    assert waits_of_moves(told, [], split) == {Wait(NOT_LEFT, NEW, OLD, "site/water")}
    done = {"site": {OLD: LEFT}, "site/water": {NEW: TAKING_OVER}, "site/power": {OLD: HOLDING}}
    assert waits_of_moves(done, [], split) == set()
    assert waits_of_moves(done, [], {"site": OLD}) == set(), "the part that the old one has is no part of what is waited for"


def test_shares_of_gateways_with_another_file_are_nothing_to_this_one() -> None:
    assert moves({OLD: HOLDING, NEW: TAKING_OVER}, share="far-away") == set()


def pair(role: PairRole, other: PairRole, journal: int) -> Standby:
    standby = Standby("a", 10.0, role)
    standby.heard("b", other, 1, 0.0, retained=True)
    standby.journal_told("b", journal)
    return standby


def test_both_machines_of_a_pair_know_that_the_live_one_waits_for_the_journal_of_the_other() -> None:
    assert waits_of_pair(pair(PairRole.LIVE, PairRole.OFFLINE, 7), 0) == {Wait(JOURNAL, "a", "b")}
    assert waits_of_pair(pair(PairRole.PASSIVE, PairRole.LIVE, 0), 7) == {Wait(JOURNAL, "b", "a")}
    assert waits_of_pair(pair(PairRole.LIVE, PairRole.PASSIVE, 0), 7) == set()
    assert waits_of_pair(pair(PairRole.PASSIVE, PairRole.LIVE, 7), 0) == set()


STUCK, FURTHER = Wait(NOT_LEFT, NEW, OLD, "site"), Wait(NOT_EMPTY, NEW, OLD, "site")


class Looks:
    """Looks at the table, a quarter of a minute apart by a clock that nobody sets."""

    def __init__(self) -> None:
        self.waits = Waits()
        self.at_ms = 5_000_000

    def see(self, minutes: float, *found: Wait) -> list[Wait]:
        """Let looks find the same for so long; what is told then."""
        for _ in range(round(minutes * 60_000 / STEP_MS)):
            self.at_ms += STEP_MS
            self.waits.take(found, self.at_ms)
        return self.waits.told

    def unanswered(self, minutes: float) -> list[Wait]:
        """Let the database be away."""
        for _ in range(round(minutes * 60_000 / STEP_MS)):
            self.at_ms += STEP_MS
            self.waits.unanswered()
        return self.waits.told


def test_what_has_waited_for_three_minutes_is_told_until_it_waits_no_longer() -> None:
    looks = Looks()
    assert looks.see(3, STUCK) == []
    assert looks.see(0.25, STUCK) == [STUCK]
    assert looks.see(60, STUCK) == [STUCK]
    assert looks.see(0.25) == []
    assert looks.see(3, STUCK) == [], "it waits anew"


def test_time_in_which_the_database_did_not_answer_does_not_count() -> None:
    looks = Looks()
    assert looks.see(2.25, STUCK) == []
    assert looks.unanswered(30) == []
    assert looks.see(1, STUCK) == [], "the last look before it was away had seen two minutes"
    assert looks.see(0.25, STUCK) == [STUCK]
    assert looks.unanswered(30) == [STUCK], "what was told stands until it is known to be over"
    assert looks.see(0.25) == []


def test_a_time_without_looks_counts_for_a_minute_at_most() -> None:
    looks = Looks()
    looks.see(0.25, STUCK)
    looks.at_ms += 3_600_000
    assert looks.see(0.25, STUCK) == []
    assert looks.see(1.75, STUCK) == []
    assert looks.see(0.25, STUCK) == [STUCK]


def test_a_step_begins_a_new_wait_and_one_more_machine_that_is_waited_for_does_not() -> None:
    looks, third = Looks(), Wait(NOT_LEFT, NEW, "gateway-3", "site")
    looks.see(2, STUCK)
    assert looks.see(1.25, STUCK, third) == [STUCK]
    assert looks.see(3, FURTHER, third) == [third]
    assert looks.see(0.25, FURTHER, third) == [FURTHER, third]


def test_three_minutes_are_not_a_millisecond_less() -> None:
    waits = Waits()
    for at_ms in (1, 60_001, 120_001, 180_000):
        waits.take([STUCK], at_ms)
    assert waits.told == []
    waits.take([STUCK], 180_001)
    assert waits.told == [STUCK]
