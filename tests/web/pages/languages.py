"""Telling Vietnamese from English: by letters that English does not have, by words that Vietnamese does not have."""

import re
from typing import Final

from gateway.admin.installation.bundle import untranslated
from gateway.commands.demo.services import CHECKOUT

_VIETNAMESE: Final = re.compile(r"[ăâđêôơưĂÂĐÊÔƠƯ\u1ea0-\u1ef9]")
_NAMES: Final = re.compile(r"{\w*}|\w+=\S*|\S*/\S*/\S*")
_ENGLISH: Final = re.compile(
    r"\b(?:the|is|are|and|of|with|not|it|its|was|for|from|this|that|device|readings?|no|none)\b", re.IGNORECASE
)


_HOLE: Final = re.compile(r"{\w*}|<\w+>")
_TODO: Final = [
    re.compile(".*?".join(map(re.escape, _HOLE.split(english))), re.DOTALL) for _, english in untranslated(CHECKOUT)
]


def is_todo(text: str) -> bool:
    """Tell if a text may be in English in both languages: nobody has written the Vietnamese one yet."""
    return any(english.fullmatch(text) for english in _TODO)


def foreign(text: str, language: str) -> list[str]:
    """The words or letters in a text that belong to the other language; names of holes, tags and topics are of neither."""
    for english in _TODO:
        text = english.sub("", text)
    return (_ENGLISH if language == "vi" else _VIETNAMESE).findall(_NAMES.sub("", text))
