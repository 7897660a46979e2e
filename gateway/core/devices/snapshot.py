"""The snapshot of one device, kept over a restart as a line of text: small, and readable by people who open the file.

Times are milliseconds before the device was last seen, which makes most of them short. Values equal to a new device's are
omitted. Losing a line, or reading an old one, never alters a value: counters, duplicates and silence start again, or where they
were. The clock offset comes back for people only: it says nothing about the clock of this run, but a device whose clock was
wrong is followed further. The setback of a device is saved each time, its last message only at the stop.

Of a counter an offset of 0 and a mean rate that begins here are omitted. A record of a version before sums has only registers
and doubts; its sums equal its registers.
"""

from base64 import b64encode
from collections.abc import Mapping
from math import isnan, nan
from typing import Annotated, Final, NamedTuple, NotRequired

from pydantic import Base64Bytes, Field, TypeAdapter
from pydantic_core import to_json
from typing_extensions import TypedDict

from gateway.core.devices.device import MESSAGE_KEPT_BYTES, Device
from gateway.core.devices.setback import Setback
from gateway.core.message import Arrival, StoredMessage
from gateway.core.readings.clock_trust import WrongClock
from gateway.core.readings.counters import CounterState
from gateway.core.readings.duplicates import WINDOW_S, Key, RecentKeys
from gateway.core.readings.line_protocol import FieldSets
from gateway.core.readings.steps import CounterRule, Doubt
from gateway.core.readings.sums import NO_PAST, CounterPast, FormerOffset, Register, StepToConfirm, ToldExchange

Ms = Annotated[int, Field(ge=-(1 << 53), le=1 << 53)]
_Bits64 = Annotated[int, Field(ge=0, lt=1 << 64)]
_Bits32 = Annotated[int, Field(ge=0, lt=1 << 32)]
_Bits16 = Annotated[int, Field(ge=0, lt=1 << 16)]
_Bits8 = Annotated[int, Field(ge=0, lt=1 << 8)]

_OFFSET_SAVED_MS: Final = 60_000
"""A smaller offset is the delay of a message."""


class _DoubtRecord(NamedTuple):
    """A step of a counter that is not believed yet; an earlier version did not know its first reading."""

    name: str
    value: float
    ago_ms: Ms
    confirmations: _Bits32
    first: float | None = None
    first_ago_ms: Ms | None = None


class _FormerRecord(NamedTuple):
    until_ms: Ms
    offset: float
    total: float | None = None


class _ToldRecord(NamedTuple):
    at_ms: Ms
    field: str | None = None
    final: float | None = None
    register: float | None = None


class CountersRecord(TypedDict, total=False):
    """The part of a record; ``seen`` is an instant in ms, that is before or after it by some ms.

    ``counters`` has the values of each instant, so many ms before; None: the meter was exchanged. ``bases`` has the sums from
    which mean rates are worked out, by their instant.
    """

    seen: NotRequired[Ms]
    counters: list[tuple[Ms, dict[str, float | None]]]
    doubts: list[_DoubtRecord]
    offsets: dict[str, float]
    bases: list[tuple[Ms, dict[str, float]]]
    formers: dict[str, list[_FormerRecord]]
    awaits: bool
    version: _Bits32
    told: list[_ToldRecord]
    steps: list[StepToConfirm]
    sizes: dict[str, float]
    rules: dict[str, CounterRule]
    again_ms: Ms
    amended_ms: Ms


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


def pack_counters(counters: CounterState, seen_ms: int) -> dict[str, object]:
    """The counters as a part of the record of a device that was seen then; None: as in new ones."""
    registers, past = counters.registers(), counters.past
    times: dict[int, dict[str, float | None]] = {}
    bases: dict[int, dict[str, float]] = {}
    for name, value, time_ms, _, offset, base, base_ms, *_ in registers:
        times.setdefault(seen_ms - int(time_ms), {})[name] = None if isnan(value) else value
        if base is not None and (base != value + offset or base_ms != time_ms):
            bases.setdefault(int(base_ms), {})[name] = base
    formers = {
        register.name: [_FormerRecord(int(former.until_ms), former.offset, former.total) for former in register.formers]
        for register in registers
        if register.formers
    }
    return {
        "counters": list(times.items()),
        "bases": list(bases.items()) or None,
        "offsets": {register.name: register.offset for register in registers if register.offset} or None,
        "formers": formers or None,
        "doubts": [_doubt(one.name, one.doubt, seen_ms) for one in registers if one.doubt is not None] or None,
        "awaits": True if counters.awaits else None,
        "version": counters.version or None,
        "told": [_ToldRecord(told.at_ms, told.field, told.final, told.register) for told in past.told] or None,
        "steps": past.steps or None,
        "rules": dict(past.rules) or None,
        "again_ms": None if past.again_ms is None else int(past.again_ms),
        "amended_ms": None if past.amended_ms is None else int(past.amended_ms),
        "sizes": {register.name: register.size_per_h for register in registers if register.size_per_h} or None,
    }


def _unpack_past(record: CountersRecord) -> CounterPast:
    told = tuple(ToldExchange(one.field, one.at_ms, one.final, one.register) for one in record.get("told", ()))
    past = CounterPast(told, record.get("rules", {}), record.get("again_ms"), record.get("amended_ms"))
    past = past._replace(steps=tuple(record.get("steps", ())))
    return NO_PAST if past == NO_PAST else past  # shared by the many devices that have none


def _doubt(name: str, doubt: Doubt, seen_ms: int) -> _DoubtRecord:
    ago_ms, first_ago_ms = seen_ms - int(doubt.time_ms), seen_ms - int(doubt.first_ms)
    return _DoubtRecord(name, doubt.value, ago_ms, doubt.confirmations, doubt.first, first_ago_ms)


def unpack_counters(record: CountersRecord) -> CounterState:
    """The counters of a record."""
    seen_ms = record.get("seen", 0)
    doubts = {doubt.name: _as_doubt(doubt, seen_ms) for doubt in record.get("doubts", ())}
    bases = {name: (base, at_ms) for at_ms, sums in record.get("bases", ()) for name, base in sums.items()}
    formers: Mapping[str, list[_FormerRecord]] = record.get("formers", {})
    offsets, sizes = record.get("offsets", {}), record.get("sizes", {})
    counters = CounterState(awaits=record.get("awaits", False), version=record.get("version", 0), past=_unpack_past(record))
    for ago_ms, values in record.get("counters", ()):
        for name, value in values.items():
            if value is None and name not in offsets and "version" not in record:
                continue  # exchanged under an earlier version: a new meter, and no sum that would go on
            known, time_ms = nan if value is None else value, seen_ms - ago_ms
            offset, (base, base_ms) = offsets.get(name, 0.0), bases.get(name, (None, 0))
            former = tuple(FormerOffset(*former) for former in formers.get(name, ()))
            size = sizes.get(name, 0.0)
            counters.restore(Register(name, known, time_ms, doubts.get(name), offset, base, base_ms, former, size))
    return counters


def _as_doubt(doubt: _DoubtRecord, seen_ms: int) -> Doubt:
    time_ms = seen_ms - doubt.ago_ms
    if doubt.first is None or doubt.first_ago_ms is None:
        return Doubt(doubt.value, time_ms, doubt.confirmations, doubt.value, time_ms)
    return Doubt(doubt.value, time_ms, doubt.confirmations, doubt.first, seen_ms - doubt.first_ago_ms)


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
