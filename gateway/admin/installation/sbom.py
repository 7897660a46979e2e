"""``make sbom``: the software bill of materials in CycloneDX 1.6: what is installed, in which version, by whom needed.

It is made from the lock, as ``make lock`` writes it, and the licences from what the packages say of themselves where this
runs. The same lock makes the same bill: it carries no time, and its serial number comes from its contents.
"""

import argparse
import json
import re
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from gateway import __version__
from gateway.admin.installation.release import LOCK

_HEAD: Final = re.compile(r"([\w.-]+)==([^ ;\\]+)(?: ; ([^\\]+))?")
_HASH: Final = re.compile(r"sha256:([0-9a-f]{64})")
_ASKED: Final = re.compile(r"    # (?:via +|  )([\w.-]+)(?: \(pyproject\.toml\))?$")


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A package of the lock, with its files; ``where``: the machines that get it, as an environment marker; empty: all."""

    name: str
    version: str
    where: str
    sha256s: tuple[str, ...]
    asked_by: tuple[str, ...]


def locked_packages(lock: str) -> list[LockedPackage]:
    """The packages of a lock, in its order."""
    packages = []
    for entry in re.split(r"^(?=[\w.-]+==)", lock, flags=re.MULTILINE)[1:]:
        head, *lines = entry.splitlines()
        if found := _HEAD.match(head):
            asked = tuple(match[1] for line in lines if (match := _ASKED.match(line)))
            packages.append(LockedPackage(found[1], found[2], (found[3] or "").strip(), tuple(_HASH.findall(entry)), asked))
    return packages


SBOM: Final = "sbom.cdx.json"
PROJECT: Final = "province-gateway"
_CHECKOUT: Final = Path(__file__).parents[3]
_SPDX: Final = "Apache-2.0"
_MARKER: Final = "python:environment-marker"
_LONGEST_NAME: Final = 60
"""Some packages put the whole text of their licence where its name belongs."""


def main(words: Sequence[str] | None = None) -> int:
    """Write the bill; return the exit status."""
    parser = argparse.ArgumentParser(prog="make sbom", description="Writes what is installed as CycloneDX JSON.")
    parser.add_argument(
        "--out", type=Path, default=_CHECKOUT / "dist" / SBOM, metavar="FILE", help="default: dist/sbom.cdx.json"
    )
    options = parser.parse_args(words)
    lock = (_CHECKOUT / LOCK).read_text(encoding="utf-8")
    try:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(sbom_text(lock), encoding="utf-8")
    except OSError as error:
        print(f"{options.out}: cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{options.out}: {len(locked_packages(lock))} packages")
    return 0


def sbom_text(lock: str, version: str = __version__, sha256s: Collection[str] | None = None) -> str:
    """The bill of a lock as JSON; ``sha256s``: of the files at hand, none given: all that the lock allows."""
    packages = locked_packages(lock)
    project = {"type": "application", "bom-ref": f"{PROJECT}@{version}", "name": PROJECT, "version": version}
    bill = {
        "metadata": {"component": project | {"licenses": [{"license": {"id": _SPDX}}]}},
        "components": [_component(package, sha256s) for package in packages],
        "dependencies": _dependencies(packages, version),
    }
    serial = uuid5(NAMESPACE_URL, json.dumps(bill, sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{serial}", "version": 1}
    return json.dumps(head | bill, indent=1, ensure_ascii=False) + "\n"


def _component(package: LockedPackage, sha256s: Collection[str] | None) -> dict[str, Any]:
    at_hand = [sha256 for sha256 in package.sha256s if sha256s is None or sha256 in sha256s]
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": _ref(package),
        "name": package.name,
        "version": package.version,
        "purl": _ref(package),
        "hashes": [{"alg": "SHA-256", "content": sha256} for sha256 in at_hand],
        "licenses": _licences(package),
        "properties": [{"name": _MARKER, "value": package.where}] if package.where else [],
    }
    return {key: value for key, value in found.items() if value}


def _dependencies(packages: Sequence[LockedPackage], version: str) -> list[dict[str, Any]]:
    """Turn *needed by* round: each package → those that it needs."""
    needs: dict[str, list[str]] = {name: [] for name in (PROJECT, *(package.name for package in packages))}
    for package in packages:
        for name in package.asked_by:
            needs[name].append(_ref(package))
    refs = {PROJECT: f"{PROJECT}@{version}"} | {package.name: _ref(package) for package in packages}
    return [{"ref": refs[name], "dependsOn": needed} for name, needed in needs.items()]


def _ref(package: LockedPackage) -> str:
    return f"pkg:pypi/{package.name}@{package.version}"


def _licences(package: LockedPackage) -> list[dict[str, Any]]:
    """The licence that a package names, as SPDX where it does; none: it says nothing, or another version is installed here."""
    try:
        said = metadata.metadata(package.name)
    except metadata.PackageNotFoundError:
        return []
    if said["Version"] != package.version:
        return []
    if "License-Expression" in said:
        return [{"expression": said["License-Expression"]}]
    classifiers = [text.rpartition(" :: ")[2] for text in said.get_all("Classifier", []) if text.startswith("License :: ")]
    named = classifiers or said.get_all("License", [])
    return [{"license": {"name": name}} for name in named if 0 < len(name) <= _LONGEST_NAME]


if __name__ == "__main__":
    sys.exit(main())
