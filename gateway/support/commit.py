"""The commit of what runs: the version alone says the same of programs that are months apart. And a version that failed."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

import gateway

_PACKAGE: Final = Path(gateway.__path__[0])
WRITTEN: Final = Path("data", "commit")
"""The file below the package in which a build leaves it."""

_FAILED: Final = "failed-upgrade"
"""The note beside the environments of an installation: the version of an upgrade that failed, and why."""

_DESCRIBE: Final = ("git", "--no-optional-locks", "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty")
"""Tags are left out: their names say less than the commit."""


@cache
def running_commit() -> str:
    """Return the commit, with ``-dirty`` where files were changed after it; ``unknown`` if nothing tells it.

    The first call in a checkout takes hundredths of a second, so it is left for whoever asks.
    """
    try:
        return (_PACKAGE / WRITTEN).read_text(encoding="ascii").strip()
    except OSError:
        return commit_of(_PACKAGE.parent) or "unknown"


def commit_of(checkout: Path) -> str:
    """Return what git says of a checkout; empty if it is none, or git is missing or refuses."""
    if not (checkout / ".git").exists():  # git would answer for the checkout of somebody else around it
        return ""
    try:
        return subprocess.run(_DESCRIBE, cwd=checkout, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603 - our words
    except OSError:
        return ""


def failed_upgrade() -> tuple[str, str] | None:
    """The version of an upgrade of this installation that failed, and why; None: none has since the last that did not."""
    try:
        version, _, why = Path(sys.prefix).with_name(_FAILED).read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return version, why.strip()
