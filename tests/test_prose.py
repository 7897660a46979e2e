"""Docstrings begin with an imperative verb or a noun: an engineer understands them without having read the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
FOLDERS = ("gateway", "firmware_sim", "schemas", "grafana", "tests")
"""Folders whose docstrings are looked at."""
HEADLESS = re.compile(r"(?:What|Whether|How|Who|Whose|Which|When|Where|Why|If|That)\b|None:")
"""Openings of a clause that depends on something left unsaid."""


def openings(source: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each module, class and function that has a docstring, with its first line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield ("" if isinstance(node, ast.Module) else node.name), text.partition("\n")[0]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_docstring_begins_with_a_clause_that_has_no_head(folder: str) -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}: {name}: {line}"
        for path in sorted((CHECKOUT / folder).rglob("*.py"))
        for name, line in openings(path.read_text(encoding="utf-8"))
        if HEADLESS.match(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "is_headless"),
    [
        ("Whether it holds.", True),
        ("What is left.", True),
        ("None: nothing waits.", True),
        ("Tell if it holds.", False),
        ("Whatever remains.", False),
        ("However slow, it is answered.", False),
    ],
)
def test_a_headless_opening_is_seen(line: str, is_headless: bool) -> None:  # noqa: FBT001
    ((_, found),) = openings(f'def work():\n    """{line}\n\n    More.\n    """')
    assert bool(HEADLESS.match(found)) is is_headless
