"""Forgetting devices in the one SQLite file: every place that can name one, found and removed.

What is removed is overwritten (``secure_delete``), and its pages are given back, so that the file holds it no more. Rows that
belong to many devices, as those of the journal, are written again without the forgotten. A damaged row cannot be searched; it
goes with the salvage. Every function gets the connection inside a transaction.
"""

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from gateway.core.delivery.batch import decode, encode
from gateway.storage import journal, keyvalue
from gateway.storage.stored_devices import device_rows, lines_of
from schemas.registry import device_key

_LEVEL: Final = 9
_PAGE: Final = 100
_KEPT_OF_DEVICE: Final = ("usual.", "periods.again.", "sums ", "resum ")
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


def device_of_line(line: str) -> str | None:
    """The tag ``device`` of a point in line protocol, as this gateway writes it."""
    tags, separator = line.partition(" ")[0], ",device="
    return tags.partition(separator)[2].partition(",")[0] if separator in tags else None


class StoredPlace(NamedTuple):
    """A place in the file that can name a device.

    :ivar title: its name for people.
    :ivar remove: removes what names the device, or only counts it; returns the number.
    """

    title: str
    remove: Callable[[sqlite3.Connection, DeviceNames, bool], int]


def found(connection: sqlite3.Connection, names: DeviceNames) -> dict[str, int]:
    """Count what names the device, by place; every place is listed."""
    return {place.title: place.remove(connection, names, False) for place in PLACES}


def forget(connection: sqlite3.Connection, names: DeviceNames) -> dict[str, int]:
    """Remove what names the device; return how much it was, by place."""
    connection.execute("PRAGMA secure_delete=ON")
    try:
        return {place.title: place.remove(connection, names, True) for place in PLACES}
    finally:
        connection.execute("PRAGMA secure_delete=OFF")


def devices_in(connection: sqlite3.Connection) -> set[str]:
    """The devices that the file names, but for those of Sparkplug births."""
    names: set[str] = set()
    for table, column in (
        ("rejects", "device"),
        ("reject_counts", "device"),
        ("quarantine", "device"),
        ("alarm_history", "place"),
    ):
        names.update(name for (name,) in connection.execute(f"SELECT DISTINCT {column} FROM {table}"))  # noqa: S608 - constants
    names.update(name for (name,) in connection.execute("SELECT place FROM alarm_states"))
    for key in keyvalue.get_prefix(connection, ""):
        names.update(_device_of_kept(key))
    for _, body in device_rows(connection):
        names.update(name for name, _ in _lines(body))
    for entry in _journal(connection):
        names.update(device for reading in decode(entry.body) if (device := device_of_line(reading.lines)) is not None)
    return names - {""}


def _of_table(table: str, condition: str, given: Callable[[tuple[Any, ...], DeviceNames], bool]) -> Callable[..., int]:
    """A place that is rows of a table: those of which ``given`` is true."""

    def remove(connection: sqlite3.Connection, names: DeviceNames, do: bool) -> int:  # noqa: FBT001 - as declared above
        rows = connection.execute(f"SELECT rowid, {condition} FROM {table}")  # noqa: S608 - constants
        numbers = [(row[0],) for row in rows if given(row[1:], names)]
        if do:
            connection.executemany(f"DELETE FROM {table} WHERE rowid = ?", numbers)  # noqa: S608 - constants
        return len(numbers)

    return remove


def _by_columns(
    table: str, columns: tuple[str, ...], is_of: Callable[[tuple[Any, ...], DeviceNames], bool]
) -> Callable[..., int]:
    """A place that is rows of a table without a row number: they are found by all of their key's columns."""

    def remove(connection: sqlite3.Connection, names: DeviceNames, do: bool) -> int:  # noqa: FBT001
        rows = connection.execute(f"SELECT DISTINCT {', '.join(columns)} FROM {table}").fetchall()  # noqa: S608 - constants
        chosen = [row for row in rows if is_of(row, names)]
        if do:
            where = " AND ".join(f"{column} = ?" for column in columns)
            connection.executemany(f"DELETE FROM {table} WHERE {where}", chosen)  # noqa: S608 - constants
        return len(chosen)

    return remove


def _names_device(row: tuple[Any, ...], names: DeviceNames) -> bool:
    return row[-1] in names


def _device_or_topic(row: tuple[Any, ...], names: DeviceNames) -> bool:
    device, topic = row
    return device in names or names.in_topic(topic)


