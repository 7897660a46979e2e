"""The drawing in docs/architecture.md names every room of the gateway and of its core, each once."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
GATEWAY = CHECKOUT / "gateway"
NAMES_END = 38
"""The column in which the descriptions begin."""
BRANCHES = ("├", "└")


def drawn(*, in_core: bool) -> list[str]:
    """The names in the drawing, those of the core or the others."""
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    lines = page.split("```")[1].splitlines()
    return [
        name
        for line in lines
        if any(sign in line for sign in BRANCHES) is in_core
        for name in re.findall(r"\w+", line[:NAMES_END])
    ]


def rooms(folder: Path) -> Iterator[str]:
    """The packages and modules of a folder; the command line is one, in several files."""
    for path in folder.iterdir():
        if path.suffix == ".py" or any(path.glob("*.py")) or any(path.glob("*.yaml")):
            name = path.stem.partition("cli_")[0] or "cli"
            if not name.startswith("__"):
                yield name


@pytest.mark.parametrize(("folder", "in_core", "others"), [(GATEWAY, False, {"schemas"}), (GATEWAY / "core", True, set())])
def test_each_room_is_drawn_once(folder: Path, in_core: bool, others: set[str]) -> None:  # noqa: FBT001
    found = drawn(in_core=in_core)
    assert sorted(found) == sorted({*rooms(folder), *others})
