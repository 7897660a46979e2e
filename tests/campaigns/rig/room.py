"""The room of a campaign: its programs are there, it has a folder, Ctrl-C is heard, and it tells how far it is."""

import os
import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from gateway.commands.demo.services import CHECKOUT, ProgramMissing, find_program

FOLDER: Final = "/var/tmp"  # noqa: S108 - on a disk, where /tmp may be in memory; what is made in it has a name of its own


def add_keep(parser: ArgumentParser) -> None:
    """Let people say where all that a campaign makes is left."""
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help=f"leave ledger, logs and data here (else: in {FOLDER}, if it fails)"
    )


def carried_out(name: str, programs: Iterable[str], options: Namespace, work: Callable[[Path], bool]) -> int:
    """Do the work of a campaign in a folder; exit status 0, 1: all is not well, 2: it cannot begin, 130: Ctrl-C.

    :param work: tells if all is well; then the folder is removed.
    """
    try:
        for program in programs:
            find_program(program)
        folder = options.keep or Path(tempfile.mkdtemp(prefix=f"gateway-{name}-", dir=FOLDER))
        folder.mkdir(parents=True, exist_ok=True)
    except (ProgramMissing, OSError) as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    os.environ["PYTHONPATH"] = str(CHECKOUT)  # for the processes that are started in other folders
    try:
        is_well = work(folder.resolve())
    except KeyboardInterrupt:
        sys.stderr.write(f"\nstopped by Ctrl-C; what was left is in {folder}\n")
        return 130
    if not is_well:
        sys.stderr.write(f"ledger, logs and data are in {folder}\n")
    elif not options.keep:
        shutil.rmtree(folder)
    return int(not is_well)


class ProgressLine:
    """One line that refreshes itself on a terminal, else a line now and then."""

    def __init__(self, watched_s: float = 1.0, unwatched_s: float = 15.0) -> None:
        self._watched = sys.stderr.isatty()
        self._every_s = watched_s if self._watched else unwatched_s
        self._next_s = 0.0

    def show(self, text: str) -> None:
        """Show where the campaign is."""
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + self._every_s
            sys.stderr.write(f"\r\x1b[K{text}" if self._watched else f"{text}\n")
            sys.stderr.flush()

    def end(self) -> None:
        """Remove it."""
        if self._watched:
            sys.stderr.write("\r\x1b[K")
