"""A site moves from one gateway to another; :mod:`test_move_fence` has the move that every change must pass."""

import json
import threading
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from gateway.commands.demo.services import Service
from gateway.core.gateways.tenures import Stage
from tests.campaigns.rabbitmq.moving import NEW, OLD, SITE, Pair, now_ms, pair, reload
from tests.influx import query
from tests.system.fleet import client_of, publish
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

TOPIC = f"iot/v1/{SITE}/water/m1/readings"


def stored(influxdb: Service) -> list[tuple[float, float | None]]:
    rows = query(influxdb.url, "iot", "SELECT volume_m3, volume_sum_m3 FROM water")
    return [(row["volume_m3"], row["volume_sum_m3"]) for row in rows]


class Meter:
    """A meter that sends a register each minute of its own time, beginning an hour ago."""

    def __init__(self, gates: Pair, client: paho.Client) -> None:
        self._gates = gates
        self._client = client
        self._time_ms = now_ms() - 3_600_000

    def counts(self, *registers: float) -> None:
        """Send registers; return when they are stored."""
        for register in registers:
            self._time_ms += 60_000
            before = len(stored(self._gates.influxdb))
            publish(self._client, TOPIC, json.dumps({"ts": self._time_ms, "volume_m3": register}))
            until(lambda before=before: len(stored(self._gates.influxdb)) > before, what="stored")


@pytest.mark.parametrize("first", [OLD, NEW])
def test_sums_go_on_at_the_new_gateway_whoever_hears_first_of_the_move(influxdb: Service, tmp_path: Path, first: str) -> None:
    """The meter was reset at the old one: the register alone tells nothing any more."""
    with pair(tmp_path, influxdb) as gates, client_of(gates.broker) as client:
        meter = Meter(gates, client)
        meter.counts(500.0)
        until(lambda: gates.old.document("/api/devices/m1")["counters"][0]["sum"] is not None, what="its sums are known")
        meter.counts(500.5, 0.0, 0.1, 0.2)
        hears = {OLD: gates.old, NEW: gates.new}
        reload(hears.pop(first))
        meter.counts(0.3)
        for later in hears.values():
            reload(later)
        until(lambda: gates.told(OLD) is Stage.LEFT, what="the old one is empty")
        meter.counts(0.4)
        watched = gates.old.command("move", SITE, "--to", NEW)  # it is moved already: the command shows how far it is
        assert (watched.returncode, watched.stdout.splitlines()[-1]) == (0, "site: gateway-2 has it, with its sums"), watched
        meter.counts(0.5)
        expected = [500.0, 500.5, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5], [None, 500.5, None, None, 500.7, 500.8, 500.9, 501.0]
        until(lambda: stored(influxdb) == list(zip(*expected, strict=True)), what="all have their sums")
        until(lambda: gates.new.ledger()["written"] >= 2, what="it wrote the last ones")


def test_a_command_moves_a_site_and_says_who_has_not_heard_of_it(influxdb: Service, tmp_path: Path) -> None:
    with pair(tmp_path, influxdb) as gates, client_of(gates.broker) as client:
        publish(client, TOPIC, '{"volume_m3": 1}')
        told: list[str] = []
        moving = threading.Thread(target=lambda: told.append(gates.old.command("move", SITE, "--to", NEW).stdout))
        moving.start()
        until(lambda: f'"gateway": {NEW}' in (gates.old.folder / "shares.yaml").read_text(), what="it is written")
        for gate in (gates.old, gates.new):
            reload(gate)
        moving.join()
        told_of = [line.removeprefix("site: ") for line in told[0].splitlines() if line.startswith("site: ")]
        assert told_of[0] == f"{NEW} has not read the file yet ..."
        assert told_of[-1] == f"{NEW} has it, with its sums"
        gone = gates.old.command("move", SITE, "--to", NEW, "--yes", "--gone", OLD)
        assert (gone.returncode, gone.stderr) == (2, f"--gone: {OLD} has nothing of {SITE}\n")


def test_a_gateway_that_is_gone_is_not_waited_for(influxdb: Service, tmp_path: Path) -> None:
    with pair(tmp_path, influxdb) as gates, client_of(gates.broker) as client:
        gates.old.kill()
        reload(gates.new)
        publish(client, TOPIC, '{"volume_m3": 1}')
        until(lambda: gates.told(NEW) is Stage.TAKING_OVER, what="the new one reads")
        done = gates.new.command("move", SITE, "--to", NEW, "--yes", "--gone", OLD)
        assert done.returncode == 0, done.stderr
        assert gates.told(NEW) is Stage.HOLDING


def test_a_gateway_that_leaves_gives_up_all_that_it_had(influxdb: Service, tmp_path: Path) -> None:
    with pair(tmp_path, influxdb) as gates, client_of(gates.broker) as client:
        for gate in (gates.old, gates.new):
            reload(gate, {"gateways": [NEW], "leaving": [OLD], "shares": [{"site": SITE}]})
        gates.holds(NEW)
        assert gates.told(OLD) is Stage.LEFT
        assert gates.old.terminate() == 0
        publish(client, TOPIC, '{"volume_m3": 1}')
        until(lambda: gates.new.ledger()["written"] == 1, what="the other one reads all")
        assert gates.waiting(OLD) == 0, "nothing leads to it any more"


def test_a_site_is_split_by_domain(influxdb: Service, tmp_path: Path) -> None:
    parts = [{"site": SITE, "domain": "water", "gateway": NEW}, {"site": SITE, "domain": "power", "gateway": OLD}]
    with pair(tmp_path, influxdb) as gates, client_of(gates.broker) as client:
        publish(client, TOPIC, '{"volume_m3": 1}')
        reload(gates.old, {"gateways": [OLD, NEW], "shares": parts})
        publish(client, TOPIC, '{"volume_m3": 2}')
        until(lambda: gates.old.ledger()["written"] == 2, what="the old one reads on")
        reload(gates.new, {"gateways": [OLD, NEW], "shares": parts})
        for gateway, share in ((NEW, f"{SITE}/water"), (OLD, f"{SITE}/power")):
            until(lambda one=gateway, part=share: gates.told(one, part) is Stage.HOLDING, what=f"{gateway} has {share}")
        assert gates.told(OLD) is Stage.LEFT
        publish(client, TOPIC, '{"volume_m3": 3}')
        publish(client, TOPIC.replace("water", "power").replace("m1", "p1"), '{"energy_import_kwh": 3}')
        until(lambda: (gates.old.ledger()["written"], gates.new.ledger()["written"]) == (3, 1), what="each reads its part")
