"""Hours of late readings, and sums, worked out again: the readings of a counter once more, this time in order of their times.

For sums it is the code that judges readings as they come. Exchanges that were told since are known now, and readings that came
late stand where they belong.

The roll-ups of an hour may stand already when a reading comes for it. A reading is judged when it comes, and once more when it
is written if it waited for the database: meanwhile its hour may have been closed without it. Each reading is compared with
``closed_ms``; everything else happens only for those that are late.
"""

from collections.abc import Iterable, Mapping
from math import inf
from types import MappingProxyType
from typing import Final

from gateway.core.readings.counters import CounterState
from gateway.core.readings.line_protocol import device_of_line
from gateway.core.readings.steps import HOUR_MS, CounterRule, is_older
from gateway.core.readings.sums import Register, StepState, StepToConfirm, ToldExchange
from schemas.quantities import GROWTH, Quality


class CounterReplay:
    """A counter that is worked out again; ``read_ms`` is the time of the last reading."""

    def __init__(
        self,
        name: str,
        rule: CounterRule | None,
        told: Iterable[ToldExchange],
        seed: Register | None = None,
        steps: Iterable[StepToConfirm] = (),
        rated: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """Begin behind a believed reading of a counter, named with its lane or channel.

        :param told: the exchanges of the device; those before the seed are in it already.
        :param seed: the state where it begins; None: the counter is new.
        :param steps: the steps of the device that are known, with what people said of them: that holds.
        :param rated: counter → what the size of its meter passes in an hour, by the registry.
        """
        self._name = name
        self._growth = GROWTH[name.partition(",")[0]]
        self._rule = rule
        self._told = [one for one in told if one.concerns(name) and (seed is None or one.at_ms >= seed.time_ms)]
        self._state = CounterState()
        self._state.rate(rated)
        self._state.past = self._state.past._replace(steps=tuple(step for step in steps if step.name == name))
        self._begin_ms = seed.time_ms if seed is not None else 0.0
        self._total: float | None = None
        self.read_ms = seed.time_ms if seed is not None else 0.0
        if seed is not None:
            self._state.restore(seed)
            self._total = seed.total

    def sum_of(self, time_ms: int, value: float, stored: float | None, quality: int = 0) -> float | None:
        """Read the next reading; return its sum, None where it has none, for it is not believed."""
        self._exchange_before(time_ms)
        self.read_ms = time_ms
        if quality & Quality.MAY_STAND_TWICE and is_older(value, self._state.believed(self._name)):
            offset = None
        elif self._is_held_out(time_ms):
            offset = self._state.doubt_again(self._name, self._growth, value, time_ms).offset
        else:
            offset = self._state.judge(self._name, self._growth, value, time_ms, self._rule).offset
        if offset is None:  # what is stored cannot be taken away: with the sum before, nothing was used up to there
            return self._total if stored is not None else None
        self._total = round(value + offset, 6) if offset else value
        return self._total

    def branch(self) -> "CounterReplay":
        """Return another that goes on from here."""
        return CounterReplay(self._name, self._rule, self._told, self.register, self.steps, self._state.rated)

    def finish(self, now_ms: int) -> Register | None:
        """Return the state at the end of all readings; None if there were none."""
        self._exchange_before(now_ms + 1)
        return self.register

    @property
    def register(self) -> Register | None:
        """The state so far."""
        return next(iter(self._state.registers()), None)

    def _is_held_out(self, time_ms: int) -> bool:
        """Tell if a step to confirm is there, whatever is usual by now; not if late readings fill its gap."""
        step = self._state.past.step(self._name, time_ms)
        if step is None or step.state is not StepState.OPEN or (register := self.register) is None:
            return False
        return register.doubt is None and register.time_ms == step.from_ms

    @property
    def steps(self) -> list[StepToConfirm]:
        """The steps so far; not those that readings which came late have explained."""
        register = self.register
        if register is None:
            return []
        held_ms, doubt = {former.until_ms for former in register.formers}, register.doubt
        doubted_ms = doubt.first_ms if doubt is not None else inf
        return [
            step
            for step in self._state.past.steps
            if step.state is StepState.USED
            or step.first_ms in held_ms
            or step.first_ms >= doubted_ms
            or step.first_ms <= self._begin_ms
        ]

    def _exchange_before(self, time_ms: int) -> None:
        while self._told and self._told[0].at_ms < time_ms:
            self._state.exchange(self._told.pop(0))


_HOURS_MAX: Final = 1000
"""Hours remembered of a device until they are fetched: more than it can have in the longest past that is accepted."""
AGAIN_MAX: Final = 10_000
"""Hours before the newest one that are worked out again, a year and more: `devices resum` may reach far back."""

HourRun = tuple[int, int]
"""Hours that follow each other: the first, and the one behind the last; hours since 1970 in UTC."""


class LateReadings:
    """The hours, since 1970 in UTC, to work out again, by device; before ``closed_ms`` (0: never) readings come too late."""

    __slots__ = ("_hours", "closed_ms")

    def __init__(self) -> None:
        self.closed_ms = 0
        self._hours: dict[str, set[int]] = {}

    def close(self, until_ms: int) -> None:
        """Take what lies before ``until_ms`` for worked out; what was already stays so."""
        self.closed_ms = max(self.closed_ms, until_ms)

    def note(self, device: str, time_ms: int) -> None:
        """Note a reading of a closed hour."""
        hours = self._hours.setdefault(device, set())
        if len(hours) < _HOURS_MAX:
            hours.add(time_ms // HOUR_MS)

    def note_since(self, device: str, since_ms: int, until_ms: int = 0) -> None:
        """Note that everything of a device since then may have changed; ``until_ms``: hours until then too that go on."""
        if self.closed_ms and since_ms < (end_ms := max(self.closed_ms, until_ms)):
            end = -(-end_ms // HOUR_MS)
            self._hours.setdefault(device, set()).update(range(max(since_ms // HOUR_MS, end - AGAIN_MAX), end))

    def note_written(self, lines: Iterable[str]) -> None:
        """Note those of some points that lie in closed hours. They were written just now, and had waited for it."""
        for line in lines:
            time_text = line[line.rfind(" ") + 1 :]
            if time_text.isdecimal() and (time_ms := int(time_text)) < self.closed_ms:
                device = device_of_line(line)
                if device is not None:
                    self.note(device, time_ms)

    def drain(self) -> dict[str, set[int]]:
        """Fetch what was noted since the last time."""
        noted, self._hours = self._hours, {}
        return noted


def runs_of(hours: Iterable[int]) -> list[HourRun]:
    """The runs of some hours, in order."""
    return merged((hour, hour + 1) for hour in hours)


def merged(runs: Iterable[HourRun]) -> list[HourRun]:
    """The same hours in as few runs as there can be, in order."""
    found: list[HourRun] = []
    for first, end in sorted(runs):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((first, end))
    return found
