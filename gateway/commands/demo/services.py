"""Mosquitto, InfluxDB and VictoriaMetrics as child processes on loopback: for ``gateway demo`` and for the tests.

Each service keeps its configuration, data and log in a folder of the caller's. It can be stopped, killed or paused and
started again on the same port with the same data. The kernel kills it when the thread that started it ends, so nothing
is left running even when this process is killed outright: start services from a thread that outlives them.
"""

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from gateway.admin.broker.configuration import province_conf

CHECKOUT = Path(__file__).resolve().parents[3]
DEBIAN_PACKAGES = {
    "mosquitto": "mosquitto",
    "influxd": "influxdb",
    "victoria-metrics": "victoria-metrics",
    "prometheus-alertmanager": "prometheus-alertmanager",
}

# Below the kernel's range for outgoing connections (32768 and up): there, a client that reconnects to a service
# which is down could be given the service's own port, and keep it.
PORTS = range(10_000, 32_000)

_LOOPBACK = "127.0.0.1"
PROBE_TIMEOUT_S = 0.5
MQTT_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"  # 3.1.1, clean session, no client id
MQTT_CONNACK = b"\x20\x02\x00\x00"  # accepted


class ProgramMissing(Exception):  # noqa: N818 - it reads as the sentence it carries
    """A program is not installed; the text says what to do, for people."""

    def __init__(self, name: str) -> None:
        package = DEBIAN_PACKAGES.get(name, name)
        super().__init__(
            f"The program {name} is missing. Run `make setup` in the checkout, or install the Debian package"
            f" {package} (sudo apt-get install {package})."
        )


class ServiceFailed(Exception):  # noqa: N818 - as above
    """A service did not start or ended by itself; the text carries the end of its log."""


@dataclass(frozen=True)
class Program:
    """An executable, with the folders of its shared libraries."""

    path: Path
    libraries: tuple[Path, ...] = ()


def find_program(name: str) -> Path:
    """The path of a program; raises ProgramMissing."""
    return _program(name).path


