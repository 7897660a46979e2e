"""Too much of something, or something slow: the others go on, memory keeps its bound, all recovers."""

import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gateway.commands.demo.services import CHECKOUT, Service
from tests.campaigns.bench import flooder
from tests.system.door import Deed, Door, Forward
from tests.system.fleet import Fleet, assert_each_stands_once, points, wait_settled
from tests.system.rig import Gateway, gateway, until_more
from tests.waiting import until

pytestmark = pytest.mark.real

MEMORY_BYTES = 110 * 2**20
"""More than a gateway holds with memory at its limit of 8 MiB and all Python takes."""


@contextmanager
def flood(broker: Service, kind: str, rate: int, seconds: float) -> Iterator[Callable[[], int]]:
    """A device floods; ``published()`` waits until it has ended and tells how many messages the broker acknowledged."""
    command = [sys.executable, "-m", "tests.campaigns.bench.flooder", *map(str, (broker.port, kind, rate, seconds))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as process:
        try:
            yield lambda: int(process.communicate(timeout=60)[0].split()[1])
        finally:
            process.kill()


class SlowDoor:
    """An InfluxDB that is slow in one of two ways; it records how long readings were under way to it.

    :ivar answer_s: each answer takes so long.
    :ivar reading_s: so long takes each reading, of all writes together.
    :ivar delays_s: of the readings of the fleet.
    :ivar flood_delays_s: of those of the device that floods.
    """

    def __init__(self, *, answer_s: float = 0.0, reading_s: float = 0.0) -> None:
        self.answer_s, self.reading_s = answer_s, reading_s
        self.delays_s: list[float] = []
        self.flood_delays_s: list[float] = []
        self._turn = threading.Lock()

    def __call__(self, lines: str) -> Deed:
        """A write came."""
        for _ in range(0, lines.count("\n") + 1 if self.reading_s else 0, 50):
            with self._turn:
                time.sleep(50 * self.reading_s)
        now_s = time.time()
        for device, delays_s in (("m", self.delays_s), (flooder.DEVICE, self.flood_delays_s)):
            times = re.findall(rf"^water,device={device}.* (\d+)$", lines, re.MULTILINE)
            delays_s += [now_s - int(ts) / 1000 for ts in times]
        time.sleep(self.answer_s)
        return Forward()

    def percentile_s(self, percent: int) -> float:
        """So many percent of the fleet's readings were quicker."""
        return percentile(self.delays_s, percent)


def percentile(values: list[float], percent: int) -> float:
    """So many percent of the values are smaller."""
    return sorted(values)[len(values) * percent // 100]


def assert_all_stand(influxdb: Service, fleet: Fleet, flooded: int) -> None:
    """Every reading of the fleet is in InfluxDB once, and all that the flooding device sent."""
    found = points(influxdb)
    assert not [sent for sent in fleet.acknowledged if len(found.get((sent.device, sent.seq), ())) != 1]
    assert sum(len(rows) for (device, _), rows in found.items() if device == flooder.DEVICE) == flooded


def test_a_device_that_floods_is_named_and_holds_up_nobody_while_influxdb_cannot_take_it_all(
    gate_behind_door: Gateway, door: Door, mosquitto: Service, influxdb: Service
) -> None:
    slow = SlowDoor(reading_s=0.0005)
    door.deed = slow
    with Fleet(mosquitto, rate=200) as fleet, flood(mosquitto, "readings", 4000, 4.0) as published:
        until(lambda: "device flooder sends about" in gate_behind_door.troubles())
        assert "\ngateway_flooding_devices 1.0" in gate_behind_door.ask("/metrics")[1]
        until(lambda: gate_behind_door.pending("journal") > 2000)  # what floods is kept apart
        slow.delays_s.clear()
        until_more(lambda: len(slow.delays_s), 300)
        quiet_s = slow.percentile_s(90)
        flooded = published()
    slow.reading_s = 0.0
    ledger = wait_settled(gate_behind_door, mosquitto, within_s=60.0)
    assert ledger["written"] == ledger["received"] == len(fleet.acknowledged) + flooded
    assert quiet_s < percentile(slow.flood_delays_s, 90) / 2  # in one queue the delays would be alike
    assert_all_stand(influxdb, fleet, flooded)


@pytest.mark.slow
def test_while_influxdb_keeps_up_a_flood_is_named_and_touches_no_journal(
    gate: Gateway, mosquitto: Service, influxdb: Service
) -> None:
    with Fleet(mosquitto, rate=200) as fleet, flood(mosquitto, "readings", 2000, 5.0) as published:
        until(lambda: "device flooder sends about" in gate.troubles())
        flooded = published()
    wait_settled(gate, mosquitto)
    assert gate.status()["journal"]["batches"] == 0
    assert "\ngateway_journal_written_bytes_total 0.0" in gate.ask("/metrics")[1]
    assert_all_stand(influxdb, fleet, flooded)


@pytest.mark.slow
@pytest.mark.parametrize("answer_s", [pytest.param(0.3, id="a-third-of-a-second"), pytest.param(1.0, id="a-second")])
def test_a_slow_influxdb_is_not_taken_to_be_away_and_gets_readings_in_time(
    answer_s: float, gate_behind_door: Gateway, door: Door, mosquitto: Service, influxdb: Service
) -> None:
    """At 1,000/s half of what the broker hands over is owed within a second."""
    gate, slow = gate_behind_door, SlowDoor(answer_s=answer_s)
    door.deed = slow
    with Fleet(mosquitto, rate=1000) as fleet:
        until(lambda: len(slow.delays_s) > 5000, within_s=30.0)
        assert gate.status()["influxdb"]["up"]
        assert gate.status()["mqtt"]["unacknowledged"] < 2000
        assert slow.percentile_s(90) < 0.3 + answer_s / 2
    slow.answer_s = 0.0
    wait_settled(gate, mosquitto)
    assert gate.said("do not take readings") == 0
    assert_each_stands_once(influxdb, fleet)


@pytest.mark.slow
def test_an_influxdb_that_takes_longer_than_the_stall_costs_no_reading_and_recovers(
    gate_behind_door: Gateway, door: Door, mosquitto: Service, influxdb: Service
) -> None:
    gate, slow = gate_behind_door, SlowDoor(answer_s=4.0)
    door.deed = slow
    with Fleet(mosquitto, rate=500) as fleet:
        until(lambda: len(fleet.acknowledged) > 5000, within_s=30.0)
        assert gate.pending("journal") > 1000
        assert gate.status()["mqtt"]["unacknowledged"] < 2000
        slow.answer_s = 0.0
        until(lambda: gate.status()["influxdb"]["up"], within_s=30.0)
    wait_settled(gate, mosquitto, within_s=60.0)
    assert_each_stands_once(influxdb, fleet)


@contextmanager
def slow_disk(file: Path, commit_s: float) -> Iterator[None]:
    """Commits to a file take so long: another has it locked most of the time."""
    stopping = threading.Event()

    def lock() -> None:
        with closing(sqlite3.connect(file, isolation_level=None, timeout=30.0)) as other:
            while not stopping.is_set():
                other.execute("BEGIN IMMEDIATE")
                stopping.wait(commit_s)
                other.execute("COMMIT")
                time.sleep(0.1)

    thread = threading.Thread(target=lock, name="slow disk")
    thread.start()
    yield
    stopping.set()
    thread.join()


@pytest.mark.slow
def test_a_slow_disk_while_influxdb_is_away_delays_acknowledgements_and_loses_nothing_on_a_stock_broker(
    stock_mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    """Such a broker holds 1,000 messages beyond the 2,000 under way, then drops."""
    limits = {"memory_bytes": "8MiB"}
    with gateway(tmp_path / "gateway", stock_mosquitto.url, influxdb.url, limits=limits) as gate:
        gate.wait_subscribed()
        with Fleet(stock_mosquitto, rate=500) as fleet:
            until(lambda: gate.ledger()["written"] > 300)
            with slow_disk(gate.journal, 1.7):
                influxdb.stop()
                until_more(lambda: len(fleet.acknowledged), 5000, within_s=30.0)
                assert gate.rss_bytes < MEMORY_BYTES
            influxdb.start()
            until(lambda: gate.status()["influxdb"]["up"], within_s=30.0)
        wait_settled(gate, stock_mosquitto, within_s=30.0)
        assert_each_stands_once(influxdb, fleet)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "devices", "reason", "kept_most"),
    [
        pytest.param("garbage", 20_000, "bad_json", 40, id="garbage-of-one"),
        pytest.param("garbage-of-many", 20_000, "bad_json", 6000, id="garbage-of-a-thousand"),
        pytest.param("strangers", 50, "unknown_device", 6000, id="new-devices"),
        pytest.param("sites", 20_000, "unknown_device", 40, id="new-topics-of-one"),
    ],
)
def test_a_flood_of_rejects_is_counted_and_holds_up_no_good_reading(
    kind: str, devices: int, reason: str, kept_most: int, mosquitto: Service, door: Door, tmp_path: Path
) -> None:
    slow = SlowDoor()
    door.deed = slow
    with gateway(tmp_path / "gateway", mosquitto.url, door.url, limits={"devices": devices}) as gate:
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=500) as fleet:
            until(lambda: gate.ledger()["written"] > 300)
            slow.delays_s.clear()
            with flood(mosquitto, kind, 1000, 6.0) as published:
                flooded = published()
        until(lambda: gate.ledger()["received"] == len(fleet.acknowledged) + flooded)
        until(lambda: not gate.pending("memory"))
        ledger = gate.ledger()
        assert ledger["written"] + ledger["rejected"] == ledger["received"]
        assert gate.status()["rejects"][reason] == ledger["rejected"] > 0.9 * flooded
        assert slow.percentile_s(90) < 0.5
        assert gate.rss_bytes < MEMORY_BYTES
        series = rf'^gateway_rejects_kept_total{{reason="{reason}"}} (\d+)'
        (kept,) = map(int, re.findall(series, gate.ask("/metrics")[1], re.MULTILINE))
        assert 20 <= kept <= kept_most
        assert gate.journal.stat().st_size < 4 * 2**20
        assert gate.said("reject ") <= 120  # the log is on the flash too
