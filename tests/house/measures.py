"""The size of the house: ``python -m tests.house.measures`` prints it, and the longest chain of imports.

Small houses are learned in a day. A module of a few lines costs its reader a name and a place; where a chain of imports is
long, little can be understood by itself; what a running gateway may import is where the cause of its fault is looked for.
"""

from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import grimp

CHECKOUT: Final = Path(__file__).parents[2]
GATEWAY: Final = CHECKOUT / "gateway"
RUN: Final = "gateway.commands.run"
SMALL_LINES: Final = 60


@dataclass(frozen=True, slots=True)
class Measures:
    """The house in figures.

    :ivar names: files and folders at the top of ``gateway/``.
    :ivar modules: its Python files.
    :ivar small: those of at most 60 lines, but for ``__init__``, which a folder needs.
    :ivar lines: of all of them.
    :ivar chain: modules of ``gateway`` and ``schemas`` of which each imports the next one: the longest such row.
    :ivar loaded: modules of ``gateway`` that ``gateway run`` may come to import, however late.
    """

    names: int
    modules: int
    small: int
    lines: int
    chain: tuple[str, ...]
    loaded: int


def measure() -> Measures:
    """Read the tree as it is now."""
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in GATEWAY.rglob("*.py")}
    names = {path.relative_to(GATEWAY).parts[0] for ending in ("py", "yaml") for path in GATEWAY.rglob(f"*.{ending}")}
    graph = grimp.build_graph("gateway", "schemas", cache_dir=None)
    loaded = [name for name in graph.find_upstream_modules(RUN) if name.startswith("gateway")]
    small = sum(each <= SMALL_LINES for path, each in lines.items() if path.name != "__init__.py")
    return Measures(len(names), len(lines), small, sum(lines.values()), _longest_chain(graph), len(loaded))


def _longest_chain(graph: grimp.ImportGraph) -> tuple[str, ...]:
    """:raises CycleError: modules import each other in a circle."""
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    chains: dict[str, tuple[str, ...]] = {}
    for name in TopologicalSorter(imports).static_order():  # what is imported comes first
        chains[name] = (name, *max((chains[each] for each in sorted(imports[name])), key=len, default=()))
    return max(chains.values(), key=len)


def main() -> None:
    """Print the figures."""
    found = measure()
    figures = {
        "names at the top of gateway/": found.names,
        "modules": found.modules,
        f"modules of at most {SMALL_LINES} lines": found.small,
        "lines of Python": found.lines,
        "longest chain of imports": len(found.chain),
        f"modules that {RUN} may import": found.loaded,
    }
    rows = [f"{figure:7,}  {name}" for name, figure in figures.items()]
    print(*rows, "", *found.chain, sep="\n")  # noqa: T201


if __name__ == "__main__":
    main()
