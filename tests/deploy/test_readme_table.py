"""What the README promises for each fault is proved by a test that it names, and that test is there."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
HEADING = "## What happens when"


def rows() -> list[list[str]]:
    """The cells of the table's rows, without its head."""
    section = (CHECKOUT / "README.md").read_text(encoding="utf-8").partition(HEADING)[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def defined() -> set[str]:
    """Names of all tests."""
    found: set[str] = set()
    for path in (CHECKOUT / "tests").rglob("test_*.py"):
        found |= set(re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))
    return found


@pytest.mark.parametrize("row", [pytest.param(row, id=row[0][:40]) for row in rows()])
def test_every_row_of_the_table_names_tests_that_are_there(row: list[str]) -> None:
    _, _, proof = row
    named = re.findall(r"`(test_\w+)`", proof)
    assert named
    assert not set(named) - defined()


def test_the_table_is_found() -> None:
    assert len(rows()) > 20
