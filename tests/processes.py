"""The child processes of the test run."""

from pathlib import Path


def children() -> dict[int, str]:
    """The living child processes, adopted orphans among them, each with its command line."""
    found = {}
    for thread in Path("/proc/self/task").iterdir():
        try:
            pids = (thread / "children").read_text().split()
        except OSError:  # the thread ended meanwhile
            continue
        for pid in pids:
            folder = Path("/proc", pid)
            try:
                if (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found[int(pid)] = (folder / "cmdline").read_text().replace("\0", " ").strip()
            except OSError:  # it ended meanwhile
                continue
    return found
