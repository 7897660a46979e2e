"""The snapshot of one device, kept over a restart as a line of text: small, and readable by people who open the file.

Times are milliseconds before the device was last seen, which makes most of them short. Values equal to a new device's are
omitted. Losing a line, or reading an old one, never alters a value: counters, duplicates and silence start again, or where they
were. The clock offset comes back for people only: it says nothing about the clock of this run, but a device whose clock was
wrong is followed further. The setback of a device is saved each time, its last message only at the stop.
"""

from base64 import b64encode
from typing import Annotated, Final, NamedTuple

from pydantic import Base64Bytes, Field, TypeAdapter
from pydantic_core import to_json
from typing_extensions import TypedDict

from gateway.core.devices.counter_records import CountersRecord, Ms, pack_counters, unpack_counters
from gateway.core.devices.device import MESSAGE_KEPT_BYTES, Device
from gateway.core.devices.setback import Setback
from gateway.core.message import Arrival, StoredMessage
from gateway.core.readings.clock_trust import WrongClock
from gateway.core.readings.duplicates import WINDOW_S, Key, RecentKeys
from gateway.core.readings.field_sets import FieldSets

_Bits64 = Annotated[int, Field(ge=0, lt=1 << 64)]
_Bits32 = Annotated[int, Field(ge=0, lt=1 << 32)]
_Bits16 = Annotated[int, Field(ge=0, lt=1 << 16)]
_Bits8 = Annotated[int, Field(ge=0, lt=1 << 8)]

_OFFSET_SAVED_MS: Final = 60_000
"""A smaller offset is the delay of a message."""


class _RecentWindow(TypedDict):
    """The window of duplicates as it was ``at``, in ms; of each key its fingerprints, number of its shape, quality and age."""

    at: Ms
    shapes: list[tuple[str, ...]]
    keys: list[tuple[_Bits64, tuple[_Bits16, ...], _Bits32, _Bits8, _Bits32]]


class _MessageRecord(NamedTuple):
    """A message; ``age`` is how many ms before the device was last seen it came."""

    topic: str
    payload: Base64Bytes
    age: Ms
    retain: bool = False


class _DeviceRecord(CountersRecord, total=False):
    """A device, with its source if that is not its id.

    ``seen`` is an instant in ms; ``stamp`` and ``newest`` lie so many ms before it.

    ``registered``, an instant as well, is remembered only of a device that was never heard. A window under its former name,
    ``window``, knew only whole readings; it is passed over.
    """

    source: str
    stamp: Ms
    newest: Ms
    registered: Ms
    online: bool
    seq: _Bits64
    missing: _Bits64
    recent: _RecentWindow
    offset: Ms
    clock: WrongClock
    setback: Setback
    not_taken: Ms
    message: _MessageRecord


_RECORD: Final = TypeAdapter(_DeviceRecord)


def pack(device: Device, shapes: FieldSets, window_at_ms: int | None = None, *, message: bool = False) -> str:
    """A device as one line.

    :param window_at_ms: now, to take the window of duplicates in as well. It may name readings that are not durable yet, and
        that come again; so it is stored only when all are.
    :param message: take its last message in as well.
    """
    seen_ms, stamp_ms, newest_ms = device.last_seen_ms, device.last_stamp_ms, device.newest_ms
    offset_ms = device.earlier_offset_ms if device.offset_ms is None else device.offset_ms
    return _line(
        seen_ms,
        source=device.source if device.source not in {"", device.name} else None,
        stamp=seen_ms - stamp_ms if stamp_ms else None,
        newest=seen_ms - newest_ms if newest_ms else None,
        registered=None if seen_ms else device.registered_ms or None,
        online=not device.has_left if device.online or device.has_left else None,
        seq=device.last_seq if device.last_seq >= 0 else None,
        missing=device.seq_missing or None,
        **(pack_counters(device.counters, seen_ms) if device.counters is not None else {}),
        recent=_window(device, shapes, window_at_ms) if window_at_ms is not None else None,
        offset=offset_ms if offset_ms is not None and abs(offset_ms) > _OFFSET_SAVED_MS else None,
        clock=device.clock,
        setback=device.setback,
        not_taken=seen_ms - device.not_taken_ms if device.not_taken_ms else None,
        message=_message(device) if message else None,
    )


