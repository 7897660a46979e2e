"""``gateway rollups again``: the past is marked to be written anew, by a running gateway or in its file."""

import json
from pathlib import Path

import pytest

from gateway.commands.cli import main
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from tests.site import Site

HOUR_MS = 3_600_000
END_MS = 1_780_326_000_000  # 2026-06-01 22:00 in Vietnam


@pytest.fixture
def file(site: Site) -> Path:
    """The file of a gateway that has closed hours until ten in the evening of a first of June."""
    site.devices({"id": "m1", "domain": "water"}, {"id": "24-E1-24-13-6D-00-00-01", "domain": "water"})
    database = Database(site.config.journal.path)
    database.open()
    database.run_here(keyvalue.put, "periods.hour_ms", str(END_MS))
    database.close()
    return site.folder / "gateway.yaml"


def noted(site: Site) -> dict[str, list[list[int]]]:
    database = Database(site.config.journal.path)
    database.open()
    kept = database.run_here(keyvalue.get_prefix, "periods.again.")
    database.close()
    return {name.removeprefix("periods.again."): json.loads(text)["runs"] for name, text in kept.items()}


def test_all_closed_hours_of_all_devices_since_a_local_day_are_marked(
    site: Site, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rollups", "again", "--from", "2026-05-31", "-c", str(file)]) == 0
    assert "46 hours are written again" in capsys.readouterr().out
    last = END_MS // HOUR_MS
    assert noted(site) == {"m1": [[last - 46, last]], "24e124136d000001": [[last - 46, last]]}


@pytest.mark.parametrize(
    ("day", "said"),
    [
        pytest.param("2026-06-02", "--from: no hour since 2026-06-02 is written yet", id="to-come"),
        pytest.param("june", "--from: 'june' is not a day", id="no-day"),
    ],
)
def test_a_day_since_which_nothing_is_written_is_refused(
    site: Site, file: Path, capsys: pytest.CaptureFixture[str], day: str, said: str
) -> None:
    assert main(["rollups", "again", "--from", day, "-c", str(file)]) == 2
    assert said in capsys.readouterr().err
    assert noted(site) == {}
