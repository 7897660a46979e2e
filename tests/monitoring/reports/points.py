"""Points of water meters, as the gateway writes them."""

from datetime import date
from zoneinfo import ZoneInfo

from gateway.monitoring.reports.boundaries import midnight_ms

EVERY = 15 * 60_000
HOUR = 4 * EVERY
DAY = 24 * HOUR
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
FIRST = date(2026, 9, 1)
START = midnight_ms(FIRST, VIETNAM)


def point(device: str, time_ms: int, register: float, total: float | None, quality: int = 0, tags: str = "") -> str:
    beside = "" if total is None else f",volume_sum_m3={total!r}"
    return f"water,device={device},site=s{tags} volume_m3={register!r}{beside},quality={quality}i {time_ms}"


def steady(device: str, first_ms: int, last_ms: int, per_reading: float = 0.125, tags: str = "") -> list[str]:
    """A meter that counts the same amount in every interval, the sum at ``START`` being 100 when it reads on the quarter."""
    times = range(first_ms, last_ms, EVERY)
    return [point(device, t, v := 100 + (t - START) / EVERY * per_reading, v, tags=tags) for t in times]
