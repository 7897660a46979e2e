"""Quarantine on disk: whole messages that wait, by the key that releases them and in order of arrival.

A message that waits was acknowledged; so a row carries a CRC over all of it, and is checked before it comes again. How many
wait for each key, and how many bytes all take, is kept up by triggers (:mod:`gateway.ingest.storage.database`): with half a
million rows they cannot be counted each time. Every function here gets the connection inside a transaction
(:meth:`gateway.ingest.storage.database.Database.run`).

Names can be invented by the million, and a message of each would push out the one new meter that people wait for. So when the
quarantine is full, the largest group of devices makes room: those whose topics have the same levels above the device, as a
site's domain or a network server's application (:func:`gateway.core.devices.places.topic_prefix`). In it the largest key makes
room, usually a device, and in that the oldest message. Sizes are compared in steps, and among equals the one
unheard longest goes first: invented names do not come again, a meter does. Indexes keep their order: the time to find who
makes room does not grow with how many wait.
"""

import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gateway.core.devices.places import Origins
from gateway.core.message import QuarantinedMessage, WaitCause
from gateway.ingest.storage.recovery.salvage import rows_of_damaged
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


_COLUMNS: Final = "cause, key, expires_ms, arrival_ms, topic, retain, device, domain, properties, payload"
_KINDS: Final = "ttiititttiib"
"""Of all columns as they stand in the file, behind the number of the row (:mod:`gateway.ingest.storage.recovery.salvage`)."""
_ROW_OVERHEAD_BYTES: Final = 150
_TOGETHER_BYTES: Final = 2**20
"""Payloads read at a time, or little more."""

QuarantineRow = tuple[int, QuarantinedMessage | None]
"""Number and message; None: the row is damaged and its message lost."""

ArrivalOrder = tuple[int, int]
"""Arrival in ms and number of a row: its place in the order of arrival."""
FIRST: Final[ArrivalOrder] = (-1, 0)


