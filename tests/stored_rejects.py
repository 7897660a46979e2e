"""The rejects on disk, for tests that look at all of them."""

import sqlite3

from gateway.core.message import Refusal
from gateway.ingest.storage import rejects


def stored_rejects(connection: sqlite3.Connection) -> list[tuple[int, Refusal]]:
    """Return all rejects with their numbers and payloads, newest first."""
    found: list[tuple[int, Refusal]] = []
    while page := rejects.page(connection, before=found[-1][0] if found else None, payloads=True):
        found += [(number, refusal) for number, refusal, _ in page]
    return found
