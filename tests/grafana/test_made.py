"""Files that are made of the tables: the sums that are kept of them, the zips of a release, one language, the staff's unit."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from difflib import unified_diff
from functools import cache
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

from grafana import build
from grafana.build import KINDS, RULES, SUMS, drift, main, sums_text, write, zips
from grafana.made import Wanted, made
from grafana.pressure import PRESSURES, in_unit
from grafana.stores import DATABASES, INFLUXDB, VICTORIA_METRICS, Database, Json
from grafana.tables import DASHBOARDS
from grafana.tables.water import LOWEST_PRESSURE_KPA
from tests.rows import each_row

made_once = cache(made)
"""What is made of the tables as they are: most tests look at the same files."""
each_database = each_row("database", DATABASES, ids=lambda database: database.folder)


@pytest.fixture
def is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "made", made_once)


@pytest.mark.usefixtures("is_made_once")
def test_check_says_what_is_made_otherwise_and_what_to_run(tmp_path: Path) -> None:
    write(tmp_path)
    assert drift(tmp_path) == []
    sums = (tmp_path / SUMS).read_text(encoding="utf-8")
    (tmp_path / SUMS).write_text(
        re.sub(r"(?m)^dashboards/water.*\n", "", sums) + "dashboards/gas.json 1 2 3 4\n", encoding="utf-8"
    )
    (tmp_path / RULES).unlink()
    assert drift(tmp_path) == [
        f"{SUMS}: dashboards/gas.json is made otherwise",
        f"{SUMS}: dashboards/water.json is made otherwise",
        f"{RULES}: differs from its table",
    ]


def test_check_exits_with_one_when_something_is_out_of_date(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "drift", lambda: ["water: is made otherwise"])
    assert main(["--check"]) == 1
    assert capsys.readouterr().err == "water: is made otherwise; run: python -m grafana.build\n"


@pytest.mark.usefixtures("is_made_once")
def test_a_sum_is_that_of_the_file(tmp_path: Path) -> None:
    write(tmp_path)
    row = next(line.split() for line in (tmp_path / SUMS).read_text(encoding="utf-8").splitlines() if "/water.json" in line)
    assert row[1:] == [sha256(made_once(one)["dashboards/water.json"].encode()).hexdigest() for one in KINDS.values()]


def test_one_changed_panel_changes_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    before = (build.ROOT / SUMS).read_text(encoding="utf-8").splitlines()
    (place, board) = next((place, one) for place, one in enumerate(DASHBOARDS) if one.name == "water")
    section = board.sections[0]
    panel = replace(section.panels[0], about_en="Another.", about_vi="Khác.", unit="percent")
    changed = replace(board, sections=(replace(section, panels=(panel, *section.panels[1:])), *board.sections[1:]))
    monkeypatch.setattr("grafana.made.DASHBOARDS", (*DASHBOARDS[:place], changed, *DASHBOARDS[place + 1 :]))
    diff = [line for line in unified_diff(before, sums_text().splitlines(), n=0) if re.match(r"[+-]\w", line)]
    assert [line[: len("+dashboards/water.json")] for line in diff] == ["-dashboards/water.json", "+dashboards/water.json"]


def test_a_release_has_an_archive_for_each_store_and_language_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    first, again = zips(tmp_path, "9.9"), zips(tmp_path / "again", "9.9")
    assert [path.name for path in first] == [f"grafana-9.9-{kind}.zip" for kind in KINDS]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    for path in first:
        assert Path(f"{path}.sha256").read_text() == f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
    with ZipFile(first[0]) as archive:
        top = first[0].stem
        wanted = {f"{top}/{name}": text for name, text in made_once(KINDS["influxdb-vi"]).items()}
        assert set(archive.namelist()) == {*wanted, f"{top}/README.txt"}
        assert {name: archive.read(name).decode() for name in wanted} == wanted
        assert f"{top}/dashboards/*.json" in archive.read(f"{top}/README.txt").decode()


@each_database
def test_texts_are_of_one_language(database: Database) -> None:
    vi, en = made_once(Wanted(database, "vi")), made_once(Wanted(database, "en"))
    assert vi.keys() == en.keys()
    for path, text in [*vi.items(), *en.items()]:
        assert " · " not in text, path
    for path in (path for path in en if not path.startswith("dashboards/")):
        assert en[path].isascii(), path
    folder = f"provisioning/alerting/{database.folder}.yaml"
    for files, name in ((vi, "Tỉnh"), (en, "Province")):
        groups = yaml.safe_load(files[folder])["groups"]
        assert {group["folder"] for group in groups} == {name}
        assert yaml.safe_load(files["provisioning/dashboards/province.yaml"])["providers"][0]["folder"] == name


@each_database
def test_choices_of_a_site_stand_in_the_files(database: Database) -> None:
    place = "/srv/a b: #c/dashboards"
    wanted = Wanted(
        database, "en", pages="https://g.example", runbooks="https://r.example", installed_at=place, shows_simulated=True
    )
    files = made_once(wanted)
    assert yaml.safe_load(files["provisioning/dashboards/province.yaml"])["providers"][0]["options"]["path"] == place
    assert "runbook_url: https://r.example/GatewayAbsent.md" in files[f"provisioning/alerting/{database.folder}.yaml"]
    for board in DASHBOARDS:
        variables = {one["name"]: one for one in json.loads(files[f"dashboards/{board.name}.json"])["templating"]["list"]}
        page, simulated = variables["gateway_page"], variables["simulated"]
        assert (page["type"], page["hide"], page["query"], page["current"]["value"]) == (
            "constant",
            2,
            *["https://g.example"] * 2,
        )
        assert simulated["current"]["value"] == "~"
        assert [option["value"] for option in simulated["options"] if option["selected"]] == ["~"]


@pytest.mark.parametrize(
    ("version", "wanted"), [("2", "Token ${INFLUXDB_TOKEN}"), ("3", "Bearer ${INFLUXDB_TOKEN}")], ids=["2", "3"]
)
def test_influxdb_2_and_3_are_asked_with_a_token(version: str, wanted: str) -> None:
    (source,) = yaml.safe_load(made_once(Wanted(INFLUXDB, "en", version))["provisioning/datasources/influxdb.yaml"])[
        "datasources"
    ]
    assert source["secureJsonData"] == {"httpHeaderValue1": wanted}
    assert (source["jsonData"]["httpHeaderName1"], source["jsonData"]["version"]) == ("Authorization", "InfluxQL")
    assert "basicAuth" not in source


def water_panels(database: Database, pressure: str) -> Iterator[Json]:
    files = made_once(Wanted(database, "en", pressure=pressure))
    yield from (panel for panel in json.loads(files["dashboards/water.json"])["panels"] if "pressure by zone" in panel["title"])


@pytest.mark.parametrize("pressure", ["bar", "mH2O"])
@each_database
def test_pressure_is_shown_in_the_staffs_unit_and_its_limits_with_it(database: Database, pressure: str) -> None:
    shown = PRESSURES[pressure]
    (low, *_), (kept, *_) = list(water_panels(database, pressure)), list(water_panels(database, "kPa"))
    assert (kept["fieldConfig"]["defaults"]["unit"], low["fieldConfig"]["defaults"]["unit"]) == ("pressurekpa", shown.grafana)
    limits = [step["value"] for step in low["fieldConfig"]["defaults"]["thresholds"]["steps"]]
    assert limits == [None, pytest.approx(LOWEST_PRESSURE_KPA * shown.of_kpa, abs=0.001)]
    assert f" * {shown.of_kpa:g}" in json.dumps(low["targets"])
    assert f" * {shown.of_kpa:g}" not in json.dumps(kept["targets"])
    assert f"Line: {LOWEST_PRESSURE_KPA * shown.of_kpa:.3g} {shown.name}" in low["description"]


def test_nothing_but_pressure_is_shown_otherwise() -> None:
    for board in DASHBOARDS:
        assert in_unit(board, PRESSURES["kPa"]) is board
    for database in (INFLUXDB, VICTORIA_METRICS):
        kept, shown = (made_once(Wanted(database, "en", pressure=pressure)) for pressure in ("kPa", "bar"))
        differing = {path for path in kept if kept[path] != shown[path]}
        assert differing == {path for path in kept if "pressurekpa" in kept[path]} >= {"dashboards/water.json"}
