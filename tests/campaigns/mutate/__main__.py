"""Every change to the code makes a test of its room fail, or is listed with a reason: make mutate."""

import argparse
import json
import random
import subprocess
import sys
import time
import tomllib
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.campaigns.mutate import trial
from tests.campaigns.mutate.changes import Change, changes
from tests.campaigns.mutate.trial import SURVIVORS, Verdict

_ROOT: Final = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").exists())
_Made = tuple[Path, Change]
"""A module, by its path from the root, and a change to it."""


def main(arguments: list[str] | None = None) -> int:
    """0 when no change survived that is not listed, and none is listed that a test notices or that cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.mutate", description=__doc__)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", default=["gateway"], help="a folder or a module; default: gateway")
    parser.add_argument("--sample", type=int, metavar="N", help="try N of all changes, chosen by --seed; default: each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", type=Path, default=Path(__file__).with_name("table.toml"), help="what may survive")
    parser.add_argument("--root", type=Path, default=_ROOT, help="where the code and its tests lie")
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    every = [(module, change) for module in _modules(options.rooms, root) for change in changes((root / module).read_text())]
    listed = _listed(options.table)
    faults = _listed_in_vain(listed, every)
    if options.sample is not None:
        every = random.Random(options.seed).sample(every, min(options.sample, len(every)))  # noqa: S311 - a choice
    every.sort(key=lambda made: (_tests(made[0], root), made))
    counted: Counter[str] = Counter()
    for tests, of_room in groupby(every, lambda made: _tests(made[0], root)):
        faults += _try(tests, list(of_room), listed, root, counted)
    sys.stdout.write("".join(f"{fault}\n" for fault in faults or ["no change survived that is not listed"]))
    sys.stdout.write(f"{counted.total()} changes: {_told(counted)}\n")
    return 1 if faults else 0


def name(module: Path, change: Change) -> str:
    """The name by which a change is listed; it outlives a move to another folder."""
    stem = module.parent.name if module.stem == "__init__" else module.stem
    return f"{stem}.{change.key}" if change.function else f"{stem}: {change.key}"


def _modules(rooms: list[str], root: Path) -> list[Path]:
    found = [path for room in rooms for path in sorted((root / room).rglob("*.py")) or [root / room]]
    return [path.relative_to(root) for path in found]


def _tests(module: Path, root: Path) -> list[str]:
    """The tests of its room: all in the same folder below tests, else those in the next one above but in none of its rooms."""
    room = root / "tests" / Path(*module.parent.parts[1:])
    found = room.rglob("test_*.py") if room != root / "tests" else ()
    while not (files := sorted(map(str, found))) and room != root / "tests":
        room = room.parent
        found = room.glob("test_*.py")
    return files


def _listed(table: Path) -> set[str]:
    return {change for entry in tomllib.loads(table.read_text())["survivors"] for change in entry["changes"]}


def _listed_in_vain(listed: set[str], every: list[_Made]) -> list[str]:
    names = {name(module, change) for module, change in every}
    stems = {name.partition(":")[0].partition(".")[0] for name in names}
    in_vain = {text for text in listed - names if text.partition(":")[0].partition(".")[0] in stems}
    return [f"{text}: listed, and there is no such change" for text in sorted(in_vain)]


def _try(tests: list[str], of_room: list[_Made], listed: set[str], root: Path, counted: Counter[str]) -> list[str]:
    began_s = time.monotonic()
    command = [sys.executable, "-m", trial.__name__]  # what the tests of one room load must not be loaded for the next
    given = json.dumps([[(str(module), change) for module, change in of_room], tests, str(root)])
    values, failed = [Verdict.NOT_REACHED.value] * len(of_room), []
    if tests:
        done = subprocess.run(command, input=given, text=True, stdout=subprocess.PIPE, cwd=_ROOT, check=True)
        values, failed = json.loads(done.stdout)
    faults = [f"{test}: fails without a change" for test in failed]
    in_room: Counter[str] = Counter()
    for (module, change), value in zip(of_room, values, strict=True):
        verdict, is_listed = Verdict(value), name(module, change) in listed
        in_room["survived as listed" if verdict in SURVIVORS and is_listed else value] += 1
        place = f"{module}:{change.line}: {name(module, change)}"
        if verdict in SURVIVORS and not is_listed:
            faults.append(f"{place}: no test {'notices' if verdict is Verdict.SURVIVED else 'runs it'}")
        elif verdict is Verdict.KILLED and is_listed:
            faults.append(f"{place}: listed, and a test notices it")
    rooms = ", ".join(sorted({str(module.parent) for module, _ in of_room}))
    sys.stdout.write(f"{rooms}: {_told(in_room)}, in {time.monotonic() - began_s:.0f} s\n")
    sys.stdout.flush()
    counted.update(in_room)
    return faults


def _told(counted: Counter[str]) -> str:
    return ", ".join(f"{number} {verdict}" for verdict, number in counted.items())


if __name__ == "__main__":
    sys.exit(main())
