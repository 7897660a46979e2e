"""Points as devices and the gateway write them, few and known: the dashboards are asked over them, in two databases and here.

They end at an odd time of a day, so that no interval begins or ends with the time shown.
"""

import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from gateway.commands.demo.services import Service
from grafana.points import MEASUREMENTS
from schemas.quantities import DOMAINS, HEALTH, QUANTITIES, SPREAD_OF, SUM_OF, USED_OF, Kind

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
ZONE_MS: Final = 7 * HOUR_MS

ON_THE_CLOCK: Final = 2
"""The device of each domain whose readings have the times at which intervals begin, as those of data loggers do."""

Value = float | bool


@dataclass(frozen=True)
class KnownPoint:
    """A point; ``time_ms`` of a point about a period is its beginning."""

    measurement: str
    tags: Mapping[str, str]
    time_ms: int
    fields: Mapping[str, Value]

    def line(self, later_ms: int = 0, more: float = 0.0) -> str:
        """The point as a line; ``more`` is added to its numbers."""
        tags = "".join(f",{tag}={text}" for tag, text in sorted(self.tags.items()))
        fields = ",".join(f"{field}={_written(field, value, more)}" for field, value in self.fields.items())
        return f"{self.measurement}{tags} {fields} {self.time_ms + later_ms}"


def _written(field: str, value: Value, more: float) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{int(value)}i" if field == "quality" else repr(float(value) + more)


PERIODS: Final = (
    *("hour_of_day", "hourly", "hourly_area", "daily", "daily_area", "monthly", "monthly_area"),
    *("completeness", "daily_completeness", "monthly_completeness", "balance"),
)


def known_points(now_ms: int) -> dict[str, list[KnownPoint]]:
    """Three devices a domain at two sites, by measurement in order of time. The second is silent, the third simulated."""
    points: list[KnownPoint] = []
    for place, domain in enumerate(DOMAINS):
        for number in (1, 2, 3):
            tags = _tags(domain, number)
            seed = 10 * place + number
            points += _readings(domain, tags, seed, now_ms)
            points += _rolled(domain, tags, seed, now_ms)
            points += _health(tags, seed, now_ms)
            points += _alarms(domain, tags, seed, now_ms)
            points.append(KnownPoint("event", {**tags, "kind": "exchange"}, now_ms - 7 * HOUR_MS - seed, {"value": 1.0}))
            registered = {"interval_s": 900.0, "lat": 10.0 + seed / 100, "lon": 105.0 + seed / 50, "value": 1.0}
            points.append(KnownPoint("registry", {**tags, "parent": f"{domain}.0"}, now_ms - 20 * MINUTE_MS, registered))
    for hour, kind in ((2, "restart"), (5, "outage"), (9, "restart")):
        happened = {"gateway": "gateway-1", "kind": kind}
        points.append(KnownPoint("event", happened, now_ms - hour * HOUR_MS - 100, {"value": 1.0}))
    for minute in range(30):
        own = {name: float((minute * len(name)) % 13) for name, unit in MEASUREMENTS["gateway"].units.items() if unit}
        fields: dict[str, Value] = {**own, "clock": minute > 1, "mqtt": minute > 2}
        time_ms, gateway = now_ms - minute * MINUTE_MS - 700, {"gateway": "gateway-1"}
        points.append(KnownPoint("gateway", gateway, time_ms, fields))
        points.append(KnownPoint("build", {**gateway, "version": "0.1.0"}, time_ms, {"value": 1.0}))
    points += _hours_of_day(now_ms)
    points += _supplies(now_ms)
    points += _completeness_of_areas(now_ms)
    by_measurement: dict[str, list[KnownPoint]] = defaultdict(list)
    for point in sorted(points, key=lambda point: point.time_ms):
        by_measurement[point.measurement].append(point)
    return by_measurement


def _hours_of_day(now_ms: int) -> Iterator[KnownPoint]:
    """Two areas, for three days."""
    for n in range(1, 72):
        time_ms = now_ms // HOUR_MS * HOUR_MS - n * HOUR_MS
        hour = f"{(time_ms + ZONE_MS) // HOUR_MS % 24:02}"
        for domain, fields in {"traffic": ["vehicle_count_mean"], "urban": ["people_in_used", "people_out_used"]}.items():
            for area in ("A0", "A1"):
                tags = {"area": area, "domain": domain, "hour": hour}
                yield KnownPoint("hour_of_day", tags, time_ms, {field: float(n * len(field)) for field in fields} | marks_of(n))


