"""A real terminal (tmux) with a program in it: keys go in, lines of text come out."""

import os
import subprocess
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Self

from gateway.commands.demo.services import ProgramMissing, find_program
from tests.waiting import PATIENCE_S, until


def has_tmux() -> bool:
    """Tell if there is a terminal to be had."""
    try:
        find_program("tmux")
    except ProgramMissing:
        return False
    return True


class Terminal:
    """Use as a context manager. Leaving it ends the program."""

    def __init__(self, folder: Path, command: list[str], *, columns: int = 200, lines: int = 50) -> None:
        program = find_program("tmux")
        libraries = [str(path) for path in program.parents[1].glob("lib/*-linux-gnu*")] if ".cache" in program.parts else []
        self._environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
        if libraries:
            self._environment["LD_LIBRARY_PATH"] = os.pathsep.join(libraries)
        socket = (
            Path(mkdtemp(dir=folder)) / "tmux"
        )  # its own: a server that is asked to end takes a while, and new ones with it
        self._tmux = [str(program), "-u", "-S", str(socket), "-f", "/dev/null"]
        self._size = ["-x", str(columns), "-y", str(lines)]
        self._command = command

    def __enter__(self) -> Self:
        self._run("new-session", "-d", *self._size, *self._command)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            print("\n".join(self.lines()))  # noqa: T201 - pytest shows it with the failure
        self._run("kill-server", check=False)

    def press(self, *keys: str) -> None:
        """Press keys: letters, ``Right``, ``Space``."""
        self._run("send-keys", *keys)

    def lines(self) -> list[str]:
        """The lines that stand on it now; none once the program has ended."""
        return self._run("capture-pane", "-p", check=False).splitlines()

    def wait(self, *texts: str, within_s: float = PATIENCE_S) -> str:
        """Return the first line that holds all texts, once there is one."""
        found: list[str] = []

        def stands() -> bool:
            found[:] = [line for line in self.lines() if all(text in line for text in texts)]
            return bool(found)

        until(stands, within_s, what=f"a line with {' and '.join(texts)}")
        return found[0]

    def has_ended(self) -> bool:
        """Tell if the program has ended."""
        return "no server" in self._run("list-sessions", check=False) or not self.lines()

    def _run(self, *words: str, check: bool = True) -> str:
        done = subprocess.run([*self._tmux, *words], env=self._environment, capture_output=True, text=True, check=check)
        return done.stdout if done.returncode == 0 else done.stderr
