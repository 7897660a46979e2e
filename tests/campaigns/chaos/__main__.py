"""``python -m tests.campaigns.chaos``: nothing is lost, whatever fails next; numbered schedules of faults, and their sum."""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from gateway.commands.demo.services import ProgramMissing, find_program
from tests.campaigns.chaos.one import TRIAL
from tests.campaigns.rig.campaign import Campaign
from tests.campaigns.rig.summary import summary
from tests.campaigns.rig.trial import Trial
from tests.campaigns.rig.verdict import Verdict

_FOLDER: Final = "/var/tmp"  # noqa: S108 - on a disk, where /tmp may be in memory; what is made in it has a name of its own

_SHOWN: Final = 600
"""Letters of a fault in the progress; all of it stands in ``verdict.json``."""


def main(argv: Sequence[str] | None = None, trial: Trial = TRIAL) -> int:
    """Exit status: 0, or 1 when a schedule is not green, 2 when it cannot begin, 130 after Ctrl-C."""
    options = _options(argv, trial)
    try:
        for program in trial.programs:
            find_program(program)
    except ProgramMissing as missing:
        sys.stderr.write(f"{missing}\n")
        return 2
    numbers = range(options.first, options.first + options.schedules)
    folder = options.keep_failed or Path(tempfile.mkdtemp(prefix="gateway-chaos-", dir=_FOLDER))
    progress = _Progress(trial, len(numbers), options.seconds)
    campaign = Campaign(trial, numbers, options.seconds, options.side_by_side, folder, progress.tell)
    try:
        verdicts = campaign.run()
    except KeyboardInterrupt:
        sys.stderr.write(f"\nstopped by Ctrl-C; what was left is in {folder}\n")
        return 130
    sys.stdout.write(summary(trial, verdicts, options.seconds, folder))
    if options.json:
        rows = [asdict(verdict) | {"ok": verdict.is_green} for verdict in verdicts]
        Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")
    all_green = all(verdict.is_green for verdict in verdicts)
    if all_green and not options.keep_failed:
        folder.rmdir()
    return int(not all_green)


class _Progress:
    """A line for each schedule that is done."""

    def __init__(self, trial: Trial, schedules: int, seconds: float) -> None:
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


def _options(argv: Sequence[str] | None, trial: Trial) -> argparse.Namespace:
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
    parser.add_argument(
        "--keep-failed",
        type=Path,
        metavar="DIR",
        help=f"where failed schedules leave ledger, journal, logs and verdict (a new folder in {_FOLDER})",
    )
    options = parser.parse_args(argv)
    if min(options.schedules, options.side_by_side) < 1 or options.seconds <= 0 or options.first < 0:
        parser.error("--schedules and --side-by-side are at least 1, --seconds more than 0, --first not negative")
    if options.keep_failed:
        options.keep_failed.mkdir(parents=True, exist_ok=True)
    elif not os.access(_FOLDER, os.W_OK):
        parser.error(f"{_FOLDER} cannot be written to: say --keep-failed DIR")
    return options


if __name__ == "__main__":
    sys.exit(main())
