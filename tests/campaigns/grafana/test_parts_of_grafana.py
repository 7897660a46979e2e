"""The lock files of Grafana's parts: whose they are, under which licences, and that nothing else can be fetched by them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

PAGE: Final = Path(__file__).parent / "page"
LOCKS: Final = sorted(PAGE.glob("*/package-lock.json"))
MAY: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BlueOak-1.0.0",
        "CC0-1.0",
        "ISC",
        "MIT",
        "OFL-1.1",  # a font
        "Unlicense",
        "Zlib",
    }
)
READ: Final[Mapping[str, str]] = {
    "@mapbox/jsonlint-lines-primitives@2.0.2": "MIT",
    "fast-shallow-equal@1.0.0": "Unlicense",
    "react-universal-interface@0.6.2": "Unlicense",
    "sort-asc@0.1.0": "MIT",
    "sort-desc@0.1.1": "MIT",
    "sort-object@0.3.2": "MIT",
}
"""Packages whose ``package.json`` names no licence in the field for it → what their file, their old field or their
repository says, read by hand."""
NAMES_NONE: Final = frozenset({"get-document@1.0.0"})
"""Names no licence anywhere: a few lines that Grafana's own pages contain too. Nothing of these packages is given on here."""
AGPL_BEFORE: Final = 7
"""Releases of ``@grafana/scenes`` before this one call themselves AGPL, whatever their ``package.json`` says."""
EXACT: Final = re.compile(r"(npm:@?[\w./-]+@)?\d+\.\d+\.\d+")

Json = dict[str, Any]


def packages(lock: Path) -> Iterator[tuple[str, Json]]:
    """Yield name and entry of each package of a lock file."""
    for path, entry in json.loads(lock.read_text(encoding="utf-8"))["packages"].items():
        if path:
            yield entry.get("name") or path.rpartition("node_modules/")[2], entry


def is_allowed(expression: str) -> bool:
    """Tell if an SPDX expression of ORs of ANDs leaves a choice that is on the list."""
    choices = [choice.split(" AND ") for choice in expression.strip("()").split(" OR ")]
    return any(all(name.strip("() ") in MAY for name in choice) for choice in choices)


def refused(lock: Path) -> list[str]:
    """The packages whose licence is not on the list."""
    found = []
    for name, entry in packages(lock):
        licence = entry.get("license") or READ.get(f"{name}@{entry['version']}", "none is named")
        if not is_allowed(licence):
            found.append(f"{name}@{entry['version']}: {licence}")
    return [one for one in found if one.partition(":")[0] not in NAMES_NONE]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_each_package_has_a_licence_of_the_list(lock: Path) -> None:
    assert refused(lock) == []


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("(MPL-2.0 OR Apache-2.0)", True),
        ("(MIT AND Zlib)", True),
        ("MIT AND AGPL-3.0-only", False),
        ("AGPL-3.0-only", False),
        ("GPL-3.0-or-later OR LGPL-3.0", False),
        ("SEE LICENSE IN LICENSE", False),
    ],
)
def test_a_licence_is_read_as_an_expression(expression: str, allowed: bool) -> None:  # noqa: FBT001 - a row of the table
    assert is_allowed(expression) is allowed


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_what_calls_itself_agpl_is_not_among_them(lock: Path) -> None:
    versions = {name: entry["version"] for name, entry in packages(lock)}
    assert "@grafana/prometheus" not in versions
    assert int(versions.get("@grafana/scenes", "7").partition(".")[0]) >= AGPL_BEFORE


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_a_lock_holds_hashes_and_no_address(lock: Path) -> None:
    assert "://" not in lock.read_text(encoding="utf-8")
    assert [name for name, entry in packages(lock) if not entry.get("integrity", "").startswith("sha512-")] == []
    settings = (lock.parent / ".npmrc").read_text(encoding="utf-8").splitlines()
    assert {"omit-lockfile-registry-resolved=true", "ignore-scripts=true"} <= set(settings)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_versions_are_exact_and_those_of_the_lock(lock: Path) -> None:
    wanted = json.loads((lock.parent / "package.json").read_text(encoding="utf-8"))["dependencies"]
    locked = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    assert [text for text in wanted.values() if not EXACT.fullmatch(text)] == []
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == {
        name: text.rpartition("@")[2] for name, text in wanted.items()
    }


def test_the_locks_are_those_of_the_versions_that_are_judged() -> None:
    assert [lock.parent.name for lock in LOCKS] == ["schema", "v11", "v13"]


def test_without_node_the_judge_says_so_and_is_no_fault(tmp_path: Path) -> None:
    for name in ("dirname", "sh"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    command = Path(__file__).parents[3] / ".ci" / "judge-grafana"
    done = subprocess.run(["/bin/sh", str(command)], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    (said,) = done.stdout.splitlines()
    assert said.startswith("The judge of dashboards is skipped: it needs Node.js and npm")
