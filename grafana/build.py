"""Writes ``dashboards/*/*.json`` from the tables, a folder for each kind of database: ``python grafana/build.py``.

With ``--check`` it only compares.

Needs the project to be importable: the development environment, or PYTHONPATH at the root of the checkout.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from grafana.ask import CannotAsk
from grafana.guard import faults
from grafana.render import dashboard
from grafana.stores import DATABASES, Json
from grafana.tables import DASHBOARDS

FOLDER: Final = Path(__file__).resolve().parent / "dashboards"


def rendered() -> dict[str, str]:
    """Path in the folder → content.

    :raises CannotAsk: a panel asks what a query language has no words for.
    """
    refused = [sentence for board in DASHBOARDS for sentence in faults(board)]
    if refused:
        raise CannotAsk("\n".join(refused))
    return {
        f"{database.folder}/{board.name}.json": file_text(dashboard(board, database, "en"))
        for database in DATABASES
        for board in DASHBOARDS
    }


def file_text(board: Json) -> str:
    """Write a dashboard as JSON with a line for each panel, so that a change of one panel is a change of one line."""
    head, _, end = json.dumps({**board, "panels": []}, ensure_ascii=False, indent=1).rpartition("[]")
    return head + _lines(board["panels"]) + end + "\n"


def _lines(panels: list[Json]) -> str:
    return "[\n" + ",\n".join(map(_line, panels)) + "\n]"


def _line(panel: Json) -> str:
    """A panel, or a heading; those below a closed heading have lines of their own."""
    if not panel.get("panels"):
        return json.dumps(panel, ensure_ascii=False)
    head, _, end = json.dumps({**panel, "panels": []}, ensure_ascii=False).rpartition("[]")
    return head + _lines(panel["panels"]) + end


def drift(folder: Path = FOLDER) -> list[str]:
    """Return the differences between the tables and the files, one sentence each."""
    wanted = rendered()
    paths = sorted(folder.rglob("*.json"))
    found = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    return [
        *(f"{folder / name}: missing" for name in sorted(wanted.keys() - found.keys())),
        *(f"{folder / name}: no table makes it" for name in sorted(found.keys() - wanted.keys())),
        *(f"{folder / name}: differs from its table" for name in sorted(wanted.keys() & found) if wanted[name] != found[name]),
    ]


def write(folder: Path = FOLDER) -> None:
    """Write every dashboard."""
    for name, content in rendered().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """0: written, or up to date; 1: ``--check`` found a difference."""
    parser = argparse.ArgumentParser(prog="grafana/build.py", description="Write Grafana's dashboards from the tables.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")
    if not parser.parse_args(arguments).check:
        write()
        return 0
    differences = drift()
    for difference in differences:
        sys.stderr.write(f"{difference}; run: python grafana/build.py\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
