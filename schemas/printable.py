"""Text from outside, made safe for a log, a list or a label: control characters and newlines are escaped."""

from typing import Final

_STEERING: Final = (
    *range(0x20),  # C0: escape sequences, newlines that would begin a line of their own
    *range(0x7F, 0xA0),  # DEL, C1
    0x061C,
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),  # line and paragraph separators, embeddings and overrides of the direction
    *range(0x2066, 0x206A),  # isolates
    *range(0xD800, 0xE000),  # halves of surrogate pairs, which cannot be encoded
    0xFEFF,
)
_ESCAPED: Final = {code: f"\\u{code:04x}" for code in _STEERING}
_BUT_LAYOUT: Final = {code: text for code, text in _ESCAPED.items() if chr(code) not in "\n\t"}


def printable(text: str, *, layout: bool = False) -> str:
    r"""Escape what steers: ``\u001b`` in place of ESC. JSON stays JSON and means the same.

    :param layout: keep newlines and tabs, which are the program's own.
    """
    return text if text.isprintable() else text.translate(_BUT_LAYOUT if layout else _ESCAPED)
