"""Ways to spoil bytes: blindly, and knowing what JSON is."""

import json
import random
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from tests.campaigns.fuzz.nasty import NASTY, PIECES

_BEGINS = re.compile(rb"(?:\A.?|[\n\x1e])(?=[{\[])")
Place = tuple[Any, Any]
"""An object or a list, and a key or a number in it."""
DONATED = 2000
LONG_REPEATS = 2000


class Ways:
    """Spoils bytes, and takes from others what it puts in.

    :ivar donors: inputs as they should be.
    """

    def __init__(self, donors: Sequence[bytes], chance: random.Random) -> None:
        self.donors = donors or [b""]
        self.chance = chance
        self._donated = list(_pairs(donors))[:DONATED]
        self._ways: list[Callable[[bytes], bytes]] = [
            self.flipped,
            self.cut,
            self._spliced,
            self._with_piece,
            self._repeated,
            *[self._restructured] * 8,
            self.noise,
        ]

    def spoiled(self, data: bytes) -> bytes:
        """The bytes, in one way others."""
        return self.chance.choice(self._ways)(data)

    def flipped(self, data: bytes) -> bytes:
        """Some bytes are others."""
        changed = bytearray(data)
        for _ in range(self.chance.randint(1, 4)):
            if changed:
                changed[self.chance.randrange(len(changed))] = self.chance.randrange(256)
        return bytes(changed)

    def cut(self, data: bytes) -> bytes:
        """The end is missing."""
        return data[: self.chance.randint(0, len(data))]

    def noise(self, _data: bytes) -> bytes:
        """Nothing of it is left."""
        return self.chance.randbytes(self.chance.randint(0, 300))

    def _spliced(self, data: bytes) -> bytes:
        other = self.chance.choice(self.donors)
        return data[: self.chance.randint(0, len(data))] + other[self.chance.randint(0, len(other)) :]

    def _with_piece(self, data: bytes) -> bytes:
        at = self.chance.randint(0, len(data))
        return data[:at] + self.chance.choice(PIECES) + data[at:]

    def _repeated(self, data: bytes) -> bytes:
        """Repeat a part many times, so that work of more than linear time shows."""
        at = self.chance.randint(0, len(data))
        part = data[at : at + self.chance.choice((1, 2, 10, 40))]
        return data[:at] + part * self.chance.randint(2, self.chance.choice((30, LONG_REPEATS))) + data[at:]

    def _restructured(self, data: bytes) -> bytes:
        """One or two values of a JSON document in it are others, or their keys."""
        begun = self._begin_of_document(data)
        head, body = data[:begun], data[begun:]
        try:
            text = body.decode()
            document, end = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            return self.flipped(data)
        for _ in range(self.chance.randint(1, 2)):
            document = self.with_other_value(document)
        return head + json.dumps(document).encode() + text[end:].encode()

    def _begin_of_document(self, data: bytes) -> int:
        """Find where a JSON document begins: at the beginning, or at that of a line or a part further down."""
        begins = [found.end() for found in _BEGINS.finditer(data)]
        return self.chance.choice(begins) if begins else 0

    def with_other_value(self, document: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return the document with one value replaced or removed."""
        places = _places(document)
        if not places:
            return self.nasty()
        node, key = self.chance.choice(places)
        value = node[key]
        kind = self.chance.randrange(8)
        if kind == 0 and isinstance(node, dict):
            del node[key]
        elif kind == 1 and isinstance(value, str):
            node[key] = self._other_text(value)
        elif kind == 2 and isinstance(value, int | float) and not isinstance(value, bool):
            node[key] = self._other_number(value)
        elif kind == 3 and isinstance(node, list):
            node.append(self.nasty())
        elif kind == 4:
            other, other_key = self.chance.choice(places)
            node[key] = deepcopy(other[other_key])
        elif kind == 5 and self._donated:
            node[key] = self._donated_for(key)
        elif kind == 6 and isinstance(node, dict) and self._donated:
            new, given = self.chance.choice(self._donated)
            node[new] = deepcopy(given)
        else:
            node[key] = self.nasty()
        return document

    def _other_number(self, value: float) -> Any:  # noqa: ANN401
        a_third = value / 3 if abs(value) < 2**53 else 0.1
        return self.chance.choice([-value, value * 1000, value + 1, a_third, str(value)[:400], value * 10**12])

    def _donated_for(self, key: Any) -> Any:  # noqa: ANN401
        """Return a value that another document has under that key, or else anywhere."""
        same = [value for name, value in self._donated if name == key]
        return deepcopy(self.chance.choice(same or [value for _, value in self._donated]))

    def nasty(self) -> Any:  # noqa: ANN401
        """A value that nobody expects."""
        return deepcopy(self.chance.choice(NASTY))

    def _other_text(self, value: str) -> str:
        try:
            frame = b64decode(value, validate=True)
        except ValueError:
            return value[: self.chance.randint(0, len(value))] + self.chance.choice(["", "é", "0", "Z"])
        return b64encode(self.chance.choice([self.flipped, self.cut, self.noise])(frame)).decode()


def _places(document: Any) -> list[Place]:  # noqa: ANN401
    places: list[Place] = []
    stack = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, dict | list) and node:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            places += [(node, key) for key in keys]
            stack += [node[key] for key in keys]
    return places


def _pairs(donors: Sequence[bytes]) -> list[tuple[str, Any]]:
    """Keys and values of all JSON documents among the donors."""
    found: list[tuple[str, Any]] = []
    for donor in donors:
        try:
            document = json.loads(donor)
        except (ValueError, RecursionError):
            continue
        found += [(key, node[key]) for node, key in _places(document) if isinstance(key, str)]
    return found