def _line(seen_ms: int, **known: object) -> str:
    """The line of a record, without what is as in a new device."""
    return to_json({"seen": seen_ms} | {name: value for name, value in known.items() if value is not None}).decode()


def _message(device: Device) -> _MessageRecord | None:
    """The last message of a device; None if it is not kept."""
    arrival = device.last_message
    if arrival is None or len(arrival.message.payload) > MESSAGE_KEPT_BYTES:
        return None
    message, age_ms = arrival.message, device.last_seen_ms - arrival.now_ms
    return _MessageRecord(message.topic, b64encode(message.payload), age_ms, message.retain)


def _window(recent: RecentKeys, shapes: FieldSets, now_ms: int) -> _RecentWindow | None:
    numbers: dict[tuple[str, ...], int] = {}
    keys = [
        (key, fingerprints, numbers.setdefault(fields, len(numbers)), quality, age_s)
        for key, fingerprints, fields, quality, age_s in recent.young_keys(now_ms, shapes)
    ]
    return _RecentWindow(at=now_ms, shapes=list(numbers), keys=keys) if keys else None


def unpack(line: str, device: Device, shapes: FieldSets, now_ms: int) -> None:
    """Give a new device what :func:`pack` remembered; ValueError: another wrote the line, the device is unchanged."""
    record = _RECORD.validate_json(line)
    seen_ms = record.get("seen", 0)
    device.last_seen_ms = min(seen_ms, now_ms)  # seen by a clock that went ahead, it would never be silent
    device.source = record.get("source", device.source)
    if "stamp" in record:
        device.last_stamp_ms = seen_ms - record["stamp"]
    device.registered_ms = record.get("registered", 0)
    device.online = record.get("online")
    device.goodbye_ms = device.last_seen_ms
    device.last_seq = record.get("seq", -1)
    device.seq_missing = record.get("missing", 0)
    device.earlier_offset_ms, device.clock = record.get("offset"), record.get("clock")
    device.timed_ms = device.last_seen_ms if device.clock is not None else 0
    device.setback = record.get("setback")
    if "not_taken" in record:
        device.not_taken_ms = seen_ms - record["not_taken"]
    if "message" in record:
        message = record["message"]
        stored = StoredMessage(message.topic, message.payload, message.retain)
        device.last_message = Arrival(stored, seen_ms - message.age)
    if "counters" in record:
        device.counters = unpack_counters(record)
        device.rate_counters()
    newest_ms = max(0, seen_ms - record.get("newest", seen_ms))
    device.restore_keys(newest_ms, _unpack_keys(record, now_ms), now_ms, shapes)


def pack_kept(device: Device) -> str:
    """The counters of a device as one line: what must be saved at once when one of them took a step."""
    seen_ms = device.last_seen_ms
    return _line(seen_ms, **(pack_counters(device.counters, seen_ms) if device.counters is not None else {}))


def unpack_kept(line: str, device: Device) -> None:
    """Give a device the counters of :func:`pack_kept` if they are newer; ValueError: another wrote them, nothing is changed."""
    counters = unpack_counters(_RECORD.validate_json(line))
    if device.counters is None or counters.version > device.counters.version:
        device.counters = counters
        device.rate_counters()


def _unpack_keys(record: _DeviceRecord, now_ms: int) -> list[Key]:
    """The keys with their ages now; none when the clock went back since, or they are all too old."""
    window = record.get("recent")
    if window is None or not 0 <= now_ms - window["at"] <= WINDOW_S * 1000:
        return []
    older_s, shapes = (now_ms - window["at"]) // 1000, window["shapes"]
    return [
        Key(key, fingerprints, shapes[number], quality, age_s + older_s)
        for key, fingerprints, number, quality, age_s in window["keys"]
        if number < len(shapes)
    ]
