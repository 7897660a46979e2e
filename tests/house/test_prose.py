"""Docstrings and their fields begin with a verb or a noun: an engineer understands them without having read the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
FOLDERS = ("gateway", "firmware_sim", "schemas", "grafana", "tests")
"""Folders whose docstrings are looked at."""
HEADLESS = re.compile(r"(?:What|Whether|How|Who|Whose|Which|When|Where|Why|If|That)\b|None:")
"""Openings of a clause that depends on something left unsaid."""
HEADLESS_FIELD = re.compile(r"\s*:(?:ivar|param) \w+: (?:what|whether|how|who|whose|which|when|where|why|if|that)\b")
FIELD_FOLDERS = ("gateway", "schemas")
METHODS = ast.FunctionDef | ast.AsyncFunctionDef


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
    assert found == [], "begin these docstrings with a verb or a noun"


def calls() -> set[str]:
    """All functions, classes and their methods in the gateway, as they are named in documents."""
    found: set[str] = set()
    for path in (CHECKOUT / "gateway").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
            if isinstance(node, ast.ClassDef):
                found |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, METHODS)}
                fields = [part.target for part in node.body if isinstance(part, ast.AnnAssign)]
                found |= {f"{node.name}.{field.id}" for field in fields if isinstance(field, ast.Name)}
    return found


@pytest.mark.parametrize(
    ("page", "pattern"),
    [
        ("gateway/core/process.py", r":(?:meth|func):`([\w.]+)`"),
        ("docs/architecture.md", r"`([A-Z]\w+\.\w+)`"),
    ],
)
def test_each_call_that_the_way_of_a_message_names_exists(page: str, pattern: str) -> None:
    named = set(re.findall(pattern, (CHECKOUT / page).read_text(encoding="utf-8")))
    assert len(named) > 10
    assert named - calls() == set(), "this page names functions that are gone, or go by another name"


@pytest.mark.parametrize("folder", FIELD_FOLDERS)
def test_no_field_begins_with_a_clause_that_has_no_head(folder: str) -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()}"
        for path in sorted((CHECKOUT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if HEADLESS_FIELD.match(line)
    ]
    assert found == [], "begin these fields with a noun"


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
