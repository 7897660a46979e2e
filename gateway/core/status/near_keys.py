"""The quantity that a device most likely means by a key that names none: "did you mean volume_m3?"."""

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from schemas.quantities import DOMAINS, HEALTH, QUANTITIES

_LIKENESS: Final = 0.72
_SHORTEST: Final = 2
"""A shorter key could mean anything."""
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


@lru_cache(maxsize=1024)
def near_key(key: str, domain: str | None) -> str | None:
    """Return the quantity of a domain whose name is nearest to ``key``; None if none is near.

    A name that begins with the key is nearer than one that is only alike: most often the unit was left out. Of several the
    shortest is meant.

    :param domain: None: not known, all quantities are looked at.
    """
    name = _WORDS.sub("_", key[:64]).strip("_").lower()
    if len(name) < _SHORTEST:
        return None
    names = sorted({field for of in _domains(domain) for field in QUANTITIES[of]}, key=lambda field: (len(field), field))
    longer = [field for field in names if field == name or field.startswith(f"{name}_")]
    longer += [field for field in names if field.startswith(name)]
    return next(iter([*longer, *get_close_matches(name, names, 1, _LIKENESS)]), None)


def _domains(domain: str | None) -> tuple[str, ...]:
    return (domain, HEALTH) if domain in DOMAINS else (*DOMAINS, HEALTH)
