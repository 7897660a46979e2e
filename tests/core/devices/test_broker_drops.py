"""Messages that never reached the gateway: what the broker's count says, and gaps in many sequences at once."""

import pytest

from gateway.core.devices.broker_drops import BROKER_DROPPED, BrokerDrops, SequenceGaps
from gateway.core.message import StoredMessage
from schemas.rejects import IgnoreCause
from tests.core.making import NOW_MS, pipeline


@pytest.mark.parametrize(
    ("before", "payload", "retained", "new", "total"),
    [
        pytest.param(None, b"7", True, 0, 7, id="the-first-remembered-count-is-history"),
        pytest.param(None, b"7", False, 7, 7, id="the-first-live-count-is-of-a-broker-that-just-started"),
        pytest.param(7, b"7", True, 0, 7, id="the-same-again"),
        pytest.param(7, b"12", True, 5, 12, id="more-while-the-gateway-was-away"),
        pytest.param(7, b"3", False, 3, 3, id="the-broker-started-anew"),
        pytest.param(7, b"many", False, 0, 7, id="no-number"),
        pytest.param(7, b"9" * 5000, False, 0, 7, id="a-number-without-end"),
    ],
)
def test_what_is_new_in_the_brokers_count(
    before: int | None,
    payload: bytes,
    retained: bool,  # noqa: FBT001
    new: int,
    total: int,
) -> None:
    drops = BrokerDrops(before)
    assert drops.told(payload, NOW_MS, retained=retained) == new
    assert (drops.total, drops.dropped) == (total, new)
    assert drops.last_ms == (NOW_MS if new else 0)


def test_the_brokers_count_is_no_reading_and_no_reject() -> None:
    outcome = pipeline().process(StoredMessage(BROKER_DROPPED, b"7"), NOW_MS)
    assert (outcome.ignored, outcome.refusals, outcome.readings) == (IgnoreCause.STATUS, [], [])


def gaps_of(devices: int, with_gaps: int) -> tuple[int, int] | None:
    """Return the report after each of so many devices sent reading 0 and some sent reading 3 next."""
    found = pipeline()
    for number in range(devices):
        for seq in (0, 3 if number < with_gaps else 1):
            topic = f"iot/v1/site/water/m{number}/readings"
            found.process(StoredMessage(topic, b'{"seq": %d, "flow_m3_h": %d}' % (seq, seq)), NOW_MS + seq)
    return found.evaluator.gaps.look(found.streams.devices.values(), NOW_MS + 1000)


@pytest.mark.parametrize(
    ("devices", "with_gaps", "told"),
    [
        pytest.param(20, 15, (15, 30), id="most"),
        pytest.param(20, 10, (10, 20), id="half"),
        pytest.param(40, 15, None, id="few-of-many"),
        pytest.param(9, 9, None, id="too-few-to-tell"),
        pytest.param(20, 0, None, id="none"),
    ],
)
def test_gaps_in_half_of_all_devices_at_once_are_told(devices: int, with_gaps: int, told: tuple[int, int] | None) -> None:
    assert gaps_of(devices, with_gaps) == told


def test_gaps_of_earlier_minutes_are_forgotten() -> None:
    gaps = SequenceGaps()
    for number in range(9):
        gaps.note(f"m{number}", 1)
    assert gaps.look([], NOW_MS) is None
    gaps.note("m9", 1)
    assert gaps.look([], NOW_MS + 600_000) is None


@pytest.mark.parametrize(("later_ms", "told"), [(119_000, (10, 15)), (181_000, None)])
def test_gaps_of_two_minutes_count_together(later_ms: int, told: tuple[int, int] | None) -> None:
    gaps, began_ms = SequenceGaps(), NOW_MS - NOW_MS % 60_000
    for number in range(5):
        gaps.note(f"m{number}", 1)
    assert gaps.look([], began_ms) is None
    for number in range(5, 10):
        gaps.note(f"m{number}", 2)
    assert gaps.look([], began_ms + later_ms) == told
    assert gaps.look([], began_ms + later_ms) is None, "nothing new"
