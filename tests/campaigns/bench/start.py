"""Start: from the start of the process to its SUBSCRIBE. What comes meanwhile must fit into the broker's queue."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gateway.commands.demo.services import Service
from tests.campaigns.bench.children import BenchFault, Plan, cpu_s, gateway
from tests.campaigns.bench.contest import GATEWAY, Contest, Samples
from tests.campaigns.bench.figures import Bar, Figure

_CONNACK = b"\x20\x03\x00\x00\x00"  # MQTT 5: accepted, new session, no properties
_SUBSCRIBE = 0x82
_PATIENCE_S = 20.0
DEVICES = 10_000
_IMPORTS = "import aiohttp, pydantic"
_NONE, _MANY = "to SUBSCRIBE, no registry", f"to SUBSCRIBE, {DEVICES:,} registered devices"


def _figures(samples: Samples) -> list[Figure]:
    return [
        samples.figure("start", _NONE, "s", _IMPORTS, Bar(0.35)),
        samples.figure("start", _MANY, "s", _IMPORTS, Bar(0.5)),
    ]


def once(plan: Plan) -> dict[str, float]:
    """CPU of a start with 10,000 registered devices in µs, to its SUBSCRIBE, in a folder where it ran before."""
    folder = plan.folder / "start-once"
    ran_before = folder.exists()
    folder.mkdir(exist_ok=True)
    with _broker() as broker:
        service = _gateway(plan, folder, broker, registry())
        if not ran_before:
            _start(service, broker)
        return {f"CPU to SUBSCRIBE, {DEVICES:,} devices": _start(service, broker)[1] * 1e6}


def registry(site: str = "s1") -> str:
    """A registry in which each device has all keys, half of them of a shipped profile."""
    lines = ["areas: {a1: Area}", "devices:"]
    for at in range(DEVICES):
        lines += [
            f"- id: wm-{at:05d}",
            f"  site: {site}",
            "  domain: water",
            "  area: a1",
            "  serial: SN-1",
            "  interval: 15min",
        ]
        lines += ["  lat: 22.8", "  lon: 104.9", "  installed: 2025-01-01", "  params: {pulse_weight: 0.01}"]
        lines += ["  model: EM300-DI"] if at % 2 else []
    return "\n".join(lines) + "\n"


def _starts(plan: Plan) -> dict[str, float]:
    """Seconds of a start without a registry and of one with 10,000 devices, in folders where it ran before."""
    found = {}
    for name, text in ((_NONE, ""), (_MANY, registry())):
        folder = plan.folder / name
        ran_before = folder.exists()
        folder.mkdir(exist_ok=True)
        with _broker() as broker:
            service = _gateway(plan, folder, broker, text)
            if not ran_before:  # the first one writes byte code and makes the database
                _start(service, broker)
            found[name] = _start(service, broker)[0]
    return found


def _imports(_: Plan) -> dict[str, float]:
    began_s = time.perf_counter()
    subprocess.run([sys.executable, "-c", _IMPORTS], check=True)
    return dict.fromkeys((_NONE, _MANY), time.perf_counter() - began_s)


@contextmanager
def _broker() -> Iterator[socket.socket]:
    """Open a socket that takes connections in place of a broker."""
    with closing(socket.create_server(("127.0.0.1", 0))) as broker:
        broker.settimeout(_PATIENCE_S)
        yield broker


def _gateway(plan: Plan, folder: Path, broker: socket.socket, registry: str) -> Service:
    (folder / "devices.yaml").write_text(registry)
    return gateway(folder, f"mqtt://127.0.0.1:{broker.getsockname()[1]}", "http://127.0.0.1:9", tree=plan.tree)


def _start(service: Service, broker: socket.socket) -> tuple[float, float]:
    """Seconds and CPU seconds from the start of the process to its SUBSCRIBE; the process is stopped then."""
    began_s = time.perf_counter()
    service.start()
    try:
        return _subscribed_s(broker) - began_s, cpu_s(service)
    finally:
        service.stop()


def _subscribed_s(broker: socket.socket) -> float:
    """Return when the SUBSCRIBE of the next client came; no more of a broker is needed here."""
    try:
        connection, _ = broker.accept()
        with closing(connection):
            connection.settimeout(_PATIENCE_S)
            connection.recv(4096)  # CONNECT
            connection.sendall(_CONNACK)
            answer = connection.recv(4096)
            arrived_s = time.perf_counter()
    except TimeoutError:
        raise BenchFault(f"the gateway did not subscribe within {_PATIENCE_S:g} s") from None
    if answer[:1] != bytes([_SUBSCRIBE]):
        raise BenchFault(f"after CONNACK the gateway sent {answer[:20].hex()} and not SUBSCRIBE")
    return arrived_s


CONTEST = Contest({GATEWAY: _starts, _IMPORTS: _imports}, _figures)
