"""A device is forgotten: nothing of it is left in any place, all of the others is, and who has a copy is named."""

import json
import os
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from gateway.commands.privacy import forgetting
from gateway.commands.privacy.device_places import CopyGiven, archives_at_hand
from gateway.core.batching.batch import decode
from gateway.ingest.database import metricsql
from gateway.ingest.storage import journal, rejects
from gateway.ingest.storage.beside import lock
from gateway.ingest.storage.database import Database
from gateway.support.audit.forgotten import forgotten_beside
from gateway.support.audit.log import Deed
from gateway.support.registry.registry import load_registry
from tests.admin.backup.machine import AT_MS, HIS, OTHER, Machine, line
from tests.monitoring.reports.stores import Filled
from tests.monitoring.reports.versioned import stub


def bytes_of(machine: Machine) -> dict[str, bytes]:
    """Every file of the gateway."""
    return {path.name: path.read_bytes() for path in machine.folder.rglob("*") if path.is_file() and path != machine.accounts}


def post(url: str, line: str) -> None:
    with urlopen(Request(url, line.encode()), timeout=20) as answer:  # noqa: S310 - our own service
        assert answer.status == 204


def forgotten(machine: Machine, name: str = HIS) -> str:
    done = machine.command("devices", "forget", name, "--yes")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


@pytest.mark.real
def test_nothing_of_a_forgotten_device_is_left_and_all_of_the_others_is(known: Machine) -> None:
    known.audit.record(Deed(AT_MS, "lan", "technician", "alarm acknowledged"), {"subject": {"alarm": f"leak@{HIS}"}})
    (known.folder / "devices.yaml.bak").write_text(f"devices: [{{id: {HIS}}}]")
    heads = [known.audit.head()]
    others = known.command("devices", "forget", OTHER, "--check").stdout
    assert known.command("devices", "forget", HIS, "--check").returncode == 1
    said = forgotten(known)
    rows = [line.split() for line in said.splitlines()]
    assert ["readings", "in", "the", "journal", "1", "0"] in rows
    assert ["points", "in", "the", "database", "6", "0"] in rows
    assert ["details", "of", "the", "audit", "log", "2", "0"] in rows
    assert {row[-1] for row in rows if len(row) > 2 and row[-2].isdecimal()} == {"0"}
    assert [name for name, data in bytes_of(known).items() if HIS.encode() in data] == []
    assert known.command("devices", "forget", HIS, "--check").returncode == 0
    assert known.command("devices", "forget", OTHER, "--check").stdout == others
    verdict = known.audit.verify(heads)
    assert (verdict.removed, verdict.faults) == (2, [])
    newest = known.audit.entries(None, 1)[0]
    assert (newest["action"], newest["subject"]) == (
        "device forgotten",
        {"forgotten": forgotten_beside(known.journal).digest(HIS)},
    )
    assert [device.id for device in load_registry(known.folder / "devices.yaml").devices] == [OTHER]
    file = Database(known.journal)
    file.open()
    assert file.tally.missing == 0, "what was taken out of the journal is not counted as lost"
    (entry,) = file.run_here(journal.everything)
    assert [reading.lines.partition(",site")[0] for reading in decode(entry.body)] == [f"water,device={OTHER}"]
    assert [refusal.device for _, refusal, _ in file.run_here(rejects.page)] == [OTHER]
    file.close()


