"""``make near``: the tests that a change calls for, the nearest first, in less than a minute on two processors.

Tests lie in the folders of what they test, so a rule finds them: those that import or name what was changed, those of its room,
those of the rooms that import it, and those of the whole house in ``tests/house``. What time does not allow is named.
It is no ``make test``: that one runs all of them, with all their examples.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

CHECKOUT: Final = Path(__file__).parents[2]
CODE: Final = ("gateway", "schemas", "firmware_sim", "grafana")
OF_ALL: Final = Path("tests", "house")
OF_DATA: Final = {
    Path("gateway/profiles"): (
        *(Path("tests/firmware_sim/test_makers.py"), Path("tests/firmware_sim/test_makers_published.py")),
        Path("tests/deploy/test_guide.py"),
    )
}
"""A folder of data, and the tests of all that is in it."""
PROCESSES: Final = 2
_SECONDS: Final = 45.0
"""Tests begin in this time; what began ends in the rest of the minute."""
_ENDS_AT: Final = "NEAR_ENDS_AT"


class Tree:
    """The files of a checkout, and who mentions whom."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._texts = {
            path.relative_to(root): path.read_text(encoding="utf-8")
            for folder in (*CODE, "tests")
            for path in sorted((root / folder).rglob("*.py"))
        }
        self._tests = [path for path in self._texts if _is_test(path)]
        self._rooms = {_mirror(path.parent) for path in self._texts if path.parts[0] in CODE}

    def near(self, changed: Iterable[Path]) -> list[Path]:
        """Return the test files for changed ones, the nearest first; those that are changed themselves come before all."""
        mentions = {path: list(self._mentioning(path)) for path in changed}
        shared = {one: list(self._mentioning(one)) for them in mentions.values() for one in them if one.parts[0] == "tests"}
        steps = [
            filter(_is_test, mentions),
            (test for path in mentions for test in OF_DATA.get(path.parent, ())),
            (one for them in mentions.values() for one in them if _is_test(one)),
            (test for path in mentions for test in self._of_room(path.parent)),
            (test for test in self._tests if test.parent == OF_ALL),
            (test for them in shared.values() for test in them if _is_test(test)),
            (test for them in mentions.values() for one in them if one.parts[0] in CODE for test in self._of_room(one.parent)),
        ]
        found = dict.fromkeys(test for step in steps for test in step)
        return [test for test in found if (self.root / test).exists()]

    def _mentioning(self, path: Path) -> Iterator[Path]:
        """The Python files that import a module, or name a file of another kind or look at all of that kind."""
        if path.suffix == ".py":
            module = path.parent if path.name == "__init__.py" else path.with_suffix("")
            package, name = re.escape(".".join(module.parent.parts)), module.name
            pattern = rf"\b{package}\.{name}\b|from {package} import (?:\([^)]*|[^\n(]*)\b{name}\b"
        else:
            name = path.suffix or str(path)
            pattern = rf'\b{re.escape(path.name)}\b|rglob\("\*{re.escape(name)}"' if path.suffix else re.escape(name)
        found = re.compile(pattern)
        yield from (other for other, text in self._texts.items() if name in text and other != path and found.search(text))

    def _of_room(self, folder: Path) -> list[Path]:
        """The tests in the folder that mirrors one of the code, or the nearest above it; rooms within have their own."""
        parts = _mirror(folder).parts[1:]
        while parts:
            room = Path("tests", *parts)
            tests = [path for path in self._tests if path.is_relative_to(room)]
            if tests:
                return [path for path in tests if path.parent == room or path.parent not in self._rooms]
            parts = parts[:-1]
        return []


def _is_test(path: Path) -> bool:
    return path.parts[0] == "tests" and path.name.startswith("test_") and path.suffix == ".py"


def _mirror(folder: Path) -> Path:
    return Path("tests", *(folder.parts[1:] if folder.parts[:1] in {("gateway",), ("tests",)} else folder.parts))


def changed(base: str | None, root: Path = CHECKOUT) -> list[Path]:
    """Return what differs from where this branch left main, on main from the last commit; what is not committed too."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False).stdout.strip()

    if base is None:
        head, base = git("rev-parse", "HEAD"), git("merge-base", "HEAD", "main")
        if base in {head, ""}:
            base = "HEAD" if git("status", "--porcelain") else "HEAD~"
    named = git("diff", "--name-only", base) + "\n" + git("ls-files", "--others", "--exclude-standard")
    return [Path(name) for name in named.splitlines() if name]


def main(words: list[str]) -> int:
    """Run the tests near a change; return 1 if one fails.

    :param words: the commit to compare with.
    """
    began_s = time.monotonic()
    them = changed(words[0] if words else None)
    tests = [str(path) for path in Tree(CHECKOUT).near(them)] if them else []
    sys.stdout.write(f"{len(them)} changed, {len(tests)} files of tests near them\n")
    sys.stdout.flush()
    environment = os.environ | {"ONE_EXAMPLE_OF": "10", _ENDS_AT: str(began_s + _SECONDS)}
    shares = [tests[number::PROCESSES] for number in range(PROCESSES)]
    running = []
    for number, share in enumerate(shares):
        if share:
            own = ["-p", "tests.house.near", "-m", "not slow", "-o", f"cache_dir=.cache/pytest/near-{number}"]
            command = [sys.executable, "-m", "pytest", *own, *share]
            running.append(subprocess.Popen(command, cwd=CHECKOUT, env=environment))
    failed = [process.wait() not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED} for process in running]
    sys.stdout.write(f"{time.monotonic() - began_s:.0f} s; before it is merged: make test\n")
    return int(any(failed))


# ---- Within each of the processes, as a plugin of pytest -------------------------------------------------------------

_left_out: Final[dict[str, None]] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin no test when the time is over."""
    if time.monotonic() > float(os.environ.get(_ENDS_AT, "inf")):
        _left_out[item.nodeid.partition("::")[0]] = None
        pytest.skip("no time left")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the files whose tests were left out."""
    if _left_out:
        terminalreporter.write_line(f"no time was left for all of: {' '.join(_left_out)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
