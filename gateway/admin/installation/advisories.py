"""``make advisories``: asks OSV, a public list of known weaknesses, about each package that is installed.

A weakness that does not concern the gateway is accepted with a reason: ``tool.advisories.accepted`` in ``pyproject.toml``.
Exit status: 0 none is known, or nobody could be asked, which is said; 1 there are some.
"""

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.request import Request, urlopen

from gateway.admin.installation.release import LOCK
from gateway.admin.installation.sbom import LockedPackage, locked_packages

OSV: Final = "https://api.osv.dev/v1/querybatch"
_CHECKOUT: Final = Path(__file__).parents[3]
_PATIENCE_S: Final = 10.0


def main(words: Sequence[str] | None = None) -> int:
    """Ask, at the first of ``words`` if there is one, and tell; return the exit status."""
    given = sys.argv[1:] if words is None else words
    packages = locked_packages((_CHECKOUT / LOCK).read_text(encoding="utf-8"))
    project = tomllib.loads((_CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    try:
        known = list(known_weaknesses(packages, given[0] if given else OSV))
    except (OSError, HTTPException, ValueError) as error:  # without a network, or with one that leads elsewhere
        why = "the answer cannot be read" if isinstance(error, ValueError) else "nobody answers"
        print(f"advisories: not asked about, {why}: {error}")
        return 0
    return report(known, project["tool"]["advisories"]["accepted"], len(packages))


def known_weaknesses(packages: Sequence[LockedPackage], url: str) -> Iterator[tuple[LockedPackage, str]]:
    """Each package with a known weakness, and its number; OSError or ValueError if OSV does not answer as it should."""
    asked = {"queries": [{"package": {"purl": f"pkg:pypi/{package.name}@{package.version}"}} for package in packages]}
    request = Request(url, json.dumps(asked).encode(), {"Content-Type": "application/json"})  # noqa: S310 - our own address
    with urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310
        document = json.load(answer)
    try:
        for package, result in zip(packages, document["results"], strict=True):
            yield from ((package, str(weakness["id"])) for weakness in result.get("vulns", ()))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(repr(error)) from error


def report(known: Sequence[tuple[LockedPackage, str]], accepted: Mapping[str, str], asked: int) -> int:
    """Print what is known; return the exit status."""
    left = [(package, number) for package, number in known if number not in accepted]
    for package, number in left:
        print(f"{package.name} {package.version}: {number}: see https://osv.dev/{number}; `make lock` takes newer versions")
    if not left:
        print(f"advisories: none for {asked} packages{f', {len(known)} accepted' if known else ''}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
