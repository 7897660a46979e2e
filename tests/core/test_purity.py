"""The core is pure beyond its imports, which the import rules hold: no clock is read, no file opened, nothing printed."""

import ast
from pathlib import Path

import pytest

import gateway.core

MODULES = sorted(Path(gateway.core.__file__).parent.rglob("*.py"))
IMPURE = {"now", "utcnow", "today", "open", "print", "input", "exec", "eval", "__import__"}


def called(tree: ast.AST) -> set[str]:
    """Names of all functions and methods that are called."""
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {function.id for function in functions if isinstance(function, ast.Name)}
    return names | {function.attr for function in functions if isinstance(function, ast.Attribute)}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_of_the_core_calls_nothing_impure(module: Path) -> None:
    assert called(ast.parse(module.read_text())) & IMPURE == set()


def test_the_core_has_one_broad_except() -> None:
    """Around one message: a fault there becomes the reject ``internal_error``."""
    broad = [
        module.stem
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name) and node.type.id == "Exception"
    ]
    assert broad == ["process"]
