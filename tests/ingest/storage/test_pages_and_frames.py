"""A damaged file as bytes: pages that are not whole are none, and a WAL is believed with the checksums of any machine."""

import os
import struct
from pathlib import Path

import pytest

from gateway.ingest.storage.recovery.salvage import HEAD_BYTES, PAGE_BYTES, _checksum, _Pages, _varint, salts_of
from gateway.ingest.storage.recovery.tally import Tally
from tests.rows import each_row

SALTS = b"8 salts."


def test_a_page_that_is_not_whole_is_none(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"1" * PAGE_BYTES + b"2" * PAGE_BYTES + b"3" * 100)
    with path.open("rb") as file:
        pages = _Pages(file.fileno(), None)
        assert [pages.read(number)[:1] for number in range(-1, 5)] == [b"", b"", b"1", b"2", b"", b""]
        assert (list(pages.numbers()), pages.bytes_max) == ([2], 2 * PAGE_BYTES)


@each_row(
    ("magic", "page_bytes", "is_valid"),
    [(0x377F0682, 1024, True), (0x377F0683, 1024, True), (0x377F0684, 1024, False), (0x377F0683, 4096, False)],
)
def test_the_head_of_a_wal_is_checked_in_the_order_of_its_machine(
    tmp_path: Path, magic: int, page_bytes: int, *, is_valid: bool
) -> None:
    head = struct.pack(">IIII", magic, 3_007_000, page_bytes, 0) + SALTS
    path = tmp_path / f"{magic}-{page_bytes}"
    for change, expected in ((b"", SALTS if is_valid else None), (b"x", None)):
        checked = _checksum(head, magic == 0x377F0683)
        path.write_bytes((head + checked)[: HEAD_BYTES - len(change)] + change)
        descriptor = os.open(path, os.O_RDONLY)
        assert salts_of(descriptor) == expected
        os.close(descriptor)
    path.write_bytes(head)
    descriptor = os.open(path, os.O_RDONLY)
    assert salts_of(descriptor) is None
    os.close(descriptor)


def test_a_number_takes_up_to_nine_bytes() -> None:
    eight = sum(1 << 7 * place for place in range(8))
    assert _varint(bytes([0x7F, 9]), 0) == (127, 1)
    assert _varint(bytes([0, 0x81, 0x00]), 1) == (128, 3)
    assert _varint(bytes([0x81] * 8 + [0x85]), 0) == (eight << 8 | 0x85, 9)


def test_what_must_be_safe_is_synced_and_what_must_not_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    tally = Tally(tmp_path / "journal.db")
    tally.compare(7)
    assert synced == []
    tally.note_lost(3, 5)
    assert (len(synced), tally.missing, tally.since_ms) == (1, 3, 5)
