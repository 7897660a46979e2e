"""The hours in which sums are worked out again: on both databases they are those of the meter, whatever the offset was."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from gateway.core.readings.sums import ToldExchange
from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.boundaries import midnight_ms
from tests.monitoring.reports.points import EVERY, HOUR
from tests.runtime.jobs.closing_rig import SETTLED, ClosingRig, Running

pytestmark = pytest.mark.real

ZONE = "Asia/Ho_Chi_Minh"
START = midnight_ms(date(2026, 10, 24), ZoneInfo(ZONE))
MINUTE = 60_000
EXCHANGED = START + 5 * HOUR + 30 * MINUTE
TOLD = START + 9 * HOUR + 56 * MINUTE
"""Behind the last reading of its hour, so that the sum at the end of it lies between both offsets."""
END = START + 13 * HOUR
AN_HOUR = 1.0


def _register(at_ms: int) -> float:
    """A meter through which 1 m³ flows in an hour, and behind 05:30 the next one, which began with 3 m³."""
    return 1000 + (at_ms - START) / HOUR if at_ms < EXCHANGED else 3 + (at_ms - EXCHANGED) / HOUR


def test_an_exchange_told_late_moves_no_hour_in_which_the_sums_are_worked_out(rig: ClosingRig) -> None:
    device = {"id": "m", "domain": "water", "interval": "15min", "area": "north", "site": "s"}

    async def story(running: Running) -> None:
        processor, closing = running.parts.processing.processor, START + SETTLED
        for at_ms in range(START - HOUR - 7 * MINUTE, END, EVERY):
            running.clock.at_ms = at_ms
            running.receive("m", {"ts": at_ms, "volume_m3": round(_register(at_ms), 6)})
            processor.restore_sums("m", {}, (), ())
            if at_ms < TOLD <= at_ms + EVERY:
                await _tell(running)
            while closing <= at_ms:
                await running.close(closing)
                closing += HOUR

    rig.run(rig.config([device], ZONE), START - HOUR - 7 * MINUTE, story)
    for measurement, figure in (("hourly", "volume_used_m3"), ("hourly_area", "used_m3")):
        names = ["m"] if measurement == "hourly" else [""]
        newest = rig.newest(measurement, figure, TimeSpan(START + 6 * HOUR, END), names) if names == ["m"] else {}
        found = newest.get("m") or _of_area(rig, measurement, figure)
        assert found == {START + hour * HOUR: pytest.approx(AN_HOUR, abs=1e-5) for hour in range(6, 12)}, measurement


async def _tell(running: Running) -> None:
    """Tell of the exchange, and have the sums worked out at once."""
    running.clock.at_ms = TOLD
    device = running.parts.processing.processor.streams.devices["m"]
    assert device.counters is not None
    device.counters.exchange(ToldExchange(None, EXCHANGED, _register(EXCHANGED - 1), 3.0))
    resums = running.parts.watching.resums
    progress = resums.start(device, EXCHANGED)
    await resums._work_out(device, progress)  # noqa: SLF001 - the lane itself has no end
    assert progress.is_done, progress.fault


def _of_area(rig: ClosingRig, measurement: str, figure: str) -> dict[int, float]:
    points = sorted(rig.points(measurement, figure), key=lambda row: row[1])
    return {at // HOUR * HOUR: value for _, at, value in points if at >= START + 6 * HOUR}
