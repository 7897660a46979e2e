"""All that is known of a device, in one file that its household may ask for."""

import csv
import io
import json
import stat
import zipfile
from pathlib import Path

import pytest

from gateway.monitoring.reports.seals import Seals
from tests.admin.backup.machine import HIS, OTHER, PHOTO, Machine
from tests.monitoring.reports.test_seals import line, seal


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


@pytest.mark.real
def test_everything_that_is_known_of_a_device_is_in_the_file_and_nothing_of_others(known: Machine, tmp_path: Path) -> None:
    seal(Seals(known.journal), "2026-10", line(HIS, "2026-10", 7), line(OTHER, "2026-10", 8))
    out = tmp_path / "his.zip"
    done = known.command("devices", "export", HIS, "--out", out, "--to", "Nguyễn Văn A")
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with zipfile.ZipFile(out) as archive:
        assert {name for name in archive.namelist() if name.startswith("readings/")} == {
            f"readings/{kind}.csv" for kind in ("water", "hourly", "completeness", "alarm", "event")
        }
        water = table(archive, "readings/water.csv")
        assert [row["time"] for row in water] == ["2026-10-31T05:40:00.000+07:00", "2026-11-01T07:00:00.000+07:00"]
        assert (float(water[0]["volume_m3"]), float(water[0]["volume_sum_m3"]), float(water[0]["quality"])) == (12.5, 12.5, 0)
        units = {row["column"]: (row["unit"], row["title"]) for row in table(archive, "quantities.csv")}
        assert units["volume_m3"] == ("m3", "Chỉ số nước")
        documents = {name: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}
        assert documents["registry.json"]["address"] == f"Home of {HIS}"
        assert documents["gateway/rejects.json"][0]["payload"] == "{"
        assert documents["gateway/readings-in-the-journal.json"][0]["line"].startswith(f"water,device={HIS},")
        assert documents["audit.json"][0]["action"] == "device registered"
        assert [(row["sealed_in"], row["device"], row["used"]) for row in documents["billing.json"]] == [("2026-10", HIS, 7)]
        assert [name for name, found in documents.items() if not found] == ["broker-account.json"]
        assert archive.read("photo.jpeg") == PHOTO
        page = archive.read("README.txt").decode()
        assert page.startswith(f"Dữ liệu của thiết bị {HIS}\n")
        assert "Không có gì trong: broker-account.json." in page
        assert all(OTHER.encode() not in archive.read(name) for name in archive.namelist())
    newest = known.audit.entries(None, 1)[0]
    assert (newest["action"], newest["subject"]["device"], newest["subject"]["to"]) == ("device exported", HIS, "Nguyễn Văn A")
    assert known.command("devices", "export", HIS, "--out", out).returncode == 2


def test_without_its_database_nothing_is_exported(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "g")
    machine.fill(HIS)
    done = machine.command("devices", "export", HIS, "--out", tmp_path / "his.zip")
    assert (done.returncode, "does not answer" in done.stderr) == (3, True)
    assert [path.name for path in tmp_path.iterdir()] == ["g"]


@pytest.mark.real
def test_of_a_device_that_nobody_knows_there_is_no_file(known: Machine, tmp_path: Path) -> None:
    done = known.command("devices", "export", "nobody", "--out", tmp_path / "x.zip")
    assert (done.returncode, done.stderr) == (2, "ID: nothing is known of nobody\n")
    assert not (tmp_path / "x.zip").exists()
