"""Faults of the whole database look like a fault of each point: none is refused for it or lost, and it is said."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import pytest

from gateway.commands.demo.services import Service
from tests.campaigns.rig.link import Link
from tests.system.fleet import Fleet, assert_each_stands_once, post, wait_settled
from tests.system.rig import Document, Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

LONG = [pytest.mark.slow, pytest.mark.timeout(180)]
RATE = 500
LOOK_EVERY_S = 0.2
NO_ORG = '{"code":"invalid","message":"Please provide either orgID or org"}'
DISK_FULL = '{"error":"engine: error writing WAL entry: write /var/lib/influxdb/wal/iot/1/_00001.wal: no space left on device"}'
SMALL_DISK = "size=24m"


@dataclass(frozen=True)
class Ground:
    """The parts of the installation that a fault acts on."""

    influxdb: Service
    link: Link


Act = Callable[[Ground], None]


@dataclass(frozen=True)
class Fault:
    """A fault: how it begins, how people repair it, and what the gateway reports meanwhile.

    :ivar settings: of the section ``influxdb`` of ``gateway.yaml``.
    :ivar midway: it begins when readings flow already, not before the gateway starts.
    """

    said: str
    begin: Act
    mend: Act
    settings: Document = field(default_factory=dict)
    midway: bool = False


def _ask(ground: Ground, statement: str, **form: str) -> None:
    assert post(ground.influxdb, "/query?" + urlencode({"q": statement, **form})) == 200


def _reconfigure(ground: Ground, section: str, before: str, now: str) -> None:
    """Change a line of InfluxDB's configuration and start it again."""
    influxdb = ground.influxdb
    influxdb.stop()
    file = influxdb.folder / "influxdb.conf"
    text = file.read_text().replace(f"[{section}]\n{before}", f"[{section}]\n{now}")
    file.write_text(text)
    influxdb.start()
    until(lambda: _answers(influxdb), what="InfluxDB is back")


def _answers(influxdb: Service) -> bool:
    try:
        return bool(post(influxdb, "/ping"))
    except OSError:
        return False


def _let_in(ground: Ground) -> None:
    """Someone makes the users, then gives the gateway its right."""
    _ask(ground, "CREATE USER admin WITH PASSWORD 'a' WITH ALL PRIVILEGES")
    _ask(ground, "CREATE USER gateway WITH PASSWORD 'g'", u="admin", p="a")
    _ask(ground, "GRANT ALL ON iot TO gateway", u="admin", p="a")


LIMIT = "max-series-per-database = {}\n"
AUTH = "auth-enabled = true\n"
FAULTS = {
    "no-policy": Fault(
        "retention policy not found",
        lambda _: None,
        lambda ground: _ask(ground, 'CREATE RETENTION POLICY "late" ON "iot" DURATION 52w REPLICATION 1 DEFAULT'),
        {"bucket": "iot/late"},
    ),
    "no-database": Fault(
        "database not found",
        lambda ground: _ask(ground, 'DROP DATABASE "iot"'),
        lambda ground: _ask(ground, 'CREATE DATABASE "iot"'),
    ),
    "series-limit": Fault(
        "max-series-per-database",
        lambda ground: _reconfigure(ground, "data", "", LIMIT.format(15)),
        lambda ground: _reconfigure(ground, "data", LIMIT.format(15), LIMIT.format(1000)),
    ),
    "no-rights": Fault(
        "user is required",
        lambda ground: _reconfigure(ground, "http", "", AUTH),
        _let_in,
        {"username": "gateway", "password": "g"},
        midway=True,
    ),
    "no-org": Fault(
        "orgID", lambda ground: ground.link.answer(400, body=NO_ORG), lambda ground: ground.link.heal(), midway=True
    ),
    "disk-full-told": Fault(
        "no space left", lambda ground: ground.link.answer(500, body=DISK_FULL), lambda ground: ground.link.heal(), midway=True
    ),
}
QUICK = [pytest.param(name, 500, id=f"{name}-quick") for name in ("series-limit", "no-org")]


@pytest.mark.parametrize(("name", "readings"), [*QUICK, *(pytest.param(name, 10_000, id=name, marks=LONG) for name in FAULTS)])
def test_a_fault_of_the_database_costs_no_reading_and_makes_no_reject(
    name: str, readings: int, mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    fault = FAULTS[name]
    with Link(influxdb) as link:
        ground = Ground(influxdb, link)
        begin, mend = partial(fault.begin, ground), partial(fault.mend, ground)
        if not fault.midway:
            begin()
        with gateway(tmp_path / "gateway", mosquitto.url, link.url("http"), influxdb=fault.settings) as gate:
            gate.wait_subscribed()
            with Fleet(mosquitto, rate=RATE) as fleet:
                if fault.midway:
                    until(lambda: gate.ledger()["written"] > 100, what="live")
                    begin()
                _endure(gate, fleet, fault.said, readings)
                mend()
            _assert_all_written(gate, mosquitto, fleet)
        if name == "no-rights":
            _reconfigure(ground, "http", AUTH, "")
    assert_each_stands_once(influxdb, fleet)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_full_disk_of_the_database_costs_no_reading_and_makes_no_reject(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with _on_small_disk(influxdb) as filler, gateway(tmp_path / "gateway", mosquitto.url, influxdb.url) as gate:
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=RATE) as fleet:
            until(lambda: gate.ledger()["written"] > 100, what="live")
            _fill(filler)
            _endure(gate, fleet, "no space left", 10_000)
            filler.unlink()
            influxdb.stop()  # InfluxDB 1.6.7 says the disk is full until it is restarted
            influxdb.start()
        _assert_all_written(gate, mosquitto, fleet)
        assert_each_stands_once(influxdb, fleet)


def _endure(gate: Gateway, fleet: Fleet, said: str, readings: int) -> None:
    """Look every now and then while so many readings are published."""
    until(lambda: said in gate.troubles(), what=f"told of {said}")
    enough = len(fleet.acknowledged) + readings
    while len(fleet.acknowledged) < enough:
        # A write that had begun before the fault may be answered late, and then InfluxDB counts as well for a moment.
        until(lambda: "InfluxDB: " in gate.troubles(), what="told of all the time")
        assert gate.ledger()["rejected"] == 0
        assert gate.ask("/readyz")[0] == 200
        time.sleep(LOOK_EVERY_S)


def _assert_all_written(gate: Gateway, broker: Service, fleet: Fleet) -> None:
    ledger = wait_settled(gate, broker, within_s=30.0)
    assert ledger["written"] == ledger["received"] == len(fleet.acknowledged)
    assert gate.rejects() == []
    assert gate.troubles() == ""


@contextmanager
def _on_small_disk(influxdb: Service) -> Iterator[Path]:
    """InfluxDB's data move to a small file system; a file on it that can fill it."""
    data = influxdb.folder / "influxdb-data"
    aside = influxdb.folder / "aside"
    influxdb.stop()
    data.rename(aside)
    data.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", SMALL_DISK, "none", data], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no right to mount a file system: {mounted.stderr.decode()}")
    try:
        shutil.copytree(aside, data, dirs_exist_ok=True)
        influxdb.start()
        influxdb.wait_ready()
        yield data / "filler"
        influxdb.stop()
    finally:
        influxdb.kill()
        subprocess.run(["umount", data], check=True)


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"\0" * 65536)
            except OSError:
                return
