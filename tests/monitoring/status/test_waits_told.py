"""Waits for other machines as findings on the pages."""

import pytest

from gateway.core.gateways.standby import PairRole, Standby
from gateway.core.gateways.waits import Wait, WaitKind
from gateway.core.status.verdict import Level
from gateway.monitoring.status.troubles import of_moves, of_pair
from gateway.support.i18n.findings import sentence


def test_shares_that_wait_alike_are_one_finding() -> None:
    waits = [Wait(WaitKind.NOT_LEFT, "new", "old", f"ward-{number}") for number in range(1, 6)]
    first, other = of_moves(sorted([*waits, Wait(WaitKind.NOT_LEFT, "new", "older", "ward-9")]))
    assert "new waits for old to leave 5 shares (ward-1, ward-2, ward-3, ...)" in sentence(first)
    assert "new waits for older to leave 1 shares (ward-9)" in sentence(other)


@pytest.mark.parametrize("kind", [kind for kind in WaitKind if kind.value.startswith("move_")])
def test_what_goes_on_by_itself_needs_a_look_and_what_does_not_is_trouble(kind: WaitKind) -> None:
    (finding,) = of_moves([Wait(kind, "new", "old", "ward-1")])
    assert finding.level is (Level.ATTENTION if kind is WaitKind.NOT_EMPTY else Level.TROUBLE)


def test_the_passive_machine_of_a_pair_says_too_that_the_live_one_waits_for_its_journal() -> None:
    waits = [Wait(WaitKind.JOURNAL, "a", "b")]
    passive = Standby("b", 10.0)
    passive.synced(0.0)
    passive.heard("a", PairRole.LIVE, 1, 0.0, retained=False)
    assert list(of_pair(passive, [], 1.0)) == []
    (finding,) = of_pair(passive, waits, 1.0)
    assert "The journal of the machine b may hold readings" in sentence(finding)
    live = Standby("a", 10.0, PairRole.LIVE)
    live.synced(0.0)
    live.heard("b", PairRole.PASSIVE, 1, 0.0, retained=False)
    live.journal_told("b", 7)
    assert [sentence(one) for one in of_pair(live, waits, 1.0)] == [sentence(finding)], "once"
    assert list(of_moves(waits)) == []
