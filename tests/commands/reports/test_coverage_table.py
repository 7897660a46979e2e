"""The table of ``gateway devices coverage``."""

import pytest

from gateway.commands.cli import main
from tests.commands.typed import offered, written
from tests.site import Site


def test_areas_stand_between_two_rules_and_all_sums_below(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.devices({"id": "m1", "domain": "water"}, {"id": "m2", "domain": "water"}, {"id": "p1", "domain": "power"})
    assert site.config
    assert main(["devices", "coverage", "-c", str(site.folder / "gateway.yaml"), "--language", "en"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rules = [at for at, line in enumerate(lines) if line.startswith("─")]
    between, below = lines[rules[0] + 1 : rules[1]], lines[rules[1] + 1 : lines.index("", rules[1])]
    assert (len(rules), len(between), len(below)) == (2, 2, 3)


def test_what_people_type_is_what_they_know() -> None:
    assert offered("report", "export") == written("report", "export")
