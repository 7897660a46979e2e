"""One type name means one thing: whoever meets it need not look which module it comes from."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
FOLDERS = ("gateway", "firmware_sim", "schemas")


def types_of(source: str) -> Iterator[str]:
    """Yield the names of the classes and type aliases of a module, private ones without their underscore."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            yield node.name.lstrip("_")
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id.lstrip("_")
            if name[:1].isupper() and not name.isupper():
                yield name


def test_classes_and_aliases_are_found_and_constants_are_not() -> None:
    assert list(types_of("class _A: ...\nBcd = int\nLIMIT = 3\nlog = 1\n_De = dict[str, int]")) == ["A", "Bcd", "De"]


def test_no_type_name_is_defined_in_two_modules() -> None:
    places = defaultdict[str, list[str]](list)
    for folder in FOLDERS:
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            for name in types_of(path.read_text(encoding="utf-8")):
                places[name].append(str(path.relative_to(CHECKOUT)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
