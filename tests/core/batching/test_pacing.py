"""Pacing: of writes, which come soon and evenly beside others; of reads from the broker; and of a link with a budget."""

from dataclasses import dataclass, field

import pytest

from gateway.core.batching.pacing import BACKLOG_SHARE, LIVE_WAIT_MAX_S, WRITE_BYTES, LinkBudget, Pacing, ReadPacing


@pytest.mark.parametrize(
    ("readings", "wait_s"),
    [
        pytest.param(0, 0.0, id="nothing-costs-nothing"),
        pytest.param(1, 0.005, id="one-reading"),
        pytest.param(2, 0.010, id="two"),
        pytest.param(5000, 0.010, id="many-wait-max-delay"),
    ],
)
def test_the_next_write_starts_after_5_ms_a_reading_and_max_delay_at_most(readings: int, wait_s: float) -> None:
    pace = Pacing(max_delay_s=0.010)
    pace.started(readings, now_s=100.0)
    assert pace.wait_s(100.0) == pytest.approx(wait_s)


def test_the_delay_counts_from_the_start_of_a_write_and_a_pause_leaves_nothing_of_it() -> None:
    pace = Pacing(max_delay_s=0.010)
    assert pace.wait_s(0.0) <= 0
    pace.started(5000, now_s=100.0)
    assert pace.wait_s(100.004) == pytest.approx(0.006)
    assert pace.wait_s(100.010) <= 1e-9
    assert pace.wait_s(200.0) < 0


def answered(*seconds: float) -> Pacing:
    """A pace that has seen a write at 100 s, and these answers."""
    pace = Pacing(max_delay_s=0.010)
    pace.started(5000, now_s=100.0)
    for each in seconds:
        pace.answered(each)
    return pace


@pytest.mark.parametrize(
    ("pace", "waited_s", "lanes"),
    [
        pytest.param(answered(), 0.0, 1, id="nothing-known"),
        pytest.param(answered(*[0.09] * 50), 0.09, 1, id="quick"),
        pytest.param(answered(), 0.11, 4, id="the-first-that-is-slow"),
        pytest.param(answered(*[0.3] * 8), 0.0, 4, id="slow-lately"),
        pytest.param(answered(0.3), 0.0, 1, id="slow-once"),
        pytest.param(answered(*[0.3] * 8, *[0.01] * 20), 0.0, 1, id="quick-again"),
    ],
)
def test_several_writes_are_under_way_while_answers_take_long(pace: Pacing, waited_s: float, lanes: int) -> None:
    assert pace.lanes(waited_s) == lanes


def test_slow_writes_start_a_quarter_of_an_answer_apart() -> None:
    """Started together they would be answered, and start again, together: readings would wait as long as an answer takes."""
    pace = answered(*[0.4] * 100)
    assert pace.wait_s(100.0) == pytest.approx(0.1, abs=1e-4)
    assert pace.wait_s(100.0, waited_s=0.8) == pytest.approx(0.2, abs=1e-4)


def test_a_broker_that_cannot_wait_has_slow_writes_start_at_once() -> None:
    pace = answered(*[0.4] * 100)
    assert pace.wait_s(100.0, waited_s=0.8, under_pressure=True) == pytest.approx(0.010)


def test_a_write_waits_until_the_one_before_it_has_had_its_time_on_the_link() -> None:
    pace = Pacing(max_delay_s=0.010)
    pace.started(1, now_s=100.0, link_s=0.6)
    assert pace.wait_s(100.0) == pytest.approx(0.6)
    assert pace.wait_s(100.0, under_pressure=True) == pytest.approx(0.005), "the broker cannot wait for the link"
    pace.started(1, now_s=101.0)
    assert pace.wait_s(101.0) == pytest.approx(0.005)


NEAR_S, FAR_S = 0.0003, 0.02


def after(readings: int, apart_s: float = 0.01) -> ReadPacing:
    """The pacing after a write of so many readings that started so long after the one before."""
    pacing = ReadPacing()
    pacing.started(1, 100.0)
    pacing.started(readings, 100.0 + apart_s)
    return pacing


