"""Cells of CSV that a spreadsheet would take for formulas: an apostrophe in front keeps them text, and is taken off again."""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def as_cell(value: object) -> object:
    """A value as it may be in a cell; numbers stay numbers."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def of_cell(text: str) -> str:
    """The text that :func:`as_cell` made a cell of."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
