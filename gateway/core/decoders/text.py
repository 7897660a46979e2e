"""Text by a template: ``{flow:number} m3/h {state:word}``.

Kinds: ``number`` (with a decimal point), ``word`` (up to white space or to what follows in the template), ``text`` (up to what
follows in the template) and ``rest`` (all that is left, white space included). White space in the template stands for any, or
none; literal braces are doubled. Each piece takes its part once and never backtracks, so the time is
proportional to the length of the message.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from gateway.core.message import Undecodable
from schemas.rejects import RejectReason

TextDecoder = Callable[[bytes], dict[str, object]]
TextStep = Callable[[str, int, dict[str, object]], int]
"""Reads its part of a text from a position, puts the value into the object, returns the next position; -1: no fit."""

_PIECES = re.compile(r"\{\{|\}\}|\{(?P<name>[A-Za-z_]\w*):(?P<kind>[a-z]+)\}|\s+|[{}]|[^{}\s]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})(?:[eE][+-]?[0-9]{1,9})?")
_BLANK = re.compile(r"\s*")
_KINDS: Final = ("number", "word", "text", "rest")
_SHOWN: Final = 40


def compile_text(template: str) -> TextDecoder:
    """Compile a reader of texts by a template; it gives an object with the template's names as keys.

    :raises ValueError: the template cannot be understood.
    """
    steps = _steps(_pieces(template))

    def decode(payload: bytes) -> dict[str, object]:
        try:
            text = payload.decode().rstrip("\0").strip()
        except UnicodeDecodeError as at:
            raise Undecodable(RejectReason.NOT_UTF8, f"byte {at.start} is not UTF-8") from None
        found: dict[str, object] = {}
        place = 0
        for wanted, step in steps:
            after = step(text, place, found)
            if after < 0:
                detail = f"{wanted} is expected at character {place + 1}, there is {text[place : place + _SHOWN]!r}"
                raise Undecodable(RejectReason.BAD_PAYLOAD, detail)
            place = after
        if place < len(text):
            detail = f"the template ends at character {place + 1}, the text goes on with {text[place : place + _SHOWN]!r}"
            raise Undecodable(RejectReason.BAD_PAYLOAD, detail)
        return found

    return decode


Piece = tuple[str, str]
"""Kind and name; or ``literal`` and its text; or ``blank`` and nothing."""


def _pieces(template: str) -> list[Piece]:
    pieces: list[Piece] = []
    for match in _PIECES.finditer(template.strip()):
        text = match[0]
        if match["name"]:
            if match["kind"] not in _KINDS:
                raise ValueError(f"{text}: {match['kind']} is not one of {', '.join(_KINDS)}")
            pieces.append((match["kind"], match["name"]))
        elif text in {"{", "}"}:
            raise ValueError(
                f"a lone {text} at character {match.start() + 1}; write {{name:kind}}, or {text * 2} for the brace itself"
            )
        elif text.isspace():
            pieces.append(("blank", ""))
        elif pieces and pieces[-1][0] == "literal":
            pieces[-1] = ("literal", pieces[-1][1] + _unescaped(text))
        else:
            pieces.append(("literal", _unescaped(text)))
    _check(pieces)
    return pieces


def _unescaped(text: str) -> str:
    return text[0] if text in {"{{", "}}"} else text


def _check(pieces: list[Piece]) -> None:
    names = [name for kind, name in pieces if kind in _KINDS]
    if not names:
        raise ValueError("the template reads nothing; write what it reads as {name:kind}")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} occurs twice")
    for at, (kind, name) in enumerate(pieces):
        follower, _ = _follower(pieces, at)
        if kind == "rest" and follower != "end":
            raise ValueError(f"{name}: rest takes all that is left and must stand last")
        if kind == "word" and follower in _KINDS:
            raise ValueError(f"{name}: nothing tells where the word ends; put white space or text after it")
        if kind == "text" and follower not in {"literal", "end"}:
            raise ValueError(f"{name}: nothing tells where the text ends; put literal text after it")


def _follower(pieces: list[Piece], at: int) -> Piece:
    """Find what ends the piece at ``at``; white space does not end a text."""
    after = pieces[at + 1 :]
    if pieces[at][0] == "text":
        after = [piece for piece in after if piece[0] != "blank"]
    return after[0] if after else ("end", "")


def _steps(pieces: list[Piece]) -> list[tuple[str, TextStep]]:
    steps: list[tuple[str, TextStep]] = []
    for at, (kind, name) in enumerate(pieces):
        follower, literal = _follower(pieces, at)
        until = literal if follower == "literal" else ""
        wanted = repr(name) if kind == "literal" else f"{name} ({kind})"
        steps.append((wanted, _MAKERS[kind](name, until)))
    return steps


def _literal(literal: str, _until: str) -> TextStep:
    return lambda text, place, _found: place + len(literal) if text.startswith(literal, place) else -1


def _blank(_name: str, _until: str) -> TextStep:
    def step(text: str, place: int, _found: dict[str, object]) -> int:
        match = _BLANK.match(text, place)
        return match.end() if match else place

    return step


def _number(name: str, _until: str) -> TextStep:
    def step(text: str, place: int, found: dict[str, object]) -> int:
        match = _NUMBER.match(text, place)
        if match is None:
            return -1
        digits = match[0]
        found[name] = int(digits) if digits.lstrip("+-").isdecimal() else float(digits)
        return match.end()

    return step


def _word(name: str, until: str) -> TextStep:
    letters = re.compile(r"\S+")

    def step(text: str, place: int, found: dict[str, object]) -> int:
        match = letters.match(text, place)
        if match is None:
            return -1
        end = text.find(until, place, match.end()) if until else -1
        end = match.end() if end < 0 else end
        found[name] = text[place:end]
        return end if end > place else -1

    return step


def _text(name: str, until: str) -> TextStep:
    def step(text: str, place: int, found: dict[str, object]) -> int:
        end = text.find(until, place) if until else len(text)
        found[name] = text[place:end].strip()
        return end

    return step


def _rest(name: str, _until: str) -> TextStep:
    def step(text: str, place: int, found: dict[str, object]) -> int:
        found[name] = text[place:]
        return len(text)

    return step


_MAKERS: Final[Mapping[str, Callable[[str, str], TextStep]]] = {
    "literal": _literal,
    "blank": _blank,
    "number": _number,
    "word": _word,
    "text": _text,
    "rest": _rest,
}