def free_port(host: str = _LOOPBACK) -> int:
    """Return a port of ``host`` (IPv4 or IPv6 loopback) that nothing listens on and no outgoing connection will take.

    It is claimed until this process ends: a service takes seconds to listen on a busy machine, and another process that looks
    for a port meanwhile must not find the same one.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(100):
        port = secrets.choice(PORTS)
        if port in _claimed():
            continue
        with closing(socket.socket(family)) as probe:
            try:
                probe.bind((host, port))
                fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            except OSError:
                continue
            _claimed().add(port)
            return port
    raise ServiceFailed(f"No free port between {PORTS.start} and {PORTS.stop} on {host}.")


@cache
def _claimed() -> set[int]:
    """The ports that this process has claimed: a lock keeps out other processes, and not the one that holds it."""
    return set()


@cache
def _claims() -> int:
    """Open the file whose bytes stand for ports: a lock on a byte claims that port, and ends with the process."""
    path = Path(tempfile.gettempdir()) / f"province-gateway-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


@dataclass
class Service:
    """One child process. ``answers`` tells whether it serves; it may be called many times."""

    name: str
    host: str
    port: int
    folder: Path
    url: str
    program: Program
    arguments: list[str]
    answers: Callable[[], bool]
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """The output of the program, over all its starts."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process; returns at once (see wait_ready)."""
        if self.pid is not None:
            return
        environment = dict(os.environ)
        if self.program.libraries:
            environment["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, self.program.libraries))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a program that was looked up, no shell
                [*dies_with_parent(), str(self.program.path), *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the parent, which stops its services in order
            )

    def wait_ready(self, within_s: float = 20.0) -> None:
        """Return once it answers; raises ServiceFailed when it ends first or takes longer."""
        deadline = time.monotonic() + within_s
        while not self.answers() and self.pid is not None:
            if time.monotonic() > deadline:
                raise ServiceFailed(
                    f"{self.name} did not answer at {self.url} within {within_s:g} s.\n{self._last_log_lines()}"
                )
            time.sleep(0.01)
        if self.pid is None:  # even if something answered: then it was another program, on its port
            raise ServiceFailed(f"{self.name} ended while starting.\n{self._last_log_lines()}")

    def stop(self, within_s: float = 10.0) -> None:
        """End it in order, so that it saves its data; SIGKILL after ``within_s``."""
        self._signal(signal.SIGTERM, signal.SIGCONT)
        try:
            self._reap(within_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, as a power cut would; returns when the process is gone."""
        self._signal(signal.SIGKILL)
        self._reap(None)

    def pause(self) -> None:
        """Let it hang: connections stay open, nothing is answered. Returns when all its threads stand still."""
        self._signal(signal.SIGSTOP)
        if self._process is not None:
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Continue after a pause."""
        self._signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.kill)
            self.start()
            self.wait_ready()
            undo.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _signal(self, *signals: signal.Signals) -> None:
        if self._process is not None:
            for number in signals:
                self._process.send_signal(number)

    def _reap(self, within_s: float | None) -> None:
        if self._process is not None:
            self._process.wait(within_s)
            self._process = None

    def _last_log_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([f"The end of {self.log}:", *lines[-15:]])


def mosquitto(folder: Path, *, tuned: bool = True, port: int | None = None, ipv6: bool = False) -> Service:
    """An MQTT broker without access control; ``tuned`` as in a deployment, else with Mosquitto's own defaults."""
    host = "::1" if ipv6 else _LOOPBACK
    port = port or free_port(host)
    data = made(folder / "mosquitto-data")
    written = _write(
        folder / "mosquitto.conf",
        *([province_conf()] if tuned else ["persistence true"]),
        f"persistence_location {data}/",
        "user root",  # stays who it is: changing the user would also undo that it ends with its parent
        f"listener {port} {host}",
        "allow_anonymous true",
    )
    arguments = ["-c", str(written)]
    url = f"mqtt://{_in_url(host)}:{port}"
    return Service("mosquitto", host, port, folder, url, _program("mosquitto"), arguments, lambda: _lets_in(host, port))


def influxdb(folder: Path, *, port: int | None = None, database: str = "iot", ipv6: bool = False) -> Service:
    """InfluxDB 1 with ``database`` in it and no users."""
    host = "::1" if ipv6 else _LOOPBACK
    port = port or free_port(host)
    data = made(folder / "influxdb-data")
    written = _write(
        folder / "influxdb.conf",
        "reporting-disabled = true",
        f'bind-address = "{_in_url(host)}:0"',  # its backup service, which would want port 8088
        f'[meta]\ndir = "{data}/meta"',
        f'[data]\ndir = "{data}/data"\nwal-dir = "{data}/wal"\nquery-log-enabled = false',
        f'[http]\nbind-address = "{_in_url(host)}:{port}"\nlog-enabled = false',
    )
    create = "/query?q=" + quote(f'CREATE DATABASE "{database}"')
    steps = {("GET", "/ping"): 204, ("POST", create): 200}
    return over_http("influxdb", "influxd", folder, port, ["-config", str(written)], steps, host)


def victoria_metrics(folder: Path, *, port: int | None = None, args: Iterable[str] = ()) -> Service:
    """A single-node VictoriaMetrics; ``args`` are further command-line flags."""
    port = port or free_port()
    data = made(folder / "victoria-metrics-data")
    arguments = [f"-storageDataPath={data}", f"-httpListenAddr={_LOOPBACK}:{port}", *args]
    return over_http("victoria-metrics", "victoria-metrics", folder, port, arguments, {("GET", "/health"): 200})


def over_http(
    name: str,
    program: str,
    folder: Path,
    port: int,
    arguments: list[str],
    ready: Mapping[tuple[str, str], int],
    host: str = _LOOPBACK,
) -> Service:
    """A service spoken to over HTTP; ``ready``: method and target of requests → their status once it serves, in order."""

    def answers() -> bool:
        return all(_status(host, port, *request) == status for request, status in ready.items())

    return Service(name, host, port, folder, f"http://{_in_url(host)}:{port}", _program(program), arguments, answers)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _program(name: str) -> Program:
    """Unpacked packages first (GATEWAY_PARTS, then the checkout's), then what is installed."""
    parts = [Path(os.environ[key]) for key in ("GATEWAY_PARTS",) if os.environ.get(key)]
    for root in (*parts, CHECKOUT / ".cache" / "parts"):
        for folder in ("usr/bin", "usr/sbin"):
            if os.access(root / folder / name, os.X_OK):
                return Program(root / folder / name, tuple(sorted(root.glob("usr/lib/*-linux-gnu*"))))
    installed = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if installed is None:
        raise ProgramMissing(name)
    return Program(Path(installed))


def dies_with_parent() -> list[str]:
    """A prefix (util-linux, on every Debian) that has the kernel kill the program when its parent ends."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _lets_in(host: str, port: int) -> bool:
    """Tell if an MQTT broker accepts a client."""
    try:
        with socket.create_connection((host, port), timeout=PROBE_TIMEOUT_S) as connection:
            connection.sendall(MQTT_CONNECT)
            return connection.recv(4) == MQTT_CONNACK
    except OSError:
        return False


def _status(host: str, port: int, method: str, target: str) -> int:
    """The status of an HTTP request once it is answered in full, 0 where nothing answers."""
    with closing(HTTPConnection(host, port, timeout=PROBE_TIMEOUT_S)) as connection:
        try:
            connection.request(method, target)
            response = connection.getresponse()
            response.read()  # InfluxDB sends its 200 before it has created a database, the body after
        except (OSError, HTTPException):
            return 0
        return response.status


def made(folder: Path) -> Path:
    """A folder that is there now, its links followed."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path.resolve()
