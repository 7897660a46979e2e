"""The lock of what is installed has the versions and hashes that were tested."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def pins(name: str) -> dict[str, set[str]]:
    """Each ``package==version`` of a lock, with its hashes."""
    found: dict[str, set[str]] = {}
    newest = ""
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"[\w.-]+==[^ ;]+", line):
            newest = match[0]
            found[newest] = set()
        found.setdefault(newest, set()).update(re.findall(r"sha256:([0-9a-f]{64})", line))
    found.pop("", None)
    return found


def test_every_installed_package_is_locked_as_it_was_tested() -> None:
    tested, installed = pins("requirements.lock"), pins("requirements-runtime.lock")
    assert len(installed) > 20
    assert {name: hashes for name, hashes in installed.items() if not hashes or hashes != tested.get(name)} == {}


def test_no_tool_of_the_tests_is_installed() -> None:
    names = {name.partition("==")[0] for name in pins("requirements-runtime.lock")}
    assert names & {"pytest", "mypy", "ruff", "hypothesis", "playwright"} == set()
    assert {"aiohttp", "quickjs-ng", "uvloop"} <= names
