"""Texts: by a template, rows of comma-separated values (RFC 4180) with any separator and decimal sign, and pairs.

A template is ``{flow:number} m3/h {state:word}``. Kinds: ``number`` (with a decimal point), ``word`` (up to white space or to
what follows in the template), ``text`` (up to what follows in the template) and ``rest`` (all that is left, white space
included). White space in the template stands for any, or none; literal braces are doubled. Each piece takes its part once and
never backtracks, so the time is proportional to the length of the message.

Pairs are ``tempf=88.7&humidity=70`` as a web form sends it, ``T=21.5;H=60`` as simple loggers write it.
"""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gateway.core.decoders import bad_payload
from gateway.core.message import Undecodable
from schemas.readings import ARRAY_MAX
from schemas.rejects import RejectReason

_PIECES = re.compile(r"\{\{|\}\}|\{(?P<name>[A-Za-z_]\w*):(?P<kind>[a-z]+)\}|\s+|[{}]|[^{}\s]+", re.ASCII)
_NUMBER: Final = r"[+-]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})(?:[eE][+-]?[0-9]{1,9})?"
_SHOWN: Final = 40


def _number(text: str) -> float:
    return int(text) if text.lstrip("+-").isdecimal() else float(text)


_READERS: Final[Mapping[str, Callable[[str], object]]] = {"number": _number, "word": str, "text": str.strip, "rest": str}


def _utf8(payload: bytes, encoding: str = "utf-8") -> str:
    try:
        return payload.decode(encoding)
    except UnicodeDecodeError as at:
        raise Undecodable(RejectReason.NOT_UTF8, f"byte {at.start} is not UTF-8") from None


def compile_text(template: str) -> Callable[[bytes], dict[str, object]]:
    """Compile a reader of texts by a template; it gives an object with the template's names as keys."""
    pieces = _pieces(template)
    steps = [(kind, name, _pattern(pieces, at).match, _READERS.get(kind)) for at, (kind, name) in enumerate(pieces)]

    def decode(payload: bytes) -> dict[str, object]:
        text = _utf8(payload).rstrip("\0").strip()
        found: dict[str, object] = {}
        place = 0
        for kind, name, fits, read in steps:
            match = fits(text, place)
            if match is None:
                wanted = repr(name) if kind == "literal" else f"{name} ({kind})"
                raise bad_payload(f"{wanted} is expected at character {place + 1}, there is {text[place : place + _SHOWN]!r}")
            place = match.end()
            if read is not None:
                found[name] = read(match[0])
        if place < len(text):
            shown = text[place : place + _SHOWN]
            raise bad_payload(f"the template ends at character {place + 1}, the text goes on with {shown!r}")
        return found

    return decode


Piece = tuple[str, str]
"""Kind and name; or ``literal`` and its text; or ``blank`` and nothing."""


def _pieces(template: str) -> list[Piece]:
    pieces: list[Piece] = []
    for match in _PIECES.finditer(template.strip()):
        text = match[0]
        if match["name"]:
            if match["kind"] not in _READERS:
                raise ValueError(f"{text}: {match['kind']} is not one of {', '.join(_READERS)}")
            pieces.append((match["kind"], match["name"]))
        elif text in {"{", "}"}:
            raise ValueError(
                f"a lone {text} at character {match.start() + 1}; write {{name:kind}}, or {text * 2} for the brace itself"
            )
        elif text.isspace():
            pieces.append(("blank", ""))
        else:
            before = pieces.pop()[1] if pieces and pieces[-1][0] == "literal" else ""
            pieces.append(("literal", before + (text[0] if text in {"{{", "}}"} else text)))
    _check(pieces)
    return pieces


def _check(pieces: list[Piece]) -> None:
    names = [name for kind, name in pieces if kind in _READERS]
    if not names:
        raise ValueError("the template reads nothing; write what it reads as {name:kind}")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} occurs twice")
    for at, (kind, name) in enumerate(pieces):
        follower, _ = _follower(pieces, at)
        if kind == "rest" and follower != "end":
            raise ValueError(f"{name}: rest takes all that is left and must stand last")
        if kind == "word" and follower in _READERS:
            raise ValueError(f"{name}: nothing tells where the word ends; put white space or text after it")
        if kind == "text" and follower not in {"literal", "end"}:
            raise ValueError(f"{name}: nothing tells where the text ends; put literal text after it")


