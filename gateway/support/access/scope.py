"""The part of the devices that an account may see, as a line of ``http.tokens_file`` says it: ``domain=water area=p-01,x-02``.

What a device belongs to is what the registry says of it, since a device may publish what it likes. One without a domain in the
registry belongs to nobody's part.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from schemas.quantities import DOMAINS
from schemas.registry import RegisteredDevice
from schemas.topics import is_name

_WORD: Final = re.compile(r"(domain|area)=(\S+)")


class DeviceScope(NamedTuple):
    """The registered devices of one domain, in areas of these codes; without any in all, and those without an area."""

    domain: str
    areas: frozenset[str] = frozenset()

    @property
    def words(self) -> list[str]:
        """The scope as words of a line."""
        return [f"domain={self.domain}", *([f"area={','.join(sorted(self.areas))}"] if self.areas else [])]

    def covers(self, device: RegisteredDevice | None) -> bool:
        """Tell if a device belongs to it; None: one that is not registered."""
        return device is not None and self.has(device.domain, device.area)

    def has(self, domain: str | None, area: str | None) -> bool:
        """Tell if a figure of a domain and an area belongs to it."""
        return domain == self.domain and (not self.areas or area in self.areas)


def parse_scope(words: Sequence[str]) -> DeviceScope | str:
    """The scope that words say; or what is wrong with them."""
    found: dict[str, str] = {}
    for word in words:
        match = _WORD.fullmatch(word)
        if match is None or match[1] in found:
            return f"{word!r} is no limit; write domain={DOMAINS[0]}, and after it area=CODE,CODE for some areas"
        found[match[1]] = match[2]
    return scope_of(found.get("domain", ""), found["area"].split(",") if "area" in found else [])


def scope_of(domain: str, areas: Sequence[str]) -> DeviceScope | str:
    """The scope of a domain and the codes of areas; or what is wrong with them."""
    if domain not in DOMAINS:
        return f"domain: name one of {', '.join(DOMAINS)}"
    wrong = next((area for area in areas if not is_name(area)), None)
    return f"area: {wrong!r} is no code of an area" if wrong is not None else DeviceScope(domain, frozenset(areas))
