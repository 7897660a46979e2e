"""Fill an InfluxDB with the readings of many meters, to measure what a report of all of them costs.

``python -m tests.monitoring.reports.make_year --url http://127.0.0.1:8086 --devices 10000 --from 2026-01-01 --days 365`` writes
a point every 15 minutes for each device, and a registry of them to standard output. A year of 10,000 devices is 350 million
points.
"""

import argparse
import gzip
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from urllib.parse import urlsplit

DAY_MS = 86_400_000
EVERY_MS = 900_000
BODY_DEVICES = 250
AREAS = 40


def device_id(number: int) -> str:
    """The name of a meter."""
    return f"meter-{number:05}"


def lines_of(number: int, start_ms: int, first_ms: int) -> Iterator[str]:
    """The points of a meter on one day; it sends at its own second, and draws its own amount."""
    head = f"water,area=a{number % AREAS:02},device={device_id(number)},site=s{number % 7} "
    offset_ms = number * 7919 % EVERY_MS
    per_reading = 1 + number % 50  # litres
    for time_ms in range(start_ms + offset_ms, start_ms + DAY_MS, EVERY_MS):
        liters = number * 1000 + per_reading * ((time_ms - first_ms) // EVERY_MS)
        text = f"{liters // 1000}.{liters % 1000:03}"
        quality = 4 if (time_ms // EVERY_MS + number) % 2003 == 0 else 0
        flow = per_reading * 4 / 1000
        yield f"{head}volume_m3={text},volume_sum_m3={text},flow_m3_h={flow},quality={quality}i {time_ms}"


def write_day(connection: HTTPConnection, target: str, devices: int, start_ms: int, first_ms: int) -> None:
    """Write one day of all devices."""
    for first in range(0, devices, BODY_DEVICES):
        numbers = range(first, min(first + BODY_DEVICES, devices))
        body = "\n".join(line for number in numbers for line in lines_of(number, start_ms, first_ms))
        connection.request("POST", target, gzip.compress(body.encode(), 1), {"Content-Encoding": "gzip"})
        response = connection.getresponse()
        answer = response.read()
        if response.status != 204:
            sys.exit(f"{response.status} {answer.decode(errors='replace')[:200]}")


def fill(url: str, devices: int, days_ms: Sequence[int]) -> None:
    """Write the days of all devices, one after the other."""
    address = urlsplit(url)
    with closing(HTTPConnection(str(address.hostname), address.port, timeout=120.0)) as connection:
        for day, start_ms in enumerate(days_ms, 1):
            write_day(connection, "/write?db=iot&precision=ms", devices, start_ms, days_ms[0])
            sys.stderr.write(f"\rday {day} of {len(days_ms)}{'' if day < len(days_ms) else chr(10)}")


def registry(devices: int) -> Iterator[str]:
    """The lines of ``devices.yaml``."""
    yield "areas:"
    yield from (f"  a{area:02}: Area {area}" for area in range(AREAS))
    yield "devices:"
    for number in range(devices):
        place = f"site: s{number % 7}, domain: water, area: a{number % AREAS:02}, interval: 15min"
        yield f"  - {{id: {device_id(number)}, {place}, serial: '{number:08}'}}"


def main() -> None:
    """Write the days one after the other, and the registry at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8086")
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--from", dest="first", default="2026-01-01")
    parser.add_argument("--days", type=int, default=365)
    options = parser.parse_args()
    first_ms = int(datetime.fromisoformat(options.first).replace(tzinfo=UTC).timestamp() * 1000)
    fill(options.url, options.devices, range(first_ms, first_ms + options.days * DAY_MS, DAY_MS))
    sys.stdout.write("\n".join([*registry(options.devices), ""]))


if __name__ == "__main__":
    main()
