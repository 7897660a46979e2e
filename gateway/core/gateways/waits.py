"""Waits: which gateway waits for which other machine, and since when.

Theory of operation
-------------------
A move of a share waits for other gateways: the old one reads on until the new one reads, and the new one writes no sums until
the old one is empty. Of a pair the live machine writes none until the journal of the other one is in the database. A machine
that is dead, or has another file of shares, would be waited for without end. So each gateway works out who waits for whom from
what stands in the database, whether it takes part in a move or not.

A wait is told after three minutes of a steady clock, of which only those count in which the database answered: while it is away
everything stands still, and that is told by itself. A step, as from "reads it" to "writes what waits", begins a new wait.
"""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from gateway.core.gateways.standby import PairRole, Standby
from gateway.core.gateways.tenures import Stage, Stages, names_within, stages_within

TOLD_AFTER_MS: Final = 180_000
_COUNTED_MAX_MS: Final = 60_000
"""The most that counts between two looks: of a longer time nobody knows whether the database answered."""


class WaitKind(StrEnum):
    """The step or the journal that is waited for; the key of the finding."""

    NOT_LEFT = "move_not_left"
    """The new gateway reads a share, and the old one has not begun to leave it."""
    NOT_EMPTY = "move_not_empty"
    """The old gateway still writes what had come to it."""
    NOT_READ = "move_not_read"
    """Another gateway reads a share in place of the one that is to."""
    KEPT = "move_kept"
    """A gateway reads on what it is to leave, and the file here does not say for whom."""
    JOURNAL = "journal_awaited"
    """The journal of a machine of a pair may hold readings that nobody else has."""


class Wait(NamedTuple):
    """Something that waits for another machine (empty: it is not known here), for a share or, without one, in a pair."""

    kind: WaitKind
    waiting: str
    awaited: str
    share: str = ""


def waits_of_moves(told: Mapping[str, Stages], kept: Collection[tuple[str, str]], readers: Mapping[str, str]) -> set[Wait]:
    """The waits of gateways that share sites out.

    :param told: name of a share → what gateways say of it.
    :param kept: name of a share and a gateway that reads it only until those do to whom it goes, as it says.
    :param readers: name of a share → the gateway that is to read it, as the file here has it.
    """
    names = {part for name in readers for part in names_within(name)}
    unread = {wait for name, reader in readers.items() for wait in _unread(name, reader, stages_within(told, name))}
    taken = {wait for name in names for wait in _taken_over(name, told)}
    known = {(part, wait.waiting) for wait in unread for part in names_within(wait.share)}
    return {*unread, *taken, *(wait for name, gateway in kept if name in names for wait in _kept(name, gateway, told, known))}


def _unread(name: str, reader: str, stages: Stages) -> Iterator[Wait]:
    """A share that others read in place of the gateway that is to; of one that nobody ever spoke of nothing is known."""
    if not _reads(stages.get(reader)):
        for other, stage in stages.items():
            if _reads(stage):
                yield Wait(WaitKind.NOT_READ, other, reader, name)


def _taken_over(name: str, told: Mapping[str, Stages]) -> Iterator[Wait]:
    for gateway, stage in told.get(name, {}).items():
        if stage is Stage.TAKING_OVER:
            for other, reached in stages_within(told, name, gateway).items():
                if reached is not Stage.LEFT:
                    kind = WaitKind.NOT_LEFT if _reads(reached) else WaitKind.NOT_EMPTY
                    yield Wait(kind, gateway, other, name)


def _kept(name: str, gateway: str, told: Mapping[str, Stages], known: Collection[tuple[str, str]]) -> Iterator[Wait]:
    is_read = any(map(_reads, stages_within(told, name, gateway).values()))
    if _reads(told.get(name, {}).get(gateway)) and not is_read and (name, gateway) not in known:
        yield Wait(WaitKind.KEPT, gateway, "", name)


def _reads(stage: Stage | None) -> bool:
    return stage is not None and stage >= Stage.TAKING_OVER


def waits_of_pair(standby: Standby, journal_readings: int) -> set[Wait]:
    """The waits of a machine that has a standby, and so many readings in its own journal."""
    if standby.role is PairRole.LIVE:
        return {Wait(WaitKind.JOURNAL, standby.name, other) for other in standby.awaited_journals}
    waiting = standby.live_others if journal_readings else []
    return {Wait(WaitKind.JOURNAL, live, standby.name) for live in waiting}


class Waits:
    """The waits of now, and for how long each has been seen to wait."""

    def __init__(self) -> None:
        """Begin before the first look."""
        self._waited_ms: dict[Wait, int] = {}
        self._looked_ms: int | None = None

    def take(self, found: Collection[Wait], steady_ms: int) -> None:
        """Take what a look found, at a time by a clock that nobody sets."""
        passed_ms = 0 if self._looked_ms is None else min(steady_ms - self._looked_ms, _COUNTED_MAX_MS)
        before = self._waited_ms
        self._waited_ms = {wait: before[wait] + passed_ms if wait in before else 0 for wait in found}
        self._looked_ms = steady_ms

    def unanswered(self) -> None:
        """Note that the database did not answer: until it does again no time counts, and what was told stands."""
        self._looked_ms = None

    @property
    def told(self) -> list[Wait]:
        """Those that people are told of."""
        return sorted(wait for wait, waited_ms in self._waited_ms.items() if waited_ms >= TOLD_AFTER_MS)
