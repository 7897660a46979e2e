"""Each recipe names files, and names within them, that are there: whoever moves one moves it in its recipes too."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rows import each_row

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "docs" / "recipes"
KINDS = (
    *("alarm-rule", "command", "condition", "intake", "language", "output"),
    *("page-figure", "profile", "profile-when", "quantity", "registry-field"),
)
"""The changes that every house like this sees, each with a page."""
CODE = re.compile(r"`([^`\n]+)`")
NAME = re.compile(r"\[?[A-Za-z_]\w*\]?")


def steps(page: str) -> Iterator[tuple[list[str], list[str]]]:
    """The files of each row of a page's tables or item of its lists, and the names that are looked for in them."""
    for line in page.splitlines():
        if found := re.match(r"\| (`[^|]*) \||\d+\. (`[^`]+`(?:: `\w+`)?)", line):
            words = CODE.findall(found[1] or found[2])
            yield [word for word in words if "/" in word or "." in word], [word for word in words if NAME.fullmatch(word)]


def holds(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def text_of(file: str) -> str:
    """The text of a file that is there, or of all modules right in a folder."""
    path = CHECKOUT / file
    paths = sorted(path.glob("*.py")) if path.is_dir() else [path] if path.is_file() else []
    return "\n".join(one.read_text(encoding="utf-8") for one in paths)


def faults(page: str) -> Iterator[str]:
    """All that a page names in vain."""
    for files, names in steps(page):
        missing = [file for file in files if not (CHECKOUT / file).exists()]
        yield from missing
        text = "".join(map(text_of, files))
        yield from (f"{name} in {' '.join(files)}" for name in names if not missing and not holds(text, name))


def test_every_kind_of_change_has_a_recipe_and_the_list_leads_to_it() -> None:
    pages = {path.stem for path in FOLDER.glob("*.md")}
    listed = set(re.findall(r"\]\(([\w-]+)\.md\)", (FOLDER / "README.md").read_text(encoding="utf-8")))
    assert pages - {"README"} == set(KINDS), "a recipe has its page in docs/recipes and its name in KINDS"
    assert set(KINDS) <= listed <= pages, "docs/recipes/README.md leads to each recipe"


@each_row("kind", KINDS)
def test_each_file_of_a_recipe_is_there_with_the_names_to_look_for(kind: str) -> None:
    page = (FOLDER / f"{kind}.md").read_text(encoding="utf-8")
    assert len(list(steps(page))) > 4, "a row begins with the file in backticks"
    assert list(faults(page)) == [], "correct the recipe: what it names has moved or goes by another name"


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("| `schemas/quantities.py`: `_UNITS` | a row | a test |", []),
        ("| `schemas/gone.py`: `_UNITS` | a row | a test |", ["schemas/gone.py"]),
        ("| `schemas/quantities.py`: `_GONE` | a row | a test |", ["_GONE in schemas/quantities.py"]),
        ("2. `schemas/gone/`: a module.", ["schemas/gone/"]),
        ("3. `schemas/quantities.py`: `_GONE`, as `else` there.", ["_GONE in schemas/quantities.py"]),
    ],
)
def test_what_is_gone_is_told(row: str, fault: list[str]) -> None:
    assert list(faults(row)) == fault
