"""A picture of a screen as a smaller PNG: at most 256 colours, the commonest of those that differ."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_RGB, _PALETTE = 2, 3
_COLOURS_MAX: Final = 256
_APART: Final = 12**2
"""Squared distance of two colours that both have a place: so that the edges of letters leave some for a rare sign."""

Colour = tuple[int, int, int]


def small(png: bytes) -> bytes:
    """Make an RGB picture of eight bits, as Chromium takes it, one with a palette."""
    chunks = list(_chunks(png))
    width, height, bits, kind, *_ = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (bits, kind) == (8, _RGB), "Chromium makes pictures of the screen without transparency"
    rows = list(_rows(zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT")), width, height))
    counts = Counter(colour for row in rows for colour in row)
    palette: list[Colour] = []
    for colour, _ in counts.most_common():
        if len(palette) < _COLOURS_MAX and all(_distance(one, colour) >= _APART for one in palette):
            palette.append(colour)
    places = {colour: palette.index(min(palette, key=lambda one: _distance(one, colour))) for colour in counts}
    body = b"".join(b"\0" + bytes(places[colour] for colour in row) for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 8, _PALETTE, 0, 0, 0)
    colours = bytes(part for colour in palette for part in colour)
    made = ((b"IHDR", head), (b"PLTE", colours), (b"IDAT", zlib.compress(body, 9)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(*one) for one in made)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += 12 + size


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _rows(raw: bytes, width: int, height: int) -> Iterator[list[Colour]]:
    """The pixels of each row, without the filters of PNG (https://www.w3.org/TR/png-3/#9Filter-types)."""
    stride = 3 * width
    above = bytearray(stride)
    for number in range(height):
        start = number * (stride + 1)
        row = bytearray(raw[start + 1 : start + 1 + stride])
        _unfilter(raw[start], row, above)
        yield list(zip(row[0::3], row[1::3], row[2::3], strict=True))
        above = row


def _unfilter(kind: int, row: bytearray, above: bytearray) -> None:
    if kind == 0:
        return
    for at, value in enumerate(row):
        left, up, corner = (row[at - 3], above[at], above[at - 3]) if at >= 3 else (0, above[at], 0)
        row[at] = (value + (0, left, up, (left + up) // 2, _paeth(left, up, corner))[kind]) & 0xFF


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))


def _distance(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
