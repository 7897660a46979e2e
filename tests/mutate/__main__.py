"""Every change to what decides the fate of a reading makes a test fail, or is listed with a reason: make mutate."""

import argparse
import json
import random
import subprocess
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.mutate.changes import Change, changes
from tests.mutate.trial import Verdict

TABLE: Final = Path(__file__).with_name("table.toml")
_ROOT: Final = Path(__file__).parents[2]


def main(arguments: list[str] | None = None) -> int:
    """0 when no change survived that is not listed, and none is listed that a test notices or that cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="as the table names them; default: all")
    parser.add_argument("--sample", type=int, metavar="N", help="try N of all changes, chosen by --seed; default: each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", type=Path, default=TABLE, help="modules, their tests and what may survive")
    options = parser.parse_args(arguments)
    table: dict[str, dict[str, Any]] = tomllib.loads(options.table.read_text())
    root = _ROOT if options.table == TABLE else options.table.parent.resolve()
    if unknown := set(options.modules) - set(table):
        parser.error(f"not in {options.table}: {', '.join(sorted(unknown))}")
    chosen = {module: changes((root / module).read_text()) for module in options.modules or table}
    faults = [fault for module, every in chosen.items() for fault in _listed_in_vain(module, every, table[module])]
    if options.sample is not None:
        chosen = _sample(chosen, options.sample, random.Random(options.seed))  # noqa: S311 - a choice
    for module, some in chosen.items():
        faults += _try(module, some, table[module], root)
    sys.stdout.write("".join(f"{fault}\n" for fault in faults or ["no change survived that is not listed"]))
    return 1 if faults else 0


def _listed(about: dict[str, Any]) -> set[str]:
    return {key for entry in about.get("survivors", []) for key in entry["changes"]}


def _listed_in_vain(module: str, every: list[Change], about: dict[str, Any]) -> list[str]:
    in_vain = _listed(about) - {change.key for change in every}
    return [f"{module}: {key}: listed, and there is no such change" for key in sorted(in_vain)]


def _sample(every: dict[str, list[Change]], number: int, chance: random.Random) -> dict[str, list[Change]]:
    flat = [(module, change) for module, some in every.items() for change in some]
    chosen = chance.sample(flat, min(number, len(flat)))
    sample = {module: [change for of, change in chosen if of == module] for module in every}
    return {module: sorted(some) for module, some in sample.items() if some}


def _try(module: str, some: list[Change], about: dict[str, Any], root: Path) -> list[str]:
    began_s = time.monotonic()
    command = [sys.executable, "-m", "tests.mutate.trial"]  # what the tests of one module load must not be loaded for the next
    given = json.dumps([module, some, about["tests"], str(root)])
    done = subprocess.run(command, input=given, text=True, stdout=subprocess.PIPE, cwd=_ROOT, check=True)
    found = [Verdict(value) for value in json.loads(done.stdout)]
    if not found:
        return [f"{module}: its tests fail without a change, or there are none"]
    said = ", ".join(f"{number} {verdict.value}" for verdict, number in Counter(found).items())
    sys.stdout.write(f"{module}: {said}, in {time.monotonic() - began_s:.0f} s\n")
    sys.stdout.flush()
    listed = _listed(about)
    faults = []
    for change, verdict in zip(some, found, strict=True):
        is_listed = change.key in listed
        place = f"{module}:{change.line}: {change.key}"
        if verdict is Verdict.SURVIVED and not is_listed:
            faults.append(f"{place}: no test notices")
        elif verdict is Verdict.KILLED and is_listed:
            faults.append(f"{place}: listed, and a test notices it")
    return faults


if __name__ == "__main__":
    sys.exit(main())
