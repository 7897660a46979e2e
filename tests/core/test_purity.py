"""The core is pure beyond its imports, which the import rules hold: no clock is read, no file opened, nothing printed."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway
from tests.rows import each_row

GATEWAY = Path(gateway.__file__).parent
CORE = sorted((GATEWAY / "core").rglob("*.py"))
IMPURE = {
    *("now", "utcnow", "today", "open", "print", "input", "exec", "eval", "__import__", "breakpoint"),
    *("stderr", "stdin", "stdout"),
}
"""Functions, methods and files that stand nowhere in the path of a call."""
MODULES = {"asyncio", "io", "logging", "os", "pathlib", "random", "secrets", "socket", "sqlite3", "subprocess", "time"}
"""Modules that no such path begins with."""
BROAD = {"Exception", "BaseException"}


def name_of(path: Path) -> str:
    """The path of a module below the package."""
    return path.relative_to(GATEWAY).as_posix()


def names_in(path: ast.expr) -> Iterator[str]:
    """Names of a path from its end: ``exists``, ``path``, ``os`` of ``os.path.exists``; ``()`` where it begins without one."""
    while isinstance(path, ast.Attribute):
        yield path.attr
        path = path.value
    yield path.id if isinstance(path, ast.Name) else "()"


def impure_calls(source: str) -> list[str]:
    """The paths of impure calls, however deep one call stands in another."""
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    paths = [list(names_in(path)) for path in calls]
    return [".".join(path[::-1]) for path in paths if not IMPURE.isdisjoint(path) or not MODULES.isdisjoint(path[-1:])]


def broad_excepts(source: str) -> int:
    """Count the handlers that catch every exception, alone or among others."""
    handlers = [node.type for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ExceptHandler)]
    caught = [[None] if kind is None else kind.elts if isinstance(kind, ast.Tuple) else [kind] for kind in handlers]
    return sum(any(kind is None or not BROAD.isdisjoint(names_in(kind)) for kind in kinds) for kinds in caught)


def test_every_module_of_the_core_is_looked_at() -> None:
    assert len(CORE) > 60
    assert {"core/process.py", "core/readings/counters.py", "core/profiles/language/calendars.py"} <= set(map(name_of, CORE))


@pytest.mark.parametrize(
    "source",
    [
        "print(1)",
        "datetime.datetime.now(UTC)",
        "os.path.exists(name)",
        "time.time()",
        "found = [float(time.monotonic()) for _ in range(3)]",
        "len(Path(name).open().read())",
        "sys.stdout.write(text)",
        "self.clock.now()",
    ],
)
def test_an_impure_call_is_seen_wherever_it_stands(source: str) -> None:
    assert len(impure_calls(source)) == 1


@each_row("path", CORE, ids=name_of)
def test_a_module_of_the_core_calls_nothing_impure(path: Path) -> None:
    assert impure_calls(path.read_text()) == []


@pytest.mark.parametrize("kinds", ["", " Exception", " BaseException as fault", " (OSError, Exception)", " builtins.Exception"])
def test_a_broad_except_is_seen_in_any_form(kinds: str) -> None:
    assert broad_excepts(f"try:\n    work()\nexcept{kinds}:\n    pass") == 1


def test_the_gateway_has_one_broad_except() -> None:
    """It surrounds the processing of one message: a fault there becomes the reject ``internal_error``."""
    found = {name_of(path): broad_excepts(path.read_text()) for path in GATEWAY.rglob("*.py")}
    assert {name: count for name, count in found.items() if count} == {"core/process.py": 1}
