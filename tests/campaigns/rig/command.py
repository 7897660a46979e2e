"""The command of a campaign of schedules: carry them out, tell of each, sum up."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tests.campaigns.rig.campaign import Campaign
from tests.campaigns.rig.room import add_keep, carried_out
from tests.campaigns.rig.summary import summary
from tests.campaigns.rig.trial import Trial
from tests.campaigns.rig.verdict import VERDICT, Verdict

_SHOWN: Final = 600
"""Letters of a fault in the progress; all of it stands in ``verdict.json``."""


def main(trial: Trial[Any], argv: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 when a schedule is not green, 2 when it cannot begin, 130 after Ctrl-C."""
    match sys.argv[1:] if argv is None else argv:
        case ["one", number, seconds, folder]:  # as :class:`.Campaign` calls it
            (Path(folder) / VERDICT).write_text(trial.run(int(number), float(seconds), Path(folder)).as_json())
            return 0
    options = _options(trial, argv)
    numbers = range(options.first, options.first + options.schedules)
    progress = _Progress(trial, len(numbers), options.seconds)

    def work(folder: Path) -> bool:
        verdicts = Campaign(trial, numbers, options.seconds, options.side_by_side, folder, progress.tell).run()
        sys.stdout.write(summary(trial, verdicts, options.seconds, folder))
        if options.json:
            rows = [asdict(verdict) | {"ok": verdict.is_green} for verdict in verdicts]
            Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")
        return all(verdict.is_green for verdict in verdicts)

    return carried_out(trial.command.rpartition(".")[2], trial.programs, options, work)


class _Progress:
    """A line for each schedule that is done."""

    def __init__(self, trial: Trial[Any], schedules: int, seconds: float) -> None:
        self._command = trial.command
        self._schedules = schedules
        self._seconds = seconds
        self._done: list[Verdict] = []
        self._began_s = time.monotonic()

    def tell(self, verdict: Verdict) -> None:
        """One more is done."""
        self._done.append(verdict)
        done, took_s = len(self._done), time.monotonic() - self._began_s
        left_s = took_s / done * (self._schedules - done)
        lost = sum(each.lost_by_gateway for each in self._done)
        broker = sum(each.lost_by_broker for each in self._done)
        sys.stderr.write(
            f"{done:4}/{self._schedules}  {'ok    ' if verdict.is_green else 'FAILED'}  schedule {verdict.number:<4}"
            f" {verdict.setting:22} {verdict.readings:6} readings  {len(verdict.deeds):2} faults"
            f"  lost {lost} (by the broker {broker})  {left_s:5.0f} s left\n"
        )
        for fault in verdict.faults:
            sys.stderr.write(f"      {fault[:_SHOWN]}\n")
        if not verdict.is_green:
            again = f"--first {verdict.number} --schedules 1 --seconds {self._seconds:g}"
            sys.stderr.write(f"      again: python -m {self._command} {again}\n")


def _options(trial: Trial[Any], argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=f"python -m {trial.command}",
        description="Carry out numbered schedules of faults, look that nothing is lost whatever fails next, and sum up.",
    )
    parser.add_argument("--schedules", type=int, default=trial.schedules, metavar="N", help="how many (%(default)s)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first one (%(default)s)")
    parser.add_argument("--seconds", type=float, default=trial.seconds, metavar="S", help="how long faults come (%(default)g)")
    parser.add_argument(
        "--side-by-side", type=int, default=trial.side_by_side, metavar="N", help="how many at a time (%(default)s)"
    )
    parser.add_argument("--json", metavar="FILE", help="write all verdicts as JSON")
    add_keep(parser)
    options = parser.parse_args(argv)
    if min(options.schedules, options.side_by_side) < 1 or options.seconds <= 0 or options.first < 0:
        parser.error("--schedules and --side-by-side are at least 1, --seconds more than 0, --first not negative")
    return options
