"""A kind of campaign: the world its schedules happen in, the faults that come there, and how one of them is carried out."""

import subprocess
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final, Generic, Protocol, TypeVar

from gateway.commands.demo.services import Service, ServiceFailed
from tests.campaigns.rig.faults import Fault
from tests.campaigns.rig.fleet import Fleet, acknowledged, in_influxdb, readings_of, standing, verify
from tests.campaigns.rig.linked import LinkedGateway
from tests.campaigns.rig.schedule import Deed, Setting, schedule
from tests.campaigns.rig.verdict import Evidence, Verdict, judge

LOOK_EVERY_S: Final = 0.25
AGAIN_EVERY_S: Final = 1.0
FEWEST_LOOKS_A_S: Final = 0.25
"""The gateway is away or kept from its work for a part of the time."""
_SHOWN: Final = 3


class Tried(Protocol):
    """A world in which schedules happen."""

    influxdb: Service

    @property
    def fleet(self) -> Fleet:
        """The fleet with the ledger."""

    @property
    def gates(self) -> Collection[LinkedGateway]:
        """All gateways."""

    def look(self) -> None:
        """See whether all is as it must be."""

    def settle(self) -> None:
        """Wait until each reading has come to its end."""


W = TypeVar("W", bound=Tried)


@dataclass(frozen=True)
class Trial(Generic[W]):
    """The task of a campaign: schedules, each named by its number.

    :ivar command: the module that people call; ``python -m COMMAND one NUMBER SECONDS FOLDER`` carries out one schedule.
    :ivar programs: the programs without which it cannot begin.
    :ivar world: makes the world of a schedule in a folder, with a fleet that runs for so many seconds.
    :ivar goes_on_s: so long after the last fault readings still come.
    :ivar breaks: why the broker may lose what it acknowledged, for the account.
    :ivar kills_broker: faults after which it may have; None: it may not be held against the gateway whatever came.
    :ivar further: finds what must not be, beside a lost or altered reading.
    """

    command: str
    programs: Sequence[str]
    faults: Mapping[str, Fault[W]]
    setting_of: Callable[[int], Setting]
    world: Callable[[Path, Setting, int, float], AbstractContextManager[W]]
    goes_on_s: float
    breaks: str
    kills_broker: frozenset[str] | None = None
    further: Callable[[W, Sequence[Deed], int], Iterable[str]] = lambda *_: ()
    schedules: int = 200
    seconds: float = 20.0
    side_by_side: int = 3

    def deeds(self, number: int, seconds: float) -> list[Deed]:
        """The faults of a schedule."""
        return schedule(number, seconds, [fault.kind for fault in self.faults.values()], self.setting_of(number))

    def run(self, number: int, seconds: float, folder: Path) -> Verdict:
        """Carry out a schedule in an empty folder."""
        setting, deeds = self.setting_of(number), self.deeds(number, seconds)
        began_s = monotonic()

        def verdict(faults: list[str], **counts: int) -> Verdict:
            took_s = round(monotonic() - began_s, 1)
            return Verdict(number, setting.name, list(map(str, deeds)), faults=faults, seconds=took_s, **counts)

        with self.world(folder, setting, number, seconds + self.goes_on_s) as found:
            try:
                carry_out(found, self.faults, deeds, seconds, found.look)
                found.settle()
            except (AssertionError, OSError, ServiceFailed, subprocess.TimeoutExpired) as fault:
                seen = [line for gate in found.gates for line in gate.account.faults]
                return verdict([*seen, f"{type(fault).__name__}: {fault}"])
            kills = self.kills_broker is None or any(deed.fault in self.kills_broker for deed in deeds)
            evidence = _evidence(found, round(seconds * FEWEST_LOOKS_A_S), kills=kills, drops_oldest=setting.drops_oldest)
            judgement = judge(evidence)
            return verdict(
                [*judgement.faults, *self.further(found, deeds, judgement.lost_by_broker)],
                readings=len(evidence.acknowledged),
                lost_by_gateway=judgement.lost_by_gateway,
                altered=judgement.altered,
                lost_by_broker=judgement.lost_by_broker,
                expired=evidence.expired,
                looks=evidence.looks,
            )


def _evidence(found: Tried, fewest_looks: int, *, kills: bool, drops_oldest: bool) -> Evidence:
    """Collect the evidence once all has settled."""
    taps, accounts = [gate.tap for gate in found.gates], [gate.account for gate in found.gates]
    wrong = [f"a PUBACK that confirms nothing: {wrong}" for tap in taps for wrong in tap.wrong[:_SHOWN]]
    return Evidence(
        acknowledged=acknowledged(found.fleet.ledger),
        delivered=readings_of(handed for tap in taps for handed in tap.delivered),
        confirmed=readings_of(handed for tap in taps for handed in tap.confirmed),
        standing=standing(found.influxdb),
        verified=verify(found.fleet.ledger, *in_influxdb(found.influxdb))["total"],
        expired=sum(account.total("expired") for account in accounts),
        looks=sum(account.looks for account in accounts),
        fewest_looks=fewest_looks,
        broker_killed=kills,
        drops_oldest=drops_oldest,
        seen=(*(fault for account in accounts for fault in account.faults[:_SHOWN]), *wrong),
    )


V = TypeVar("V")


def carry_out(
    world: V, faults: Mapping[str, Fault[V]], deeds: Sequence[Deed], seconds: float, look: Callable[[], object]
) -> None:
    """Let the faults come and go, and look all the while."""
    # What ends comes before what begins at the same time.
    agenda = sorted([(deed.at_s + deed.for_s, 0, deed) for deed in deeds] + [(deed.at_s, 1, deed) for deed in deeds], key=_when)
    lasting: dict[Deed, float] = {}
    began_s = monotonic()
    next_look_s = 0.0
    while (now_s := monotonic() - began_s) < seconds or agenda:
        if agenda and now_s >= agenda[0][0]:
            _, begins, deed = agenda.pop(0)
            fault = faults[deed.fault]
            (fault.begin if begins else fault.end)(world, deed)
            if begins:
                lasting[deed] = now_s
            else:
                del lasting[deed]
        elif now_s >= next_look_s:
            next_look_s = now_s + LOOK_EVERY_S
            look()
            for deed in [deed for deed, at_s in lasting.items() if now_s >= at_s]:
                lasting[deed] = now_s + AGAIN_EVERY_S
                if (again := faults[deed.fault].again) is not None:
                    again(world)
        else:
            until_s = min(next_look_s, agenda[0][0] if agenda else seconds)
            sleep(max(until_s - now_s, 0.001))


def _when(entry: tuple[float, int, Deed]) -> tuple[float, int]:
    return entry[:2]
