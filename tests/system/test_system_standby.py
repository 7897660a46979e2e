"""Two machines, one session: whatever one meets, the other goes on, nothing is lost, and what may stand twice says so."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from gateway.commands.demo.services import Service
from tests.campaigns.rig.fleet import readings_of
from tests.influx import query
from tests.system.fleet import Fleet, points, wait_settled
from tests.system.pair import GatewayPair, PairedGateway, pair
from tests.system.rig import Gateway, Slowness, until_more
from tests.system.turns import Turns
from tests.waiting import until

pytestmark = pytest.mark.real

MAY_STAND_TWICE: Final = 64
KEEP_ALIVE_S: Final = 4
BUSY_S: Final = 20.0
"""A busy machine may take as much more, and"""
BUSY_TURNS: Final = 5
"""the time of so many of the slowest turns: plain clients were seen to wait for eight seconds."""
QUIET_S: Final = 0.1
"""The slowest turn of plain clients, and the longest the fleet waits for an answer, on a machine that is quiet."""
QUIET_TIMES: Final = 2.5
"""Times as long as on an idle machine that the work of a gateway takes there, at most: broker and fleet are beside it."""
BROKER_KILLS: Final = 3


@pytest.fixture
def machines(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Iterator[GatewayPair]:
    with pair(tmp_path, mosquitto, influxdb, keep_alive_s=KEEP_ALIVE_S) as made:
        yield made


def test_after_a_kill_the_standby_goes_on_at_once_and_the_dead_one_comes_back_as_standby(
    machines: GatewayPair, mosquitto: Service, influxdb: Service
) -> None:
    live, standby = machines.by_role()
    with Fleet(mosquitto, rate=200, clocks=False) as fleet:
        until_more(live.written, 100, what="live")
        until(lambda: live.gate.document("/api/alarms"), what="alarms, of flat batteries")
        live.gate.kill()
        standby.until_role("live")
        until_more(standby.written, 50, what="the standby writes")
        live.gate.start()
        live.until_role("passive")
        assert live.gate.ask("/readyz") == (200, "ready, passive\n")
        until(lambda: live.gate.status()["verdict"]["level"] == "good", what="no word of the alarms, which the live one tells")
        assert "stands by" in live.gate.command("status", "--language", "en").stdout
        refused = live.gate.command("devices", "add", "new-1", "--site", "s1", "--domain", "water")
        assert refused.returncode
        assert f"make the change on the live machine, {standby.name}" in refused.stderr
    wait_settled(standby.gate, mosquitto)
    assert machines.takeovers() == 2
    assert_nothing_missing(influxdb, fleet)


@dataclass(frozen=True)
class Fault:
    """A fault of the live machine, and its end; ``gap_s`` is the longest time without a reading."""

    begin: Callable[[PairedGateway], object]
    end: Callable[[PairedGateway], object]
    gap_s: float


def split(machine: PairedGateway) -> None:
    machine.broker.half_open()
    machine.influxdb.half_open()


def mend(machine: PairedGateway) -> None:
    machine.broker.heal()
    machine.influxdb.heal()


FAULTS: Final = {
    "kill": Fault(lambda live: live.gate.kill(), lambda live: live.gate.start(), 1.0),
    "stop": Fault(lambda live: live.gate.terminate(), lambda live: live.gate.start(), 1.0),
    "power-cut": Fault(
        lambda live: live.gate.send_signal(signal.SIGSTOP), lambda live: live.gate.send_signal(signal.SIGCONT), 2 * KEEP_ALIVE_S
    ),
    "split": Fault(split, mend, 2 * KEEP_ALIVE_S),
    "split-from-the-broker-alone": Fault(lambda live: live.broker.half_open(), mend, 2 * KEEP_ALIVE_S),
    "link-reset": Fault(lambda live: live.broker.reset(), mend, 1.0),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FAULTS)
def test_under_load_a_fault_of_one_machine_costs_a_short_gap_and_no_reading(
    name: str, machines: GatewayPair, mosquitto: Service, influxdb: Service
) -> None:
    fault, (live, standby) = FAULTS[name], machines.by_role()
    with Fleet(mosquitto, devices=200, rate=2000, clocks=False) as fleet:
        until_more(live.written, 4000, what="live")
        with Turns(mosquitto) as turns:
            slowness = Slowness(standby.gate)
            fault.begin(live)
            standby.until_role("live", 2 * KEEP_ALIVE_S + 60.0)
            until_more(standby.written, 4000, what="the standby writes")
            times = slowness.times
        fault.end(live)
        live.until_role("passive")
        until_more(standby.written, 8000, what="the standby goes on")
    wait_settled(standby.gate, mosquitto)
    until(lambda: not any(live.gate.ledger()["pending"].values()), what="the one that stood back has drained")
    assert machines.takeovers() == 2
    twice = assert_nothing_missing(influxdb, fleet)
    gap_s = longest_gap_s(influxdb)
    slowest_s = max(turns.slowest_s, fleet.longest_wait_s)
    is_quiet = slowest_s <= QUIET_S and times <= QUIET_TIMES
    print(  # noqa: T201 - with -s
        f"{name}: gap {gap_s:.2f} s, {twice} of {len(fleet.acknowledged)} stand twice with bit 64; "
        f"{'quiet' if is_quiet else 'busy'}: slowest turn or answer {slowest_s:.3f} s, work takes {times:.2f} times as long"
    )
    assert gap_s < fault.gap_s + (0.0 if is_quiet else BUSY_S + BUSY_TURNS * slowest_s)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_that_start_at_once_and_a_broker_that_restarts_leave_one_live_machine(
    machines: GatewayPair, mosquitto: Service, influxdb: Service
) -> None:
    machines.by_role()
    both = (machines.a.gate, machines.b.gate)
    for gate in both:
        gate.terminate()
    with ThreadPoolExecutor(2) as threads:  # to the end: a gateway ends with the thread that started it
        list(threads.map(Gateway.start, both))
        machines.by_role()
        with Fleet(mosquitto, rate=300) as fleet:
            for _ in range(3):
                mosquitto.stop()
                mosquitto.start()
                live, _ = machines.by_role()
                until_more(live.written, 100, what="live again")
            live, standby = machines.by_role()
        wait_settled(live.gate, mosquitto)
        assert standby.role == "passive"
        assert_nothing_missing(influxdb, fleet)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_broker_that_is_killed_again_and_again_loses_nothing_that_either_machine_confirmed(
    machines: GatewayPair, mosquitto: Service, influxdb: Service
) -> None:
    """Readings that the broker alone had acknowledged go with it, as with one gateway."""
    both = (machines.a, machines.b)
    machines.by_role()
    with Fleet(mosquitto, devices=50, rate=500) as fleet:
        for _ in range(BROKER_KILLS):
            live, standby = machines.by_role()
            until_more(live.written, 500, what="live")
            before = machines.takeovers()
            mosquitto.kill()
            mosquitto.start()
            until_more(lambda: sum(one.written() for one in both), 1000, what="live again")
            live, standby = machines.by_role()
            assert machines.takeovers() - before <= 1, "they do not take the session from each other in turns"
        takeovers, handed = machines.takeovers(), len(standby.tap.delivered)
        until_more(live.written, 500 * KEEP_ALIVE_S, what="it stays live")
    wait_settled(live.gate, mosquitto)
    until(lambda: not any(standby.gate.ledger()["pending"].values()), what="both have written all")
    assert (machines.takeovers(), len(standby.tap.delivered)) == (takeovers, handed), "one session"
    confirmed = readings_of(handed for one in both for handed in one.tap.confirmed)
    found = points(influxdb)
    assert len(confirmed) > BROKER_KILLS * 1000
    assert confirmed <= set(found)
    assert all(len(rows) == 1 for rows in found.values()), "readings with a time of their own stand once"
    assert fleet.acknowledged


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sums_wait_for_the_journal_of_a_machine_that_died_with_one(
    machines: GatewayPair, mosquitto: Service, influxdb: Service
) -> None:
    live, standby = machines.by_role()
    with Fleet(mosquitto, rate=100) as fleet:
        until_more(live.written, 100, what="live")
        live.influxdb.cut()
        until_more(lambda: live.gate.pending("journal"), 200, what="in the journal")
        live.gate.kill()
        standby.until_role("live")
        until_more(standby.written, 200, what="the standby writes")
        until(lambda: "sums of counters wait" in standby.gate.troubles(), what="told")
        assert standby.gate.status()["standby"]["awaited_journals"] == [live.name]
        assert not sums_since(influxdb, newest_ms(influxdb) - 500)
        live.influxdb.heal()
        live.gate.start()
        live.until_role("passive")
        until(lambda: not live.gate.pending("journal"), what="drained")
        until(lambda: sums_since(influxdb, newest_ms(influxdb) - 500), 120.0, what="sums again")
    wait_settled(standby.gate, mosquitto)
    assert assert_nothing_missing(influxdb, fleet) == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sums_go_on_when_people_say_that_the_machine_they_wait_for_is_gone(
    machines: GatewayPair, mosquitto: Service, influxdb: Service
) -> None:
    live, standby = machines.by_role()
    with Fleet(mosquitto, rate=100):
        until_more(live.written, 100, what="live")
        live.influxdb.cut()
        until_more(lambda: live.gate.pending("journal"), 100, what="in the journal")
        live.gate.kill()
        standby.until_role("live")
        until_more(standby.written, 100, what="the standby writes")
        assert standby.gate.command("standby", "gone", standby.name, "--yes").returncode == 2
        assert standby.gate.status()["standby"]["awaited_journals"] == [live.name]
        done = standby.gate.command("standby", "gone", live.name, "--yes")
        assert (done.returncode, done.stderr) == (0, "")
        until(lambda: not standby.gate.status()["standby"]["awaited_journals"], what="forgotten")
        until(lambda: sums_since(influxdb, newest_ms(influxdb) - 500), 120.0, what="sums again")


def newest_ms(influxdb: Service) -> int:
    """The time of the newest reading."""
    (row,) = query(influxdb.url, "iot", "SELECT last(volume_m3) FROM water")
    return int(str(row["time"]))


def sums_since(influxdb: Service, since_ms: int) -> int:
    """Count the sums that stand beside readings since a time."""
    rows = query(influxdb.url, "iot", f"SELECT count(volume_sum_m3) AS found FROM water WHERE time > {since_ms}ms")  # noqa: S608
    return sum(int(str(row["found"])) for row in rows)


def longest_gap_s(influxdb: Service) -> float:
    """The longest time without a reading, where all were stamped at their arrival."""
    times_ms = sorted(int(str(row["time"])) for rows in points(influxdb).values() for row in rows)
    return max(later - earlier for earlier, later in pairwise(times_ms)) / 1000


def assert_nothing_missing(influxdb: Service, fleet: Fleet) -> int:
    """Check that each reading stands once, or more often with the bit that says so; return how many stand twice."""
    found = points(influxdb)
    missing = [reading for reading in fleet.acknowledged if (reading.device, reading.seq) not in found]
    assert not missing, f"{len(missing)} of {len(fleet.acknowledged)} are missing, first {missing[0]}"
    twice = {key: rows for key, rows in found.items() if len(rows) > 1}
    for key, rows in twice.items():
        plain = [row for row in rows if not int(str(row["quality"])) & MAY_STAND_TWICE]
        assert len(plain) <= 1, (key, rows)
    return len(twice)
