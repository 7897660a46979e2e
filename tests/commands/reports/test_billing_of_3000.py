"""A month of 3,000 meters that send each hour, on InfluxDB: sealed within a minute, 40 late corrections exact."""

import csv
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.demo.services import Service
from tests.monitoring.reports.points import DAY, HOUR, START, point
from tests.monitoring.reports.stores import Filled
from tests.system.rig import gateway, run_gateway

METERS = 3000
OCTOBER, NOVEMBER = START + 30 * DAY, START + 61 * DAY
SECONDS_MAX = 60
_AT_ONCE = 200_000


def name(meter: int) -> str:
    return f"m{meter:04d}"


def register(meter: int, time_ms: int) -> float:
    """The register of a meter: 1/8 to 8/8 m3 an hour, so that floats are exact."""
    return 1000 * meter + (time_ms - START) / HOUR * (1 + meter % 8) / 8


def lines() -> Iterator[str]:
    """All meters hourly in September, then at the turn of each day; of some the end of September is not there yet."""
    for meter in range(METERS):
        for time_ms in [*range(START - HOUR, OCTOBER + 2 * HOUR, HOUR), *range(OCTOBER + DAY, NOVEMBER + DAY, DAY)]:
            if meter >= 40 or time_ms < OCTOBER - 10 * DAY or (meter >= 20 and time_ms >= OCTOBER + DAY):
                value = register(meter, time_ms)
                yield point(name(meter), time_ms, value, value)


def late(meter: int) -> list[str]:
    """Readings that come after the month is closed: the rest of ten, less of ten, another course of twenty."""
    if meter < 10:
        return [point(name(meter), t, v := register(meter, t), v) for t in range(OCTOBER - 9 * DAY, NOVEMBER + DAY, DAY)]
    if meter < 20:
        v = register(meter, OCTOBER - 10 * DAY)
        return [point(name(meter), t, v, v) for t in (OCTOBER, NOVEMBER, NOVEMBER + HOUR)]
    v = register(meter, OCTOBER) - meter * 0.125
    return [point(name(meter), OCTOBER, v, v)]


def expected(meter: int) -> Decimal:
    """The correction of September, worked out by hand."""
    rate = Decimal(1 + meter % 8) / 8
    if meter < 10:
        return rate * 24 * 30  # there was no amount before
    if meter < 20:
        return rate * 24 * 20  # it counted for so long, and showed the same from then on
    # Before, the register at the end of September lay on the line from 20 September 23:00 to 2 October 00:00.
    return Decimal(meter) * Decimal("-0.125")


@pytest.fixture
def site(tmp_path: Path, filled: Filled) -> Path:
    """The folder of a utility of 3,000 meters."""
    (tmp_path / "gateway.yaml").write_text(
        f"influxdb: {{url: '{filled.service.url}', api: v1}}\njournal: {{path: data/j.db}}\n"
    )
    devices = "\n".join(
        f"  - {{id: {name(m)}, domain: water, interval: 1h, params: {{contract: HD-{m:05d}}}}}" for m in range(METERS)
    )
    (tmp_path / "devices.yaml").write_text(f"devices:\n{devices}\n")
    batch: list[str] = []
    for line in lines():
        batch.append(line)
        if len(batch) == _AT_ONCE:
            filled.write(batch)
            batch.clear()
    filled.write(batch)
    return tmp_path / "gateway.yaml"


def report(site: Path, *arguments: str) -> list[dict[str, Any]]:
    done = run_gateway("report", *arguments, "--json", "-c", site)
    assert done.returncode == 0, done.stderr
    return [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in done.stdout.splitlines()]


def close(site: Path, month: str) -> float:
    began = time.monotonic()
    done = run_gateway("report", "billing", "--month", month, "--close", "--by", "Lan", "-c", site)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - began


def on_the_page(site: Path, broker: Service, filled: Filled, month: str) -> dict[str, Decimal | None]:
    """The amounts of all devices in the file of the page."""
    with gateway(site.parent, broker.url, filled.service.url, journal={"path": "data/j.db"}) as gate:
        gate.wait_subscribed()
        status, body = gate.ask(f"/billing.csv?month={month}")
    assert status == 200, body
    lines = csv.DictReader(StringIO(body.removeprefix("\ufeff")))
    return {line["device"]: Decimal(line["used"]) if line["used"] else None for line in lines}


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(900)
@pytest.mark.parametrize("filled", ["influxdb"], indirect=True)
def test_a_month_of_3000_meters_is_sealed_in_a_minute_and_corrected_exactly(
    site: Path, filled: Filled, mosquitto: Service
) -> None:
    took_s = close(site, "2026-09")
    print(f"sealed in {took_s:.1f} s")  # noqa: T201 - with -s
    assert took_s < SECONDS_MAX
    sealed = {row["device"]: row["used"] for row in report(site, "billing", "--month", "2026-09")}
    counted = report(site, "consumption", "--from", "2026-09", "--to", "2026-09")
    assert len(sealed) == METERS
    assert sealed == {row["device"]: None if row["cause"] else row["used"] for row in counted}
    assert sum(used is None for used in sealed.values()) == 20
    assert on_the_page(site, mosquitto, filled, "2026-09") == sealed

    filled.write(line for meter in range(40) for line in late(meter))
    rows = report(site, "billing", "--month", "2026-10")
    found = {row["device"]: row["used"] for row in rows if row["kind"] == "correction"}
    assert found == {name(meter): expected(meter) for meter in range(40)}
    again_s = close(site, "2026-10")
    print(f"sealed with 40 corrections in {again_s:.1f} s")  # noqa: T201 - with -s
    assert again_s < SECONDS_MAX
    assert [row for row in report(site, "billing", "--month", "2026-11") if row["kind"] == "correction"] == []
