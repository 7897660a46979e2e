"""Wake-ups: CPU and delay of evenly spaced readings, over each kind of link to the broker. A part of ``--compare``.

Between two writes a gateway need not be woken. A broker decides with Nagle's algorithm when it sends small packets, and TLS and
a slow link when they arrive, so each is measured.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.commands.demo.services import Service, free_port, mosquitto
from tests.campaigns.bench.children import Plan, door, gateway
from tests.campaigns.bench.latency import meet_devices, run
from tests.campaigns.rig.link import Link
from tests.system.brokers import Authority

_LINK_DELAY_S = 0.01
_LINK_LOSS = 0.01


@dataclass(frozen=True)
class Way:
    """A way from the broker to the gateway: its URL, and for TLS the authority that the gateway believes."""

    broker: Service
    url: str
    authority: Path | None = None


def once(plan: Plan) -> dict[str, float]:
    """CPU, median and 99th percentile of the delay of a reading in µs, for each kind of link and rate."""
    found: dict[str, float] = {}
    for kind, (way, rates) in _WAYS.items():
        folder = plan.fresh("wakes")
        with ExitStack() as running:
            opened = running.enter_context(way(folder))
            stub = running.enter_context(door(folder))
            consumer = running.enter_context(gateway(folder, opened.url, stub.url, tree=plan.tree, authority=opened.authority))
            meet_devices(opened.broker)
            for rate, seconds in rates.items():
                made = run(opened.broker, stub, consumer, (rate, seconds))
                name = f"{kind}, {rate:,}/s"
                found[f"{name}: CPU"] = made.cpu_us
                found[f"{name}: p50"] = made.percentile_ms(50) * 1000
                found[f"{name}: p99"] = made.percentile_ms(99) * 1000
    return found


@contextmanager
def _plain(folder: Path, *lines: str) -> Iterator[Way]:
    """A broker as Debian ships it, with further lines in its configuration."""
    service = mosquitto(folder, tuned=False)
    with (folder / "mosquitto.conf").open("a", encoding="utf-8") as configuration:
        configuration.writelines(f"{line}\n" for line in lines)
    with service as broker:
        yield Way(broker, broker.url)


@contextmanager
def _without_nagle(folder: Path) -> Iterator[Way]:
    with _plain(folder, "set_tcp_nodelay true") as way:
        yield way


@contextmanager
def _tls(folder: Path) -> Iterator[Way]:
    authority, port = Authority(folder / "authority"), free_port()
    certificate, key = authority.issue("broker")
    lines = [f"listener {port} 127.0.0.1", f"cafile {authority.certificate}", f"certfile {certificate}", f"keyfile {key}"]
    with _plain(folder, *lines) as way:
        yield Way(way.broker, f"mqtts://127.0.0.1:{port}", authority.certificate)


@contextmanager
def _slow_link(folder: Path) -> Iterator[Way]:
    with _plain(folder) as way, Link(way.broker) as link:
        link.delay(_LINK_DELAY_S)
        link.lose(_LINK_LOSS, seed=1)
        yield Way(way.broker, link.url("mqtt"))


_WAYS: dict[str, tuple[Callable[[Path], AbstractContextManager[Way]], dict[int, float]]] = {
    "untouched broker": (_plain, {1000: 2.0, 5000: 1.5, 100: 2.0, 10: 3.0}),
    "set_tcp_nodelay": (_without_nagle, {1000: 2.0}),
    "TLS": (_tls, {1000: 2.0, 5000: 1.5}),
    "20 ms, 1 % loss": (_slow_link, {1000: 2.0}),
}
"""Kind of link → how it is made, and for how many seconds each rate is measured."""
