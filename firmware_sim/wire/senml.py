"""SenML packs in JSON and CBOR (RFC 8428)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cbor2

from firmware_sim.wire.message import json_bytes

_CBOR_LABELS: Final = {"bn": -2, "bt": -3, "n": 0, "u": 1, "v": 2, "vb": 4}
"""Labels of section 6, table 4."""


@dataclass(frozen=True, slots=True)
class SenmlValue:
    """One record: a number with its unit, or a boolean without one."""

    name: str
    value: float | bool
    unit: str = ""


def pack(base_name: str, time_ms: int, values: Sequence[SenmlValue]) -> list[dict[str, Any]]:
    """The records of one instant; the first holds base name and base time, in seconds."""
    base: dict[str, Any] = {"bn": base_name, "bt": time_ms // 1000 if time_ms % 1000 == 0 else time_ms / 1000}
    records = [_record(value) for value in values]
    return [base | records[0], *records[1:]]


def _record(value: SenmlValue) -> dict[str, Any]:
    if isinstance(value.value, bool):
        return {"n": value.name, "vb": value.value}
    return {"n": value.name} | ({"u": value.unit} if value.unit else {}) | {"v": value.value}


def senml_cbor(records: Sequence[Mapping[str, Any]]) -> bytes:
    """The pack with the integers that CBOR has in place of labels."""
    return cbor2.dumps([{_CBOR_LABELS[label]: value for label, value in record.items()} for record in records])


FORMS: Final[Mapping[str, Callable[[Sequence[Mapping[str, Any]]], bytes]]] = {"json": json_bytes, "cbor": senml_cbor}
