"""A gateway as one writes it in an afternoon: aiomqtt, ``json.loads``, Point objects, batches of 1,000 readings or 200 ms.

``python -m tests.campaigns.bench.plain MQTT_PORT INFLUXDB_URL READINGS [native|chirpstack]``; prints ``done NANOSECONDS`` when
the last one is written. Of the two ways that influxdb-client's own examples show it takes the cheaper one, a list of points to
the synchronous ``write``, in a thread. It acknowledges before it writes, forgets what a write refuses, and checks nothing.
"""

# mypy: disable-error-code="attr-defined, no-untyped-call, no-any-return"
# influxdb-client has no types.

import asyncio
import json
import sys
import time

import aiomqtt
from influxdb_client import InfluxDBClient, Point, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS

_BATCH = 1000
_FLUSH_EVERY_S = 0.2


def native_point(message: aiomqtt.Message) -> Point:
    """The point of a native reading."""
    _, _, site, domain, device, _ = message.topic.value.split("/")
    values = json.loads(message.payload)
    point = Point(domain).tag("site", site).tag("device", device).time(values.pop("ts"), WritePrecision.MS)
    for key, value in values.items():
        point.field(key, value)
    return point


def chirpstack_point(message: aiomqtt.Message) -> Point:
    """The point of an uplink that the network server has decoded."""
    uplink = json.loads(message.payload)
    point = Point("water").tag("device", uplink["deviceInfo"]["devEui"]).time(uplink["time"], WritePrecision.MS)
    for key, field in _PROBE.items():
        point.field(field, uplink["object"][key])
    return point


_PROBE = {"pressure": "pressure_kpa", "temperature": "temperature_c", "level": "level_m"}
_FORMS = {
    "native": ("iot/v1/+/+/+/readings", native_point),
    "chirpstack": ("application/+/device/+/event/up", chirpstack_point),
}


async def run(port: int, url: str, readings: int, form: str = "native") -> None:
    """Write so many readings, then wait to be killed."""
    pattern, to_point = _FORMS[form]
    written = 0
    points: list[Point] = []
    with InfluxDBClient(url, token="", org="none") as influxdb:
        write_api = influxdb.write_api(write_options=SYNCHRONOUS)

        async def flush() -> None:
            nonlocal written
            batch, points[:] = points[:], []
            if not batch:
                return
            await asyncio.to_thread(write_api.write, bucket="iot", record=batch, write_precision=WritePrecision.MS)
            written += len(batch)
            if written == readings:
                _say(f"done {time.perf_counter_ns()}")

        async def flush_regularly() -> None:
            while True:
                await asyncio.sleep(_FLUSH_EVERY_S)
                await flush()

        async with aiomqtt.Client("127.0.0.1", port) as client, asyncio.TaskGroup() as group:
            group.create_task(flush_regularly())
            await client.subscribe(pattern, qos=1)
            _say("subscribed")
            async for message in client.messages:
                points.append(to_point(message))
                if len(points) >= _BATCH:
                    await flush()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:]))
