"""Text from outside, made safe for a log, a list or a label: control characters and newlines are escaped."""

import re
from typing import Final

_STEERING: Final = re.compile(
    "["
    "\x00-\x1f"  # C0: escape sequences, newlines that would begin a line of their own
    "\x7f-\x9f"  # DEL, C1
    "\u00ad\u061c\u180e\u200b-\u200f"  # letters of no width: two names that look the same
    "\u2028-\u202e"  # line and paragraph separators, embeddings and overrides of the direction
    "\u2060-\u206f"  # isolates, and more that shows nothing
    "\ud800-\udfff"  # halves of surrogate pairs, which cannot be encoded
    "\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"  # tags
    "]"
)


def printable(text: str, *, layout: bool = False) -> str:
    r"""Escape what steers: ``\u001b`` in place of ESC. JSON stays JSON and means the same.

    :param layout: keep newlines and tabs, which are the program's own.
    """
    if text.isprintable():
        return text
    kept = "\n\t" if layout else ""
    return _STEERING.sub(lambda found: found[0] if found[0] in kept else _escaped(found[0]), text)


def _escaped(letter: str) -> str:
    """A letter as JSON escapes it: one beyond 16 bits by its two halves."""
    units = letter.encode("utf-16-be", errors="surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2]):04x}" for at in range(0, len(units), 2))
