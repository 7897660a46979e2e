"""Rejects on disk: those of one device are found without looking at all others."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.message import Refusal
from gateway.ingest.storage import rejects
from gateway.ingest.storage.rejects import ALL, RejectFilter
from gateway.ingest.storage.schema import connect
from schemas.rejects import RejectReason
from tests.stored_rejects import stored_rejects

ROOM = 2**30


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A new file."""
    opened = connect(tmp_path / "journal.db")
    yield opened
    opened.close()


def refusal(device: str, detail: str = "") -> Refusal:
    return Refusal(RejectReason.BAD_JSON, detail, f"t/{device}", b"?", "decode", 1000, device, "water")


def plan(connection: sqlite3.Connection, do: Callable[..., object], /, *given: object, **which: object) -> str:
    """Return SQLite's plan for a function of :mod:`gateway.ingest.storage.rejects`."""
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    do(connection, *given, **which)
    connection.set_trace_callback(None)
    return "\n".join(row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {asked[0]}"))


def test_the_newest_of_a_device_are_found(connection: sqlite3.Connection) -> None:
    rejects.add(connection, [refusal(device, f"{number}") for number in range(4) for device in ("m1", "m2")], ROOM)
    found = rejects.page(connection, RejectFilter(device="m2"), most=2)
    assert [(number, one.device, one.detail) for number, one, _ in found] == [(8, "m2", "3"), (6, "m2", "2")]


@pytest.mark.parametrize(("reason", "before"), [(None, None), (None, 9), ("bad_json", None)])
def test_a_device_s_rejects_are_neither_searched_nor_sorted(
    connection: sqlite3.Connection, reason: str | None, before: int | None
) -> None:
    found = plan(connection, rejects.page, RejectFilter(reason, "m1"), before=before)
    assert "SEARCH rejects USING INDEX of_device (device=?" in found
    assert "B-TREE" not in found


@pytest.mark.parametrize("before", [None, 9])
def test_a_reason_s_rejects_are_neither_searched_nor_sorted(connection: sqlite3.Connection, before: int | None) -> None:
    found = plan(connection, rejects.page, RejectFilter("bad_json"), before=before)
    assert "SEARCH rejects USING INDEX of_reason (reason=?" in found
    assert "B-TREE" not in found
    replayed = plan(connection, rejects.next_after, 3, 9, RejectFilter("bad_json"))
    assert "USING INDEX of_reason (reason=? AND rowid>? AND rowid<?)" in replayed
    assert "of_reason" in plan(connection, rejects.purge, RejectFilter("bad_json"))
    assert "of_device" in plan(connection, rejects.purge, RejectFilter("bad_json", "m1"))


def test_rejects_are_counted_without_a_look_at_their_bytes(connection: sqlite3.Connection) -> None:
    assert plan(connection, rejects.count) == "SCAN rejects USING COVERING INDEX of_reason"
    assert plan(connection, rejects.count_by_device, 9).startswith("SCAN rejects USING COVERING INDEX of_device")


def test_a_file_of_an_older_version_gets_the_indexes_and_keeps_its_rejects(tmp_path: Path) -> None:
    old = connect(tmp_path / "journal.db")
    rejects.add(old, [refusal("m1")], ROOM)
    old.execute("DROP INDEX of_device")
    old.execute("DROP INDEX of_reason")
    old.execute("PRAGMA user_version=2")
    old.close()
    new = connect(tmp_path / "journal.db")
    assert "of_device" in plan(new, rejects.page, RejectFilter(device="m1"))
    assert "of_reason" in plan(new, rejects.page, RejectFilter("bad_json"))
    assert stored_rejects(new) == [(1, refusal("m1"))]
    new.close()


def test_beyond_their_limit_the_oldest_go_and_no_more_than_must(connection: sqlite3.Connection) -> None:
    rejects.add(connection, [refusal("m1")], ROOM)
    each_bytes = rejects.size(connection)
    limit_bytes = 5 * each_bytes
    for number in range(2, 20):
        rejects.add(connection, [refusal("m1")], limit_bytes)
        assert [at for at, _ in stored_rejects(connection)] == list(range(number, max(0, number - 5), -1))
        assert rejects.size(connection) == min(number, 5) * each_bytes
    rejects.add(connection, [refusal("m1"), refusal("m1")], limit_bytes - 1)
    assert [at for at, _ in stored_rejects(connection)] == [21, 20, 19, 18]


def test_one_that_is_larger_than_all_may_be_leaves_nothing(connection: sqlite3.Connection) -> None:
    rejects.add(connection, [refusal("m1"), refusal("m2")], 10)
    assert (stored_rejects(connection), rejects.size(connection)) == ([], 0)


def test_a_reason_is_kept_up_to_2000_characters(connection: sqlite3.Connection) -> None:
    rejects.add(connection, [refusal("m1", "x" * 1999 + "yz")], ROOM)
    ((_, kept),) = stored_rejects(connection)
    assert kept.detail == "x" * 1999 + "y"


def test_rejects_are_counted_by_reason_in_the_order_of_the_reasons(connection: sqlite3.Connection) -> None:
    for reason in (RejectReason.TIME_CONFLICT, RejectReason.BAD_JSON, RejectReason.NO_QUANTITY, RejectReason.BAD_JSON):
        rejects.add(connection, [replace(refusal("m1"), reason=reason)], ROOM)
    assert list(rejects.count(connection).items()) == [("bad_json", 2), ("no_quantity", 1), ("time_conflict", 1)]


def test_a_page_holds_few_large_rejects_and_no_payload_that_nobody_asked_for(connection: sqlite3.Connection) -> None:
    large = [replace(refusal(f"m{number}"), payload=b"?" * 65_536) for number in range(10)]
    rejects.add(connection, large, ROOM)
    listed = rejects.page(connection)
    assert [(number, one.payload, size) for number, one, size in listed] == [(n, b"", 65_536) for n in range(10, 0, -1)]
    paged: list[int] = []
    while page := rejects.page(connection, payloads=True, before=paged[-1] if paged else None):
        assert 1 <= sum(len(one.payload) for _, one, _ in page) <= 2**18
        paged += [number for number, *_ in page]
    assert paged == list(range(10, 0, -1))
    assert [one.payload for _, one, _ in rejects.page(connection, RejectFilter(number=7), payloads=True)] == [large[6].payload]


def test_rejects_are_replayed_a_megabyte_at_a_time_each_once(connection: sqlite3.Connection) -> None:
    rejects.add(connection, [replace(refusal(f"m{number % 2}"), payload=b"?" * 65_536) for number in range(60)], ROOM)
    until, found = rejects.newest(connection), list[int]()
    while some := rejects.next_after(connection, found[-1] if found else 0, until, RejectFilter(device="m1")):
        assert sum(len(one.payload) for _, one in some) <= 2**20
        found += [number for number, _ in some]
        rejects.add(connection, [refusal("m1")], ROOM)  # refused again
    assert found == list(range(2, 61, 2))


def test_a_page_takes_its_bytes_to_the_last_and_always_one_reject(connection: sqlite3.Connection) -> None:
    kibibyte = Refusal(RejectReason.BAD_JSON, "d" * 100, "t" * 100, b"?" * (1024 - 200 - 200), "decode", 1000, "m1")
    rejects.add(connection, [kibibyte] * 300, ROOM)
    assert len(rejects.page(connection, payloads=True)) == 256
    rejects.add(connection, [replace(kibibyte, payload=b"?" * 2**19)], ROOM)
    assert [number for number, *_ in rejects.page(connection, payloads=True)] == [301]


def test_what_one_takes_is_told_before_it_is_stored(connection: sqlite3.Connection) -> None:
    some = [replace(refusal("m1", "x" * length), payload=b"?" * 7, topic="t" * 30) for length in (0, 50, 3000)]
    rejects.add(connection, some, ROOM)
    assert sum(map(rejects.size_of, some)) == rejects.size(connection)


def test_what_is_replayed_together_ends_with_a_megabyte_or_two_thousand(connection: sqlite3.Connection) -> None:
    rejects.add(connection, [refusal("m1"), *[replace(refusal("m1"), payload=b"?" * 65_536)] * 20], ROOM)
    assert len(rejects.next_after(connection, 0, 21, RejectFilter(device="m1"))) == 1 + 16
    rejects.add(connection, [refusal("m2")] * 2001, ROOM)
    assert len(rejects.next_after(connection, 0, rejects.newest(connection), RejectFilter(device="m2"))) == 2000


def test_a_purge_forgets_those_that_fit(connection: sqlite3.Connection) -> None:
    rejects.add(connection, [refusal(device) for device in ("m1", "m2", "m1")], ROOM)
    assert rejects.purge(connection, RejectFilter("bad_json", "m1")) == 2
    assert rejects.purge(connection, RejectFilter("not_utf8")) == 0
    assert rejects.purge(connection, ALL) == 1


def test_rejects_are_counted_by_device_those_with_most_first(connection: sqlite3.Connection) -> None:
    rejects.add(connection, [refusal(device) for device in ("m1", "m2", "m2", "", "m3", "m3", "m3")], ROOM)
    assert rejects.count_by_device(connection, 3) == [("m3", 3), ("m2", 2), (None, 1)]


def test_one_reject_is_chosen_by_its_number(connection: sqlite3.Connection) -> None:
    rejects.add(connection, [refusal("m1") for _ in range(3)], ROOM)
    assert [number for number, _ in rejects.next_after(connection, 0, 3, RejectFilter(number=2))] == [2]
    assert rejects.purge(connection, RejectFilter(number=2)) == 1
    assert [number for number, *_ in rejects.page(connection)] == [3, 1]
