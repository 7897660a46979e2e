"""The known word that a person most likely meant by one that is none of them."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

_LIKENESS: Final = 0.6


def nearest(word: str, known: Collection[str], likeness: float = _LIKENESS) -> str | None:
    """The known word that is most like it, in whatever case; None: none is."""
    plain = {one.casefold(): one for one in known}
    close = get_close_matches(word.casefold(), plain, 1, likeness)
    return plain[close[0]] if close else None


def did_you_mean(word: str, known: Collection[str], likeness: float = _LIKENESS) -> str:
    """The end of a sentence that refuses a word: ``; did you mean ...?``, or nothing where none is like it."""
    found = nearest(word, known, likeness)
    return f"; did you mean {found}?" if found is not None and found != word else ""
