"""Start: from the start of the process to its SUBSCRIBE. What comes meanwhile must fit into the broker's queue."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from gateway.demo.services import Service
from tests.bench.children import BenchFault, Plan, cpu_s, gateway
from tests.bench.figures import Bar, Baseline, Figure

_CONNACK = b"\x20\x03\x00\x00\x00"  # MQTT 5: accepted, new session, no properties
_SUBSCRIBE = 0x82
_PATIENCE_S = 20.0
_TIMES = 5
_DEVICES = 10_000
_IMPORTS = [sys.executable, "-c", "import aiohttp, pydantic"]
BAR_S = 0.35
REGISTRY_BAR_S = 0.5


def measure(plan: Plan) -> list[Figure]:
    """Seconds to SUBSCRIBE, without a registry and with 10,000 devices, of five starts in a folder where it ran before."""
    figures = []
    for what, text, bar_s in (("", "", BAR_S), (f", {_DEVICES:,} registered devices", registry(), REGISTRY_BAR_S)):
        ours, imports = _starts(plan, what or ", no registry", text)
        baseline = Baseline("import aiohttp, pydantic", median(imports))
        figures.append(Figure("start", f"to SUBSCRIBE, median{what}", "s", median(ours), baseline, Bar(bar_s)))
        figures.append(Figure("start", f"to SUBSCRIBE, least{what}", "s", min(ours), Baseline("import", min(imports))))
    return figures


def once(plan: Plan) -> dict[str, float]:
    """CPU of a start with 10,000 registered devices in µs, to its SUBSCRIBE, in a folder where it ran before."""
    folder = plan.folder / "start-once"
    ran_before = folder.exists()
    folder.mkdir(exist_ok=True)
    with _broker() as broker:
        service = _gateway(plan, folder, broker, registry())
        if not ran_before:
            _start(service, broker)
        return {f"CPU to SUBSCRIBE, {_DEVICES:,} devices": _start(service, broker)[1] * 1e6}


def registry(site: str = "s1") -> str:
    """A registry in which each device has all keys, half of them of a shipped profile."""
    lines = ["areas: {a1: Area}", "devices:"]
    for at in range(_DEVICES):
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


def _starts(plan: Plan, what: str, registry: str) -> tuple[list[float], list[float]]:
    """Seconds of each start, and of the imports alone beside it."""
    ours, imports = [], []
    with _broker() as broker:
        service = _gateway(plan, plan.fresh("start"), broker, registry)
        for at in range(_TIMES + 1):
            began_s = time.perf_counter()
            subprocess.run(_IMPORTS, check=True)
            imports_s = time.perf_counter() - began_s
            start_s, _ = _start(service, broker)
            if at:  # the first one writes byte code and makes the database
                ours.append(start_s)
                imports.append(imports_s)
                plan.say(f"start {at} of {_TIMES}{what}: subscribed after {start_s:.3f} s; the imports alone {imports_s:.3f} s")
    return ours, imports


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
