"""Patterns by which a page finds the Vietnamese sentence of an English detail, for JavaScript."""

import re

from schemas.details import DETAILS, HOLE


def patterns(language: str) -> list[tuple[str, str]]:
    """The pattern of each English sentence, with its Vietnamese one, ``{1}`` for the first hole; empty for English."""
    return [_pattern(english, said) for english, said in DETAILS.items()] if language == "vi" else []


def _pattern(english: str, said: str) -> tuple[str, str]:
    parts = HOLE.split(english)
    texts, names = parts[::2], parts[1::2]
    pattern = "([^]*?)".join(re.sub(r"([.*+?^${}()|\[\]\\/])", r"\\\1", text) for text in texts)
    return f"^{pattern}$", HOLE.sub(lambda hole: f"{{{names.index(hole[1]) + 1}}}", said)
