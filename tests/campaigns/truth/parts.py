"""Broker, databases and gateways as black boxes: child processes on free loopback ports, in folders of the caller's."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import SystemRandom
from typing import Any, Final
from urllib.parse import quote, urlsplit

HOST: Final = "127.0.0.1"
CHECKOUT: Final = Path(__file__).resolve().parents[3]
READY_WITHIN_S: Final = 60.0
CLOCK: Final = "GATEWAY_SCALED_CLOCK"
_PORTS: Final = range(10_000, 32_000)


class Part:
    """A child process that ends with this one."""

    def __init__(self, name: str, folder: Path, command: list[str], answers: Callable[[], bool]) -> None:
        self.name = name
        self.folder = folder
        self._command = command
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None
        self.environment: dict[str, str] = {}

    @property
    def log(self) -> Path:
        """Return what it printed."""
        return self.folder / f"{self.name}.log"

    def start(self, *, waits: bool = True) -> None:
        """Start it; return when it answers, or at once."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=os.environ | self.environment,
            )
        deadline_s = time.monotonic() + READY_WITHIN_S
        while waits and not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"{self.name} does not answer:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)

    def tell_to_end(self, number: int = signal.SIGTERM) -> None:
        """Tell it to end."""
        if self._process is not None:
            self._process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it."""
        self.tell_to_end(number)
        self.wait_ended()

    def wait_ended(self) -> None:
        """Return when it has ended."""
        if self._process is not None:
            try:
                self._process.wait(20.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


class Gateway(Part):
    """``gateway run``, its commands and its HTTP."""

    def __init__(self, folder: Path, broker: str, store: "Store", registry: Mapping[str, Any]) -> None:
        self.port = free_port()
        self.store = store
        data = folder / "data"
        data.mkdir(parents=True)
        (data / "scaled-clock-permitted").touch()
        document = {
            "mqtt": {"url": broker, "client_id": f"gateway-{store.name}"},
            "influxdb": {"url": store.url, "api": "v1", "bucket": "iot"},
            "journal": {"path": "data/journal.db", "min_free_bytes": 0},
            "http": {"port": self.port},
            "language": "en",
        }
        (folder / "gateway.yaml").write_text(json.dumps(document, indent=1))
        (folder / "devices.yaml").write_text(json.dumps(dict(registry), indent=1))  # JSON is YAML
        self.program = [sys.executable, "-m", "gateway"]
        super().__init__(f"gateway-{store.name}", folder, [*self.program, "run", "-c", "gateway.yaml"], self._is_subscribed)
        self.environment = {"PYTHONPATH": str(CHECKOUT)}

    def _is_subscribed(self) -> bool:
        try:
            return bool(json.loads(self.ask("/api/status")[1])["mqtt"]["connected"])
        except (OSError, HTTPException, ValueError, KeyError):
            return False

    def ask(self, path: str, method: str = "GET", body: str | None = None) -> tuple[int, str]:
        """Status and body of a request, with the token of its own machine where something changes."""
        headers = {}
        if method == "POST":
            headers["Authorization"] = f"Bearer {(self.folder / 'data' / 'journal.db.token').read_text().strip()}"
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return fetched(f"http://{HOST}:{self.port}", path, method, body, headers)

    def command(self, *words: str, within_s: float = 900.0) -> str:
        """Return what a command prints to standard output."""
        done = subprocess.run(
            [*self.program, *words, "-c", "gateway.yaml"],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=os.environ | self.environment,
            timeout=within_s,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"gateway {' '.join(words)} ended with {done.returncode}: {done.stderr[-1500:]}")
        return done.stdout


class Store(Part):
    """A database."""

    def __init__(self, name: str, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        folder.mkdir(parents=True)
        is_influxdb = name == "influxdb"
        command = _influxdb(folder, self.port) if is_influxdb else _victoria_metrics(folder, self.port)
        super().__init__(name, folder, command, self._serves)
        self.is_influxdb = is_influxdb

    def _serves(self) -> bool:
        try:
            if self.is_influxdb:
                return fetched(self.url, "/query?q=" + quote('CREATE DATABASE "iot"'), "POST")[0] == 200
            return fetched(self.url, "/health")[0] == 200
        except (OSError, HTTPException):
            return False


class Broker(Part):
    """Mosquitto, without access control, which keeps all that is queued for a gateway."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        folder.mkdir(parents=True)
        lines = [
            "persistence true",
            f"persistence_location {folder}/",
            "user root",
            f"listener {self.port} {HOST}",
            "allow_anonymous true",
            "max_queued_messages 0",
            "max_inflight_messages 1000",
        ]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        super().__init__("mosquitto", folder, [program("mosquitto"), "-c", str(folder / "mosquitto.conf")], self._listens)

    def _listens(self) -> bool:
        try:
            socket.create_connection((HOST, self.port), 0.5).close()
        except OSError:
            return False
        return True


def fetched(
    url: str, path: str, method: str = "GET", body: str | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Status and body of a request."""
    place = urlsplit(url)
    with closing(HTTPConnection(place.hostname or HOST, place.port, timeout=120.0)) as connection:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")


def free_port() -> int:
    """Return a port that nothing listens on."""
    chance = SystemRandom()
    while True:
        port = chance.choice(_PORTS)
        with closing(socket.socket()) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


def program(name: str) -> str:
    """Return the path of a program: of the checkout's unpacked packages first."""
    parts = CHECKOUT / ".cache" / "parts" / "usr"
    found = next((str(parts / folder / name) for folder in ("bin", "sbin") if (parts / folder / name).exists()), None)
    found = found or shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise RuntimeError(f"{name} is missing: run make setup")
    return found


def libraries() -> dict[str, str]:
    """The folders of shared libraries of unpacked packages, as an environment."""
    found = sorted((CHECKOUT / ".cache" / "parts").glob("usr/lib/*-linux-gnu*"))
    return {"LD_LIBRARY_PATH": os.pathsep.join(map(str, found))} if found else {}


def _influxdb(folder: Path, port: int) -> list[str]:
    (folder / "influxdb.conf").write_text(
        f'reporting-disabled = true\nbind-address = "{HOST}:0"\n'
        f'[meta]\ndir = "{folder}/meta"\n[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"\nquery-log-enabled = false\n'
        f'[http]\nbind-address = "{HOST}:{port}"\nlog-enabled = false\n'
    )
    return [program("influxd"), "-config", str(folder / "influxdb.conf")]


def _victoria_metrics(folder: Path, port: int) -> list[str]:
    own = [f"-storageDataPath={folder}/data", f"-httpListenAddr={HOST}:{port}", "-retentionPeriod=100y"]
    return [program("victoria-metrics"), *own]
