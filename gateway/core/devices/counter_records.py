"""The counters of a device as a part of its record: registers, doubts, and what their sums stand on.

Values equal to a new counter's are omitted: an offset of 0, a mean rate that begins here. A record of a version before sums has
only registers and doubts; its sums equal its registers.
"""

from collections.abc import Mapping
from math import isnan, nan
from typing import Annotated, NamedTuple, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from gateway.core.readings.counters import CounterState
from gateway.core.readings.exchanges import NO_PAST, CounterPast, StepToConfirm, ToldExchange
from gateway.core.readings.steps import CounterRule, Doubt
from gateway.core.readings.sums import FormerOffset, Register

Ms = Annotated[int, Field(ge=-(1 << 53), le=1 << 53)]
Word32 = Annotated[int, Field(ge=0, lt=1 << 32)]


class _DoubtRecord(NamedTuple):
    """A step of a counter that is not believed yet; an earlier version did not know its first reading."""

    name: str
    value: float
    ago_ms: Ms
    confirmations: Word32
    first: float | None = None
    first_ago_ms: Ms | None = None


class _FormerRecord(NamedTuple):
    """An offset of a counter that held before."""

    until_ms: Ms
    offset: float
    total: float | None = None


class _ToldRecord(NamedTuple):
    """An exchange that was told."""

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
    version: Word32
    told: list[_ToldRecord]
    steps: list[StepToConfirm]
    sizes: dict[str, float]
    rules: dict[str, CounterRule]
    again_ms: Ms
    amended_ms: Ms


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
