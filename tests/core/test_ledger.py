"""The ledger: received = written + duplicate + rejected + expired + lost + pending, at any moment."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ledger import ENDS, End, HoldingPlace, Ledger, ReadingSource
from schemas.quantities import DOMAINS
from tests.core.making import NOW_MS

PLACES: tuple[HoldingPlace, ...] = ("memory", "journal", "quarantine")
SOURCES: tuple[ReadingSource, ...] = ("mqtt", "journal", "replay")

READINGS = st.integers(0, 50)
RECEIVE = st.tuples(st.just("receive"), READINGS, st.sampled_from(SOURCES), st.sampled_from(PLACES))
MOVE = st.tuples(st.just("move"), READINGS, st.sampled_from(PLACES), st.sampled_from(PLACES))
SETTLE = st.tuples(
    st.just("settle"),
    st.sampled_from(ENDS),
    st.dictionaries(st.sampled_from([*DOMAINS, "unknown"]), READINGS),
    st.sampled_from(PLACES),
)


@given(st.lists(RECEIVE | MOVE | SETTLE, max_size=40))
def test_the_equation_holds_after_every_event(events: list[tuple[str, ...]]) -> None:
    ledger = Ledger(NOW_MS)
    for name, *arguments in events:
        getattr(ledger, name)(*arguments)
        settled = sum(ledger.total(outcome) for outcome in ENDS)
        assert ledger.received.total() == settled + sum(ledger.pending.values())
        assert ledger.imbalance == 0


def test_outcomes_are_counted_by_domain_and_taken_from_where_they_were_held() -> None:
    ledger = Ledger(NOW_MS)
    ledger.receive(9, "mqtt")
    ledger.move(6, "memory", "journal")
    ledger.settle("written", Counter(water=2, power=3), "journal")
    ledger.settle("rejected", {"unknown": 1})
    assert ledger.outcomes["written"] == {"water": 2, "power": 3}
    assert ledger.pending == {"memory": 2, "journal": 1, "quarantine": 0}
    assert (ledger.total("written"), ledger.total("rejected"), ledger.total("lost")) == (5, 1, 0)


def test_a_reading_that_nobody_holds_is_an_imbalance() -> None:
    """Pending is kept by those who hold the readings and not worked out from the rest: a loss shows."""
    ledger = Ledger(NOW_MS)
    ledger.receive(5, "mqtt")
    ledger.pending["memory"] -= 1
    assert ledger.imbalance == 1


def test_the_document_has_the_fixed_form() -> None:
    ledger = Ledger(NOW_MS)
    ledger.receive(4, "mqtt")
    ledger.receive(2, "journal", "journal")
    outcomes: tuple[End, ...] = ("written", "duplicate", "rejected")
    for outcome in outcomes:
        ledger.settle(outcome, {"water": 1})
    assert ledger.document() == {
        "since": NOW_MS,
        "received": 6,
        "written": 1,
        "duplicate": 1,
        "rejected": 1,
        "expired": 0,
        "lost": 0,
        "pending": {"memory": 1, "journal": 2, "quarantine": 0},
        "imbalance": 0,
    }


def test_what_only_a_newer_release_can_read_is_pending_and_no_backlog() -> None:
    ledger = Ledger(NOW_MS)
    ledger.receive(5, "journal", "journal")
    ledger.of_newer = 2
    assert (ledger.backlog, ledger.pending["journal"], ledger.imbalance) == (3, 5, 0)
