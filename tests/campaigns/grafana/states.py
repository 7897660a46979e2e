"""Twenty states, each a change of a healthy world, for an eye that knows nothing: ``python -m tests.campaigns.grafana.states``.

Each is a database of its own. Taken is the first screen of the dashboard on which an operator would see it, and that of ten
dashboards of the healthy world; pictures have neutral names, and the key lies in a folder of its own.
"""

import argparse
import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.commands.demo import services
from tests.campaigns.grafana.boards import LANGUAGES, Board, described, make
from tests.campaigns.grafana.cases import Values, cases
from tests.campaigns.grafana.driver import judge, picture
from tests.campaigns.grafana.healthy import HOUR_MS, healthy, with_losses
from tests.campaigns.grafana.points import Point, Value, fill, points, sent
from tests.campaigns.grafana.server import serve
from tests.campaigns.grafana.world import CACHE, kept_world

EVERY_MS: Final = 300_000
HEALTHY: Final = (
    "province",
    "water",
    "power",
    "traffic",
    "urban",
    "environment",
    "alarms",
    "completeness",
    "gateway",
    "device",
)


@dataclass(frozen=True)
class Change:
    """A change of points.

    :ivar of: pattern of their measurement; ``device``, ``site`` and ``area`` are parts of their names.
    :ivar fields: pattern of a field → its value; without any the points are left out.
    :ivar hours: so long ago it began.
    """

    of: str
    fields: Mapping[str, Value] = field(default_factory=dict)
    hours: float = 3.5
    device: str = ""
    site: str = ""
    area: str = ""
    lost: float = 0.0

    def on(self, point: Point, end_ms: int) -> Point | None:
        """Apply it to a point; None: the point is left out."""
        meant = self.device in point.tags.get("device", "") and self.site in point.tags.get("site", "")
        meant = meant and self.area in point.tags.get("area", "") and point.time_ms >= end_ms - self.hours * HOUR_MS
        if not meant or not re.fullmatch(self.of, point.measurement):
            return point
        if self.lost:
            return point._replace(fields=with_losses(point.fields, self.lost))
        if not self.fields:
            return None
        new = {name: value for name in point.fields for pattern, value in self.fields.items() if re.fullmatch(pattern, name)}
        return point._replace(fields={**point.fields, **new})


@dataclass(frozen=True)
class Raised:
    """An alarm, at the first devices whose name holds a word, or at a site."""

    alarm: str
    severity: str
    domain: str
    device: str
    count: int = 1
    site: str = ""
    hours: float = 1.5

    def points(self, devices: Sequence[Mapping[str, str]], end_ms: int) -> Iterator[Point]:
        """Yield its points, one in five minutes."""
        there = [tags for tags in devices if self.device in tags["device"] and self.site in tags["site"]][: self.count]
        begin_ms = end_ms - round(self.hours * HOUR_MS)
        for tags in there:
            place = tags if self.device else {key: tags[key] for key in ("area", "site")}
            named = {"alarm": self.alarm, **place, "severity": self.severity}
            named |= {"domain": self.domain} if self.domain else {}
            fields = {"acknowledged": False, "active": True, "silenced": False, "simulated": True, "value": 1.0}
            for time_ms in range(begin_ms, end_ms, EVERY_MS):
                yield Point("alarm", named, {**fields, "since_ms": float(begin_ms)}, time_ms)


@dataclass(frozen=True)
class State:
    """A state, and the dashboard that must show it."""

    name: str
    board: str
    changes: tuple[Change, ...] = ()
    alarms: tuple[Raised, ...] = ()


