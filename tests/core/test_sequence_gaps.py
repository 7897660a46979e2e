"""Gaps in the sequence numbers of a device: how many readings are taken to be missing."""

import pytest

from gateway.core.process import Processor
from tests.core.making import NOW_MS, SECOND_MS, pipeline, process
from tests.rows import each_row


def missing(*readings: dict[str, int], into: Processor | None = None) -> int:
    """Return the number of readings that the gateway believes to have missed, of those sent by ``seq`` and second."""
    into = into or pipeline()
    for reading in readings:
        sent = {"seq": reading["seq"], "volume_m3": 5}
        process(sent | {"ts": NOW_MS + reading["s"] * SECOND_MS} if "s" in reading else sent, into=into)
    assert into.streams.devices["d1"].seq_missing == into.evaluator.sequence_missing["water"]
    return into.evaluator.sequence_missing["water"]


@each_row(
    ("readings", "expected"),
    [
        pytest.param([(5, 0), (6, 1), (7, 2)], 0, id="none"),
        pytest.param([(5, 0), (9, 1), (10, 2)], 3, id="gap"),
        pytest.param([(5000, 0), (5001, 1)], 0, id="first-of-a-device-may-be-any"),
        pytest.param([(900, 0), (0, 1), (1, 2)], 0, id="reboot"),
        pytest.param([(65535, 0), (0, 1), (2, 2)], 1, id="wraps-and-goes-on"),
        pytest.param([(5, 0), (5, 0), (6, 1)], 0, id="duplicate"),
        pytest.param([(5, 0), (7, 2), (6, 1), (8, 3)], 1, id="late-one-is-counted-once"),
        pytest.param([(9, 9), *((n, n) for n in range(9)), (10, 10)], 0, id="backlog-behind-a-live-reading"),
        pytest.param([(5, 0), (5 + 10**7, 1), (6 + 10**7, 2)], 0, id="set-anew"),
        pytest.param([(5, 0), (900_006, 1)], 900_000, id="as-many-as-may-be-missing"),
        pytest.param([(5, 0), (1_100_006, 1)], 0, id="more-than-may-be-missing"),
        pytest.param([(5, 2), (6, 1), (7, 3)], 0, id="the-next-one-with-an-earlier-time"),
    ],
)
def test_a_gap_in_the_sequence_numbers_is_counted_as_missing(readings: list[tuple[int, int]], expected: int) -> None:
    assert missing(*({"seq": seq, "s": second} for seq, second in readings)) == expected


def test_the_second_half_of_a_point_counts_in_the_sequence() -> None:
    into = pipeline()
    for seq, second, field in ((5, 0, "ph"), (6, 0, "turbidity_ntu"), (7, 1, "ph")):
        process({"seq": seq, "ts": NOW_MS + second * SECOND_MS, field: 7}, into=into)
    assert into.evaluator.sequence_missing == {}


def test_gaps_are_counted_for_readings_without_a_time_too() -> None:
    assert missing({"seq": 5}, {"seq": 8}, {"seq": 1}, {"seq": 2}) == 2


def test_readings_without_a_sequence_number_in_between_make_no_gap() -> None:
    into = pipeline()
    assert missing({"seq": 5, "s": 0}, into=into) == 0
    process({"ts": NOW_MS + SECOND_MS, "ph": 7}, into=into)
    assert missing({"seq": 6, "s": 2}, into=into) == 0