def _supplies(now_ms: int) -> Iterator[KnownPoint]:
    """Three areas, one of them simulated, in the hours, days and months that pages show."""
    hour_ms, day_ms = now_ms // HOUR_MS * HOUR_MS, (now_ms + ZONE_MS) // DAY_MS * DAY_MS - ZONE_MS
    months = ("monthly_area", [day_ms - n * DAY_MS for n in (40, 75)])
    hours = ("hourly_area", [hour_ms - n * HOUR_MS for n in (*range(1, 50), *range(7 * 24 + 1, 8 * 24))])
    days = ("daily_area", [day_ms - n * DAY_MS for n in range(1, 34)])
    for measurement, times in (hours, days, months):
        for n, time_ms in enumerate(times):
            for place, domain in enumerate(("water", "power")):
                for area in ("A0", "A1", "SIM-A"):
                    tags = {"area": area, "domain": domain}
                    flows = _own_marks(_flows_of_area(domain, n + place, len(area)))
                    flows |= {"volume_reverse_used_m3": float(n % 4)} if domain == "water" else {}
                    yield KnownPoint(measurement, tags, time_ms, flows | _gauges_of_area(domain, n + len(area)))
                    figures = {"expected": 2976.0, "received": 2900.0 + n, "on_time": 2800.0, "longest_gap_s": 900.0 * n}
                    if measurement == "monthly_area":
                        yield KnownPoint("monthly_completeness", tags, time_ms, figures)
                    if measurement == "daily_area":
                        outages = {"interruption_s": 70.0 * n, "interruptions": n % 3 + 0.0} if domain == "power" else {}
                        outages |= {"momentary": n % 2 + 0.0, "customers": 7.0} if outages else {}
                        more = {"devices": 9.0 + len(area), **outages}
                        yield KnownPoint("daily_completeness", tags, time_ms, figures | more)


def _completeness_of_areas(now_ms: int) -> Iterator[KnownPoint]:
    """Hours and days of areas in which things are counted."""
    hour_ms, day_ms = now_ms // HOUR_MS * HOUR_MS, (now_ms + ZONE_MS) // DAY_MS * DAY_MS - ZONE_MS
    periods = (
        *(("hourly_area", hour_ms - n * HOUR_MS) for n in range(1, 50)),
        *(("daily_area", day_ms - n * DAY_MS) for n in range(1, 34)),
    )
    for (measurement, time_ms), domain, area in product(periods, ("traffic", "urban"), ("A0", "A1", "SIM-A")):
        fields = [USED_OF[row.field] for row in QUANTITIES[domain].values() if row.kind is Kind.COUNTER]
        n = time_ms // HOUR_MS % 23 + len(area)
        values = {field: float(n + len(field)) for field in fields}
        gauges = _gauges_of_area(domain, n)
        yield KnownPoint(measurement, {"area": area, "domain": domain}, time_ms, {**values, **gauges, **marks_of(n)})
    for n, domain, area in product(range(1, 34), ("traffic", "urban"), ("A0", "A1", "SIM-A")):
        figures = {"expected": 288.0, "received": 280.0 - n, "on_time": 270.0 - n, "longest_gap_s": 900.0 * n, "devices": 3.0}
        yield KnownPoint("daily_completeness", {"area": area, "domain": domain}, day_ms - n * DAY_MS, figures)


def _flows_of_area(domain: str, n: int, letters: int) -> dict[str, Value]:
    """Flows of an area, and its marks. In some periods nothing is used, some losses and supplies are not measured."""
    unit = {"water": "m3", "power": "kwh"}[domain]
    flows: dict[str, Value] = {f"used_{unit}": 40.0 + n % 7 if n % 5 else 0.0} if n % 9 else {}
    flows |= {f"supplied_{unit}": 50.0 + n} if (n + letters) % 8 else {}
    flows |= {f"lost_{unit}": 10.0 + n - n % 7 - letters} if n % 6 and f"supplied_{unit}" in flows else {}
    flows |= {"produced_kwh": float(n % 3)} if domain == "power" else {}
    return flows | marks_of(n + letters)


