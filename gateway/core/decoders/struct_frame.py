"""A flat frame of bytes, decoded by a list of fields as a maker's table of registers or bytes gives it, without code.

A field past the end of the frame is absent, because frames grow with the firmware; one that the end cuts in two is a fault.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from gateway.core.decoders import bad_payload
from gateway.core.decoders.plain import ORDERS
from gateway.core.message import Undecodable

FrameFieldReader = Callable[[bytes], object]
"""The value of the bytes of one field; None where they hold none."""

WIDTHS: Final[Mapping[str, int]] = {
    "u8": 1, "u16": 2, "u24": 3, "u32": 4, "u40": 5, "u48": 6, "u56": 7, "u64": 8,
    "i8": 1, "i16": 2, "i24": 3, "i32": 4, "i40": 5, "i48": 6, "i56": 7, "i64": 8,
    "f32": 4, "f64": 8,
}  # fmt: skip
"""Numbers and how many bytes they take."""

SPANS: Final = ("bcd", "text", "hex")
"""Types that take as many bytes as their ``length`` says."""

_FLOATS: Final = {"f32": struct.Struct(">f"), "f64": struct.Struct(">d")}
_PAIR_BYTES: Final = 2
_OF_TWO_BYTES: Final = {"ab": "abcd", "ba": "dcba"}
_BYTE_ORDERS: Final[Mapping[str, Literal["big", "little"]]] = {"abcd": "big", "dcba": "little"}
_BITS_OF_BYTE: Final = 8
_NAME_SHOWN_MAX: Final = 200
"""A refusal is kept, so it does not grow with a name that somebody made up."""


def compile_struct(fields: Iterable[Mapping[str, Any]]) -> Callable[[bytes], dict[str, object]]:
    """Compile a reader of frames by a list of fields; it gives an object with their names as keys.

    A field has ``name``, ``at`` (byte; counted from the end where negative), ``type`` (of :data:`WIDTHS` or :data:`SPANS`) and,
    where wanted, ``order`` (``abcd``: highest byte first; ``badc`` and ``cdab`` have the bytes in a register or the registers
    the other way round; ``dcba``: lowest first), ``bits`` (first, counted from the lowest, and how many), ``signed`` and
    ``length`` (bytes; without it a text or hex goes to the end of the frame).

    With ``repeat``, the fields of an item, it is a list; see :func:`compile_list`.
    """
    given = list(fields)
    readers = [_compiled(field) for field in given if field.get("repeat") is None]
    lists = [compile_list(field, given) for field in given if field.get("repeat") is not None]

    def decode(payload: bytes) -> dict[str, object]:
        size = len(payload)
        found: dict[str, object] = {}
        for name, at, width, reader in readers:
            start = at if at >= 0 else size + at
            end = start + width if width else max(size, start)
            if start >= size or end <= 0:
                continue
            if start < 0 or end > size:
                raise _cut(name, start, end, size)
            value = reader(payload[start:end])
            if value is not None:
                found[name] = value
        for add_list in lists:
            add_list(payload, found)
        return found

    return decode


def _cut(name: str, start: int, end: int, size: int) -> Undecodable:
    name = name[:_NAME_SHOWN_MAX]
    return bad_payload(f"{name}: bytes {start} to {end - 1} of a frame of {size}; the frame ends in the middle of it")


def compile_list(field: Mapping[str, Any], beside: Sequence[Mapping[str, Any]]) -> Callable[[bytes, dict[str, object]], None]:
    """Compile a reader of small frames, one behind the other in a frame; it adds their list to an object.

    It has ``count`` items, a number or the name of a field ``beside`` it; or it goes to the ``end``, which is counted from that
    of the frame, or as far as the frame goes. An item has ``length`` bytes, or as many as its fields reach.
    """
    name, at, count = str(field.get("name")), field.get("at") or 0, field.get("count")
    try:
        decode = compile_struct(field["repeat"])
        length = field.get("length") or _length(field["repeat"])
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if isinstance(count, str) and not any(one.get("name") == count and _is_whole(one.get("type")) for one in beside):
        raise ValueError(f"{name}: count: there is no whole number {count!r} beside it")
    from_end = field.get("end") or 0

    def add_list(payload: bytes, found: dict[str, object]) -> None:
        size = len(payload)
        start = at if at >= 0 else size + at
        if start < 0 or (start >= size and not isinstance(count, str)):
            return
        wanted: Any = found.get(count) if isinstance(count, str) else count
        if wanted is None and isinstance(count, str):
            return
        end = size + from_end if wanted is None else start + max(0, wanted) * length
        if end > size or (wanted is None and end > start and (end - start) % length):
            raise _cut(name, start, end, size)
        found[name] = [decode(payload[place : place + length]) for place in range(start, end, length)]

    return add_list


def _is_whole(kind: object) -> bool:
    return isinstance(kind, str) and (kind == "bcd" or (kind in WIDTHS and kind[0] in "ui"))


def _length(fields: Iterable[Mapping[str, Any]]) -> int:
    """The bytes of an item, as far as its fields reach."""
    ends = []
    for field in fields:
        at, width = field.get("at") or 0, WIDTHS.get(field.get("type") or "", field.get("length") or 0)
        if at < 0 or not width:
            raise ValueError("give length: its fields do not tell how many bytes an item has")
        ends.append(at + width)
    return max(ends)


def _compiled(field: Mapping[str, Any]) -> tuple[str, int, int, FrameFieldReader]:
    """Name, first byte, width (0: to the end of the frame) and reader of a field."""
    name, kind, order = str(field.get("name")), str(field.get("type")), field.get("order") or "abcd"
    at, length, bits = field.get("at") or 0, field.get("length"), field.get("bits")
    if kind not in WIDTHS and kind not in SPANS:
        raise ValueError(f"{name}: {kind} is not one of {', '.join((*WIDTHS, *SPANS))}")
    width = WIDTHS.get(kind, length or 0)
    if kind in WIDTHS and length not in {None, width}:
        raise ValueError(f"{name}: {kind} has {width} bytes; leave length out")
    if width < 0 or (kind == "bcd" and not width):
        raise ValueError(f"{name}: bcd needs a length of 1 or more bytes")
    if at < 0 and width > -at:
        raise ValueError(f"{name}: {width} bytes cannot begin {-at} before the end")
    if bits is not None and kind[0] not in "ui":
        raise ValueError(f"{name}: bits are of an integer, not of {kind}")
    order = _OF_TWO_BYTES.get(order, order) if width == _PAIR_BYTES else order
    try:
        return name, at, width, _reader(kind, order, bits, width, signed=bool(field.get("signed")))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _reader(kind: str, order: str, bits: tuple[int, int] | None, width: int, *, signed: bool) -> FrameFieldReader:
    arrange = _arranged(order, width)
    if kind in _FLOATS:
        unpack = _FLOATS[kind].unpack
        return lambda field: unpack(arrange(field))[0]
    if kind not in WIDTHS:
        read = _SPANS[kind]
        return read if order == "abcd" else lambda field: read(arrange(field))
    if bits is not None:
        first, count = bits
        if first < 0 or count < 1 or first + count > _BITS_OF_BYTE * width:
            raise ValueError(f"bits {first} to {first + count - 1} are not in {kind}")
        return _bits(arrange, first, count, signed=signed)
    signed = signed or kind[0] == "i"
    if order in _BYTE_ORDERS:  # most are: in one call
        byteorder = _BYTE_ORDERS[order]
        return lambda field: int.from_bytes(field, byteorder, signed=signed)
    return lambda field: int.from_bytes(arrange(field), signed=signed)


def _bits(arrange: Callable[[bytes], bytes], first: int, count: int, *, signed: bool) -> FrameFieldReader:
    mask, half = (1 << count) - 1, 1 << (count - 1)

    def read(field: bytes) -> int:
        value = int.from_bytes(arrange(field)) >> first & mask
        return value - mask - 1 if signed and value & half else value

    return read


def _arranged(order: str, width: int) -> Callable[[bytes], bytes]:
    """The step that puts the bytes of a field in the order highest first."""
    if order not in ORDERS:
        raise ValueError(f"{order} is not one of {', '.join(ORDERS)}; {' and '.join(_OF_TWO_BYTES)} are orders of two bytes")
    if order in {"badc", "cdab"} and width != 1 and (not width or width % _PAIR_BYTES):
        raise ValueError(f"{order} is an order of 16-bit registers, and this is not made of them")
    return ORDERS[order]


def _bcd(field: bytes) -> int | None:
    """Two decimal digits a byte; a highest digit of F is a minus [EN 13757-3]. None for other nibbles."""
    digits = field.hex()
    sign = -1 if digits[0] == "f" and len(digits) > 1 else 1
    digits = digits[1:] if sign < 0 else digits
    return sign * int(digits) if digits.isdecimal() else None


def _text(field: bytes) -> str:
    """Text up to the first NUL; bytes that are not UTF-8 show as the replacement character."""
    return field.partition(b"\0")[0].decode("utf-8", "replace").strip()


_SPANS: Final[Mapping[str, FrameFieldReader]] = {"bcd": _bcd, "text": _text, "hex": bytes.hex}
