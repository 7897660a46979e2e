"""``gateway export open`` beside a database that has nothing: the day, the files, and what is refused."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.commands.answering import Answering
from tests.commands.stopped import Stopped
from tests.rows import each_row
from tests.site import Site


@pytest.fixture
def province(stopped: Stopped, site: Site, server: Answering) -> Stopped:
    for method in ("GET", "POST"):
        server.answers[method, "/query"] = {"results": [{"statement_id": 0}]}
    site.devices({"id": "m1", "domain": "water"}, {"id": "p1", "domain": "power"})
    site.sections["influxdb"] = {"url": server.url, "api": "v1"}
    assert site.config
    return stopped


@pytest.mark.parametrize("day", [None, "2026-10-31"])
def test_a_file_for_each_domain_is_written_though_no_area_may_be_shown(province: Stopped, site: Site, day: str | None) -> None:
    yesterday = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).date() - timedelta(days=1)
    *files, none = province.command("export", "open", *(["--day", day] if day else [])).splitlines()
    assert none == "no area has 10 devices with figures on this day, so there is nothing that everybody may see"
    assert len(files) == 2
    for line, domain in zip(sorted(files), ("power", "water"), strict=True):
        path, _, rows = line.rpartition(": ")
        assert rows == "0 rows"
        assert path.startswith(str(site.folder))
        assert domain in path
        assert (day or str(yesterday)) in path
    written = {path.name for path in site.folder.rglob("*") if path.is_file()}
    assert {name for name in written if "catalog" in name}, "it is described"


@each_row(
    ("day", "said"),
    [
        ("2026-13-01", "--day: '2026-13-01' is not a day; write 2026-10-31\n"),
        ("2099-01-01", "--day: 2099-01-01 is not over\n"),
    ],
)
def test_what_is_no_day_that_is_over_is_refused(province: Stopped, day: str, said: str) -> None:
    assert province.command("export", "open", "--day", day, status=2) == said


def test_a_database_that_is_away_or_knows_no_answer_is_told(province: Stopped, site: Site, server: Answering) -> None:
    server.answers.clear()
    assert province.command("export", "open", status=3).startswith(server.url)
    site.sections["influxdb"]["url"] = "http://127.0.0.1:9"
    assert site.config
    assert province.command("export", "open", status=3).startswith("http://127.0.0.1:9")