def _gauges_of_area(domain: str, n: int) -> dict[str, Value]:
    """The lowest, mean and highest of each gauge."""
    return {name: 100.0 + n + len(name) for spread in SPREAD_OF[domain].values() for name in spread}


def _own_marks(flows: Mapping[str, Value]) -> dict[str, Value]:
    """The same with marks of its own for what was used and for what was supplied, where they are known."""
    words = {name.partition("_")[0] for name in flows} & {"used", "supplied"}
    marks = [name for name in ("estimated", "suspect", "measured") if name in flows]
    return {**flows, **{f"{word}_{name}": float(flows[name]) / len(word) for word in words for name in marks}}


def marks_of(n: int) -> dict[str, Value]:
    """Marks of every kind, and now and then none: points of an older gateway have none."""
    return {"estimated": n % 4 / 8, "suspect": float(n % 3 == 0), "measured": 1.0 - n % 5 / 10} if n % 11 else {}


def _tags(domain: str, number: int) -> dict[str, str]:
    name = f"{'sim-' if number == 3 else ''}{domain}.{number}"
    return {"area": f"A{number % 2}", "device": name, "site": f"site.{number % 2}"}


def _readings(domain: str, tags: Mapping[str, str], seed: int, now_ms: int) -> Iterator[KnownPoint]:
    """Thirty hours, a reading every forty minutes; in traffic one on each of two lanes. One device measures on the clock."""
    lanes: Sequence[Mapping[str, str]] = ({},)
    if domain == "traffic":
        lanes = ({"lane": "1", "direction": "in", "vehicle_class": "car"}, {"lane": "2", "direction": "out"})
    for lane, more in enumerate(lanes):
        for n in range(45):
            time_ms = now_ms - n * 40 * MINUTE_MS - (seed + lane) * 1000
            time_ms -= time_ms % (10 * MINUTE_MS) if seed % 10 == ON_THE_CLOCK else 0
            yield KnownPoint(domain, {**tags, **more}, time_ms, _fields(domain, seed + lane, 45 - n) | {"quality": n % 9})


def _fields(domain: str, seed: int, n: int) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    for field, row in QUANTITIES[domain].items():
        if row.kind is Kind.STATE:
            fields[field] = (n + seed) % 3 != 0
        elif row.kind is Kind.COUNTER:
            fields[field] = 1000.0 + n * seed if n < 40 else n * seed  # reset to zero on the way
            if field in SUM_OF:
                fields[SUM_OF[field]] = 1000.0 + n * seed
        else:
            fields[field] = row.minimum + (row.maximum - row.minimum) * ((7 * n + 13 * seed) % 101) / 101
    return fields


def _rolled(domain: str, tags: Mapping[str, str], seed: int, now_ms: int) -> Iterator[KnownPoint]:
    hour_ms = now_ms // HOUR_MS * HOUR_MS
    day_ms = (now_ms + ZONE_MS) // DAY_MS * DAY_MS - ZONE_MS
    used = [USED_OF[field] for field, row in QUANTITIES[domain].items() if row.kind is Kind.COUNTER]
    spreads = [name for names in SPREAD_OF[domain].values() for name in names]
    spreads += ["voltage_unbalance_pct", "current_unbalance_pct"] if domain == "power" else []

    def point(measurement: str, time_ms: int, n: int, fields: Sequence[str]) -> KnownPoint:
        values = {field: float(seed * 100 + n + len(field)) for field in fields}
        values |= {name: 0.0 for name in values if name == "volume_reverse_used_m3" and n % 2}
        return KnownPoint(measurement, tags, time_ms, {**values, **marks_of(n + seed)})

    for n in (*range(1, 30), *range(7 * 24 + 1, 7 * 24 + 9)):
        yield point("hourly", hour_ms - n * HOUR_MS, n, [*used, *spreads])
    for n in range(1, 34):
        time_ms = day_ms - n * DAY_MS
        yield point("daily", time_ms, n, [*used, *spreads, "flow_night_min_m3_h", "outage_s"])
        expected = {"expected": 96.0, "missing": float(n % 7), "received": 96.0 - n % 7, "on_time": 90.0 - seed % 3}
        more = {"estimated": float(n % 2), "suspect": float(seed % 2), "longest_gap_s": 900.0 * n, "interval_s": 900.0}
        if domain == "power" and seed % 10 != 2:
            more |= {"interruption_s": 60.0 * n, "interruptions": float(n % 2), "momentary": float(n % 3)}
        yield KnownPoint("completeness", {**tags, "domain": domain}, time_ms, expected | more)
        balance = {"in": 100.0 + n, "out": 80.0 + seed, "completeness_in": 1.0, "completeness_out": 0.9}
        flows = _flows_of_area(domain, n, seed) if domain in ("water", "power") else {}
        yield KnownPoint("balance", {**tags, "domain": domain, "step": "day"}, time_ms, {**balance, **flows})
    for n in (40, 75):
        yield point("monthly", day_ms - n * DAY_MS, n, [*used, *spreads])


