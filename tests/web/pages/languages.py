"""Telling Vietnamese from English: by letters that English does not have, by words that Vietnamese does not have."""

import re
from typing import Final

_VIETNAMESE: Final = re.compile(r"[ăâđêôơưĂÂĐÊÔƠƯ\u1ea0-\u1ef9]")
_NAMES: Final = re.compile(r"{\w*}|\w+=\S*|\S*/\S*/\S*")
_ENGLISH: Final = re.compile(
    r"\b(?:the|is|are|and|of|with|not|it|its|was|for|from|this|that|device|readings?|no|none)\b", re.IGNORECASE
)


def foreign(text: str, language: str) -> list[str]:
    """The words or letters in a text that belong to the other language; names of holes, tags and topics are of neither."""
    return (_ENGLISH if language == "vi" else _VIETNAMESE).findall(_NAMES.sub("", text))
