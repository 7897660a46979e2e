"""``gateway export open`` on real databases: its figures are those of the report, of areas of at least ten meters."""

import csv
import gzip
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from gateway.monitoring.exports.open_files import CATALOG, INDEX, OpenFiles
from schemas.open_data import CONTEXT_FILE, open_data_context
from tests.monitoring.reports.points import DAY, HOUR, START, point, steady
from tests.monitoring.reports.stores import Filled
from tests.system.rig import run_gateway

LARGE, SMALL = 11, 9
DAY_ASKED = "2026-09-01"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A utility's folder whose database is not there: an area of eleven meters, one of nine, and one meter without area."""
    large = [f"  - {{id: large-{number}, domain: water, area: A1, interval: 15min}}\n" for number in range(LARGE)]
    small = [f"  - {{id: small-{number}, domain: water, area: A2, interval: 15min}}\n" for number in range(SMALL)]
    registry = "areas: {A1: Phường Một, A2: Phường Hai}\ndevices:\n" + "".join([*large, *small])
    (tmp_path / "devices.yaml").write_text(f"{registry}  - {{id: lone, domain: water}}\n", encoding="utf-8")
    (tmp_path / "gateway.yaml").write_text("influxdb: {url: 'http://127.0.0.1:9', api: v1}\n")
    return tmp_path / "gateway.yaml"


@pytest.fixture
def site(config: Path, filled: Filled) -> Path:
    """The same with points of its meters; one of the large area is silent on the day, others have a pressure."""
    about = "{keep: 3650d, publisher: An Bình}"
    config.write_text(f"influxdb: {{url: '{filled.service.url}', api: v1}}\nopen_data: {about}\n", encoding="utf-8")
    for number in range(LARGE - 1):
        filled.write(steady(f"large-{number}", START - HOUR, START + 2 * DAY, 0.5 + number / 8, tags=",area=A1"))
    for number in range(SMALL):
        filled.write(steady(f"small-{number}", START - HOUR, START + 2 * DAY, 0.5, tags=",area=A2"))
    filled.write(steady("lone", START - HOUR, START + 2 * DAY, 0.5))
    filled.write([point(f"large-{LARGE - 1}", START - 30 * DAY, 5.0, 5.0)])
    pressures = [f"water,area=A1,device=large-{number},site=s pressure_kpa={300 + number}.5" for number in range(10)]
    filled.write([f"{line} {START + HOUR + number}" for number, line in enumerate(pressures)])
    return config


def command(config: Path, *arguments: str, status: int = 0) -> str:
    done = run_gateway(*arguments, "-c", config)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stderr


def rows_of(path: Path) -> list[dict[str, Any]]:
    return list(csv.DictReader(StringIO(gzip.decompress(path.read_bytes()).decode())))


@pytest.mark.real
def test_the_figures_are_those_of_the_report_and_no_small_area_is_among_them(site: Path) -> None:
    said = command(site, "export", "open", "--day", DAY_ASKED)
    folder = site.parent / "data" / "exports"
    name = f"open-{DAY_ASKED}-water.csv.gz"
    assert said == f"{folder / name}: 2 rows\n"
    volume, pressure = rows_of(folder / name)
    asked = ("report", "consumption", "--from", DAY_ASKED, "--to", DAY_ASKED, "--by", "area", "--step", "day", "--csv")
    told = {row["group"]: row for row in csv.DictReader(StringIO(command(site, *asked)))}
    assert told.keys() == {"", "A1", "A2"}, "the report has them all"
    large = told["A1"]
    assert (volume["area"], volume["area_name"], volume["quantity"], volume["unit"]) == (
        *("A1", "Phường Một"),
        *("used_m3", "m3"),
    )
    assert float(volume["value"]) == sum(96 * (0.5 + number / 8) for number in range(10))
    assert (volume["value"], volume["uncovered"]) == (large["used"], large["uncovered"])
    assert int(volume["devices"]) + int(volume["uncovered"]) == int(large["devices"]) == LARGE
    assert (pressure["quantity"], float(pressure["value"]), pressure["devices"]) == ("pressure_mean_kpa", 305.0, "10")
    described(folder, name)


def described(folder: Path, name: str) -> None:
    assert json.loads((folder / CONTEXT_FILE).read_text()) == open_data_context()
    (dataset,) = json.loads((folder / CATALOG).read_text())["dcat:dataset"]
    assert [one["dct:title"] for one in dataset["dcat:distribution"]] == [name]
    assert [file["name"] for file in json.loads((folder / INDEX).read_text())["files"]] == [name]
    assert all("large-" not in path.read_text(errors="replace") for path in folder.iterdir())


@pytest.mark.parametrize(
    ("day", "said"),
    [
        pytest.param("2026-13-01", "--day: '2026-13-01' is not a day; write 2026-10-31", id="no-day"),
        pytest.param("2999-01-01", "--day: 2999-01-01 is not over", id="future"),
    ],
)
def test_a_day_that_is_none_is_named(config: Path, day: str, said: str) -> None:
    assert command(config, "export", "open", "--day", day, status=2) == f"{said}\n"


def test_a_registry_without_devices_is_named(config: Path) -> None:
    (config.parent / "devices.yaml").write_text("devices: []\n")
    assert "no device is registered" in command(config, "export", "open", "--day", DAY_ASKED, status=2)


def test_a_database_that_is_away_is_said_and_nothing_is_written(config: Path) -> None:
    assert "does not answer" in command(config, "export", "open", "--day", DAY_ASKED, status=3)
    assert OpenFiles(config.parent / "data" / "journal.db").listed() == []


@pytest.mark.real
def test_a_folder_that_cannot_be_written_is_named(site: Path) -> None:
    (site.parent / "data").write_text("in the way")
    said = command(site, "export", "open", "--day", DAY_ASKED, status=2)
    assert said.endswith("cannot be written: Not a directory\n")
    assert str(site.parent / "data") in said