_ALL: Final = "water|power|traffic|urban|device_health|gateway|build|alarm"
STATES: Final = (
    State("the broker cannot be reached", "gateway", (Change("gateway", {"mqtt": False}, 0.7),)),
    State("the gateway has stopped", "gateway", (Change(_ALL, hours=1.2),)),
    State(
        "a whole site is silent",
        "province",
        (
            Change("device_health", {"up": False, "silence_s": 7200.0}, site="xa-02"),
            Change("water|power|traffic|urban", hours=2.0, site="xa-02"),
        ),
        (
            Raised("site_silent", "critical", "", "", 1, "xa-02"),
            Raised("device_silent", "warning", "water", "water", 14, "xa-02"),
        ),
    ),
    State(
        "leaks at customers",
        "water",
        (Change("water", {"alarm_leak": True}, device="water-meter-001"),),
        (Raised("leak", "warning", "water", "water-meter-001", 3),),
    ),
    State(
        "a burst pipe",
        "water",
        (
            Change("water|hourly", {r"flow(_\w+)?_m3_h": 38.0, r"pressure(_\w+)?_kpa": 70.0}, device="water-district-0002"),
            Change("water", {"alarm_\\w*": True}, 1.5, device="water-district-0002"),
        ),
        (Raised("burst", "critical", "water", "water-district-0002"),),
    ),
    State(
        "too little pressure",
        "water",
        (Change("water|hourly|hourly_area", {r"pressure(_\w+)?_kpa": 55.0}, 5.5, area="xa-01"),),
        (Raised("pressure_low", "warning", "water", "water-district", 2),),
    ),
    State(
        "a tank is empty",
        "water",
        (
            Change("water|hourly", {r"fill(_\w+)?_pct": 4.0, r"level(_\w+)?_m": 0.1}, device="water-reservoir-0006"),
            Change("hourly_area", {"fill_min_pct": 4.0}, area="xa-01"),
        ),
        (Raised("tank_low", "warning", "water", "water-reservoir-0006"),),
    ),
    State(
        "losses of water are high",
        "water",
        (Change("hourly_area|daily_area|monthly_area|balance", hours=90.0, lost=0.52),),
        (Raised("losses_high", "warning", "water", "water-district", 3, hours=9.0),),
    ),
    State(
        "the electricity has failed",
        "power",
        (
            Change(
                "power", {"alarm_outage": True, r"voltage_\w+|current_\w+|active_power\w*": 0.0}, 1.5, "power-house", "xa-01"
            ),
            Change("completeness|daily_completeness", {"interruption_s": 5400.0, "interruptions": 6.0}, 60.0, area="xa-01"),
        ),
        (Raised("outage", "critical", "power", "power-house", 9, "xa-01"),),
    ),
    State(
        "the voltage is too high",
        "power",
        (Change("power|hourly|hourly_area", {r"voltage_l\d(_\w+)?_v": 251.0}, 5.5),),
        (Raised("voltage_high", "warning", "power", "power-house", 7),),
    ),
    State(
        "a phase is missing",
        "power",
        (
            Change("power|hourly", {r"(voltage|current)_l2(_\w+)?_[va]": 0.0}, 3.5, "power-feeder-0002"),
            Change("hourly|daily", {"voltage_unbalance_pct": 60.0, "current_unbalance_pct": 70.0}, 40.0, "power-feeder-0002"),
        ),
        (Raised("phase_lost", "critical", "power", "power-feeder-0002"),),
    ),
    State(
        "roads are congested",
        "traffic",
        (
            Change("traffic", {"congested": True}, device="traffic-road"),
            Change("traffic|hourly", {r"mean_speed(_\w+)?_km_h": 6.0, r"occupancy(_\w+)?_pct": 78.0}, device="traffic"),
        ),
        (Raised("congestion", "info", "traffic", "traffic-road", 6),),
    ),
    State(
        "a register stands still",
        "alarms",
        (),
        (Raised("register_stuck", "warning", "water", "water-meter-002", 4, hours=20.0),),
    ),
    State(
        "the air is bad",
        "environment",
        (Change("urban|hourly|hourly_area", {r"pm2_5(_\w+)?_ug_m3": 168.0, r"pm10(_\w+)?_ug_m3": 240.0}, 6.5),),
        (Raised("air_quality", "warning", "urban", "urban-air", 4, hours=5.0),),
    ),
    State(
        "it rains hard",
        "environment",
        (Change("urban|hourly|hourly_area", {r"rain_interval(_\w+)?_mm": 22.0, "rain_used_mm": 84.0}, 3.5),),
    ),
    State(
        "batteries are low",
        "alarms",
        (Change("device_health", {"battery_low": True, "battery_pct": 6.0, "battery_v": 2.9}, device="water-meter"),),
        (Raised("battery_low", "warning", "water", "water-meter", 12, hours=30.0),),
    ),
    State(
        "many readings are missing",
        "completeness",
        (
            Change(
                "completeness|daily_completeness|monthly_completeness",
                {"received|on_time": 210.0, "missing": 500.0},
                40.0,
                area="xa",
            ),
        ),
        (Raised("completeness_low", "info", "water", "water-meter", 9, hours=9.0),),
    ),
    State("the gateway's clock is in doubt", "gateway", (Change("gateway", {"clock": False}, 2.0),)),
    State(
        "the journal is nearly full",
        "gateway",
        (
            Change("gateway", {"journal|pending": 412_000.0, "full_s": 2_400.0, "oldest_s": 16_000.0}, 4.0),
            Change("gateway", {"used_bytes": 1.02e9, "room_bytes": 5.0e7}, 4.0),
        ),
    ),
    State("a certificate ends soon", "gateway", (Change("gateway", {"certificate_days": 2.0}, 24.0),)),
)


