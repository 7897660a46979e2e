"""Devices from a spreadsheet: CSV as Excel, LibreOffice and scripts write it, with the registry's names as header.

Commas, semicolons or tabs; UTF-8 or, with its mark, UTF-16; decimal commas unless commas separate the cells. An empty cell
keeps the value of the registry. Every faulty cell is named, and one is enough to refuse the file.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from gateway.support.config.files import ConfigurationFault, blaming
from gateway.support.private_files import read_bytes
from gateway.support.registry.changes import RegistryChange, change_of
from gateway.support.registry.registry import RegistryFault, clash_told, faults_in
from schemas.registry import COLUMNS, RegisteredDevice, Registry, clashes, device_adapter, device_key
from schemas.spreadsheet import of_cell

_PARAMS: Final = "params."
_DELIMITERS: Final = ",;\t"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?", re.ASCII)
_MADE_BY_EXCEL = re.compile(r"\d(?:[.,]\d+)?E\+\d+")
_SHOWN: Final = 100
_DIGITS_MAX: Final = 300
_BOOLEANS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class RegistryRow:
    """A row's entries for a device, its number in the sheet, whose header is row 1, and the keys that its cells fill."""

    number: int
    device: RegisteredDevice
    given: frozenset[str]


def merge(registry: Registry, rows: list[RegistryRow]) -> RegistryChange:
    """Merge rows into a registry: new devices are appended, known ones take the filled cells. Nothing is removed."""
    places = {device_key(device.id): place for place, device in enumerate(registry.devices)}
    added: list[RegisteredDevice] = []
    changed: dict[int, RegisteredDevice] = {}
    for row in rows:
        place = places.get(device_key(row.device.id))
        if place is None:
            added.append(row.device)
            continue
        before = registry.devices[place]
        after = replace(before, **{key: _taken(before, row.device, key) for key in row.given})
        if after != before:
            changed[place] = after
    return change_of(registry, added, changed)


def _taken(before: RegisteredDevice, after: RegisteredDevice, key: str) -> Any:  # noqa: ANN401 - a value of any key
    if key == "id":
        return before.id  # unchanged: an EUI may be written in another way
    return {**before.params, **after.params} if key == "params" else getattr(after, key)


def row_faults(path: Path, rows: list[RegistryRow], merged: Registry, faults: Iterable[RegistryFault]) -> list[str]:
    """The faults of a merged registry in devices that a row names, as ``FILE: row 12: params: sentence``."""
    numbers = {device_key(row.device.id): row.number for row in rows}
    told = []
    for (_, place, *keys), what in faults:
        number = numbers.get(device_key(merged.devices[int(place)].id))
        told += [f"{path}: row {number}: {'.'.join(map(str, keys))}: {what}"] if number is not None else []
    return _first(path, told)


def _first(path: Path, faults: list[str]) -> list[str]:
    return faults[:_SHOWN] + ([f"{path}: {len(faults) - _SHOWN} faults more"] if len(faults) > _SHOWN else [])


