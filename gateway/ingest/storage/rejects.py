"""Rejects on disk: messages that could not become data, with bytes and reason, for people to examine, fix and replay."""

import sqlite3
from typing import Any, Final, NamedTuple

from gateway.core.message import Refusal
from schemas.rejects import RejectReason

_COLUMNS: Final = "arrival_ms, topic, device, domain, stage, reason, detail, payload"
_ROW_OVERHEAD_BYTES: Final = 200
_SIZE: Final = f"length(payload) + length(detail) + length(topic) + {_ROW_OVERHEAD_BYTES}"
_DETAIL_MAX: Final = 2000
_PAGE_BYTES: Final = 2**18
"""Bytes read at a time, plus at most one reject: bounds the delay of others in the thread, and a reader's memory."""

_REPLAYED_BYTES: Final = 2**20
_REPLAYED_ROWS: Final = 2000
"""Replayed together, in one transaction."""

RejectRow = tuple[int, Refusal, int]
"""A number, its reject, and the size of the payload that it came with."""


class RejectFilter(NamedTuple):
    """The rejects that a person chose by reason, by device, or one by its number; None: it does not matter."""

    reason: str | None = None
    device: str | None = None
    number: int | None = None


ALL: Final = RejectFilter()


DELIVERY_STAGE: Final = "deliver"
"""A reject of this stage holds a point, not a message; it is replayed from delivery."""


def size(connection: sqlite3.Connection) -> int:
    """Bytes that all rejects take."""
    return int(connection.execute("SELECT bytes FROM rejects_stock").fetchone()[0])


def size_of(refusal: Refusal) -> int:
    """Bytes of one reject."""
    return len(refusal.payload) + min(len(refusal.detail), _DETAIL_MAX) + len(refusal.topic) + _ROW_OVERHEAD_BYTES


def add(connection: sqlite3.Connection, refusals: list[Refusal], max_bytes: int) -> None:
    """Store rejects; beyond ``max_bytes`` the oldest are dropped."""
    connection.executemany(
        f"INSERT INTO rejects ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
        [
            (r.arrival_ms, r.topic, r.device, r.domain, r.stage, r.reason.value, r.detail[:_DETAIL_MAX], r.payload)
            for r in refusals
        ],
    )
    over_bytes = size(connection) - max_bytes
    if over_bytes > 0:
        _remove_oldest(connection, over_bytes)


def _remove_oldest(connection: sqlite3.Connection, over_bytes: int) -> None:
    freed_bytes, last = 0, 0
    for number, row_bytes in connection.execute(f"SELECT id, {_SIZE} FROM rejects ORDER BY id"):  # noqa: S608
        freed_bytes += row_bytes
        last = number
        if freed_bytes >= over_bytes:
            break
    connection.execute("DELETE FROM rejects WHERE id <= ?", (last,))


def page(
    connection: sqlite3.Connection,
    chosen: RejectFilter = ALL,
    *,
    before: int | None = None,
    most: int = 1000,
    payloads: bool = False,
) -> list[RejectRow]:
    """Return the chosen rejects, newest first, with or without their payloads; fewer if they are large."""
    where, given = _where(chosen, before)
    columns = _COLUMNS if payloads else _COLUMNS.replace("payload", "x''")
    query = f"SELECT length(payload), id, {columns} FROM rejects {where} ORDER BY id DESC LIMIT ?"  # noqa: S608 - constants
    found: list[RejectRow] = []
    left_bytes = _PAGE_BYTES
    for payload_bytes, found_number, *row in connection.execute(query, (*given, most)):
        refusal = _refusal(tuple(row))
        left_bytes -= len(refusal.payload) + len(refusal.topic) + len(refusal.detail) + _ROW_OVERHEAD_BYTES
        if found and left_bytes < 0:
            break
        found.append((found_number, refusal, payload_bytes))
    return found


def newest(connection: sqlite3.Connection) -> int:
    """The highest number; 0 without rejects."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM rejects").fetchone()[0])


def next_after(connection: sqlite3.Connection, after: int, until: int, chosen: RejectFilter) -> list[tuple[int, Refusal]]:
    """The next chosen rejects, oldest first, with numbers above ``after`` and up to ``until``; few when they are large."""
    where, given = _where(chosen, until + 1)
    query = f"SELECT id, {_COLUMNS} FROM rejects {where} AND id > ? ORDER BY id LIMIT ?"  # noqa: S608 - constants
    found: list[tuple[int, Refusal]] = []
    left_bytes = _REPLAYED_BYTES
    for number, *row in connection.execute(query, (*given, after, _REPLAYED_ROWS)):
        found.append((number, _refusal(tuple(row))))
        left_bytes -= len(found[-1][1].payload)
        if left_bytes <= 0:
            break
    return found


def purge(connection: sqlite3.Connection, chosen: RejectFilter) -> int:
    """Remove the chosen rejects; return their number."""
    where, given = _where(chosen, None)
    return connection.execute(f"DELETE FROM rejects {where or 'WHERE TRUE'}", given).rowcount  # noqa: S608 - constants


def _where(chosen: RejectFilter, before: int | None) -> tuple[str, list[str | int]]:
    of_reason = (
        "reason = ?" if chosen.device is None else "+reason = ?"
    )  # +: no index of its own; a device has fewer than a reason
    wanted = {of_reason: chosen.reason, "device = ?": chosen.device, "id = ?": chosen.number, "id < ?": before}
    given = {clause: value for clause, value in wanted.items() if value is not None}
    return (f"WHERE {' AND '.join(given)}" if given else ""), list(given.values())


def remove(connection: sqlite3.Connection, numbers: list[int]) -> int:
    """Remove rejects; return their number."""
    return connection.executemany("DELETE FROM rejects WHERE id = ?", [(number,) for number in numbers]).rowcount


def count(connection: sqlite3.Connection) -> dict[str, int]:
    """Count the stored rejects by reason."""
    return dict(connection.execute("SELECT reason, count(*) FROM rejects GROUP BY reason ORDER BY reason"))


def count_by_device(connection: sqlite3.Connection, most: int) -> list[tuple[str | None, int]]:
    """Count the stored rejects by device, those with most first; None: of messages whose device is not known."""
    query = "SELECT device, count(*) FROM rejects GROUP BY device ORDER BY 2 DESC, device LIMIT ?"
    return [(device or None, counted) for device, counted in connection.execute(query, (most,))]


def count_of(connection: sqlite3.Connection, devices: list[str]) -> dict[str, int]:
    """Count the stored rejects of some devices."""
    query = "SELECT count(*) FROM rejects WHERE device = ?"
    return {device: connection.execute(query, (device,)).fetchone()[0] for device in devices}


def _refusal(row: tuple[Any, ...]) -> Refusal:
    arrival_ms, topic, device, domain, stage, reason, detail, payload = row
    return Refusal(RejectReason(reason), detail, topic, payload, stage, arrival_ms, device, domain)
