"""Findings that stand until a person has seen them, over restarts too: each is a small file beside the journal.

One file for each, because several programs raise them: the gateway, and the command that runs before the broker's start.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.support.private_files import as_owner, make_folder, read_bytes, replace_bytes

SESSION_LOST: Final = "session_lost"
SESSION_TAKEN: Final = "session_taken"
ACCOUNTS_PUT_BACK: Final = "accounts_put_back"
KEYS: Final = (SESSION_LOST, SESSION_TAKEN, ACCOUNTS_PUT_BACK)

StandingParams = Mapping[str, float | str]


class StandingFindings:
    """The findings of one gateway; what cannot be read or written raises :class:`OSError`."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal

    def _file(self, key: str) -> Path:
        return self._journal.with_name(f"{self._journal.name}.stands-{key}")

    def put(self, key: str, params: StandingParams) -> None:
        """Let a finding stand; one that stands already gets what is new of it."""
        make_folder(self._journal.parent)
        replace_bytes(self._file(key), json.dumps(params).encode())

    def all(self) -> dict[str, StandingParams]:
        """All that stand; one that cannot be read stands without particulars."""
        found: dict[str, StandingParams] = {}
        for key in KEYS:
            with suppress(FileNotFoundError):
                try:
                    said = json.loads(read_bytes(self._file(key)))
                except (ValueError, RecursionError):
                    said = {}
                found[key] = {
                    name: value for name, value in (said if isinstance(said, dict) else {}).items() if _fits(name, value)
                }
        return found

    def acknowledge(self) -> dict[str, StandingParams]:
        """End all that stand; return them."""
        found = self.all()
        with as_owner(self._journal.parent):
            for key in found:
                self._file(key).unlink(missing_ok=True)
        return found


def _fits(name: str, value: object) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, str) and not name.endswith("_ms"))
