"""The budget of a link: live readings first, the backlog with what they leave, and never nothing."""

from dataclasses import dataclass, field

import pytest

from gateway.core.batching.pacing import BACKLOG_SHARE, LIVE_WAIT_MAX_S, WRITE_BYTES, LinkBudget, LinkUse

BUDGET = 8000


@dataclass
class Link:
    """A link on which writes take no time; what went over it, by lane and instant.

    :ivar live_bytes: of a live reading with its write.
    """

    budget: LinkBudget
    live_per_s: float = 0.0
    live_bytes: int = 600
    sent: list[tuple[float, str, int]] = field(default_factory=list)

    def run(self, seconds: float, *, row: int = 10, reading_bytes: int = 40) -> None:
        """Let live readings come, and a backlog without end of rows with so many readings."""
        ms, credit = 0, 0.0
        while ms < seconds * 1000:
            now_s = ms / 1000
            credit += self.live_per_s / 1000
            while credit >= 1:
                credit -= 1
                self._send("live", self.live_bytes, now_s)
            if not self.budget.backlog_wait_s(now_s):
                readings = max(1, self.budget.backlog_readings(5000) // row) * row
                self.budget.backlog_sent(readings * reading_bytes, readings, now_s)
                self._send("backlog", readings * reading_bytes + WRITE_BYTES, now_s)
            ms += 1

    def _send(self, lane: str, sent_bytes: int, now_s: float) -> None:
        self.budget.sent(sent_bytes, now_s, now_s)
        self.sent.append((now_s, lane, sent_bytes))

    def per_s(self, lane: str = "", from_s: float = 0.0, until_s: float = 1e9) -> float:
        """Bytes a second of a lane, or of both."""
        until_s = min(until_s, self.sent[-1][0])
        return sum(each for at_s, name, each in self.sent if lane in name and from_s <= at_s < until_s) / (until_s - from_s)


def test_without_a_limit_nothing_waits_and_what_is_sent_is_counted() -> None:
    budget = LinkBudget()
    budget.sent(10**9, 0.0, 1.0)
    budget.backlog_sent(10**9, 1, 0.0)
    assert (budget.backlog_wait_s(1.0), budget.live_apart_s(10**9), budget.backlog_readings(5000)) == (0.0, 0.0, 5000)
    assert budget.use.total_bytes == 10**9


@pytest.mark.parametrize("live_per_s", [0.0, 1.0, 5.0, 11.0])
def test_the_backlog_takes_what_live_readings_leave(live_per_s: float) -> None:
    link = Link(LinkBudget(BUDGET), live_per_s)
    link.run(60.0)
    assert link.per_s("live") == pytest.approx(live_per_s * 600, rel=0.1, abs=1)
    assert link.per_s("backlog", 10.0) == pytest.approx(BUDGET - live_per_s * 600, rel=0.15)


def test_over_ten_seconds_no_more_than_the_budget_and_a_write_is_sent() -> None:
    link = Link(LinkBudget(BUDGET), live_per_s=3.0)
    link.run(60.0)
    largest = max(sent_bytes for _, _, sent_bytes in link.sent)
    assert largest <= 1.1 * BUDGET, "a write holds what a second carries"
    for from_s in range(50):
        assert link.per_s("", from_s, from_s + 10.0) <= BUDGET + largest / 10.0


@pytest.mark.parametrize("live_per_s", [14.0, 100.0])
def test_live_readings_that_need_more_than_the_budget_leave_the_backlog_a_tenth(live_per_s: float) -> None:
    link = Link(LinkBudget(BUDGET), live_per_s)
    link.run(120.0)
    assert link.per_s("live") == pytest.approx(live_per_s * 600, rel=0.1), "none is kept back"
    assert link.per_s("backlog", 20.0) == pytest.approx(BUDGET * BACKLOG_SHARE, rel=0.3)


def test_a_row_larger_than_the_budget_is_sent_whole_and_paid_for_afterwards() -> None:
    link = Link(LinkBudget(1000))
    link.run(200.0, row=500, reading_bytes=40)
    assert link.per_s("backlog", until_s=190.0) == pytest.approx(1000, rel=0.2)


def test_what_an_hour_of_too_many_live_readings_took_is_not_owed_for_another_hour() -> None:
    budget = LinkBudget(1000)
    for second in range(3600):
        budget.sent(3000, second, second)
    budget.backlog_sent(10**6, 1000, 3600.0)
    assert 500.0 < budget.backlog_wait_s(3600.0) < 610.0


def test_a_slow_write_is_paid_for_from_its_beginning() -> None:
    budget = LinkBudget(1000)
    budget.backlog_sent(3000, 60, 10.0)
    budget.sent(3000, 10.0, 12.5)
    assert budget.backlog_wait_s(12.5) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("limit", "body_bytes", "apart_s"),
    [
        pytest.param(1_000_000, 120, 0.00152, id="a-large-budget-changes-nothing"),
        pytest.param(8000, 120, 0.19, id="half-of-the-budget-carries-it"),
        pytest.param(8000, 2000, 0.66, id="a-larger-write"),
        pytest.param(500, 120, LIVE_WAIT_MAX_S, id="a-second-at-most"),
    ],
)
def test_live_writes_are_so_far_apart_that_half_of_the_budget_carries_them(limit: int, body_bytes: int, apart_s: float) -> None:
    assert LinkBudget(limit).live_apart_s(body_bytes) == pytest.approx(apart_s)


def test_a_write_of_the_backlog_is_never_empty_and_never_above_what_others_allow() -> None:
    assert LinkBudget(100).backlog_readings(200) == 1
    assert LinkBudget(10**9).backlog_readings(200) == 200
    learned = LinkBudget(BUDGET)
    for _ in range(100):
        learned.backlog_sent(25 * 100, 100, 0.0)
    assert learned.backlog_readings(5000) == pytest.approx((BUDGET - WRITE_BYTES) / 25, abs=2)


def test_the_use_of_a_link_follows_what_is_sent_and_fades() -> None:
    use = LinkUse()
    for second in range(300):
        use.add(500, float(second))
    assert use.per_s(299.0) == pytest.approx(500, rel=0.05)
    assert use.per_s(600.0) < 1
    assert use.total_bytes == 150_000
