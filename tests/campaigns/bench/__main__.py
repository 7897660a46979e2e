"""``python -m tests.campaigns.bench``: measure, show a table, write JSON."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from gateway.commands.demo.services import CHECKOUT, ProgramMissing, ServiceFailed
from tests.campaigns.bench import (
    catch_up,
    chirpstack,
    compare,
    disk,
    flicker,
    flood,
    kills,
    latency,
    link,
    memory,
    page,
    pages,
    partition,
    rabbitmq,
    record,
    reload,
    report,
    saturation,
    simulator,
    start,
    stores,
    verify,
    wire,
)
from tests.campaigns.bench.burst import BrokerGone
from tests.campaigns.bench.children import BenchFault, Plan
from tests.campaigns.bench.contest import Contest
from tests.campaigns.bench.figures import Figure, table
from tests.campaigns.bench.record import Measured

_CONTESTS: dict[str, Contest] = {
    "start": start.CONTEST,
    "saturation": saturation.CONTEST,
    "latency": latency.CONTEST,
    "chirpstack": chirpstack.CONTEST,
    "memory": memory.CONTEST,
}
"""What the gateway costs: measured without further words."""

_OTHERS: dict[str, Callable[[Plan], list[Figure]]] = {
    "disk": disk.measure,
    "catch_up": catch_up.measure,
    "reload": reload.measure,
    "flicker": flicker.measure,
    "flood": flood.measure,
    "kills": kills.measure,
    "link": link.measure,
    "pages": pages.measure,
    "partition": partition.measure,
    "rabbitmq": rabbitmq.measure,
    "report": report.measure,
    "simulator": simulator.measure,
    "stores": stores.measure,
    "verify": verify.measure,
    "wire": wire.measure,
}
"""One long run each: measured when they are named."""

_PARTS = (*_CONTESTS, *_OTHERS)
_FOLDER = "/var/tmp"  # noqa: S108 - on a disk, where /tmp may be in memory; what is made in it has a name of its own
_ROUNDS = 12
_BROKEN = (BenchFault, BrokerGone, ProgramMissing, ServiceFailed, AssertionError, OSError, subprocess.SubprocessError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 when something broke, and with ``--strict`` when a bar is missed."""
    options = _options(arguments)
    os.environ["PYTHONPATH"] = str(CHECKOUT)  # for the processes that are started in other folders
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # byte code is there from the first run on, as after an installation
    began_s = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began_s:6.1f} s  {text}\n")
        sys.stderr.flush()

    with tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=options.dir) as folder:
        plan = Plan(Path(folder), quick=options.quick, long=options.long, say=say)
        return _compare(plan, options) if options.compare is not None else _measure(plan, options)


def _measure(plan: Plan, options: argparse.Namespace) -> int:
    """The figures of this checkout. Each part is put on record as soon as it has figures, so that a run may be stopped."""
    done: dict[str, Measured] = {}
    broken: dict[str, str] = {}
    for part in options.parts or _CONTESTS:
        plan.say(f"{part} …")
        occasion = record.occasion(options.machine)
        try:
            for figures in _figures(part, plan):
                done[part] = Measured(occasion, figures)
                if options.write:
                    record.write(record.read(record.FILE) | done, record.FILE)
                    page.write()
        except _BROKEN as fault:
            broken[part] = f"{type(fault).__name__}: {fault}"
            plan.say(f"{part} broke: {broken[part]}")
        except KeyboardInterrupt:
            broken[part] = "stopped by Ctrl-C" + (", the figures are of the rounds before" if part in done else "")
            break
    found = [figure for measured in done.values() for figure in measured.figures]
    document = {
        "quick": options.quick,
        "occasions": {part: asdict(measured.occasion) for part, measured in done.items()},
        "figures": [figure.document() for figure in found],
        "broken": broken,
    }
    text = table(found) + "".join(f"\n\n{part} broke: {why}" for part, why in broken.items())
    _show(text, document, options.json)
    missed = options.strict and any(figure.missed for figure in found)
    return int(bool(broken) or missed)


def _figures(part: str, plan: Plan) -> Iterable[list[Figure]]:
    """The figures of a part, each time there are more."""
    return _CONTESTS[part].rounds(plan) if part in _CONTESTS else iter([_OTHERS[part](plan)])


def _compare(plan: Plan, options: argparse.Namespace) -> int:
    """The gateway of an old commit and that of this checkout, in turns."""
    rounds = options.rounds or (compare.ROUNDS_MIN if options.quick else _ROUNDS)
    occasion = record.occasion(options.machine)
    try:
        old_tree = compare.unpack(options.compare, plan.folder)
        changes = compare.compare(plan, old_tree, options.parts or compare.PARTS, rounds)
    except _BROKEN as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    document = {
        "occasion": asdict(occasion),
        "old": options.compare,
        "rounds": rounds,
        "changes": [change.document() for change in changes],
    }
    _show(compare.table(changes), document, options.json)
    return int(options.strict and any(change.verdict == "over" for change in changes))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(_PARTS)}; without any, the first five"
    )
    parser.add_argument("--quick", action="store_true", help="one short round, for a first look")
    parser.add_argument(
        "--write", action="store_true", help="also write tests/campaigns/bench/figures.json, docs/figures.md and its picture"
    )
    parser.add_argument("--machine", metavar="NAME", help="the machine's name in them (default: what it tells)")
    parser.add_argument(
        "--long",
        action="store_true",
        help="an outage of ten minutes in the catch_up part, 10,000 devices in report",
    )
    parser.add_argument(
        "--json", metavar="FILE", help="write the figures as JSON; - for standard output, then the table goes to standard error"
    )
    parser.add_argument(
        "--compare",
        metavar="OLD_COMMIT",
        help=f"what changed since a commit: both in turns, medians and how sure they are, of {', '.join(compare.PARTS)}",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        metavar="N",
        help=f"of --compare: how often each is measured (default {_ROUNDS}, with --quick {compare.ROUNDS_MIN})",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help=f"exit 1 when a bar is missed, or for sure dearer by {compare.LIMIT:.0%}% and more",
    )
    parser.add_argument(
        "--dir", default=_FOLDER, metavar="DIR", help="where to keep data meanwhile, on a disk (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    if options.write and (options.quick or options.compare):
        parser.error("--write: a quick look and a comparison do not go on record")
    parts = _PARTS if options.compare is None else tuple(compare.PARTS)
    unknown = [part for part in options.parts if part not in parts]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(parts)}")
    if options.rounds is not None and options.rounds < compare.ROUNDS_MIN:
        parser.error(f"--rounds {options.rounds}: fewer than {compare.ROUNDS_MIN} tell nothing with certainty")
    if not os.access(options.dir, os.W_OK):
        parser.error(f"--dir {options.dir}: is not a folder that can be written to")
    return options


def _show(text: str, document: dict[str, object], json_file: str | None) -> None:
    encoded = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    (sys.stderr if json_file == "-" else sys.stdout).write(text + "\n")
    if json_file == "-":
        sys.stdout.write(encoded)
    elif json_file:
        Path(json_file).write_text(encoded, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
