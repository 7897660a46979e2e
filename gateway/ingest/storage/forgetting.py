"""Forgetting devices in the one SQLite file: every place that can name one, found and removed.

What is removed is overwritten (``secure_delete``), and its pages are given back, so that the file holds it no more. Rows that
belong to many devices, as those of the journal, are written again without the forgotten. A damaged row cannot be searched; it
goes with the salvage. Every function gets the connection inside a transaction.
"""

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from gateway.core.batching.batch import decode, encode
from gateway.core.readings.line_protocol import device_of_line
from gateway.ingest.storage import journal, keyvalue
from gateway.ingest.storage.device_memory import device_rows
from gateway.support.private_files import as_owner, is_there, refuse_pipes
from schemas.registry import device_key

_LEVEL: Final = 9
_PAGE: Final = 100
_KEPT_OF_DEVICE: Final = ("usual.", "periods.again.", "sums ")
_EXCHANGE: Final = "exchange "
_BIRTH: Final = "birth "
_TOPIC_LISTS: Final = "alarm lists"


class DeviceNames:
    """The names under which a device can stand in the file: its id, and the name that its meter sends under."""

    def __init__(self, names: Iterable[str]) -> None:
        self._keys = frozenset(map(device_key, names))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and device_key(name) in self._keys

    def in_topic(self, topic: str) -> bool:
        """Tell if a level of a topic is a name."""
        return any(level in self for level in topic.split("/"))

    def in_line(self, line: str) -> bool:
        """Tell if a point is of the device."""
        device = device_of_line(line)
        return device is not None and device in self


StoredRow = dict[str, Any]
"""A row of a place: column → value."""


def found(connection: sqlite3.Connection, names: DeviceNames) -> dict[str, list[StoredRow]]:
    """Find what names the device, by place; every place is listed."""
    return {place.title: place.rows(connection, names) for place in PLACES}


def forget(connection: sqlite3.Connection, names: DeviceNames) -> dict[str, int]:
    """Remove what names the device; return how much it was, by place."""
    connection.execute("PRAGMA secure_delete=ON")
    try:
        return {place.title: place.remove(connection, names) for place in PLACES}
    finally:
        connection.execute("PRAGMA secure_delete=OFF")


def devices_in(connection: sqlite3.Connection) -> set[str]:
    """The devices that the file names."""
    names: set[str] = set()
    for place in PLACES:
        if isinstance(place, _RowsOfTable) and place.column:
            names.update(name for (name,) in connection.execute(f"SELECT DISTINCT {place.column} FROM {place.table}"))  # noqa: S608 - constants
    for key in keyvalue.get_prefix(connection, ""):
        names.update(_device_of_kept(key))
    for _, lines in device_rows(connection):
        names.update(name for name, _ in lines)
    for entry in _intact(connection):
        names.update(device for reading in decode(entry.body) if (device := device_of_line(reading.lines)) is not None)
    return names - {""}


class _RowsOfTable(NamedTuple):
    """Rows of a table.

    :ivar column: the one with the name of a device; empty: there is none.
    :ivar key: the columns by which a row is found again.
    :ivar names_too: tells if a row names the device elsewhere.
    """

    title: str
    table: str
    column: str = ""
    key: tuple[str, ...] = ("id",)
    names_too: Callable[[StoredRow, DeviceNames], bool] = lambda _row, _names: False

    def rows(self, connection: sqlite3.Connection, names: DeviceNames) -> list[StoredRow]:
        """Return the rows that name the device, whole."""
        rows = connection.execute(f"SELECT * FROM {self.table}")  # noqa: S608 - a constant
        columns = [column for column, *_ in rows.description]
        documents = (dict(zip(columns, row, strict=True)) for row in rows)
        return [document for document in documents if document.get(self.column) in names or self.names_too(document, names)]

    def remove(self, connection: sqlite3.Connection, names: DeviceNames) -> int:
        """Remove the rows that name the device; return how many."""
        chosen = [tuple(row[column] for column in self.key) for row in self.rows(connection, names)]
        where = " AND ".join(f"{column} = ?" for column in self.key)
        connection.executemany(f"DELETE FROM {self.table} WHERE {where}", chosen)  # noqa: S608 - constants
        return len(chosen)


def _by_topic(row: StoredRow, names: DeviceNames) -> bool:
    return names.in_topic(row["topic"])


def _by_body(row: StoredRow, names: DeviceNames) -> bool:
    """Tell if a message about an alarm is about the device: a point, or a document."""
    return names.in_line(row["body"]) or _document(row["body"]).get("device") in names


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


class _OwnForm(NamedTuple):
    """A place in a form of its own: ``rows`` returns what names the device, ``remove`` removes it and returns how much."""

    title: str
    rows: Callable[[sqlite3.Connection, DeviceNames], list[StoredRow]]
    remove: Callable[[sqlite3.Connection, DeviceNames], int]


def _readings(connection: sqlite3.Connection, names: DeviceNames) -> list[StoredRow]:
    readings = (reading for entry in _intact(connection) for reading in decode(entry.body))
    return [{"line": reading.lines} for reading in readings if names.in_line(reading.lines)]


