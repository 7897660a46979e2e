"""Text from outside, made safe for a log, a list or a label: control characters and newlines are escaped."""

import re
from typing import Final

_STEERING: Final = re.compile(
    "["
    "\x00-\x1f"  # C0: escape sequences, newlines that would begin a line of their own
    "\x7f-\x9f"  # DEL, C1
    "\u061c\u200e\u200f"
    "\u2028-\u202e"  # line and paragraph separators, embeddings and overrides of the direction
    "\u2066-\u2069"  # isolates
    "\ud800-\udfff"  # halves of surrogate pairs, which cannot be encoded
    "\ufeff"
    "]"
)


def printable(text: str, *, layout: bool = False) -> str:
    r"""Escape what steers: ``\u001b`` in place of ESC. JSON stays JSON and means the same.

    :param layout: keep newlines and tabs, which are the program's own.
    """
    if text.isprintable():
        return text
    kept = "\n\t" if layout else ""
    return _STEERING.sub(lambda found: found[0] if found[0] in kept else f"\\u{ord(found[0]):04x}", text)
