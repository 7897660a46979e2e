"""The drawing in docs/architecture.md names every wing with its rooms, and every part of the core, each once."""

import re
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
GATEWAY = CHECKOUT / "gateway"
WING = re.compile(r" (\w+) +([\w·]+(?: · \w+)*)  +\S")
PART = re.compile(r"    [├└]─ ([\w ·]+?)  +\S")


def drawing() -> list[str]:
    return (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1].splitlines()


def rooms(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if any(path.glob("*.py")))


def modules(folder: Path) -> Iterator[str]:
    yield from (path.stem for path in folder.glob("[a-z]*.py"))
    yield from rooms(folder)


def test_each_wing_is_drawn_with_its_rooms() -> None:
    drawn = {found[1]: found[2].split(" · ") for line in drawing() if (found := WING.match(line)) and "·" in line}
    assert drawn == {wing: rooms(GATEWAY / wing) for wing in rooms(GATEWAY) if wing != "core"}


def test_each_part_of_the_core_is_drawn_once() -> None:
    drawn = [name for line in drawing() if (found := PART.match(line)) for name in found[1].split(" · ")]
    assert sorted(drawn) == sorted(modules(GATEWAY / "core"))