@pytest.mark.real
@pytest.mark.parametrize("database", ["influxdb"], indirect=True)
@pytest.mark.parametrize(
    "step", ["_note", "_delete_points", "forget", "photos_of", "_leave_registry", "AuditLog", "_tell", "record"]
)
def test_a_command_that_was_interrupted_anywhere_is_given_again(
    known: Machine, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    class Interrupted(Exception):  # noqa: N818
        pass

    def interrupt(*_: object, **__: object) -> None:
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(forgetting, step, interrupt)
        with pytest.raises(Interrupted):
            known.command("devices", "forget", HIS, "--yes")
    forgotten(known)
    assert [name for name, data in bytes_of(known).items() if HIS.encode() in data] == []
    assert known.audit.verify().faults == []


@pytest.mark.real
@pytest.mark.parametrize("database", ["influxdb"], indirect=True)
def test_who_has_a_copy_is_named_and_a_restore_of_a_backup_knows_who_was_forgotten(known: Machine, tmp_path: Path) -> None:
    archive = known.backup(tmp_path / "g.tar.gz", "--to", "the safe")
    assert known.command("devices", "export", HIS, "--out", tmp_path / "his.zip", "--to", "Mr A").returncode == 0
    assert known.command("devices", "export", OTHER, "--out", tmp_path / "other.zip").returncode == 0
    (known.journal.parent / "journal.db.salvaged-1").write_text("")
    said = forgotten(known)
    assert f"    backup {archive}, for the safe\n    export {tmp_path}/his.zip, for Mr A\n" in said
    assert "other.zip" not in said
    assert f"{known.journal}.salvaged-1: was set aside earlier and may hold it" in said
    (tmp_path / "new").mkdir()
    done = Machine(tmp_path / "new").command("restore", archive)
    assert "1 devices that were forgotten since are forgotten again" in done.stdout
    assert HIS not in (tmp_path / "new" / "devices.yaml").read_text()


@pytest.mark.real
def test_a_file_that_the_log_calls_a_backup_and_is_none_gets_no_list_beside_it(tmp_path: Path) -> None:
    machine, other = Machine(tmp_path / "gateway"), tmp_path / "sudoers"
    machine.fill(HIS)
    other.write_text("root's\n")
    archive = machine.backup(tmp_path / "g.tar.gz")
    named = [CopyGiven(is_backup=True, file=path, to="") for path in (other, archive, tmp_path / "none", tmp_path)]
    assert archives_at_hand(named) == [archive]


def test_a_database_that_was_restored_forgets_again_who_is_not_registered_again(known: Machine, database: Filled) -> None:
    forgotten(known)
    database.write([line(HIS), line(HIS, AT_MS + 1), line("wm-back")])
    list_of = forgotten_beside(known.journal)
    list_of.add(OTHER, AT_MS)
    list_of.add("wm-never", AT_MS)
    done = known.command("devices", "forget", "--again", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{OTHER}: is registered again, and stays",
        "3 on the list; 1 of them were in the database, with 2 points: deleted",
    ]
    assert known.command("devices", "forget", HIS, "--check").returncode == 0
    assert known.command("devices", "forget", "wm-back", "--check").returncode == 1
    assert known.command("devices", "forget").returncode == 2


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("database", ["victoria-metrics"], indirect=True)
def test_a_series_that_the_database_took_just_now_is_forgotten_too(
    known: Machine, database: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert known.command("devices", "forget", HIS, "--check").returncode == 1
    post(f"{database.service.url}/write?precision=ms", f"water,device={HIS},channel=b volume_m3=1 {AT_MS}")
    monkeypatch.setattr(metricsql, "SHOWN_AFTER_S", 15.0)
    assert ["points", "in", "the", "database", "7", "0"] in [row.split() for row in forgotten(known).splitlines()]
    assert known.command("devices", "forget", HIS, "--check").returncode == 0


def test_a_running_gateway_is_stopped_first(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "g")
    machine.fill(HIS)
    descriptor = lock(machine.journal)
    done = machine.command("devices", "forget", HIS, "--yes")
    os.close(descriptor)
    assert (done.returncode, "holds its devices in memory: stop it" in done.stderr) == (2, True)


def test_of_influxdb_3_core_what_stays_is_said_and_everything_else_is_forgotten(tmp_path: Path) -> None:
    counted = '{"results":[{"series":[{"name":"water","columns":["time","count_flow_m3_h"],"values":[[0,7]]}]}]}'
    with stub("3.2.0", counted) as (config, taken):
        machine = Machine(tmp_path / "g")
        machine.fill(HIS, OTHER, influxdb_url=config.url)
        done = machine.command("devices", "forget", HIS, "--yes")
    assert done.returncode == 1
    assert "InfluxDB 3 Core cannot delete the points of one device" in done.stdout
    assert ["points", "in", "the", "database", "7", "7"] in [row.split() for row in done.stdout.splitlines()]
    assert done.stdout.endswith(f"{HIS}: something is left\n")
    assert [name for name, data in bytes_of(machine).items() if HIS.encode() in data] == []
    assert not [path for path, body in taken if path != "/query" or b"DROP" in body]


def test_a_damaged_store_that_is_not_read_yet_would_bring_it_back(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "g")
    machine.fill(HIS)
    machine.journal.with_name("journal.db.damaged-1").write_bytes(b"damaged")
    done = machine.command("devices", "forget", HIS, "--yes")
    assert (done.returncode, "start the gateway once, then forget" in done.stderr) == (2, True)


def test_a_parent_of_others_is_not_forgotten_before_they_have_another(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "g")
    machine.fill(HIS, OTHER)
    registry = json.loads((machine.folder / "devices.yaml").read_text())
    registry["devices"][1]["parent"] = HIS
    (machine.folder / "devices.yaml").write_text(json.dumps(registry))
    done = machine.command("devices", "forget", HIS, "--yes")
    assert (done.returncode, "is the parent of" in done.stderr) == (2, True)


def test_while_the_database_is_away_nothing_is_forgotten(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "g")
    machine.fill(HIS)
    before = machine.journal.read_bytes()
    done = machine.command("devices", "forget", HIS, "--yes")
    assert (done.returncode, "repeat the command" in done.stderr) == (3, True)
    assert machine.journal.read_bytes() == before
    assert HIS in (machine.folder / "devices.yaml").read_text()