def _follower(pieces: list[Piece], at: int) -> Piece:
    """Find what ends the piece at ``at``; white space does not end a text."""
    after = pieces[at + 1 :]
    if pieces[at][0] == "text":
        after = [piece for piece in after if piece[0] != "blank"]
    return after[0] if after else ("end", "")


def _pattern(pieces: list[Piece], at: int) -> re.Pattern[str]:
    """Compile the part that the piece at ``at`` takes; what follows it in the template is no part of it."""
    kind, name = pieces[at]
    follower, literal = _follower(pieces, at)
    until = re.escape(literal) if follower == "literal" else ""
    patterns = {
        "literal": re.escape(name),
        "blank": r"\s*",
        "number": _NUMBER,
        "word": rf"(?:(?!{until})\S)+" if until else r"\S+",
        "text": rf".*?(?={until})" if until else ".*",
        "rest": ".*",
    }
    return re.compile(patterns[kind], re.DOTALL)


CsvRow = dict[str, object]

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,3})?")


def compile_csv(
    delimiter: str = ",",
    header: bool | Sequence[str] = False,  # noqa: FBT001, FBT002 - as it is written in a profile
    decimal: str = ".",
) -> Callable[[bytes], list[CsvRow]]:
    """Compile a reader of CSV that gives one object a row; a single row is a list of one.

    A cell that is a number is a number; a serial number with leading zeros stays the text it is; an empty cell is None.

    :param header: True when the first row names the columns; or their names; else columns are called ``0``, ``1`` and so on, as
        are those beyond the last name.
    """
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise ValueError(f"the delimiter is one character, and none of quotes, line ends and NUL, not {delimiter!r}")
    if decimal not in {".", ","} or decimal == delimiter:
        raise ValueError(f"the decimal sign is a point or a comma and not the delimiter, not {decimal!r}")
    names = [] if isinstance(header, bool) else header

    def decode(payload: bytes) -> list[CsvRow]:
        rows = _rows(payload, delimiter)
        columns = [cell.strip() for cell in rows.pop(0)] if header is True and rows else names
        if not rows:
            raise bad_payload("the table has no row")
        if len(rows) > ARRAY_MAX:
            raise bad_payload(f"{len(rows)} rows in one message; send at most {ARRAY_MAX}")
        return [_row(columns, row, decimal) for row in rows]

    return decode


def _rows(payload: bytes, delimiter: str) -> list[list[str]]:
    text = _utf8(payload, "utf-8-sig").rstrip("\0")
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=not delimiter.isspace())
    try:
        return [row for row in reader if any(row)]
    except csv.Error as error:
        raise bad_payload(f"row {reader.line_num} is not CSV: {error}") from None


def _row(columns: Sequence[str], cells: list[str], decimal: str) -> CsvRow:
    names = [*columns, *map(str, range(len(columns), len(cells)))]
    return {name: _cell(cell.strip(), decimal) for name, cell in zip(names, cells, strict=False)}


def _cell(cell: str, decimal: str) -> object:
    if not cell:
        return None
    if _INTEGER.fullmatch(cell):
        return int(cell)
    text = cell if decimal == "." else cell.replace(".", "?").replace(decimal, ".")  # a point is not the decimal sign here
    return float(text) if _FRACTION.fullmatch(text) else cell


_OF_FORMS: Final = "&"
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")


def compile_pairs(between: str = _OF_FORMS, equals: str = "=") -> Callable[[bytes], dict[str, object]]:
    """Compile a reader of pairs that gives an object of texts.

    A part without a sign is a key with true. If a key occurs twice, the last value counts.

    A form writes a blank as ``+`` and other characters as ``%3A``: they are read as they are meant.
    """
    if not between or not equals or between == equals:
        raise ValueError("between and equals are two different texts")

    def decode(payload: bytes) -> dict[str, object]:
        parts = payload.strip(b"\0\r\n \t").split(between.encode())
        if len(parts) > ARRAY_MAX:
            raise bad_payload(f"{len(parts)} pairs in one message; send at most {ARRAY_MAX}")
        found: dict[str, object] = {}
        for part in parts:
            key, sign, value = part.partition(equals.encode())
            name = _text(key, is_form=between == _OF_FORMS)
            if name:
                found[name] = _text(value, is_form=between == _OF_FORMS) if sign else True
        return found

    return decode


def _text(part: bytes, *, is_form: bool) -> str:
    if is_form:
        part = _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), part.replace(b"+", b" "))
    try:
        return part.decode().strip()
    except UnicodeDecodeError:
        raise Undecodable(RejectReason.NOT_UTF8, f"{part[:40]!r} is not UTF-8") from None
