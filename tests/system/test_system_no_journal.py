"""A gateway whose journal cannot be opened: it runs without, says so, and goes on with it as soon as it can."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.commands.demo.services import Program, Service
from tests.system.fleet import client_of, publish_all, wait_settled
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/{}/readings"


@pytest.fixture
def bound(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Gateway:
    """A gateway, not started, that has no other rights to files than any user: as root it is forbidden to pass them over."""
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)
    if os.geteuid() == 0:
        setpriv, without = shutil.which("setpriv") or "setpriv", "--bounding-set=-dac_override,-dac_read_search"
        if subprocess.run([setpriv, without, "true"], check=False).returncode:
            pytest.skip("root may not give up its rights here, and no file can be hidden from it")
        gate.arguments = [without, "--", str(gate.program.path), *gate.arguments]
        gate.program = Program(Path(setpriv))
    return gate


def _lock_folder(gate: Gateway) -> None:
    gate.journal.parent.chmod(0o500)


def _unlock_folder(gate: Gateway) -> None:
    gate.journal.parent.chmod(0o700)


def _lock_both(gate: Gateway) -> None:
    gate.journal.chmod(0)
    _lock_folder(gate)


def _unlock_both(gate: Gateway) -> None:
    _unlock_folder(gate)
    gate.journal.chmod(0o600)


def _hide(gate: Gateway) -> None:
    """A file is in the folder's place."""
    gate.journal.parent.rename(gate.folder / "elsewhere")
    gate.journal.parent.touch()


def _show(gate: Gateway) -> None:
    gate.journal.parent.unlink()
    (gate.folder / "elsewhere").rename(gate.journal.parent)


def _occupy(gate: Gateway) -> None:
    """A folder with something in it is in the file's place."""
    gate.journal.rename(gate.folder / "elsewhere")
    gate.journal.mkdir()
    (gate.journal / "something").touch()


def _vacate(gate: Gateway) -> None:
    shutil.rmtree(gate.journal)
    (gate.folder / "elsewhere").rename(gate.journal)


@pytest.mark.parametrize(
    ("hinder", "mend"),
    [
        pytest.param(_lock_folder, _unlock_folder, id="folder-not-writable"),
        pytest.param(_lock_both, _unlock_both, id="nothing-permitted", marks=pytest.mark.slow),
        pytest.param(_hide, _show, id="no-folder", marks=pytest.mark.slow),
        pytest.param(_occupy, _vacate, id="a-folder-in-its-place", marks=pytest.mark.slow),
    ],
)
def test_a_gateway_starts_without_its_journal_and_goes_on_with_it(
    hinder: Callable[[Gateway], None],
    mend: Callable[[Gateway], None],
    bound: Gateway,
    mosquitto: Service,
    influxdb: Service,
) -> None:
    influxdb.stop()
    with client_of(mosquitto) as client:
        with bound as gate:
            gate.wait_subscribed()
            publish_all(client, [(TOPIC.format("before"), '{"seq": 1, "flow_m3_h": 1}')])
            until(lambda: gate.pending("journal") == 1)
            assert gate.terminate() == 0
        hinder(gate)
        with gate:
            gate.wait_subscribed()
            assert gate.said("runs without its journal")
            until(lambda: gate.ask("/readyz")[0] == 503, what="InfluxDB is away too")
            assert "journal.db cannot be opened" in gate.troubles()
            publish_all(client, [(TOPIC.format("while"), f'{{"seq": {n}, "flow_m3_h": 1}}') for n in range(10)])
            until(lambda: gate.pending("memory") == 10)
            influxdb.start()
            until(lambda: gate.ledger()["written"] == 10, what="straight through")
            assert gate.ask("/readyz")[0] == 200
            assert gate.status()["mqtt"]["unacknowledged"] == 0
            mend(gate)
            until(lambda: gate.said("the journal holds 1 readings of an earlier run"))
            gate.wait_ready()
            ledger = wait_settled(gate, mosquitto)
            assert not gate.troubles()
            assert (ledger["received"], ledger["written"]) == (1, 1), "what the earlier run left in it"


@pytest.mark.slow
def test_a_file_that_may_not_be_read_makes_room_for_a_new_one(bound: Gateway, mosquitto: Service, influxdb: Service) -> None:
    """The folder is ours, so a new journal can be begun at once; what the old one holds comes in once it may be read."""
    influxdb.stop()
    with client_of(mosquitto) as client, bound as gate:
        gate.wait_subscribed()
        publish_all(client, [(TOPIC.format("before"), '{"seq": 1, "flow_m3_h": 1}')])
        until(lambda: gate.pending("journal") == 1)
        gate.terminate()
        gate.journal.chmod(0)
        gate.start()
        gate.wait_subscribed()
        assert gate.said("may not be read and written by this user")
        publish_all(client, [(TOPIC.format("while"), '{"seq": 2, "flow_m3_h": 1}')])
        until(lambda: gate.pending("journal") == 1, what="there is a journal")
        assert "nothing of journal.db.damaged" in gate.troubles()
        (aside,) = gate.journal.parent.glob("journal.db.damaged-*")
        aside.chmod(0o600)
        gate.terminate()
        gate.start()
        until(lambda: gate.said("1 readings of it are saved"))
        influxdb.start()
        ledger = wait_settled(gate, mosquitto)
        assert (ledger["received"], ledger["written"]) == (2, 2)
