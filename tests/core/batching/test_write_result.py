"""The meaning of an answer of InfluxDB for a batch: the whole table, with bodies as the servers send them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.batching.pacing import Backoff
from gateway.core.batching.rates import RateLimit
from gateway.core.batching.write_result import Answer, Fate, fate_of, retry_after_s
from tests.core.making import MINUTE_MS, NOW_MS
from tests.rows import each_row

ANSWERS = [
    pytest.param(204, "", Fate.WRITTEN, id="written"),
    # the content
    pytest.param(
        400,
        "{\"error\":\"unable to parse 'water,device=d ph=NaN 1': invalid number\\nunable to parse 'x': missing fields\"}",
        Fate.SPLIT,
        id="1.6-malformed-lines",
    ),
    pytest.param(
        400,
        '{"error":"partial write: field type conflict: input field \\"ph\\" on measurement \\"water\\" is type string, '
        'already exists as type float dropped=1"}',
        Fate.SPLIT,
        id="1.6-type-conflict",
    ),
    pytest.param(
        422,
        '{"code":"unprocessable entity","message":"failure writing points to database: partial write: field type conflict: '
        'input field \\"ph\\" on measurement \\"water\\" is type string, already exists as type float dropped=1"}',
        Fate.SPLIT,
        id="2.8-type-conflict",
    ),
    pytest.param(
        400,
        '{"error":"partial write of line protocol occurred","data":[{"error_message":"invalid column type","line_number":2}]}',
        Fate.SPLIT,
        id="3-partial-write",
    ),
    pytest.param(400, "", Fate.SPLIT, id="400-without-a-word"),
    pytest.param(422, "", Fate.SPLIT, id="422-without-a-word"),
    # too old
    pytest.param(400, '{"error":"partial write: points beyond retention policy dropped=3"}', Fate.EXPIRED, id="1.6-too-old"),
    pytest.param(
        422,
        '{"code":"unprocessable entity","message":"failure writing points to database: partial write: dropped 1 points outside '
        'retention policy of duration 168h0m0s - oldest point water at 2020-01-01T00:00:00Z dropped=1"}',
        Fate.EXPIRED,
        id="2.8-too-old",
    ),
    # limits of the database
    pytest.param(
        400,
        '{"error":"partial write: max-series-per-database limit exceeded: (1000000) dropped=1"}',
        Fate.FAULTY_DATABASE,
        id="1.6-series-limit",
    ),
    pytest.param(
        400,
        '{"error":"partial write: max-values-per-tag limit exceeded (100000/100000): measurement=\\"water\\" dropped=1"}',
        Fate.FAULTY_DATABASE,
        id="1.6-values-limit",
    ),
    # too large
    pytest.param(413, '{"error":"Request Entity Too Large"}', Fate.SPLIT_SMALLER, id="too-large"),
    # configuration
    pytest.param(401, '{"code":"unauthorized","message":"unauthorized access"}', Fate.FAULTY_DATABASE, id="2.8-no-token"),
    pytest.param(401, "", Fate.FAULTY_DATABASE, id="3-no-token"),
    pytest.param(
        403, '{"error":"\\"gw\\" user is not authorized to write to \\"iot\\""}', Fate.FAULTY_DATABASE, id="1.6-rights"
    ),
    pytest.param(404, '{"error":"database not found: \\"iot\\""}', Fate.FAULTY_DATABASE, id="1.6-no-database"),
    pytest.param(404, '{"code":"not found","message":"bucket \\"iot\\" not found"}', Fate.FAULTY_DATABASE, id="2.8-no-bucket"),
    pytest.param(500, '{"error":"retention policy not found: 5y"}', Fate.FAULTY_DATABASE, id="1.6-wrong-retention-policy"),
    # again later
    pytest.param(0, "Connection reset by peer", Fate.RETRY, id="reset"),
    pytest.param(0, "", Fate.RETRY, id="time-out"),
    pytest.param(408, "", Fate.RETRY, id="408"),
    pytest.param(429, "", Fate.RETRY, id="429"),
    pytest.param(499, "", Fate.RETRY, id="499"),
    pytest.param(500, '{"error":"engine: no space left on device"}', Fate.RETRY, id="1.6-full-disk"),
    pytest.param(502, "<html>Bad Gateway</html>", Fate.RETRY, id="502"),
    pytest.param(503, "Service Unavailable", Fate.RETRY, id="503"),
    pytest.param(504, "", Fate.RETRY, id="504"),
    # what InfluxDB never answers
    pytest.param(200, "<html>Please top up your account</html>", Fate.FAULTY_DATABASE, id="page-of-a-4g-operator"),
    pytest.param(200, "", Fate.FAULTY_DATABASE, id="200-without-a-word"),
    pytest.param(202, "", Fate.FAULTY_DATABASE, id="202"),
    pytest.param(301, "", Fate.FAULTY_DATABASE, id="moved"),
    pytest.param(302, "", Fate.FAULTY_DATABASE, id="found-elsewhere"),
    pytest.param(308, "", Fate.FAULTY_DATABASE, id="redirect"),
    pytest.param(405, "", Fate.FAULTY_DATABASE, id="405"),
    pytest.param(501, "", Fate.FAULTY_DATABASE, id="501"),
]


@each_row(("status", "text", "fate"), ANSWERS)
def test_every_answer_has_its_fate(status: int, text: str, fate: Fate) -> None:
    assert fate_of(Answer(status, text)) is fate
    assert fate_of(Answer(status, text.upper())) is fate


@given(st.integers(0, 999), st.text(max_size=200))
def test_only_204_means_written_and_only_a_refused_content_is_ever_given_up(status: int, text: str) -> None:
    fate = fate_of(Answer(status, text))
    assert (fate is Fate.WRITTEN) == (status == 204)
    if status not in {400, 413, 422}:
        assert fate in {Fate.WRITTEN, Fate.RETRY, Fate.FAULTY_DATABASE}


@each_row(
    ("header", "seconds"),
    [
        pytest.param(None, None, id="none"),
        pytest.param("30", 30.0, id="seconds"),
        pytest.param(" 0 ", 0.0, id="zero"),
        pytest.param("9" * 400, 3600.0, id="an-hour-at-most"),
        pytest.param("-5", None, id="negative"),
        pytest.param("1.5", None, id="fraction"),
        pytest.param("soon", None, id="word"),
        pytest.param("", None, id="empty"),
        pytest.param("²", None, id="a-digit-that-is-no-number"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", None, id="date"),
    ],
)
def test_retry_after_is_whole_seconds_and_at_most_an_hour(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header) == seconds


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        pytest.param(Answer(400, "\n first\nsecond"), "400 first", id="first-line"),
        pytest.param(Answer(503), "503", id="status-only"),
        pytest.param(Answer(0, "connection refused"), "connection refused", id="no-status"),
        pytest.param(Answer(0), "no answer", id="nothing"),
    ],
)
def test_an_answer_is_described_in_one_line(answer: Answer, line: str) -> None:
    assert answer.describe() == line


def test_a_body_of_thousands_of_bad_lines_is_described_in_one_short_line() -> None:
    assert len(Answer(400, "unable to parse " * 4096).describe()) <= 304


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=40))
def test_waits_double_up_to_the_longest_between_a_quarter_and_all_of_it(jitter: list[float]) -> None:
    backoff = Backoff(first_s=0.2, longest_s=10.0)
    for attempt, each in enumerate(jitter):
        whole_s = min(10.0, 0.2 * 2**attempt)
        assert whole_s / 4 <= backoff.next_s(each) <= whole_s


def test_gateways_of_other_luck_do_not_come_back_in_step() -> None:
    waits_s = [Backoff(1.0, 60.0).next_s(number / 10) for number in range(10)]
    assert all(one < other for one, other in pairwise(waits_s))


def test_the_wish_of_the_server_is_the_least_wait_and_not_the_same_for_all() -> None:
    assert Backoff(0.2, 10.0).next_s(0.0, wish_s=30.0) == 30.0
    assert Backoff(0.2, 10.0).next_s(0.8, wish_s=30.0) == 36.0
    assert Backoff(20.0, 20.0).next_s(0.0, wish_s=1.0) == 5.0


def test_a_success_makes_the_next_wait_the_first_again() -> None:
    backoff = Backoff(0.2, 10.0)
    for _ in range(1000):
        assert backoff.next_s(0.999) <= 10.0
    backoff.reset()
    assert backoff.next_s(0.999) <= 0.2


def test_twenty_rejects_a_minute_are_kept_of_each_device_and_reason() -> None:
    quota = RateLimit()
    for device, reason in (("d1", "bad_json"), ("d1", "no_quantity"), ("d2", "bad_json")):
        assert [quota.allow(device, reason, NOW_MS + second * 1000) for second in range(25)] == [True] * 20 + [False] * 5
    assert quota.allow("d1", "bad_json", NOW_MS + MINUTE_MS)


def test_a_clock_that_is_set_back_opens_a_new_minute() -> None:
    quota = RateLimit(per_minute=1)
    assert [quota.allow("d", "r", now_ms) for now_ms in (NOW_MS, NOW_MS, NOW_MS - MINUTE_MS)] == [True, False, True]


def test_a_flood_of_invented_devices_does_not_fill_the_memory() -> None:
    quota = RateLimit()
    kept = sum(quota.allow(f"d{number}", "unknown_device", NOW_MS) for number in range(20_000))
    assert kept == 10_000
    assert quota.allow("d1", "unknown_device", NOW_MS)
    assert not quota.allow("d19999", "unknown_device", NOW_MS)


@pytest.mark.parametrize(
    "words", ["beyond retention", "outside retention", "older than retention", "retention period", "retention window"]
)
def test_readings_that_no_retention_keeps_have_expired_in_whatever_words(words: str) -> None:
    assert fate_of(Answer(422, f"Points {words.upper()} of 7 days")) is Fate.EXPIRED


@pytest.mark.parametrize("words", ["max-series", "max-values", "max series", "limit reached"])
def test_a_limit_of_the_database_is_no_fault_of_a_reading_in_whatever_words(words: str) -> None:
    assert fate_of(Answer(400, f"Partial write: {words.upper()}")) is Fate.FAULTY_DATABASE


def test_a_short_answer_is_described_whole() -> None:
    assert Answer(400, "x" * 300).describe() == "400 " + "x" * 300


@pytest.mark.parametrize(
    ("fate", "of_the_batch"),
    [
        pytest.param(Fate.WRITTEN, True, id="written"),
        pytest.param(Fate.SPLIT, True, id="split"),
        pytest.param(Fate.SPLIT_SMALLER, True, id="too-large"),
        pytest.param(Fate.EXPIRED, True, id="expired"),
        pytest.param(Fate.FAULTY_DATABASE, False, id="faulty-database"),
        pytest.param(Fate.RETRY, False, id="away"),
    ],
)
def test_a_database_that_is_faulty_or_away_says_nothing_of_the_batch(fate: Fate, of_the_batch: bool) -> None:  # noqa: FBT001
    assert fate.is_of_the_batch is of_the_batch


def test_an_output_that_says_the_fate_itself_is_believed() -> None:
    assert fate_of(Answer(500, "max-series", fate=Fate.EXPIRED)) is Fate.EXPIRED
    assert fate_of(Answer(204, fate=Fate.SPLIT)) is Fate.SPLIT
    assert fate_of(Answer(0, fate=Fate.WRITTEN)) is Fate.WRITTEN
