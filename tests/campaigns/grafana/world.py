"""The world that is judged: the two days of ``gateway demo`` in both databases, kept, so that a second run is warm."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.commands.demo import services
from gateway.commands.demo.services import CHECKOUT
from tests.campaigns.grafana.points import Point, fill, points, sent
from tests.influx import query
from tests.system.test_system_demo import demo, named

CACHE: Final = CHECKOUT / ".cache" / "grafana-judge"
DEVICES: Final = 120
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
ZONE_MS: Final = 7 * HOUR_MS
SCRAPED_EVERY_S: Final = 15.0
FEWEST_SCRAPES: Final = 8
"""On a quiet machine all is added up before the first; rates need several."""
PATIENCE_S: Final = 1200.0
"""The roll-ups of two days come in minutes, on a machine that has nothing else to do."""
ODD_NAMES: Final = {"area": "Phường 1/2 (mới) T.B", "site": "trạm 1.2/b (cũ)", "device": "sim-1-water-meter-0.1/b (2)"}
"""Tag → a name that a careless query takes for an expression."""
_COLLECTED: Final = "/api/v1/import/prometheus?extra_label=job=gateway&extra_label=instance=demo"
_OF_THE_WORLD: Final = ("firmware_sim", "gateway/commands/demo", "tests/campaigns/grafana/world.py")


@dataclass(frozen=True)
class World:
    """Two databases with the same points, and the time of the last."""

    influxdb: str
    victoria_metrics: str
    end_ms: int

    @property
    def urls(self) -> dict[str, str]:
        """Type of a data source → the database, of those that there are."""
        urls = {"influxdb": self.influxdb, "prometheus": self.victoria_metrics}
        return {kind: url for kind, url in urls.items() if url}


@contextmanager
def kept_world(say: Callable[[str], None], folder: Path = CACHE / "world") -> Iterator[World]:
    """Yield the world, made anew if the simulator is another one than when it was made."""
    note = folder / "made.json"
    wanted = _digest()
    if not note.exists() or json.loads(note.read_text(encoding="utf-8"))["of"] != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        _make(folder, note, wanted, say)
    with ExitStack() as stack:
        influxdb, victoria_metrics = _databases(folder, stack)
        yield World(influxdb, victoria_metrics, json.loads(note.read_text(encoding="utf-8"))["end_ms"])


def _digest() -> str:
    """A digest of what makes the points: the simulator and its story."""
    found = sha256()
    for path in (CHECKOUT / name for name in _OF_THE_WORLD):
        for file in sorted(path.rglob("*.*") if path.is_dir() else [path]):
            if file.suffix in {".py", ".yaml", ".json"}:
                found.update(file.read_bytes())
    return found.hexdigest()


def _databases(folder: Path, stack: ExitStack) -> tuple[str, str]:
    influxdb = stack.enter_context(services.influxdb(services.made(folder / "influxdb")))
    args = ["-retentionPeriod=100y", "-search.maxUniqueTimeseries=1000000"]
    victoria_metrics = stack.enter_context(services.victoria_metrics(services.made(folder / "victoria-metrics"), args=args))
    return influxdb.url, victoria_metrics.url


def _make(folder: Path, note: Path, wanted: str, say: Callable[[str], None]) -> None:
    say(f"The demo of {DEVICES} devices lives for two days, and its figures are added up: some minutes, once ...\n")
    with ExitStack() as stack:
        influxdb, victoria_metrics = _databases(folder, stack)
        with demo(services.made(folder / "demo"), "--devices", f"{DEVICES}") as (process, said):
            page, url = named(said, "Watch it here").strip("/ "), named(said, "InfluxDB").split()[0]
            deadline_s = time.monotonic() + PATIENCE_S
            scrapes = 0
            while scrapes < FEWEST_SCRAPES or not _is_added_up(url):
                if process.poll() is not None or time.monotonic() > deadline_s:
                    raise TimeoutError(f"the demo's roll-ups do not come: {said.read_text()[-500:]}")
                sent(victoria_metrics, f"{_COLLECTED}&timestamp={now_ms()}", _metrics(page))
                scrapes += 1
                time.sleep(SCRAPED_EVERY_S)
            end_ms = now_ms()
            found = list(points(url, end_ms))
        lines = [point.line for point in (*found, *under_odd_names(found))]
        fill(influxdb, lines)
        fill(victoria_metrics, lines)
        sent(victoria_metrics, "/internal/force_flush", "")
    shutil.rmtree(folder / "demo")
    note.write_text(json.dumps({"of": wanted, "end_ms": end_ms}), encoding="utf-8")
    say(f"{len(lines):,} points.\n")


def now_ms() -> int:
    """The time."""
    return time.time_ns() // 1_000_000


def _is_added_up(url: str) -> bool:
    """Tell if all hours but the last two, and yesterday, are closed."""
    today_ms = (now_ms() + ZONE_MS) // DAY_MS * DAY_MS - ZONE_MS
    return _newest_ms(url, "hourly") >= now_ms() - 3 * HOUR_MS and _newest_ms(url, "daily") >= today_ms - DAY_MS


def _newest_ms(url: str, measurement: str) -> int:
    (row,) = query(url, "iot", f'SELECT last("volume_used_m3") FROM "{measurement}"') or [{"time": 0}]  # noqa: S608
    return int(row["time"])


def _metrics(page: str) -> str:
    """The gateway's own metrics, as a Prometheus collects them."""
    address = urlsplit(page)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def under_odd_names(found: Sequence[Point]) -> Iterator[Point]:
    """Yield the points of a water meter and of its area once more, under names with points, slashes and brackets."""
    told = next(point.tags for point in found if point.measurement == "water" and "-water-meter-" in point.tags["device"])
    old = {key: told[key] for key in ODD_NAMES}
    for point in found:
        tags, device = point.tags, point.tags.get("device")
        if device == old["device"] or (device is None and tags.get("area") == old["area"]):
            yield point._replace(tags={key: ODD_NAMES[key] if old.get(key) == text else text for key, text in tags.items()})
