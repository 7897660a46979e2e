"""A kind of campaign: the world its schedules happen in, the faults that come there, and the program that carries one out."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Final

from tests.campaigns.rig.schedule import Deed, Kind, Setting, schedule

LOOK_EVERY_S: Final = 0.25


@dataclass(frozen=True)
class Trial:
    """The task of a campaign: schedules, each named by its number.

    :ivar command: the module that people call.
    :ivar module: carries out one schedule: ``python -m MODULE NUMBER SECONDS FOLDER`` leaves ``verdict.json`` in the folder.
    :ivar programs: the programs without which it cannot begin.
    :ivar breaks: why the broker may lose what it acknowledged, for the account.
    """

    command: str
    module: str
    programs: Sequence[str]
    kinds: Sequence[Kind]
    setting_of: Callable[[int], Setting]
    breaks: str
    schedules: int = 200
    seconds: float = 20.0
    side_by_side: int = 3

    def deeds(self, number: int, seconds: float) -> list[Deed]:
        """The faults of a schedule."""
        return schedule(number, seconds, self.kinds, self.setting_of(number))


def carry_out(
    deeds: Sequence[Deed],
    seconds: float,
    begin: Callable[[Deed], object],
    end: Callable[[Deed], object],
    look: Callable[[AbstractSet[str]], object],
) -> None:
    """Let the faults come and go, and look all the while; ``look`` is told which are on."""
    agenda: list[tuple[float, int, Callable[[Deed], object], Deed]] = sorted(
        [(deed.at_s + deed.for_s, 0, end, deed) for deed in deeds] + [(deed.at_s, 1, begin, deed) for deed in deeds],
        key=lambda entry: entry[:2],
    )
    held: set[Deed] = set()
    began_s = monotonic()
    next_look_s = 0.0
    while (now_s := monotonic() - began_s) < seconds or agenda:
        if agenda and now_s >= agenda[0][0]:
            _, begins, act, deed = agenda.pop(0)
            if begins:
                held.add(deed)
            act(deed)
            if not begins:
                held.discard(deed)
        elif now_s >= next_look_s:
            next_look_s = now_s + LOOK_EVERY_S
            look({deed.fault for deed in held})
        else:
            until_s = min(next_look_s, agenda[0][0] if agenda else seconds)
            sleep(max(until_s - now_s, 0.001))
