"""Docstrings and their fields begin with a verb or a noun: an engineer understands them without having read the code."""

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
HEADLESS_FIELD = re.compile(r"\s*:(?:ivar|param) \w+: (?:what|whether|how|who|whose|which|when|where|why|if|that)\b")
FIELD_FOLDERS = ("gateway", "schemas")


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


@pytest.mark.parametrize("folder", FIELD_FOLDERS)
def test_no_field_begins_with_a_clause_that_has_no_head(folder: str) -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()}"
        for path in sorted((CHECKOUT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if HEADLESS_FIELD.match(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "is_headless"),
    [
        (":ivar since_ms: when it began.", True),
        ("    :param names: how many there are.", True),
        ("    :ivar names: number of them.", False),
        ("    :ivar whence: its origin.", False),
    ],
)
def test_a_headless_field_is_seen(line: str, is_headless: bool) -> None:  # noqa: FBT001
    assert bool(HEADLESS_FIELD.match(line)) is is_headless


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