def read_rows(path: Path, registry: Registry, data: bytes | None = None) -> list[RegistryRow]:
    """The devices in a CSV file, or in bytes said to be it: none of them twice, all in areas that the registry has.

    ConfigurationFault with every faulty cell as ``FILE: row 12: lat: sentence``.
    """
    with blaming(f"{path}: document: cannot be read"):
        sheet = _read(path, read_bytes(path) if data is None else data)
    rows: list[RegistryRow] = []
    faults = _header_faults(sheet.names)
    if faults:
        raise ConfigurationFault([f"{path}: row 1: {fault}" for fault in faults])
    seen: dict[str, int] = {}
    for number, cells in enumerate(sheet.rows, start=2):
        if not any(cells):
            continue
        row, wrong = _row(number, sheet, cells)
        if row is not None:
            wrong += _conflicts(row, registry, seen)
            rows.append(row)
        faults += [f"{path}: row {number}: {fault}" for fault in wrong]
    faults = faults or [f"{path}: {fault}" for fault in _sources_twice(rows, registry)]
    if faults:
        raise ConfigurationFault(_first(path, faults))
    return rows


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A parsed file: the names of its columns, empty for empty ones, and all rows below, blank ones too."""

    delimiter: str
    names: list[str]
    rows: list[list[str]]


def _read(path: Path, data: bytes) -> _Sheet:
    try:
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationFault([f"{path}: document: is not UTF-8; in Excel save it as CSV UTF-8"]) from error
    said = re.match(r"sep=(.)\r?\n", text)  # how Excel names the delimiter
    text = text[said.end() :] if said else text
    delimiter = said[1] if said else max(_DELIMITERS, key=text.partition("\n")[0].count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names, *rows = [[of_cell(cell.strip()) for cell in cells] for cells in reader] or [[]]
    except csv.Error as error:
        raise ConfigurationFault([f"{path}: line {reader.line_num}: {error}"]) from error
    return _Sheet(delimiter, names, rows)


def _header_faults(names: list[str]) -> list[str]:
    known = f"the columns are {', '.join(COLUMNS[:-1])} and {_PARAMS}NAME for each parameter"
    faults = [f"{name}: there is no such column; {known}" for name in names if name and not _is_column(name)]
    faults += [f"{name}: this column occurs twice" for name, times in Counter(names).items() if name and times > 1]
    return faults if "id" in names else [*faults, f"id: this column is missing; {known}"]


def _is_column(name: str) -> bool:
    return name in COLUMNS[:-1] or (name.startswith(_PARAMS) and name != _PARAMS)


def _row(number: int, sheet: _Sheet, cells: list[str]) -> tuple[RegistryRow | None, list[str]]:
    """A row, or None, and the faults of its cells."""
    given = {name: text for name, text in zip(sheet.names, cells, strict=False) if name and text}
    named = len(sheet.names)
    nameless = [text for at, text in enumerate(cells) if text and (at >= named or not sheet.names[at])]
    wrong = [f"{text!r} is in a column without a name" for text in nameless]
    document = _document(given, decimal_comma=sheet.delimiter != ",")
    try:
        return RegistryRow(number, device_adapter.validate_python(document), frozenset(document)), wrong
    except ValidationError as error:
        found = {".".join(map(str, place)): what for place, what in faults_in(error)}
    for column, what in found.items():
        excel = _MADE_BY_EXCEL.fullmatch(given.get(column, ""))
        wrong.append(f"{column}: {what}{'; Excel made a number of it: format the column as text' if excel else ''}")
    return None, wrong


def _document(given: dict[str, str], *, decimal_comma: bool) -> dict[str, Any]:
    """A device as ``devices.yaml`` would hold it."""
    document: dict[str, Any] = {}
    for name, text in given.items():
        if name.startswith(_PARAMS):
            document.setdefault("params", {})[name.removeprefix(_PARAMS)] = _parameter(text, decimal_comma=decimal_comma)
        elif name in {"lat", "lon"}:
            document[name] = text.replace(",", ".")
        else:
            document[name] = float(text) if name in {"interval", "silent_after"} and _NUMBER.fullmatch(text) else text
    return document


def _parameter(text: str, *, decimal_comma: bool) -> float | int | str | bool:
    """A number or boolean if the text is one and cannot be a name: ``0012`` stays text."""
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    number = text.replace(",", ".") if decimal_comma else text
    if not _NUMBER.fullmatch(number):
        return text
    return number_of(number)


def number_of(text: str) -> float | int:
    """A number as it is written; one of more digits than a float has room for is infinite, and is refused as such."""
    return int(text) if text.removeprefix("-").isdigit() and len(text) <= _DIGITS_MAX else float(text)


def _sources_twice(rows: list[RegistryRow], registry: Registry) -> Iterator[str]:
    """Sources that two devices would share."""
    merged = merge(registry, rows).registry
    numbers = {device_key(row.device.id): row.number for row in rows}
    for clash in clashes(merged.devices):
        ids = (device_key(merged.devices[place].id) for place in (clash.place, clash.before))
        number = next((numbers[key] for key in ids if key in numbers), 1)
        yield f"row {number}: {clash.key}: {clash_told(merged, clash)}"


def _conflicts(row: RegistryRow, registry: Registry, seen: dict[str, int]) -> list[str]:
    """Return the conflicts of a row with the registry or the rows before it."""
    device = row.device
    first = seen.setdefault(device_key(device.id), row.number)
    twice = [f"id: {device.id} is in row {first} already"] if first != row.number else []
    if device.area is None or device.area in registry.areas:
        return twice
    return [*twice, f"area: {device.area} is not among the areas of the registry; add its name there first"]
