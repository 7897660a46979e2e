"""Readers, whatever they do or leave undone, cost no reading its time, the gateway no memory, and others not the page."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from gateway.commands.demo.services import CHECKOUT, Service
from tests.system.door import Deed, Door, Forward
from tests.system.fleet import Fleet, assert_each_stands_once, client_of, publish_all, wait_settled
from tests.system.rig import Gateway, Slowness, until_more
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/{}/readings"
REJECTS, REJECT_BYTES = 240, 65_536
MEMORY_BYTES = 20 * 2**20
SPAN_S = 2.5
ANSWER_S = 10.0


class Delays:
    """Of the readings of a fleet, from the instant they were published to InfluxDB's door.

    :param devices: how the names of its devices begin.
    """

    def __init__(self, devices: str = "") -> None:
        self._lines = re.compile(rf"^water,(?:[^ ]+,)?device={devices}.* (\d+)$", re.MULTILINE)
        self.taken_s: list[float] = []

    def __call__(self, lines: str) -> Deed:
        """A write came."""
        now_s = time.time()
        self.taken_s += [now_s - int(ts) / 1000 for ts in self._lines.findall(lines)]
        return Forward()

    def p99_s(self, since: int) -> float:
        """The delay that 99 of 100 keep, of all from the ``since``-th on."""
        taken_s = sorted(self.taken_s[since:])
        return taken_s[len(taken_s) * 99 // 100]


@contextmanager
def hostile_readers(gate: Gateway, address: str = "127.0.0.1") -> Iterator[None]:
    """All of :mod:`tests.system.readers`, from one address."""
    command = [sys.executable, "-m", "tests.system.readers", str(gate.port), address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "all are open\n"
            yield
        finally:
            process.kill()


def ask_from(address: str, gate: Gateway, path: str) -> int:
    """The status of an answer that is read in full."""
    with closing(HTTPConnection(gate.host, gate.port, timeout=ANSWER_S, source_address=(address, 0))) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status


def memory_bytes(gate: Gateway, what: str) -> int:
    """``VmRSS`` or, the most since it was forgotten, ``VmHWM``."""
    status = Path(f"/proc/{gate.pid}/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0]) * 1024


def test_readers_that_read_nothing_cost_neither_readings_nor_memory(
    gate_behind_door: Gateway, mosquitto: Service, influxdb: Service, door: Door
) -> None:
    gate, delays = gate_behind_door, Delays()
    with client_of(mosquitto) as client:
        publish_all(client, [(TOPIC.format(f"x{n}"), b"?" * REJECT_BYTES) for n in range(REJECTS)])
    wait_settled(gate, mosquitto)
    assert sum(gate.status()["rejects"].values()) == REJECTS
    door.deed = delays
    with Fleet(mosquitto, rate=200) as fleet:
        until(lambda: len(delays.taken_s) > 200 * SPAN_S)
        calm_p99_s, calm = delays.p99_s(0), len(delays.taken_s)
        before_bytes, slowness = memory_bytes(gate, "VmRSS"), Slowness(gate)
        Path(f"/proc/{gate.pid}/clear_refs").write_text("5")  # forget VmHWM
        with hostile_readers(gate):
            begun = len(delays.taken_s)
            while len(delays.taken_s) < begun + 200 * SPAN_S:
                assert ask_from("127.0.0.2", gate, "/") == 200, "from another machine"
                assert ask_from("127.0.0.2", gate, "/api/rejects") == 200
                until_more(lambda: len(delays.taken_s), 20)
            under_p99_s, limit_s = delays.p99_s(calm), max(2 * calm_p99_s, 0.05) * slowness.times
            assert gate.command("rejects", "show", "1").returncode == 0, "a command of this machine"
            grown_bytes = memory_bytes(gate, "VmHWM") - before_bytes
    wait_settled(gate, mosquitto)
    assert_each_stands_once(influxdb, fleet)
    assert not gate.said("Traceback"), "a reader that leaves is not a fault"
    assert gate.said("HTTP: a connection from 127.0.0.1 was closed"), "and it is told"
    assert grown_bytes <= MEMORY_BYTES, f"{grown_bytes / 2**20:.0f} MiB"
    assert under_p99_s <= limit_s, f"{under_p99_s:.3f} s of {limit_s:.3f} s, {calm_p99_s:.3f} s before"
