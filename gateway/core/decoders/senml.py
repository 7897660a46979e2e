"""SenML packs, in JSON and in CBOR → resolved records (RFC 8428).

A record becomes ``{"n", "u", "v" | "vs" | "vb" | "vd", "s", "t" | "t_rel", "ut"}``, each key only where it has a value, with
all base fields applied. ``vd`` is bytes. Time is in exactly one of two keys, because only the gateway knows the time of
arrival:

- ``t``: seconds since 1970, when base time and time add up to 2**28 or more;
- ``t_rel``: seconds from now, negative in the past; 0 where the pack gives no time at all.

Records that only set base fields, and records without a value, are skipped. Fields unknown to RFC 8428 are left out.
"""

import math
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any, Final

from gateway.core.decoders import bad_payload
from gateway.core.decoders.cbor import cbor
from gateway.core.decoders.plain import json_lenient

VERSION: Final = 10
"""Version of the format, section 4.4: packs of a later one must not be read."""

RELATIVE_BELOW_S: Final = 2**28
"""Times below this many seconds are relative to now (section 4.5.3)."""

RECORDS_MAX: Final = 10_000
NAME_MAX: Final = 256
"""Most records in a pack, and characters in a resolved name: a long base name must not be multiplied by many records."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
_VALUES: Final = ("v", "vs", "vb", "vd")
_CBOR_LABELS: Final = {
    "-6": "bs", "-5": "bv", "-4": "bu", "-3": "bt", "-2": "bn", "-1": "bver",
    "0": "n", "1": "u", "2": "v", "3": "vs", "4": "vb", "5": "s", "6": "t", "7": "ut", "8": "vd",
}  # fmt: skip
"""Integer labels of section 6, as text: so keys come from CBOR."""

_INTEGER_MAX: Final = 2**64

SenmlRecord = dict[str, Any]
"""A record with the labels of JSON."""

SenmlField = tuple[Callable[[object], Any], str]
"""Function that reads a field and gives None for a wrong type, and the name of the right type."""


def senml_json(payload: bytes) -> list[SenmlRecord]:
    """The resolved records of a SenML pack in JSON, in its order."""
    return _resolve(json_lenient(payload), _decode_base64)


def senml_cbor(payload: bytes) -> list[SenmlRecord]:
    """The resolved records of a SenML pack in CBOR, in its order. It may have the labels of JSON already."""
    pack = cbor(payload)
    if isinstance(pack, list):
        pack = [
            {_CBOR_LABELS.get(label, label): value for label, value in record.items()} if isinstance(record, dict) else record
            for record in pack
        ]
    return _resolve(pack, _of_type(bytes))


def _resolve(pack: object, data: Callable[[object], bytes | None]) -> list[SenmlRecord]:
    if not isinstance(pack, list):
        raise bad_payload(f"a SenML pack is a list of records, this is a {type(pack).__name__}")
    if len(pack) > RECORDS_MAX:
        raise bad_payload(f"{len(pack)} records in one pack; at most {RECORDS_MAX} are read")
    kinds = {**_KINDS, "vd": (data, "data")}
    base: SenmlRecord = {}
    resolved = []
    for index, record in enumerate(pack, 1):
        if not isinstance(record, dict):
            raise bad_payload(f"record {index} is a {type(record).__name__}, not an object")
        fields = _typed(record, kinds, index)
        base.update((label, value) for label, value in fields.items() if label in _BASES)
        if fields.get("bver", 0) > VERSION:
            raise bad_payload(f"record {index} has version {fields['bver']} of SenML; up to {VERSION} is understood")
        if any(label not in _BASES for label in fields):
            found = _apply(base, fields, index)
            if found:
                resolved.append(found)
    return resolved


def _typed(record: SenmlRecord, kinds: dict[str, SenmlField], index: int) -> SenmlRecord:
    """The fields of a record that are used here, each of its type; null counts as absent."""
    fields: SenmlRecord = {}
    for label, value in record.items():
        if label not in kinds:
            if label.endswith("_"):
                raise bad_payload(f"record {index} has the field {label[:40]!r}, which must be understood and is not")
        elif value is not None:
            read, name = kinds[label]
            fields[label] = read(value)
            if fields[label] is None:
                raise bad_payload(f"record {index}: {label!r} is not {name}")
    return fields


def _apply(base: SenmlRecord, fields: SenmlRecord, index: int) -> SenmlRecord | None:
    """A record with the base fields that apply to it; None when it has neither value nor sum."""
    values = [label for label in _VALUES if label in fields]
    if len(values) > 1:
        raise bad_payload(f"record {index} has {' and '.join(values)}; one value is allowed")
    found: SenmlRecord = {"n": _name(base.get("bn", "") + fields.get("n", ""), index)}
    if (unit := fields.get("u", base.get("bu"))) is not None:
        found["u"] = unit
    if values and values[0] != "v":
        found[values[0]] = fields[values[0]]
    elif values or ("bv" in base and "s" not in fields):
        found["v"] = base.get("bv", 0) + fields.get("v", 0)
    if "s" in fields or "bs" in base:
        found["s"] = base.get("bs", 0) + fields.get("s", 0)
    time_s = base.get("bt", 0) + fields.get("t", 0)
    found["t" if time_s >= RELATIVE_BELOW_S else "t_rel"] = time_s
    if "ut" in fields:
        found["ut"] = fields["ut"]
    return found if found.keys() & {*_VALUES, "s"} else None


def _name(name: str, index: int) -> str:
    """A resolved name, when it has the characters that section 4.5.1 allows."""
    if len(name) > NAME_MAX:
        raise bad_payload(f"the name of record {index} has {len(name)} characters; at most {NAME_MAX}")
    if not _NAME.fullmatch(name):
        raise bad_payload(
            f"record {index} has the name {name!r}; letters, digits and -:./_ are allowed, the first a letter or digit"
        )
    return name


def _number(value: object) -> int | float | None:
    """A number; NaN and infinity are kept for the caller, who knows what they mean for a quantity."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INTEGER_MAX:
        return value
    return value if isinstance(value, float) else None


def _finite(value: object) -> int | float | None:
    number = _number(value)
    return number if number is not None and math.isfinite(number) else None


def _version(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _of_type(kind: type) -> Callable[[object], Any]:
    return lambda value: value if isinstance(value, kind) else None


def _decode_base64(value: object) -> bytes | None:
    """URL-safe base64, with or without its padding."""
    if not isinstance(value, str):
        return None
    try:
        return urlsafe_b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4))
    except ValueError:
        return None


_TEXT: Final[SenmlField] = (_of_type(str), "text")
_NUMBER: Final[SenmlField] = (_number, "a number")
_FINITE: Final[SenmlField] = (_finite, "a finite number")
_BASES: Final[dict[str, SenmlField]] = {
    "bver": (_version, "a version"), "bn": _TEXT, "bt": _FINITE, "bu": _TEXT, "bv": _FINITE, "bs": _FINITE,
}  # fmt: skip
_KINDS: Final[dict[str, SenmlField]] = {
    **_BASES, "n": _TEXT, "u": _TEXT, "t": _FINITE, "ut": _FINITE, "s": _NUMBER,
    "v": _NUMBER, "vs": _TEXT, "vb": (_of_type(bool), "a boolean"),
}  # fmt: skip
"""Readers of every field except data values, which differ between JSON and CBOR."""
