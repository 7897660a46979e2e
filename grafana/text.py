"""Text in both languages: tables hold it, and one language is chosen before a dashboard is rendered."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, Final, Literal, Self, get_args

Language = Literal["vi", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

_PAIRS: Final = (("vi", "en"), ("about_vi", "about_en"))
"""Fields of rows that say one thing in each language."""


class Text(str):
    """A text in both languages. As it is, it reads as Vietnamese with English beside it, which serves in messages alone."""

    __slots__ = ("en", "vi")
    vi: str
    en: str

    def __new__(cls, vi: str, en: str) -> Self:
        """Make it of both."""
        text = super().__new__(cls, vi if vi == en else f"{vi} · {en}")
        text.vi, text.en = vi, en
        return text


def both(vi: str, en: str) -> Text:
    """Say a text in both languages."""
    return Text(vi, en)


def joined(*parts: str, by: str = " ") -> Text:
    """Join texts, each in its languages. A plain one reads the same in both."""
    return Text(by.join(chosen(part, "vi") for part in parts), by.join(chosen(part, "en") for part in parts))


def chosen(text: str, language: Language) -> str:
    """Say a text in one language; one that has only one stays."""
    return str(getattr(text, language)) if isinstance(text, Text) else text


def said_in(value: Any, language: Language) -> Any:  # noqa: ANN401 - rows of any table
    """Choose a language for every text in rows of tables or in JSON.

    A row with the fields ``vi`` and ``en`` has the text of the language in both; its ``key`` is its English text from then on.
    """
    said: Any = value
    if isinstance(value, str):
        said = value if isinstance(value, Enum) else chosen(value, language)
    elif is_dataclass(value) and not isinstance(value, type):
        said = _row(value, language)
    elif isinstance(value, tuple):
        parts = [said_in(part, language) for part in value]
        said = type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    elif isinstance(value, list):
        said = [said_in(part, language) for part in value]
    elif isinstance(value, Mapping):
        said = {said_in(key, language): said_in(part, language) for key, part in value.items()}
    return said


def _row(row: Any, language: Language) -> Any:  # noqa: ANN401 - any dataclass
    found = {field.name: getattr(row, field.name) for field in fields(row) if field.init}
    if "key" in found:
        found["key"] = found["key"] or found["en"]
    for pair in _PAIRS:
        if pair[0] in found:
            found |= dict.fromkeys(pair, found[pair[LANGUAGES.index(language)]])
    return replace(row, **{name: said_in(part, language) for name, part in found.items()})