def _health(tags: Mapping[str, str], seed: int, now_ms: int) -> Iterator[KnownPoint]:
    is_up = not str(tags["device"]).endswith("2")
    for minute in range(12):
        upkeep = {"up": is_up, "silence_s": seed + 60.0 * minute, "clock_offset_s": seed / 10, "seq_missing": float(seed)}
        yield KnownPoint(HEALTH, tags, now_ms - minute * MINUTE_MS - seed, upkeep)
    sent: dict[str, Value] = {
        "battery_pct": float(seed),
        "battery_v": 3.0 + seed / 100,
        "rssi_dbm": -60.0 - seed,
        "snr_db": 1.0,
    }
    yield KnownPoint(HEALTH, tags, now_ms - 5 * HOUR_MS - seed, sent)


def _alarms(domain: str, tags: Mapping[str, str], seed: int, now_ms: int) -> Iterator[KnownPoint]:
    """One alarm that ended an hour ago, and some that are open; the first device is not silent. Some are acknowledged."""
    rules = [
        "outage" if domain == "power" else "pressure_low",
        "voltage_low" if seed % 10 == 1 else "device_silent",
        *(("lamp_failed", "air_quality") if domain == "urban" else ("voltage_high",)),
    ]
    for is_open, rule in enumerate(rules):
        since_ms = now_ms - (3 + seed % 7 + (24 if is_open > 1 else 0)) * HOUR_MS
        alarm = {**tags, "alarm": rule, "domain": domain, "severity": "critical" if is_open > 1 else "warning"}
        state: dict[str, Value] = {"acknowledged": seed % 2 == 0, "silenced": is_open > 1 and seed % 10 == 2}
        state |= {"since_ms": float(since_ms), "value": 1.0}
        begun = {tag: text for tag, text in alarm.items() if tag != "severity"}
        yield KnownPoint("event", {**begun, "kind": "alarm"}, since_ms, {"value": 1.0})
        if state["acknowledged"]:
            known = {**alarm, "kind": "acknowledged", "by": "Lan"}
            yield KnownPoint("event", known, since_ms + HOUR_MS, {"at_ms": float(since_ms + HOUR_MS), "value": 1.0})
        for n in range(0 if is_open else 12, 24):
            yield KnownPoint("alarm", alarm, now_ms - n * 5 * MINUTE_MS - seed, {**state, "active": True})
        if not is_open:
            yield KnownPoint("alarm", alarm, now_ms - HOUR_MS + MINUTE_MS, {**state, "active": False, "duration_s": 7200.0})


def write(service: Service, points: Iterable[KnownPoint]) -> None:
    """Write points and return when they can be asked for.

    VictoriaMetrics gets a first, wrong writing of each period too, and the right one a millisecond behind it.
    """
    lines = []
    for point in points:
        is_twice = service.name == "victoria-metrics" and point.measurement in PERIODS
        lines += [point.line(more=5.0), point.line(later_ms=1)] if is_twice else [point.line()]
    post(service, "/write?db=iot&precision=ms", "\n".join(lines))
    if service.name == "victoria-metrics":
        post(service, "/internal/force_flush", "")


def post(service: Service, path: str, body: str) -> bytes:
    """Send a body and return the answer."""
    request = urllib.request.Request(f"{service.url}{path}", body.encode())  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310 - loopback
        answer: bytes = response.read()
        return answer
