"""The processes of the bench: the gateway, those around it, and the resources that the kernel says a process has used."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gateway.commands.demo.services import CHECKOUT, Program, Service, free_port
from tests.waiting import until

PYTHON = Program(Path(sys.executable))
_ENV = Program(Path("/usr/bin/env"))
_DEFAULTS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True)
class Plan:
    """Settings of a measurement.

    :ivar folder: where data is kept while measuring; on a disk, for the figures of the disk.
    :ivar quick: shorter runs, for a first look.
    :ivar long: the outage of the memory and catch_up parts takes ten minutes; the report is of 10,000 devices.
    :ivar say: tells people how far it is.
    :ivar tree: whose gateway is measured; the brokers and helpers around it are always the checkout's.
    """

    folder: Path
    quick: bool
    long: bool
    say: Callable[[str], None]
    tree: Path = CHECKOUT

    def fresh(self, name: str) -> Path:
        """A new folder."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))


class BenchFault(Exception):  # noqa: N818 - says what it is
    """A measured program that did not do its work, so that its figures mean nothing."""


def gateway(
    folder: Path,
    broker_url: str,
    influxdb_url: str,
    *,
    api: str = "v2",
    settings: Mapping[str, object] = _DEFAULTS,
    tree: Path = CHECKOUT,
    authority: Path | None = None,
) -> Service:
    """The gateway of ``tree`` with the default configuration, but for its addresses and ``settings``.

    It answers once it is subscribed.

    :param authority: who signed the certificates of a broker and a database that speak TLS.
    """
    port = free_port()
    mqtt = settings.get("mqtt", {})
    assert isinstance(mqtt, Mapping)
    config = {
        **settings,
        "mqtt": {**mqtt, "url": broker_url, "tls": {"ca": None if authority is None else str(authority)}},
        "influxdb": {"url": influxdb_url, "api": api, "tls": {"ca": None if authority is None else str(authority)}},
        "journal": {"min_free_bytes": 0},
        "http": {"port": port},
    }
    file = folder / "gateway.yaml"
    file.write_text(json.dumps(config, indent=1), encoding="utf-8")
    # Byte code is there from the first run on, as after an installation.
    environment = [f"PYTHONPATH={tree}", "PYTHONDONTWRITEBYTECODE="]
    arguments = [*environment, sys.executable, "-m", "gateway", "run", "-c", str(file)]
    service = Service("gateway", "127.0.0.1", port, folder, f"http://127.0.0.1:{port}", _ENV, arguments, lambda: False)
    service.answers = lambda: "subscribed to" in printed(service)
    return service


def door(folder: Path) -> Service:
    """The stand-in for InfluxDB (door.py)."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    service = Service(
        "door", "127.0.0.1", port, folder, url, PYTHON, ["-m", "tests.campaigns.bench.door", str(port)], lambda: False
    )
    service.answers = lambda: _answers(service)
    return service


def tap(folder: Path, database: Service, delay_ms: int = 0) -> Service:
    """Start the relay between the gateway and InfluxDB (tap.py), which delays answers by this much."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["-m", "tests.campaigns.bench.tap", *map(str, (port, database.port, delay_ms))]
    service = Service("tap", "127.0.0.1", port, folder, url, PYTHON, command, lambda: False)
    service.answers = lambda: _arrives(service)
    return service


def helper(folder: Path, module: str, *arguments: object) -> Service:
    """A module of the bench that prints ``subscribed`` when it is ready."""
    command = ["-m", f"tests.campaigns.bench.{module}", *map(str, arguments)]
    service = Service(module, "127.0.0.1", 0, folder, "the broker", PYTHON, command, lambda: False)
    service.answers = lambda: "subscribed" in printed(service)
    return service


def printed(service: Service) -> str:
    """All that a process has printed."""
    return service.log.read_text(errors="replace") if service.log.exists() else ""


def pacer(port: int, rate: int, seconds: float, devices: int, first_device: int = 0, sites: int = 1) -> subprocess.Popen[str]:
    """Start the evenly spaced publisher."""
    arguments = [port, rate, seconds, devices, first_device, sites]
    command = [sys.executable, "-m", "tests.campaigns.bench.pacer", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)  # Ctrl-C is for the bench


def paced(process: subprocess.Popen[str], while_it_runs: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Wait for a pacer, calling ``while_it_runs`` about once a second; what it printed.

    :raises BenchFault: it did not publish all.
    """
    try:
        while True:
            try:
                text, _ = process.communicate(timeout=1.0)
                break
            except subprocess.TimeoutExpired:
                while_it_runs()
    finally:
        process.kill()
    if process.returncode:
        raise BenchFault(f"the pacer ended with status {process.returncode}")
    answer: dict[str, float] = json.loads(text)
    return answer


def get(service: Service, path: str, timeout_s: float = 10.0) -> Any:  # noqa: ANN401 - JSON
    """The JSON document at ``path`` of a process's HTTP."""
    with closing(HTTPConnection(service.host, service.port, timeout=timeout_s)) as connection:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())


def _answers(service: Service) -> bool:
    try:
        return bool(get(service, "/ok"))
    except OSError:
        return False


def _arrives(service: Service) -> bool:
    try:
        return bool(get(service, "/arrivals") == [])
    except OSError:
        return False


def wait_written(service: Service, readings: int, within_s: float, every_s: float = 0.02) -> None:
    """Return once a gateway has written so many readings.

    :raises BenchFault: it has not in time, or its ledger does not balance.
    """
    deadline_s = time.monotonic() + within_s
    while (ledger := get(service, "/api/ledger"))["written"] < readings:
        if time.monotonic() > deadline_s:
            raise BenchFault(f"{readings} readings were not written within {within_s:g} s; the gateway's ledger: {ledger}")
        time.sleep(every_s)
    if ledger["written"] != readings or ledger["received"] != readings or ledger["imbalance"]:
        raise BenchFault(f"{readings} readings were sent; the gateway's ledger says {ledger}")


def wait_printed(service: Service, word: str, within_s: float) -> list[str]:
    """The words of the line that begins with ``word``, once the process has printed it."""
    until(lambda: f"\n{word}" in printed(service), within_s, what=f"{service.name} prints {word}: {printed(service)}")
    return next(line for line in printed(service).splitlines() if line.startswith(word)).split()


def pid_of(service: Service) -> int:
    """The id of a process that must be running.

    :raises BenchFault: it is not.
    """
    if service.pid is None:
        raise BenchFault(f"{service.name} ended by itself:\n{printed(service)[-2000:]}")
    return service.pid


def cpu_s(service: Service) -> float:
    """CPU seconds used by a process and its children, by all their threads, user and kernel.

    It is utime + stime of ``/proc``, but in nanoseconds and not in ticks.
    """
    pid = pid_of(service)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return sum(time.clock_gettime(~each << 3 | 2) for each in (pid, *map(int, children)))  # clock_getcpuclockid(3)


def rss_bytes(service: Service) -> int:
    """Resident memory."""
    return int(_field(f"/proc/{pid_of(service)}/status", "VmRSS")) * 1024


def disk_bytes(pid: int | str) -> int:
    """Bytes that a process has had written to disk. On a file system in memory this stays 0."""
    return int(_field(f"/proc/{pid}/io", "write_bytes"))


def _field(file: str, name: str) -> str:
    lines = Path(file).read_text(encoding="ascii").splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))
