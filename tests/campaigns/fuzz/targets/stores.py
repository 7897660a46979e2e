"""Targets for data read from disk, where anything may have happened to it, and from the process that runs makers' codecs."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack, unpack
from gateway.core.message import CodecAsk
from gateway.core.readings.line_protocol import FieldSets
from gateway.core.sparkplug.births import from_text, to_text
from gateway.ingest.codecs.protocol import arguments, read_answer
from gateway.ingest.storage import journal, quarantine
from tests.campaigns.fuzz.target import Run, Target
from tests.campaigns.fuzz.targets.payloads import same

NOW_MS = 1_793_491_200_000
KINDS = "ifbtn"


def row_of(data: bytes, columns: int) -> tuple[Any, ...]:
    """A row of so many columns, each of a type that SQLite has."""
    parts = data.split(b"\x1f")
    return tuple(_column(parts[at] if at < len(parts) else b"") for at in range(columns))


def _column(part: bytes) -> Any:  # noqa: ANN401 - whatever a column holds
    kind, body = part[:1].decode("latin-1"), part[1:]
    if kind == "b":
        return body
    if kind in {"i", "f"}:
        number = int.from_bytes(body[:8], "big", signed=True)
        return number if kind == "i" else number / 1000
    return None if kind == "n" else body.decode(errors="replace")


def journal_row() -> Run:
    """A damaged row is told from a sound one, and claims no readings but a number of them."""

    def run(data: bytes) -> None:
        entry = journal._entry(row_of(data, 6))  # noqa: SLF001 - what every way to a row goes through
        if not entry.intact:
            assert entry.body.gzip == b""
            assert type(entry.body.readings) is int
            assert entry.body.domains.total() == entry.body.readings
        journal._domains(row_of(data, 6)[2], 3)  # noqa: SLF001

    return run


def quarantine_row() -> Run:
    """A damaged row is not a message."""

    def run(data: bytes) -> None:
        found = quarantine._waiting(row_of(data, 11))  # noqa: SLF001 - what every way to a row goes through
        assert found is None or isinstance(found.payload, bytes)

    return run


def device_state() -> Run:
    """A line is refused and nothing is changed, or what it gave comes to the same when it is saved and read again."""

    def run(data: bytes) -> None:
        line = data.decode(errors="replace")
        device, again, untouched = Device("d", None), Device("d", None), pack(Device("d", None), FieldSets())
        try:
            unpack(line, device, FieldSets(), NOW_MS)
        except ValueError:
            assert pack(device, FieldSets()) == untouched
            return
        saved = pack(device, FieldSets(), NOW_MS)
        unpack(saved, again, FieldSets(), NOW_MS)
        assert pack(again, FieldSets(), NOW_MS) == saved

    return run


def state_seeds() -> Iterator[bytes]:
    """Devices as they are saved."""
    counters = [[500, {"volume_m3": 12.5, "pulse_count": 4.0}], [9000, {"volume_reverse_m3": None}]]
    window = {"at": NOW_MS - 5000, "shapes": [["ph", "flow_m3_h"]], "keys": [[2**63, 77, 0, 3], [5, 6, 0, 60]]}
    whole = {"seen": NOW_MS, "stamp": 20, "newest": 30, "offset": -4, "online": True, "seq": 9, "missing": 2}
    doubts = [["volume_m3", 99.5, 400, 1]]
    yield json.dumps(whole | {"counters": counters, "doubts": doubts, "window": window}).encode()
    yield b'{"seen":0}'


def saved_birth() -> Run:
    """A saved birth is damaged, or is saved the same again."""

    def run(data: bytes) -> None:
        found = from_text(data.decode(errors="replace"))
        if found is not None:
            again = from_text(to_text(*found))
            assert again is not None
            assert again[0].types == found[0].types

    return run


def codec_answer() -> Run:
    """Check that a codec's result is an object that the mapping can take, or a fault that people can read."""

    def run(data: bytes) -> None:
        answer = read_answer(b"{" + data.replace(b"\n", b" "))
        assert (answer.data is None) == (answer.fault is not None)
        for text in [*answer.warnings, answer.fault or ""]:
            text.encode()
        if answer.data is not None:
            assert isinstance(answer.data, dict | list)
            assert same(read_answer(json.dumps({"data": answer.data}).encode()).data, answer.data)
        call = arguments(CodecAsk("c", data[:64], data[0] if data else 0, NOW_MS, {"text": data.decode(errors="replace")}))
        assert b"\n" not in call
        json.loads(call)

    return run


def answer_seeds() -> Iterator[bytes]:
    """Return results of makers' codecs."""
    for answer in (
        {"data": {"pressure": 1.5, "list": [1, {"a": None}]}, "warnings": ["low battery"]},
        {"errors": ["unknown port", 5], "warnings": "x"},
        {"data": None},
        {},
        {"data": [1], "errors": []},
    ):
        yield json.dumps(answer).encode()[1:]


JOURNAL_ROWS = [
    b'i\0\0\0\0\0\0\0\1\x1fi\0\0\0\0\0\0\0\3\x1ft{"water": 3}\x1ft[[1, 2]]\x1fi\0\0\0\0\0\0\0\0\x1fb\x1f\x8b\x08',
    b"n\x1fn\x1fn\x1fn\x1fn\x1fb",
]
QUARANTINE_ROWS = [
    b"\x1f".join(
        [b"tunknown_device", b"td-1", b"n", b"i" + bytes(8), b"ta/b", b"i" + bytes(8), b"td", b"twater", b"t[]", b"bx", b"i"]
    ),
    b"\x1f".join([b"n"] * 9 + [b"b" + b64encode(b"payload"), b"n"]),
]
BIRTHS = [
    b'{"bd_seq":7,"metrics":[["V",1,"Float"],["P",null,null]]}',
    b'{"bd_seq":null,"metrics":[]}',
]

TARGETS = [
    Target("journal-row", journal_row, lambda: JOURNAL_ROWS),
    Target("quarantine-row", quarantine_row, lambda: QUARANTINE_ROWS),
    Target("device-state", device_state, state_seeds),
    Target("saved-birth", saved_birth, lambda: BIRTHS),
    Target("codec-answer", codec_answer, answer_seeds),
]
