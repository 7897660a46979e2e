"""The points of 3,600 devices of a domain that send every 15 minutes: as much of them as the queries of a page read.

Readings of two days, roll-ups by hour of four days, those of areas and by day of 31, months of a year, alarms, health of a
quarter of an hour.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final, NamedTuple

from schemas.quantities import SPREAD_OF, SUM_OF, USED_OF
from tests.grafana.known_points import DAY_MS, HOUR_MS, MINUTE_MS, ZONE_MS

METERS: Final = 3600
AREAS: Final = 20
SITES: Final = 100
_PHASES: Final = ("l1", "l2", "l3")
_MARKS: Final = ",estimated=0.02,measured=0.98,suspect=0"


class _Sent(NamedTuple):
    """The quantities that devices of a domain send.

    :ivar some: gauges of every hundredth device, as tanks and stations of water quality.
    """

    gauges: tuple[str, ...]
    counters: tuple[str, ...]
    states: tuple[str, ...]
    some: tuple[str, ...] = ()
    tags: str = ""


_SENT: Final[Mapping[str, _Sent]] = {
    "water": _Sent(
        ("flow_m3_h", "pressure_kpa"),
        ("volume_m3", "volume_reverse_m3"),
        ("alarm_burst", "alarm_leak"),
        ("chlorine_mg_l", "fill_pct", "level_m", "ph", "turbidity_ntu"),
    ),
    "power": _Sent(
        (
            *("active_power_w", "frequency_hz", "power_factor", "current_n_a"),
            *(f"{name}_{phase}_{unit}" for phase in _PHASES for name, unit in (("voltage", "v"), ("current", "a"))),
            *(f"active_power_{phase}_w" for phase in _PHASES),
        ),
        ("energy_import_kwh", "energy_export_kwh"),
        ("alarm_outage",),
    ),
    "traffic": _Sent(
        ("vehicle_count", "mean_speed_km_h", "occupancy_pct"), (), ("congested",), tags=",direction=in,vehicle_class=car"
    ),
    "urban": _Sent(
        ("pm2_5_ug_m3", "noise_laeq_db"), ("people_in_total",), ("light_on", "parking_occupied"), ("no2_ug_m3", "people_count")
    ),
}


def lines(now_ms: int, domain: str = "water") -> Iterator[str]:
    """The points of all devices."""
    hour_ms, day_ms = now_ms // HOUR_MS * HOUR_MS, (now_ms + ZONE_MS) // DAY_MS * DAY_MS - ZONE_MS
    tags = _SENT[domain].tags
    for n, device in product(range(2 * 96), range(METERS)):
        yield f"{domain},{_tags(device)}{tags} {_reading(domain, device, n)} {now_ms - n * 15 * MINUTE_MS - device * 100}"
    for n, device in product(range(1, 4 * 24), range(METERS)):
        yield f"hourly,{_tags(device)}{tags} {_rolled(domain, device, n)} {hour_ms - n * HOUR_MS}"
    for n in range(1, 31 * 24):
        yield from _of_areas("hourly_area", domain, hour_ms - n * HOUR_MS)
        hour = (hour_ms - n * HOUR_MS + ZONE_MS) // HOUR_MS % 24
        for area in range(AREAS):
            yield f"hour_of_day,area=A{area},domain={domain},hour={hour:02} people_in_used={n}{_MARKS} {hour_ms - n * HOUR_MS}"
    for n in range(1, 32):
        yield from _of_areas("daily_area", domain, day_ms - n * DAY_MS)
        yield from _completeness_of_areas("daily_completeness", domain, 1, day_ms - n * DAY_MS)
        for device in range(METERS):
            yield from _of_day(domain, device, n, day_ms - n * DAY_MS)
    for n, device in product(range(1, 13), range(METERS)):
        time_ms = day_ms - n * 30 * DAY_MS
        if not device:
            yield from _of_areas("monthly_area", domain, time_ms)
            yield from _completeness_of_areas("monthly_completeness", domain, 30, time_ms)
        yield f"monthly,{_tags(device)} {_rolled(domain, device, n)} {time_ms}"
    yield from _of_the_gateway(domain, now_ms)


def _of_day(domain: str, device: int, n: int, time_ms: int) -> Iterator[str]:
    tags = _tags(device)
    more = f",flow_night_min_m3_h={device % 13 / 10}" if domain == "water" else ""
    yield f"daily,{tags}{_SENT[domain].tags} {_rolled(domain, device, n)}{more} {time_ms}"
    outage = f",interruption_s={device % 7},interruptions={device % 2},momentary=0" if domain == "power" else ""
    yield f"completeness,{tags},domain={domain} {_completeness(1)}{outage} {time_ms}"
    if device % 100 == 0 and domain in ("water", "power"):
        yield f"balance,{tags},domain={domain},step=day in=100,out={70 + device % 29},{_flows(domain)}{_MARKS} {time_ms}"


def _of_areas(measurement: str, domain: str, time_ms: int) -> Iterator[str]:
    for area in range(AREAS):
        flows = f",{_flows(domain)}" if domain in ("water", "power") else ""
        fields = f"{_rolled(domain, area, 0)}{flows},devices=150,uncovered=0"
        yield f"{measurement},area=A{area},domain={domain} {fields} {time_ms}"


def _flows(domain: str) -> str:
    unit = {"water": "m3", "power": "kwh"}[domain]
    return f"lost_{unit}=20,produced_{unit}=3,supplied_{unit}=100,used_{unit}=80"


def _completeness_of_areas(measurement: str, domain: str, days: int, time_ms: int) -> Iterator[str]:
    outage = ",customers=149,interruption_s=450,interruptions=75,momentary=0" if domain == "power" else ""
    for area in range(AREAS):
        yield f"{measurement},area=A{area},domain={domain} {_completeness(days)},devices=150{outage} {time_ms}"


def _of_the_gateway(domain: str, now_ms: int) -> Iterator[str]:
    for n, device in product(range(15), range(METERS)):
        fields = f"clock_offset_s=1.5,seq_missing=0,silence_s={device % 900},up={_is(device % 50)}"
        yield f"device_health,{_tags(device)} {fields} {now_ms - n * MINUTE_MS}"
    for device in range(METERS):
        place = f"interval_s=900,lat={10 + device / METERS},lon={105 + device % SITES / SITES},value=1"
        yield f"registry,{_tags(device)} {place} {now_ms - 20 * MINUTE_MS}"
    for n, device in product(range(24 * 12), range(0, METERS, 50)):
        fields = f"acknowledged=false,active=true,silenced=false,since_ms={now_ms - DAY_MS},value=1"
        tags = f"alarm=device_silent,{_tags(device)},domain={domain},severity=warning"
        yield f"alarm,{tags} {fields} {now_ms - n * 5 * MINUTE_MS}"


def _tags(device: int) -> str:
    return f"area=A{device % AREAS},device=w-{device},site=site-{device % SITES}"


def _is(value: int) -> str:
    return str(bool(value)).lower()


def _completeness(days: int) -> str:
    return f"estimated=0,expected={96 * days},longest_gap_s=900,on_time={95 * days},received={95 * days},suspect=0"


def _sent_gauges(domain: str, device: int) -> tuple[str, ...]:
    sent = _SENT[domain]
    return (*sent.gauges, *(sent.some if device % 100 == 1 else ()))


def _reading(domain: str, device: int, n: int) -> str:
    sent, total = _SENT[domain], 1000 + (192 - n) / 4
    states = "".join(f"{state}={_is(device % 500 == 0)}," for state in sent.states)
    gauges = "".join(f"{gauge}={device % 7 + n / 96:.3f}," for gauge in _sent_gauges(domain, device))
    counters = "".join(f"{counter}={total},{SUM_OF[counter]}={total}," for counter in sent.counters)
    return f"{states}{gauges}{counters}quality=0i"


def _rolled(domain: str, device: int, n: int) -> str:
    spreads = [f"{end}={n % 5 + device % 7}" for gauge in _sent_gauges(domain, device) for end in SPREAD_OF[domain][gauge]]
    used = [f"{USED_OF[counter]}={1 + n % 3}" for counter in _SENT[domain].counters]
    unbalance = ["current_unbalance_pct=3", "voltage_unbalance_pct=1"] if domain == "power" else []
    return ",".join([*spreads, *used, *unbalance]) + _MARKS