def wait_s(readings: int, *, apart_s: float = 0.01, next_write_s: float = 0.009, round_trip_s: float = NEAR_S) -> float:
    """The wait after a write of so many readings that started so long after the one before."""
    return after(readings, apart_s).wait_s(next_write_s, round_trip_s)


@pytest.mark.parametrize("readings", [pytest.param(5, id="500-a-second"), pytest.param(99, id="nearly-10000-a-second")])
def test_while_writes_follow_each_other_messages_wait_for_the_next(readings: int) -> None:
    assert wait_s(readings) == pytest.approx(0.009)


@pytest.mark.parametrize(
    ("readings", "apart_s"),
    [
        pytest.param(1, 0.1, id="10-a-second"),
        pytest.param(1, 0.01, id="100-a-second"),
        pytest.param(20, 10.0, id="many-at-once-after-a-pause"),
        pytest.param(150, 0.01, id="15000-a-second"),
        pytest.param(5000, 0.05, id="saturation"),
    ],
)
def test_rare_and_very_many_messages_wait_for_no_write(readings: int, apart_s: float) -> None:
    assert wait_s(readings, apart_s=apart_s) == 0


def test_the_first_write_of_all_lets_no_message_wait() -> None:
    pacing = ReadPacing()
    pacing.started(10, 100.0)
    assert pacing.wait_s(0.009, NEAR_S) == 0
    assert pacing.apart_s == 0


@pytest.mark.parametrize(
    ("readings", "apart_s"), [pytest.param(150, 0.01, id="15000-a-second"), pytest.param(5000, 0.05, id="saturation")]
)
def test_very_many_messages_are_read_two_milliseconds_apart(readings: int, apart_s: float) -> None:
    assert after(readings, apart_s).apart_s == pytest.approx(0.002)


def test_fewer_messages_are_read_as_they_come_again() -> None:
    pacing = after(5000, 0.05)
    pacing.started(1, 100.2)
    assert pacing.apart_s == 0


@pytest.mark.parametrize("round_trip_s", [pytest.param(FAR_S, id="far"), pytest.param(float("inf"), id="unknown")])
def test_a_broker_that_sends_held_back_messages_too_late_is_read_as_they_come(round_trip_s: float) -> None:
    assert wait_s(10, round_trip_s=round_trip_s) == 0


def test_a_wait_that_is_too_short_to_save_anything_is_not_made() -> None:
    assert wait_s(10, next_write_s=0.002) == 0


def test_no_message_waits_unseen_for_long_whatever_the_pace_of_writes() -> None:
    assert wait_s(1000, apart_s=1.0, next_write_s=1.0) == pytest.approx(0.05)


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
    assert budget.total_bytes == 10**9


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
    link = LinkBudget()
    for second in range(300):
        link.sent(500, float(second), float(second))
    assert link.per_s(299.0) == pytest.approx(500, rel=0.05)
    assert link.per_s(600.0) < 1
    assert link.total_bytes == 150_000


def test_slow_means_above_a_tenth_of_a_second_by_the_mean_of_eight_answers() -> None:
    assert [answered().lanes(waited_s) for waited_s in (0.1, 0.101)] == [1, 4]
    assert [answered(first_s).lanes(0.0) for first_s in (0.8, 0.81)] == [1, 4]
    assert answered().wait_s(100.0, waited_s=0.1) == pytest.approx(0.010), "no write is put off for it"


def test_readings_that_come_one_or_two_for_each_write_wait_for_none() -> None:
    assert [wait_s(readings) > 0 for readings in (2, 4)] == [False, True]


def test_a_write_of_the_backlog_takes_a_tenth_of_the_budget_with_all_that_goes_beside_its_body() -> None:
    budget = LinkBudget(1000)
    budget.sent(100_000, 0.0, 0.0)
    budget.backlog_sent(360, 10, 0.0)
    assert budget.backlog_wait_s(0.0) == pytest.approx(10.0)
    learned = LinkBudget(BUDGET)
    learned.backlog_sent(660, 1, 0.0)
    assert learned.backlog_readings(5000) == int((BUDGET - WRITE_BYTES) / 135), "an eighth of what the write held"
    assert (WRITE_BYTES, LIVE_WAIT_MAX_S, BACKLOG_SHARE) == (640, 1.0, 0.1)
