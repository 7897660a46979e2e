"""The schedule of faults and the world they happen in, all derived from one number. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

FIRST_AT_S: Final = (0.3, 1.0)
NEXT_AFTER_S: Final = (0.4, 2.4)
"""From the beginning of a fault to the beginning of the next: several may be on together."""
SHORTEST_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    :ivar parts: what it takes hold of; no other fault has hold of it meanwhile.
    :ivar longest_s: how long it lasts at most.
    :ivar share: how often it is in the deck; less than 1 for what makes others show less.
    :ivar rest_s: so long after it what it took hold of needs to recover.
    """

    name: str
    parts: frozenset[str]
    longest_s: float = 8.0
    share: float = 1.0
    rest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Deed:
    """One fault of a schedule."""

    at_s: float
    fault: str
    for_s: float

    def __str__(self) -> str:
        return f"{self.at_s:5.1f} s  {self.fault} for {self.for_s:.1f} s"


@dataclass(frozen=True, slots=True)
class Setting:
    """The world that a schedule is carried out in.

    :ivar scenario: of ``firmware-sim``.
    :ivar connections: likewise.
    :ivar gateway: sections of ``gateway.yaml``.
    :ivar only: the faults that come here; empty for all.
    :ivar never: faults that do not come here.
    :ivar begins_with: what comes first, so that there is something to lose.
    :ivar drops_oldest: the gateway may give up readings, if it says how many.
    """

    name: str
    scenario: str = "normal"
    connections: str = "shared"
    gateway: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    only: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    begins_with: tuple[Deed, ...] = ()
    drops_oldest: bool = False

    def allows(self, kind: Kind) -> bool:
        """Tell if a fault may happen here."""
        return kind.name not in self.never and (not self.only or kind.name in self.only)


def schedule(number: int, seconds: float, kinds: Sequence[Kind], setting: Setting) -> list[Deed]:
    """The faults of a schedule in the order they come; all are over after ``seconds``.

    Kinds are dealt as cards are: none comes again before all others that could come have come.
    """
    chance = Random(number)  # noqa: S311 - the same every time
    by_name = {kind.name: kind for kind in kinds}
    free_from_s: dict[str, float] = {}
    deeds = []

    def take(deed: Deed) -> None:
        deeds.append(deed)
        kind = by_name[deed.fault]
        free_from_s.update(dict.fromkeys(kind.parts, deed.at_s + deed.for_s + kind.rest_s))

    for deed in setting.begins_with:
        take(Deed(deed.at_s, deed.fault, min(deed.for_s, seconds - deed.at_s)))
    allowed = [kind for kind in kinds if setting.allows(kind)]
    deck: list[Kind] = []
    at_s = chance.uniform(*FIRST_AT_S)
    while at_s <= seconds - SHORTEST_S:
        deck = deck or [kind for kind in chance.sample(allowed, len(allowed)) if chance.random() < kind.share]
        possible = [kind for kind in deck if all(free_from_s.get(part, 0.0) <= at_s for part in kind.parts)]
        if possible:
            deck.remove(possible[0])
            for_s = chance.triangular(SHORTEST_S, possible[0].longest_s, SHORTEST_S)
            take(Deed(round(at_s, 2), possible[0].name, round(min(for_s, seconds - at_s), 2)))
        at_s += chance.uniform(*NEXT_AFTER_S)
    return sorted(deeds, key=lambda deed: deed.at_s)