@dataclass(frozen=True, slots=True)
class QuarantineUse:
    """Totals of the waiting messages, and the number of messages by cause."""

    messages: int = 0
    bytes: int = 0
    by_cause: dict[WaitCause, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WaitingKey:
    """One key with its waiting messages: a device offered for registration, a node without its birth, a suspended codec."""

    key: str
    cause: WaitCause
    messages: int
    since_ms: int


def add(connection: sqlite3.Connection, messages: Iterable[QuarantinedMessage], max_bytes: int) -> MadeRoom:
    """Store messages; if all would take more than ``max_bytes``, drop the oldest of those that fill it."""
    connection.executemany(
        f"INSERT INTO quarantine ({_COLUMNS}, crc, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
        map(_values, messages),
    )
    over_bytes = stock(connection).bytes - max_bytes
    return make_room(connection, over_bytes) if over_bytes > 0 else MadeRoom()


def _values(message: QuarantinedMessage) -> tuple[Any, ...]:
    properties = json.dumps(message.properties) if message.properties else ""
    columns = (
        message.cause.value,
        message.key,
        message.expires_ms,
        message.arrival_ms,
        message.topic,
        message.retain | message.duplicate << 1,  # both in one column
        message.device,
        message.domain,
        properties,
        message.payload,
    )
    size_bytes = len(message.payload) + len(message.topic) + len(properties) + _ROW_OVERHEAD_BYTES
    return (*columns, _crc(columns), size_bytes)


def select_key(
    connection: sqlite3.Connection, key: str, most: int = 200, after: ArrivalOrder = FIRST
) -> list[tuple[ArrivalOrder, QuarantineRow]]:
    """The next messages that wait for ``key``, in order of arrival, each with its place; few when they are large."""
    query = (
        f"SELECT arrival_ms, id, {_COLUMNS}, crc FROM quarantine WHERE key = ? AND (arrival_ms, id) > (?, ?) "  # noqa: S608
        "ORDER BY arrival_ms, id LIMIT ?"
    )
    found: list[tuple[ArrivalOrder, QuarantineRow]] = []
    size_bytes = 0
    for arrival_ms, number, *row in connection.execute(query, (key, *after, most)):
        found.append(((arrival_ms, number), (number, _waiting(tuple(row)))))
        size_bytes += len(row[-2])
        if size_bytes >= _TOGETHER_BYTES:
            break
    return found


def expired(connection: sqlite3.Connection, now_ms: int, most: int = 200) -> list[QuarantineRow]:
    """Messages that have expired by ``now_ms``."""
    query = f"SELECT id, {_COLUMNS}, crc FROM quarantine WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?"  # noqa: S608 - constants
    return [(number, _waiting(tuple(row))) for number, *row in connection.execute(query, (now_ms, most))]


def next_expiry_ms(connection: sqlite3.Connection) -> int | None:
    """Return the time at which the next message expires; None if none has a limit."""
    row = connection.execute("SELECT min(expires_ms) FROM quarantine WHERE expires_ms IS NOT NULL").fetchone()
    return None if row[0] is None else int(row[0])


def remove(connection: sqlite3.Connection, numbers: list[int]) -> int:
    """Remove messages; return how many of them were still there."""
    return connection.executemany("DELETE FROM quarantine WHERE id = ?", [(number,) for number in numbers]).rowcount


def purge(connection: sqlite3.Connection, key: str, cause: WaitCause, until: int, most: int = 500) -> Counter[str]:
    """Remove the first messages with numbers up to ``until`` that wait for ``key``; return their number by domain."""
    query = "SELECT id, domain FROM quarantine WHERE key = ? AND cause = ? AND id <= ? ORDER BY arrival_ms, id LIMIT ?"
    rows = connection.execute(query, (key, cause.value, until, most)).fetchall()
    remove(connection, [number for number, _ in rows])
    return Counter(domain for _, domain in rows)


def newest_number(connection: sqlite3.Connection) -> int:
    """The highest number of a message; 0 without any."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM quarantine").fetchone()[0])


def stock(connection: sqlite3.Connection) -> QuarantineUse:
    """Count the waiting messages."""
    rows = connection.execute("SELECT cause, messages, bytes FROM quarantine_stock WHERE messages > 0").fetchall()
    by_cause = {WaitCause(cause): messages for cause, messages, _ in rows}
    return QuarantineUse(sum(by_cause.values()), sum(row_bytes for _, _, row_bytes in rows), by_cause)


def keys(connection: sqlite3.Connection, most: int = 1000) -> list[WaitingKey]:
    """Return the keys that messages wait for, those with most messages first."""
    query = (
        "SELECT key, cause, messages, (SELECT min(arrival_ms) FROM quarantine WHERE quarantine.key = quarantine_keys.key) "
        "FROM quarantine_keys ORDER BY messages DESC, key LIMIT ?"
    )
    rows = connection.execute(query, (most,))
    return [WaitingKey(key, WaitCause(cause), messages, since_ms or 0) for key, cause, messages, since_ms in rows]


def having(connection: sqlite3.Connection, wanted: Iterable[str]) -> list[str]:
    """Those of some keys for which messages wait."""
    query = "SELECT 1 FROM quarantine_keys WHERE key = ? LIMIT 1"
    return [key for key in wanted if connection.execute(query, (key,)).fetchone()]


def newest(connection: sqlite3.Connection, key: str, cause: WaitCause) -> tuple[int, QuarantinedMessage | None]:
    """Count the messages that wait for one key and return the one that came last; None: it is damaged, or nothing waits."""
    count = connection.execute(
        "SELECT messages FROM quarantine_keys WHERE key = ? AND cause = ?", (key, cause.value)
    ).fetchone()
    query = f"SELECT {_COLUMNS}, crc FROM quarantine WHERE key = ? ORDER BY arrival_ms DESC, id DESC LIMIT 1"  # noqa: S608 - constants
    row = connection.execute(query, (key,)).fetchone() if count else None
    return (count[0] if count else 0), (_waiting(row) if row else None)


def arrivals(connection: sqlite3.Connection, key: str, cause: WaitCause, most: int) -> list[int]:
    """The arrival in ms of the messages that wait for one key, of the last ones if there are more than ``most``."""
    query = "SELECT arrival_ms FROM quarantine WHERE key = ? AND cause = ? ORDER BY arrival_ms DESC, id DESC LIMIT ?"
    return [arrival_ms for (arrival_ms,) in connection.execute(query, (key, cause.value, most))]


def keys_of(connection: sqlite3.Connection, cause: WaitCause) -> list[str]:
    """All keys of a cause."""
    return [key for (key,) in connection.execute("SELECT key FROM quarantine_keys WHERE cause = ?", (cause.value,))]


def salvage(damaged: Path) -> Iterator[QuarantineRow]:
    """Messages that can still be read in a damaged file."""
    for number, *columns, crc, _bytes, payload in rows_of_damaged(damaged, _KINDS):
        yield number, _waiting((*columns, payload, crc))


def _crc(columns: tuple[Any, ...]) -> int:
    """CRC-32 of all columns in their order; the last is the payload."""
    return zlib.crc32(columns[-1], zlib.crc32(repr(columns[:-1]).encode(errors="replace")))


def _waiting(row: tuple[Any, ...]) -> QuarantinedMessage | None:
    """Parse a message; a damaged file can hold anything."""
    *columns, crc = row
    cause, key, expires_ms, arrival_ms, topic, retain, device, domain, properties, payload = columns
    if not isinstance(payload, bytes) or _crc(tuple(columns)) != crc:
        return None
    pairs = [(str(name), str(value)) for name, value in json.loads(properties)] if properties else ()
    is_retained, of = bool(retain & 1), (device, domain, tuple(pairs), bool(retain & 2))
    return QuarantinedMessage(WaitCause(cause), key, expires_ms, topic, payload, is_retained, arrival_ms, *of)
