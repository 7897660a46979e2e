"""Fair shares of the quarantine: those that fill it make room in it.

Names can be invented by the million, and a message of each would push out the one new meter that people wait for. So when the
quarantine is full, the largest group of devices makes room: those whose topics have the same levels above the device, as a
site's domain or a network server's application (:func:`gateway.core.devices.places.topic_prefix`). In it the largest key makes
room, usually a device, and in that the oldest message. Sizes are compared in steps, and among equals the one
unheard longest goes first: invented names do not come again, a meter does.

Triggers keep the sizes of groups and keys (:mod:`gateway.ingest.storage.schema`), and indexes their order: the time to find who
makes room does not grow with how many wait.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.core.devices.places import Origins
from gateway.ingest.storage.schema import KEY_STEP_BYTES, PREFIX, PREFIX_STEP_BYTES

_KEYS_TOGETHER: Final = 32
_ROWS_TOGETHER: Final = 64

_LARGEST_PREFIX: Final = f"SELECT prefix FROM quarantine_prefixes ORDER BY bytes / {PREFIX_STEP_BYTES} DESC, newest LIMIT 1"  # noqa: S608 - constants
_LARGEST_KEYS: Final = (
    "SELECT key, bytes FROM quarantine_shares WHERE prefix = ? "  # noqa: S608 - constants
    f"ORDER BY bytes / {KEY_STEP_BYTES} DESC, newest LIMIT {_KEYS_TOGETHER}"
)
_OLDEST_OF_KEY: Final = (
    f"SELECT id, bytes, domain FROM quarantine WHERE {PREFIX.format(row='quarantine')} = ? AND key = ? "  # noqa: S608 - constants
    f"ORDER BY id LIMIT {_ROWS_TOGETHER}"
)
_OLDEST: Final = f"SELECT id, bytes, domain FROM quarantine ORDER BY id LIMIT {_ROWS_TOGETHER}"  # noqa: S608 - a constant

Leaving = tuple[int, int, str]
"""Number, size and domain of a message."""


@dataclass(slots=True)
class MadeRoom:
    """Messages that had to leave a full quarantine: their number by domain, and by topic prefix."""

    domains: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)


def make_room(connection: sqlite3.Connection, over_bytes: int) -> MadeRoom:
    """Remove messages that take ``over_bytes`` or little more."""
    domains, origins = Counter[str](), Origins()
    while over_bytes > 0:
        found = connection.execute(_LARGEST_PREFIX).fetchone()
        prefix = found[0] if found else ""
        rows = _of_largest(connection, prefix) if found else connection.execute(_OLDEST)  # of a damaged file anything may come
        leaving = list(_first(rows, min(over_bytes, KEY_STEP_BYTES)))
        if not leaving and not _drop_empty(connection, prefix):
            break
        connection.executemany("DELETE FROM quarantine WHERE id = ?", [(number,) for number, _, _ in leaving])
        over_bytes -= sum(row_bytes for _, row_bytes, _ in leaving)
        domains.update(domain for _, _, domain in leaving)
        if leaving:
            origins.note(prefix, len(leaving))
    return MadeRoom(domains, origins.take())


def _of_largest(connection: sqlite3.Connection, prefix: str) -> Iterator[Leaving]:
    """Messages of a topic prefix in the order in which they go: of its largest key, or of all its keys of one small step."""
    keys = connection.execute(_LARGEST_KEYS, (prefix,)).fetchall()
    is_small = bool(keys) and keys[0][1] < KEY_STEP_BYTES
    for key, _ in keys if is_small else keys[:1]:
        yield from connection.execute(_OLDEST_OF_KEY, (prefix, key)).fetchall()


def _first(rows: Iterable[Leaving], least_bytes: int) -> Iterator[Leaving]:
    """The first rows that together take this many bytes."""
    for row in rows:
        yield row
        least_bytes -= row[1]
        if least_bytes <= 0:
            return


def _drop_empty(connection: sqlite3.Connection, prefix: str) -> int:
    """Remove a topic prefix without messages, as after damage; return how many there were."""
    connection.execute("DELETE FROM quarantine_shares WHERE prefix = ?", (prefix,))
    return connection.execute("DELETE FROM quarantine_prefixes WHERE prefix = ?", (prefix,)).rowcount
