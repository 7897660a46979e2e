"""Rows of comma-separated values (RFC 4180), with any separator and decimal sign."""

import csv
import re
from collections.abc import Callable, Sequence

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
