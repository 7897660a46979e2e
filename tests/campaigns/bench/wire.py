"""The link between a cabinet and its centre: bytes of IP that a reading takes on the way to the database, with and without TLS.

Alone, at rates at which several readings share a write, and as a backlog after the database was away. What it takes to open
the connections is counted with the backlog.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from gateway.commands.demo.services import Service, free_port, mosquitto
from tests.campaigns.bench.children import PYTHON, Plan, cpu_s, gateway, get, paced, pacer, wait_written
from tests.campaigns.bench.figures import Figure
from tests.campaigns.bench.latency import DEVICES, meet_devices
from tests.campaigns.bench.wire_door import Wire
from tests.system.brokers import Authority, listens

_SECONDS: Final = {1: 30.0, 10: 10.0, 100: 5.0, 1000: 5.0}
_WARM_S: Final = 2.0
_BACKLOG_RATE: Final = 1000
_AWAY_S: Final = 20.0
_QUICK_AWAY_S: Final = 5.0
_STILL_S: Final = 2.0
_PATIENCE_S: Final = 60.0


class _Link:
    """The gateway's way to the stand-in of its database, over which what was sent is read."""

    def __init__(self, folder: Path, *, tls: bool) -> None:
        port, self._count_port = free_port(), free_port()
        self.authority = Authority(folder / "authority") if tls else None
        scheme = "http" if self.authority is None else "https"
        files = () if self.authority is None else self.authority.issue("database")
        command = ["-m", "tests.campaigns.bench.wire_door", *map(str, (port, self._count_port, *files))]
        url = f"{scheme}://127.0.0.1:{port}"
        self.door = Service("wire_door", "127.0.0.1", port, folder, url, PYTHON, command, lambda: listens(self._count_port))
        self._counter = Service("count", "127.0.0.1", self._count_port, folder, "", PYTHON, [], lambda: True)

    def taken(self) -> Wire:
        """All that went over it since the door was opened."""
        return Wire(*get(self._counter, "/"))

    def still(self) -> int:
        """The bytes of all that went over it, once nothing goes over it any more."""
        before, now = Wire(), self.taken()
        while now != before:
            time.sleep(_STILL_S)
            before, now = now, self.taken()
        return now.ip_bytes


def measure(plan: Plan) -> list[Figure]:
    """Bytes a reading over the link, and the CPU of the broker before it.

    :raises BenchFault: readings are missing.
    """
    figures: list[Figure] = []
    for tls, how in ((False, "without TLS"), (True, "with TLS")):
        with _running(plan, tls=tls) as (broker, link, consumer):
            figures += _over(plan, broker, link, consumer, how)
    return figures


@contextmanager
def _running(plan: Plan, *, tls: bool) -> Iterator[tuple[Service, _Link, Service]]:
    folder = plan.fresh("wire")
    link = _Link(folder, tls=tls)
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder))
        running.enter_context(link.door)
        authority = None if link.authority is None else link.authority.certificate
        yield broker, link, running.enter_context(gateway(folder, broker.url, link.door.url, authority=authority))


def _over(plan: Plan, broker: Service, link: _Link, consumer: Service, how: str) -> Iterator[Figure]:
    meet_devices(broker)
    written = DEVICES
    yield Figure("wire", f"the first reading of a device, with the question about its sums, {how}", "B", link.still() / DEVICES)
    for rate, seconds in _SECONDS.items():
        written = _sent(broker, consumer, written, rate, _WARM_S)
        before, before_cpu_s = link.taken(), cpu_s(broker)
        total = _sent(broker, consumer, written, rate, seconds / 2 if plan.quick else seconds)
        each_bytes = (link.taken().ip_bytes - before.ip_bytes) / (total - written)
        yield Figure("wire", f"{rate:,}/s, {how}", "B", each_bytes)
        if link.authority is None:
            yield Figure(
                "wire",
                f"Mosquitto: CPU of a message at {rate:,}/s",
                "µs",
                (cpu_s(broker) - before_cpu_s) * 1e6 / (total - written),
            )
        written = total
    link.door.stop()
    waiting = int(paced(pacer(broker.port, _BACKLOG_RATE, _QUICK_AWAY_S if plan.quick else _AWAY_S, DEVICES))["published"])
    link.door.start()
    link.door.wait_ready()
    wait_written(consumer, written + waiting, within_s=_PATIENCE_S)
    plan.say(f"{how}: a backlog of {waiting:,} readings took {link.taken().ip_bytes:,} bytes")
    yield Figure("wire", f"a backlog of {waiting:,}, {how}", "B", link.taken().ip_bytes / waiting)


def _sent(broker: Service, consumer: Service, written: int, rate: int, seconds: float) -> int:
    """Publish at a rate; return how many readings are written in all."""
    sent = int(paced(pacer(broker.port, rate, seconds, DEVICES))["published"])
    wait_written(consumer, written + sent, within_s=_PATIENCE_S)
    time.sleep(0.1)  # the last acknowledgement of TCP
    return written + sent
