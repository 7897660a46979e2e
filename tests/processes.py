"""The child processes of the test run."""

import os
from pathlib import Path


def children() -> dict[int, str]:
    """The living child processes, adopted orphans among them, each with its command line."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ").strip()
        except OSError:  # it ended meanwhile
            continue
    return found
