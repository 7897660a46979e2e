"""Meters of makes: their registry, profiles and codecs on disk, and what a network server publishes of them."""

import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from gateway.commands.demo.services import Service
from tests.influx import InfluxRow, query
from tests.system.fleet import connect

PORT = 85
ECHO_CODEC = "function decodeUplink(input) { return {data: {pressure: input.bytes[0] + 256 * input.bytes[1]}}; }"


@dataclass(frozen=True)
class Frame:
    """One radio frame of a pressure meter.

    :ivar time_ms: when the network server received it, the time of its reading.
    """

    device: str
    counter: int
    time_ms: int
    pressure_kpa: int
    port: int = PORT
    battery_pct: int = 92

    @property
    def topic(self) -> str:
        """The topic on which ChirpStack publishes it."""
        return f"application/1/device/{self.device}/event/up"

    @property
    def milesight(self) -> bytes:
        """Return the bytes that an EM500-PP sends on the air."""
        return bytes([1, 0x75, self.battery_pct, 3, 0x7B]) + self.pressure_kpa.to_bytes(2, "little")

    @property
    def two_bytes(self) -> bytes:
        """Return the bytes that the meter of :func:`profile` sends on the air."""
        return self.pressure_kpa.to_bytes(2, "little")

    def payload(self, frame: bytes) -> bytes:
        """Return the payload that ChirpStack publishes."""
        time = datetime.fromtimestamp(self.time_ms / 1000, UTC).isoformat(timespec="milliseconds")
        document = {
            "deviceInfo": {"devEui": self.device},
            "time": time,
            "fCnt": self.counter,
            "fPort": self.port,
            "data": b64encode(frame).decode(),
            "rxInfo": [{"rssi": -97, "snr": 6.5}],
        }
        return json.dumps(document).encode()


class Sender:
    """Publishes frames at a steady rate from a thread of its own; all of them are acknowledged by the broker at its end."""

    def __init__(self, broker: Service, euis: Sequence[str], rate: int) -> None:
        self.sent: list[Frame] = []
        self._euis = euis
        self._rate = rate
        self._start_ms = time.time_ns() // 1_000_000
        self._client = connect(broker, "network-server", clean=False)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="sender")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _work(self) -> None:
        begun_s = time.monotonic()
        last = None
        while not self._stopping.wait(0.02):
            due = int((time.monotonic() - begun_s) * self._rate)
            for n in range(len(self.sent), due):
                self.sent.append(Frame(self._euis[n % len(self._euis)], n, self._start_ms + n, n % 1000))
                last = self._client.publish(self.sent[-1].topic, self.sent[-1].payload(self.sent[-1].two_bytes), qos=1)
        if last is not None:
            last.wait_for_publish(10)


def profile(
    folder: Path,
    name: str,
    codec: str = ECHO_CODEC,
    *,
    port: int = PORT,
    scale: str = "",
    match: str = "",
) -> None:
    """A utility's own profile of a pressure meter whose frames are recognised by their port, and its codec."""
    profiles = folder / "profiles"
    profiles.mkdir(exist_ok=True)
    (profiles / f"{name}.js").write_text(codec, encoding="utf-8")
    example = Frame("0011223344556677", 7, 1_788_422_400_000, 312, port)
    (profiles / f"{name}.yaml").write_text(
        f"""
profile: {name}
match: {match or f"{{envelope: lorawan, when: {{/port: [{port}]}}}}"}
codec: {name}.js
points:
  - measurement: water
    fields:
      pressure_kpa: {{path: /codec/pressure{scale}}}
tests:
  - topic: {example.topic}
    payload: {example.payload(example.two_bytes).decode()}
    expect: [{{measurement: water, time: "2026-09-03T08:00:00Z", fields: {{pressure_kpa: 312}}}}]
""",
        encoding="utf-8",
    )


def registry(folder: Path, devices: Iterable[Mapping[str, Any]]) -> None:
    """``devices.yaml`` (JSON is YAML)."""
    folder.mkdir(exist_ok=True)
    (folder / "devices.yaml").write_text(json.dumps({"devices": list(devices)}), encoding="utf-8")


def assert_each_frame_stands(influxdb: Service, frames: Iterable[Frame]) -> None:
    """Check that every frame is in InfluxDB with its time and pressure, and nothing else."""
    rows = query(influxdb.url, "iot", "SELECT * FROM water")
    found = {(row["device"], row["time"]): row["pressure_kpa"] for row in rows}
    wanted = {(frame.device, frame.time_ms): frame.pressure_kpa for frame in frames}
    missing = wanted.keys() - found.keys()
    assert not missing, f"{len(missing)} of {len(wanted)} are missing, first {min(missing)}"
    assert found == wanted


def rows_of(influxdb: Service, device: str, measurement: str = "water") -> list[InfluxRow]:
    """All points of a device, oldest first."""
    return query(influxdb.url, "iot", f"SELECT * FROM {measurement} WHERE device = '{device}' ORDER BY time")  # noqa: S608 - names of ours