def _remove_readings(connection: sqlite3.Connection, names: DeviceNames) -> int:
    """Remove readings from the journal, many in a row: it is written again without those of the device, under its number."""
    removed = 0
    for entry in _intact(connection):
        readings = decode(entry.body)
        left = [reading for reading in readings if not names.in_line(reading.lines)]
        if len(left) == len(readings):
            continue
        removed += len(readings) - len(left)
        query = "SELECT created_ms, refused FROM journal WHERE id = ?"
        created_ms, refused = connection.execute(query, (entry.row,)).fetchone()
        journal.remove(connection, [entry.row])
        if left:
            journal.append(connection, [encode(left, dense=True)], entry.row, created_ms, refused=bool(refused))
    return removed


def _intact(connection: sqlite3.Connection) -> Iterator[journal.Entry]:
    after = 0
    while entries := journal.everything(connection, after, _PAGE):
        yield from (entry for entry in entries if entry.intact)
        after = entries[-1].row


def _states(connection: sqlite3.Connection, names: DeviceNames) -> list[StoredRow]:
    """The states of the device; an older one may stand in another row."""
    lines = [line for _, lines in device_rows(connection) for line in lines]
    return [{"name": name, "state": line} for name, line in lines if _is_state_of(name, line, names)]


def _remove_states(connection: sqlite3.Connection, names: DeviceNames) -> int:
    removed = 0
    for row, lines in device_rows(connection):
        left = [f"{name}\t{line}" for name, line in lines if not _is_state_of(name, line, names)]
        if len(left) < len(lines):
            removed += len(lines) - len(left)
            packed = zlib.compress("\n".join(left).encode(), _LEVEL)
            connection.execute("UPDATE device_state SET body = ? WHERE id = ?", (packed, row))
    return removed


def _is_state_of(name: str, line: str, names: DeviceNames) -> bool:
    return name in names or _document(line).get("source") in names


def _kept_values(connection: sqlite3.Connection, names: DeviceNames) -> list[StoredRow]:
    """Values that are kept by name, and the topics at which lists of alarms stand."""
    kept = keyvalue.get_prefix(connection, "").items()
    own = [{"name": name, "value": value} for name, value in kept if any(one in names for one in _device_of_kept(name))]
    return own + [{"topic": topic} for topic in _topics(connection) if names.in_topic(topic)]


def _remove_kept_values(connection: sqlite3.Connection, names: DeviceNames) -> int:
    rows = _kept_values(connection, names)
    keyvalue.put_all(connection, {row["name"]: None for row in rows if "name" in row})
    if any("topic" in row for row in rows):
        left = [topic for topic in _topics(connection) if not names.in_topic(topic)]
        keyvalue.put(connection, _TOPIC_LISTS, json.dumps(left))
    return len(rows)


def _topics(connection: sqlite3.Connection) -> list[str]:
    return list(json.loads(keyvalue.get(connection, _TOPIC_LISTS) or "[]"))


def _device_of_kept(name: str) -> Iterator[str]:
    """The device that a kept value is of; for a birth it is the last level of its address."""
    for prefix in _KEPT_OF_DEVICE:
        if name.startswith(prefix):
            yield name.removeprefix(prefix)
    if name.startswith(_EXCHANGE):
        yield name.removeprefix(_EXCHANGE).partition(" ")[2]
    if name.startswith(_BIRTH):
        yield name.rpartition("/")[2]


PLACES: Final[tuple[_RowsOfTable | _OwnForm, ...]] = (
    _OwnForm("readings in the journal", _readings, _remove_readings),
    _RowsOfTable("rejects", "rejects", "device", names_too=_by_topic),
    _RowsOfTable("counts of rejects", "reject_counts", "device", ("day", "reason", "device")),
    _RowsOfTable("messages in quarantine", "quarantine", "device", names_too=_by_topic),
    _RowsOfTable("states of alarms", "alarm_states", "place", ("alarm", "place")),
    _RowsOfTable("history of alarms", "alarm_history", "place"),
    _RowsOfTable("messages about alarms", "alarm_notices", names_too=_by_body),
    _RowsOfTable("planned work", "planned_work", names_too=lambda row, names: _document(row["work"]).get("device") in names),
    _OwnForm("state and sums", _states, _remove_states),
    _OwnForm("kept values", _kept_values, _remove_kept_values),
)
"""Every place in the file that can name a device."""


def photos_of(path: Path, names: DeviceNames, *, remove: bool) -> int:
    """Count the photos of a device in their file, or remove them; :class:`sqlite3.Error` if the file cannot be used."""
    chosen = [(name,) for name in photographed(path) if name in names]
    if chosen and remove:
        with _photos(path) as connection:
            connection.execute("PRAGMA secure_delete=ON")
            with connection:
                connection.executemany("DELETE FROM photos WHERE device = ?", chosen)
    return len(chosen)


def photographed(path: Path) -> list[str]:
    """The devices with a photo; :class:`sqlite3.Error` if the file cannot be used."""
    if not is_there(path):
        return []
    with _photos(path) as connection:
        return [name for (name,) in connection.execute("SELECT device FROM photos")]


@contextmanager
def _photos(path: Path) -> Iterator[sqlite3.Connection]:
    with as_owner(path):
        refuse_pipes(path)
        with closing(sqlite3.connect(path, timeout=10.0)) as connection:
            yield connection
