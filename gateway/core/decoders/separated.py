"""Texts with separators: rows of comma-separated values (RFC 4180), with any separator and decimal sign, and pairs.

Pairs are ``tempf=88.7&humidity=70`` as a web form sends it, ``T=21.5;H=60`` as simple loggers write it.
"""

import csv
import re
from collections.abc import Callable, Sequence
from typing import Final

from gateway.core.message import Undecodable
from schemas.readings import ARRAY_MAX
from schemas.rejects import RejectReason

CsvRow = dict[str, object]
CsvDecoder = Callable[[bytes], list[CsvRow]]

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,3})?")


def compile_csv(
    delimiter: str = ",",
    header: bool | Sequence[str] | None = None,  # noqa: FBT001 - as it is written in a profile
    decimal: str = ".",
) -> CsvDecoder:
    """Compile a reader of CSV that gives one object a row; a single row is a list of one.

    A cell that is a number is a number; a serial number with leading zeros stays the text it is; an empty cell is None.

    :param header: True when the first row names the columns; or their names; else columns are called ``0``, ``1`` and so on, as
        are those beyond the last name.
    :raises ValueError: delimiter or decimal sign are impossible.
    """
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise ValueError(f"the delimiter is one character, and none of quotes, line ends and NUL, not {delimiter!r}")
    if decimal not in {".", ","} or decimal == delimiter:
        raise ValueError(f"the decimal sign is a point or a comma and not the delimiter, not {decimal!r}")
    names = [] if header is None or isinstance(header, bool) else list(header)
    names_first = header is True

    def decode(payload: bytes) -> list[CsvRow]:
        rows = _rows(payload, delimiter)
        columns = [cell.strip() for cell in rows.pop(0)] if names_first and rows else names
        if not rows:
            raise Undecodable(RejectReason.BAD_PAYLOAD, "the table has no row")
        if len(rows) > ARRAY_MAX:
            raise Undecodable(RejectReason.BAD_PAYLOAD, f"{len(rows)} rows in one message; send at most {ARRAY_MAX}")
        return [_row(columns, row, decimal) for row in rows]

    return decode


def _rows(payload: bytes, delimiter: str) -> list[list[str]]:
    try:
        text = payload.decode("utf-8-sig").rstrip("\0")
    except UnicodeDecodeError as at:
        raise Undecodable(RejectReason.NOT_UTF8, f"byte {at.start} is not UTF-8") from None
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=not delimiter.isspace())
    try:
        return [row for row in reader if any(row)]
    except csv.Error as error:
        raise Undecodable(RejectReason.BAD_PAYLOAD, f"row {reader.line_num} is not CSV: {error}") from None


def _row(columns: Sequence[str], cells: list[str], decimal: str) -> CsvRow:
    named = dict(zip(columns, (_value(cell.strip(), decimal) for cell in cells), strict=False))
    return named | {str(at): _value(cells[at].strip(), decimal) for at in range(len(columns), len(cells))}


def _value(cell: str, decimal: str) -> object:
    if not cell:
        return None
    if _INTEGER.fullmatch(cell):
        return int(cell)
    text = cell if decimal == "." else cell.replace(".", "?").replace(decimal, ".")  # a point is not the decimal sign here
    return float(text) if _FRACTION.fullmatch(text) else cell


PairsDecoder = Callable[[bytes], dict[str, object]]

_OF_FORMS: Final = "&"
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")


def compile_pairs(between: str = _OF_FORMS, equals: str = "=") -> PairsDecoder:
    """Compile a reader of pairs that gives an object of texts.

    A part without a sign is a key with true. If a key occurs twice, the last value counts.

    A form writes a blank as ``+`` and other characters as ``%3A``: they are read as they are meant.

    :raises ValueError: nothing could tell the parts of a pair.
    """
    if not between or not equals or between == equals:
        raise ValueError("between and equals are two different texts")
    is_form = between == _OF_FORMS

    def decode(payload: bytes) -> dict[str, object]:
        parts = payload.strip(b"\0\r\n \t").split(between.encode())
        if len(parts) > ARRAY_MAX:
            raise Undecodable(RejectReason.BAD_PAYLOAD, f"{len(parts)} pairs in one message; send at most {ARRAY_MAX}")
        found: dict[str, object] = {}
        for part in parts:
            key, sign, value = part.partition(equals.encode())
            name = _text(key, is_form=is_form)
            if name:
                found[name] = _text(value, is_form=is_form) if sign else True
        return found

    return decode


def _text(part: bytes, *, is_form: bool) -> str:
    if is_form:
        part = _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), part.replace(b"+", b" "))
    try:
        return part.decode().strip()
    except UnicodeDecodeError:
        raise Undecodable(RejectReason.NOT_UTF8, f"{part[:40]!r} is not UTF-8") from None