def _notice(row: tuple[Any, ...], names: DeviceNames) -> bool:
    (body,) = row
    return names.in_line(body) or _document(body).get("device") in names


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _device_of_kept(name: str) -> Iterator[str]:
    """The device that a kept value is of: for a birth each level of its address, for it may be any."""
    for prefix in _KEPT_OF_DEVICE:
        if name.startswith(prefix):
            yield name.removeprefix(prefix)
    if name.startswith(_EXCHANGE):
        yield name.removeprefix(_EXCHANGE).partition(" ")[2]
    if name.startswith(_BIRTH):
        yield name.rpartition("/")[2]


def _kept(connection: sqlite3.Connection, names: DeviceNames, do: bool) -> int:  # noqa: FBT001
    """Values that are kept by name, and the topics at which lists of alarms stand."""
    chosen = [name for name in keyvalue.get_prefix(connection, "") if any(one in names for one in _device_of_kept(name))]
    topics = json.loads(keyvalue.get(connection, _TOPIC_LISTS) or "[]")
    left = [topic for topic in topics if not names.in_topic(topic)]
    if do:
        keyvalue.put_all(connection, dict.fromkeys(chosen))
        if len(left) < len(topics):
            keyvalue.put(connection, _TOPIC_LISTS, json.dumps(left))
    return len(chosen) + len(topics) - len(left)


def _lines(body: bytes) -> list[tuple[str, str]]:
    try:
        return list(lines_of(body))
    except ValueError:
        return []


def _states(connection: sqlite3.Connection, names: DeviceNames, do: bool) -> int:  # noqa: FBT001
    """States of devices, many in a row."""
    removed = 0
    for row, body in device_rows(connection):
        lines = _lines(body)
        left = [(name, line) for name, line in lines if name not in names and _document(line).get("source") not in names]
        if len(left) == len(lines):
            continue
        removed += len(lines) - len(left)
        if do:
            text = zlib.compress("\n".join(f"{name}\t{line}" for name, line in left).encode(), _LEVEL)
            connection.execute("UPDATE device_state SET body = ? WHERE id = ?", (text, row))
    return removed


def _journal(connection: sqlite3.Connection) -> Iterator[journal.Entry]:
    after = 0
    while entries := journal.everything(connection, after, _PAGE):
        yield from (entry for entry in entries if entry.intact)
        after = entries[-1].row


def _waiting(connection: sqlite3.Connection, names: DeviceNames, do: bool) -> int:  # noqa: FBT001
    """Readings in the journal, many in a row: it is written again without those of the device, under its number."""
    removed = 0
    for entry in _journal(connection):
        readings = decode(entry.body)
        left = [reading for reading in readings if not names.in_line(reading.lines)]
        removed += len(readings) - len(left)
        if do and len(left) < len(readings):
            query = "SELECT created_ms, refused FROM journal WHERE id = ?"
            created_ms, refused = connection.execute(query, (entry.row,)).fetchone()
            journal.remove(connection, [entry.row])
            if left:
                journal.append(connection, [encode(left, dense=True)], entry.row, created_ms, refused=bool(refused))
    return removed


PLACES: Final = (
    StoredPlace("readings in the journal", _waiting),
    StoredPlace("rejects", _of_table("rejects", "device, topic", _device_or_topic)),
    StoredPlace("counts of rejects", _by_columns("reject_counts", ("day", "reason", "device"), _names_device)),
    StoredPlace("messages in quarantine", _of_table("quarantine", "device, topic", _device_or_topic)),
    StoredPlace("states of alarms", _by_columns("alarm_states", ("alarm", "place"), _names_device)),
    StoredPlace("history of alarms", _of_table("alarm_history", "place", _names_device)),
    StoredPlace("messages about alarms", _of_table("alarm_notices", "body", _notice)),
    StoredPlace("planned work", _of_table("planned_work", "work", lambda row, names: _document(row[0]).get("device") in names)),
    StoredPlace("state and sums", _states),
    StoredPlace("kept values", _kept),
)
"""Every place in the file that can name a device."""


def photos_of(path: Path, names: DeviceNames, *, remove: bool) -> int:
    """Count the photos of a device in their file, or remove them.

    :raises sqlite3.Error: the file cannot be used.
    """
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path, timeout=10.0)) as connection:
        connection.execute("PRAGMA secure_delete=ON")
        with connection:
            chosen = [(name,) for (name,) in connection.execute("SELECT device FROM photos") if name in names]
            if remove:
                connection.executemany("DELETE FROM photos WHERE device = ?", chosen)
    return len(chosen)


def photographed(path: Path) -> list[str]:
    """The devices with a photo.

    :raises sqlite3.Error: the file cannot be used.
    """
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=10.0)) as connection:
        return [name for (name,) in connection.execute("SELECT device FROM photos")]
