"""Frames of a radio that never came show as gaps in its frame counter."""

import pytest

from gateway.core.process import Processor
from schemas.registry import RegisteredDevice
from tests.core.making import MINUTE_MS, NOW_MS
from tests.core.profiled import EUI, pipeline, uplink

RADIO = """
match: {envelope: lorawan}
points: [{measurement: water, fields: {ph: /raw/ph}}]
"""
NUMBERED = """
match: {envelope: lorawan}
seq: /raw/n
points: [{measurement: water, fields: {ph: /raw/ph}}]
"""


def missing(into: Processor) -> tuple[int, int]:
    device = into.streams.devices[EUI]
    return device.seq_missing, into.evaluator.sequence_missing["water"]


def send(into: Processor, *counters: int) -> None:
    for number, counter in enumerate(counters):
        time_ms = NOW_MS + number * MINUTE_MS
        into.process(uplink(fCnt=counter, data=bytes([counter & 0xFF]), ph=7 + number / 10), time_ms)


@pytest.mark.parametrize(
    ("counters", "lost"),
    [
        ((1, 2, 3, 4), 0),
        ((1, 2, 5, 6), 2),
        ((7, 7, 8), 0),
        ((900, 0, 1), 0),
        ((65535, 0, 1), 0),
        ((1, 5_000_000), 0),
    ],
    ids=["all-came", "two-lost", "a-copy", "joined-again", "rolled-over", "set"],
)
def test_a_gap_of_the_frame_counter_is_frames_that_never_came(counters: tuple[int, ...], lost: int) -> None:
    into = pipeline(RADIO)
    send(into, *counters)
    assert missing(into) == (lost, lost)


def test_a_frame_that_is_ignored_came_too() -> None:
    into = pipeline(RADIO, devices=[RegisteredDevice(EUI)])
    send(into, 1, 2)
    into.process(uplink(fCnt=3, data=b""), NOW_MS + 5 * MINUTE_MS)
    into.process(uplink(fCnt=4, ph=8.5, data=b"\4"), NOW_MS + 6 * MINUTE_MS)
    assert missing(into) == (0, 0)


def test_readings_with_numbers_of_their_own_are_counted_by_those() -> None:
    into = pipeline(NUMBERED)
    for number, counter in ((1, 10), (2, 20), (4, 30)):
        into.process(uplink(fCnt=counter, n=number, ph=number, data=bytes([number])), NOW_MS + number * MINUTE_MS)
    assert missing(into) == (1, 1)
