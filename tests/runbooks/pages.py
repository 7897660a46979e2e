"""Pages of docs/runbooks: their steps in both languages, with the commands as they are printed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

FOLDER = Path(__file__).parents[2] / "docs" / "runbooks"
PAGES = sorted(path.name for path in FOLDER.glob("*.md") if path.name != "README.md")
HEADINGS = ["Tiếng Việt", "Ý nghĩa", "Kiểm tra", "Xử lý", "English", "Meaning", "Check", "Act"]
BY_HAND = "✋ "


@dataclass(frozen=True)
class Step:
    """A numbered step.

    :ivar machine: the machine that its commands are for; none: the one with the gateway.
    :ivar commands: its fenced block; none: it is for hands.
    """

    number: int
    text: str
    machine: str
    commands: str


def text_of(page: str) -> str:
    """The whole page."""
    return (FOLDER / page).read_text(encoding="utf-8")


def headings(page: str) -> list[str]:
    """Its headings below the title."""
    return re.findall(r"^##+ (.+)$", text_of(page), re.MULTILINE)


def steps(page: str, heading: str) -> list[Step]:
    """The steps below a heading."""
    _, _, below = text_of(page).partition(f"\n### {heading}\n")
    return list(_steps(re.split(r"^##+ ", below, maxsplit=1, flags=re.MULTILINE)[0]))


def _steps(section: str) -> Iterator[Step]:
    starts = [found.start() for found in re.finditer(r"^\d+\. ", section, re.MULTILINE)]
    for start, end in pairwise([*starts, len(section)]):
        number, _, rest = section[start:end].partition(". ")
        text, _, fenced = rest.partition("\n   ```sh")
        machine, _, commands = fenced.partition("\n")
        yield Step(int(number), text.strip(), machine.strip(), dedent(commands.partition("   ```")[0]))