def points_of(state: State | None, found: Sequence[Point], end_ms: int) -> Iterator[Point]:
    """Yield the points of a state; None: of the healthy world."""
    devices = {point.tags["device"]: point.tags for point in found if point.measurement == "registry"}
    for point in found:
        changed: Point | None = point
        for change in state.changes if state else ():
            changed = changed and change.on(changed, end_ms)
        if changed is not None:
            yield changed
    for alarm in state.alarms if state else ():
        yield from alarm.points([devices[name] for name in sorted(devices)], end_ms)


def main(argv: Sequence[str] | None = None) -> int:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.grafana.states", description=__doc__)
    parser.add_argument("--language", choices=LANGUAGES, default="vi", help="of the dashboards (%(default)s)")
    parser.add_argument("--version", choices=("13", "11"), default="13", help="of Grafana's parts (%(default)s)")
    parser.add_argument("--out", type=Path, default=CACHE / "states", metavar="DIR", help="(%(default)s)")
    parser.add_argument("--world", type=Path, default=CACHE / "world", metavar="DIR", help="kept there (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the order of the pictures (%(default)s)")
    options = parser.parse_args(argv)
    with kept_world(lambda text: print(text, end="", file=sys.stderr), options.world) as world:  # noqa: T201 - a command
        found = [well for point in points(world.influxdb, world.end_ms) if (well := healthy(point, world.end_ms))]
    shown: list[tuple[State | None, str]] = [*((state, state.board) for state in STATES), *((None, board) for board in HEALTHY)]
    random.Random(options.seed).shuffle(shown)  # noqa: S311 - an order
    for folder in (options.out / "pictures", options.out / "key"):
        folder.mkdir(parents=True, exist_ok=True)
    key: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="states-") as folder, services.influxdb(Path(folder)) as influxdb:
        made = make("influxdb", options.language, Path(folder) / "made")
        boards = {board.name: board for board in made.boards()}
        databases = {source["uid"]: influxdb.url for source in made.sources()}
        with serve(CACHE / f"v{options.version}" / "bundle", databases) as address, judge(address, options.language) as judged:
            for number, (state, name) in enumerate(shown, 1):
                database = f"state{STATES.index(state)}" if state else "healthy"
                if database not in key.values():
                    sent(influxdb.url, f"/query?q=CREATE%20DATABASE%20{database}", "")
                    fill(influxdb.url, (point.line for point in points_of(state, found, world.end_ms)), database)
                sources = [{**one, "database": database} for one in described(made.sources(), {"influxdb": influxdb.url})]
                job = _job(boards[name], sources, world.end_ms, Values("influxdb", influxdb.url, database))
                with judged.judged(job) as (_, page):
                    picture(page, options.out / "pictures" / f"{number:02}.png", is_whole=False)
                key[f"{number:02}"] = database
                _write_key(options.out, shown[:number])
    return 0


def _job(board: Board, sources: Sequence[Mapping[str, object]], end_ms: int, values: Values) -> dict[str, object]:
    case = next(case for case in cases(board, values) if case.is_pictured)
    span = {"from_ms": end_ms - board.length_ms, "to_ms": end_ms}
    return {"dashboard": board.model, "sources": sources, **span, "variables": case.chosen, "openRows": False}


def _write_key(out: Path, shown: Sequence[tuple[State | None, str]]) -> None:
    told = {
        f"{number:02}": f"{state.name if state else 'all is well'} ({name})" for number, (state, name) in enumerate(shown, 1)
    }
    (out / "key" / "key.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
