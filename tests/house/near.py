"""``make near``: the tests that a change calls for, the nearest first, in less than a minute on two processors.

Tests lie in the folders of what they test, so a rule finds them: those of the room of what was changed, those that import or
name it, those of the whole house in ``tests/house``, those of the rooms that import it. Those of the own room run first, in
processes of their own: on a machine with other work it takes long to collect all the others. What time does not allow is
counted; if it is of the own room, the command fails. It is no ``make test``: that one runs all, with all their examples.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
    ),
    Path("gateway/commands"): (Path("tests/deploy/test_documented.py"),),
    Path("gateway/web"): (Path("tests/deploy/test_documented.py"),),
    Path("gateway/support/config"): (Path("tests/deploy/test_sample_configuration.py"),),
}
"""A folder, and the tests of all that is in it although they lie elsewhere: as near as those of its room."""
PROCESSES: Final = 2
_SECONDS: Final = 45.0
"""Tests begin in this time, those of the own room from when they are collected; what began ends in the rest of the minute."""
_ENDS_AT: Final = "NEAR_ENDS_AT"
_FROM_COLLECTED: Final = "NEAR_FROM_COLLECTED"
_LEFT_OUT_IN: Final = "NEAR_LEFT_OUT_IN"


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
        marks = root / ".gitattributes"
        marked = marks.read_text(encoding="utf-8").splitlines() if marks.exists() else []
        self._generated = [line.split()[0] for line in marked if line.endswith(" linguist-generated")]
        self._rooms = {_mirror(path.parent) for path in self._texts if path.parts[0] in CODE}

    def own(self, changed: Iterable[Path]) -> list[Path]:
        """Return the tests that are changed themselves, then those of the rooms of changed files, first what names them.

        A file that a program wrote has no room of its own: what it was written from has.
        """
        them = [path for path in changed if not any(path.match(pattern) for pattern in self._generated)]
        rooms = dict.fromkeys(test for path in them for test in self._of_room(path.parent))
        naming = {one for path in them for one in self._mentioning(path)}
        steps = [
            filter(_is_test, them),
            (test for path in them for folder in path.parents for test in OF_DATA.get(folder, ())),
            sorted(rooms, key=lambda test: test not in naming),
        ]
        return self._that_exist(steps)

    def near(self, changed: Iterable[Path]) -> list[Path]:
        """Return the test files for changed ones, the nearest first: the own ones before all."""
        mentions = {path: list(self._mentioning(path)) for path in changed}
        shared = {one: list(self._mentioning(one)) for them in mentions.values() for one in them if one.parts[0] == "tests"}
        rooms = dict.fromkeys(one.parent for them in mentions.values() for one in them if one.parts[0] in CODE)
        steps = [
            self.own(mentions),
            (one for them in mentions.values() for one in them if _is_test(one)),
            (test for path in mentions for test in self._of_room(path.parent)),
            (test for test in self._tests if test.parent == OF_ALL),
            (test for them in shared.values() for test in them if _is_test(test)),
            (test for room in rooms for test in self._of_room(room)),
        ]
        return self._that_exist(steps)

    def _that_exist(self, steps: Iterable[Iterable[Path]]) -> list[Path]:
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
    """Run the tests near a change; return 1 if one fails, or if there was no time for all of the own room.

    :param words: the commit to compare with.
    """
    began_s = time.monotonic()
    them, tree = changed(words[0] if words else None), Tree(CHECKOUT)
    tests = [str(path) for path in tree.near(them)] if them else []
    own = set(map(str, tree.own(them)))
    sys.stdout.write(f"{len(them)} changed, {len(tests)} files of tests near them, {len(own)} of them of its own room\n")
    sys.stdout.flush()
    ends_at = {_ENDS_AT: str(began_s + _SECONDS)}
    failed, left_out = run([test for test in tests if test in own], ends_at | {_FROM_COLLECTED: "1"})
    others_failed, others_left_out = run([test for test in tests if test not in own], ends_at)
    left_out |= others_left_out
    sys.stdout.write(f"{time.monotonic() - began_s:.0f} s; before it is merged: make test\n{told(tests, own, left_out)}\n")
    return int(failed or others_failed or bool(own & left_out))


def run(tests: Sequence[str], settings: Mapping[str, str], root: Path = CHECKOUT) -> tuple[bool, set[str]]:
    """Run files of tests side by side; tell if one fails, and name those that were not reached.

    :param settings: of the plugin below.
    """
    with tempfile.TemporaryDirectory() as left_out_in:
        environment = os.environ | {"ONE_EXAMPLE_OF": "10", _LEFT_OUT_IN: left_out_in, **settings}
        running = []
        for number in range(min(PROCESSES, len(tests))):
            options = ["-p", "tests.house.near", "-m", "not slow", "-o", f"cache_dir=.cache/pytest/near-{number}"]
            command = [sys.executable, "-m", "pytest", *options, *tests[number::PROCESSES]]
            running.append(subprocess.Popen(command, cwd=root, env=environment))
        failed = [process.wait() not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED} for process in running]
        left_out = {name for file in Path(left_out_in).iterdir() for name in file.read_text(encoding="utf-8").splitlines()}
    return any(failed), left_out


def told(tests: Collection[str], own: Collection[str], left_out: Collection[str]) -> str:
    """Say how many files of tests were not reached, and name those of the own room."""
    missed = " ".join(test for test in tests if test in own and test in left_out)
    return f"{len(left_out)} of {len(tests)} files were not reached; of your own room: {missed or 'none'}"


# ---- Within each of the processes, as a plugin of pytest -------------------------------------------------------------

_left_out: Final[dict[str, None]] = {}


class _NotReached(pytest.Module):
    """A file that is not even read."""

    def collect(self) -> list[pytest.Item]:
        """Leave it out."""
        _left_out[self.nodeid] = None
        return []


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Read no file when the time is over."""
    is_late = _FROM_COLLECTED not in os.environ and _is_over()
    return _NotReached.from_parent(parent, path=module_path) if is_late else None


def pytest_collection_finish() -> None:
    """Count the time of the own room from here."""
    if _FROM_COLLECTED in os.environ:
        os.environ[_ENDS_AT] = str(time.monotonic() + _SECONDS)


def _is_over() -> bool:
    return time.monotonic() > float(os.environ.get(_ENDS_AT, "inf"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin no test when the time is over."""
    if _is_over():
        _left_out[item.nodeid.partition("::")[0]] = None
        pytest.skip("no time left")


def pytest_sessionfinish() -> None:
    """Leave word of the files whose tests were left out."""
    if _left_out:
        Path(os.environ[_LEFT_OUT_IN], str(os.getpid())).write_text("\n".join(_left_out), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
