"""Contests: the gateway and its baselines, measured in turns, so that a machine that grows slower meets all of them.

One round measures each contender once; the next one goes through them the other way round. A figure is the median of its
rounds. After each round the figures so far are given out, so that a run that is stopped keeps what it has.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median

from tests.campaigns.bench.children import Plan
from tests.campaigns.bench.figures import Bar, Baseline, Figure, number

ROUNDS = 5
GATEWAY = "gateway"


@dataclass(frozen=True)
class Samples:
    """The values of all rounds, by contender and by what was measured."""

    values: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, contender: str, measured: Mapping[str, float]) -> None:
        """Take the values of one contender of one round."""
        for what, value in measured.items():
            self.values.setdefault((contender, what), []).append(value)

    def figure(
        self, part: str, what: str, unit: str, against: str | None = None, bar: Bar | None = None, name: str | None = None
    ) -> Figure:
        """The gateway's figure, beside that of another contender.

        :param name: for people; None: ``what``.
        """
        ours = self.values[GATEWAY, what]
        baseline = None if against is None else Baseline(against, median(self.values[against, what]))
        return Figure(part, name or what, unit, median(ours), baseline, bar, len(ours), min(ours) if len(ours) > 1 else None)


@dataclass(frozen=True)
class Contest:
    """The contenders of a part, by name, and the figures that their samples give.

    :ivar contenders: each measures once; what it measured → value.
    """

    contenders: Mapping[str, Callable[[Plan], Mapping[str, float]]]
    figures: Callable[[Samples], list[Figure]]

    def rounds(self, plan: Plan) -> Iterator[list[Figure]]:
        """Yield the figures after each round."""
        samples = Samples()
        rounds = 1 if plan.quick else ROUNDS
        for turn in range(rounds):
            measured = {name: self._once(plan, name, f"round {turn + 1} of {rounds}") for name in self._order(turn)}
            for name, values in measured.items():  # whole rounds only: the contenders have met the same machine
                samples.add(name, values)
            yield self.figures(samples)

    def _order(self, turn: int) -> list[str]:
        return list(self.contenders)[:: 1 if turn % 2 == 0 else -1]

    def _once(self, plan: Plan, name: str, turn: str) -> Mapping[str, float]:
        values = self.contenders[name](plan)
        plan.say(f"{turn}, {name}: " + ", ".join(f"{what} {number(value)}" for what, value in values.items()))
        return values
