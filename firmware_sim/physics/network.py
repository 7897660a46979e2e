"""A water network: heads and flows at an instant, and a tank over a day.

The global gradient algorithm (Todini and Pilati 1988), as EPANET has it: Newton's method on the flows of the pipes and the
heads of the junctions together. Each step is one system of linear equations, symmetric and positive, solved by Cholesky's
method; it is dense, which is quick enough for some dozens of junctions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from math import fsum, sqrt
from typing import Final, NamedTuple

from firmware_sim.physics.hydraulics import FLOW_EXPONENT, Pipe, level_after_m

_HOUR_S: Final = 3600.0
_ROUNDS: Final = 100
_ENOUGH: Final = 1e-6
"""Change of all flows, against their sum, below which they are found."""
_LEAST_GRADIENT: Final = 1e-6
"""Metres per cubic metre a second: below it the head loss of a pipe is taken as a straight line."""
_FIRST_M3_S: Final = 0.03


@dataclass(frozen=True, slots=True)
class Leak:
    """A leak of a junction: Q = C p^N, in cubic metres an hour, the pressure as head of water."""

    coefficient: float
    exponent: float = 0.5


@dataclass(frozen=True, slots=True)
class Junction:
    """A place where pipes meet and water is drawn."""

    elevation_m: float
    demand_m3_h: float = 0.0
    leak: Leak | None = None


@dataclass(frozen=True, slots=True)
class PipeBetween:
    """A pipe from one place to another, by their names."""

    start: str
    end: str
    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Network:
    """Junctions and pipes. A place that is no junction is a source: its head is given."""

    junctions: Mapping[str, Junction]
    pipes: Sequence[PipeBetween]


class Heads(NamedTuple):
    """A network at an instant: heads of its places, flows of its pipes from start to end, leaks of its junctions."""

    heads_m: Mapping[str, float]
    flows_m3_h: Sequence[float]
    leaks_m3_h: Mapping[str, float]

    def drawn_m3_h(self, network: Network, source: str) -> float:
        """Flow that leaves a place; less than 0: it is filled."""
        pairs = zip(network.pipes, self.flows_m3_h, strict=True)
        return fsum(flow * ((pipe.start == source) - (pipe.end == source)) for pipe, flow in pairs)


@dataclass(slots=True)
class _Branch:
    """A pipe, or a leak as a pipe into the open: its head loss is r Q^n."""

    start: str
    end: str
    resistance: float
    exponent: float
    flow_m3_s: float

    def step(self) -> tuple[float, float]:
        """The inverse of its gradient at this flow, and that times its head loss."""
        gradient = self.exponent * self.resistance * abs(self.flow_m3_s) ** (self.exponent - 1)
        if gradient < _LEAST_GRADIENT:
            return 1 / _LEAST_GRADIENT, self.flow_m3_s
        return 1 / gradient, self.flow_m3_s / self.exponent


def solve(network: Network, sources_m: Mapping[str, float], factor: float = 1.0, closed: str = "") -> Heads:
    """Find heads and flows, with all demands times ``factor``.

    :param sources_m: the head of each source.
    :param closed: a source whose pipes are shut.
    :raises ValueError: when no flows are found, or a junction hangs on no source.
    """
    is_open = [closed not in {each.start, each.end} for each in network.pipes]
    names = list(network.junctions)
    place = {name: number for number, name in enumerate(names)}
    branches = [
        _Branch(each.start, each.end, each.pipe.resistance, FLOW_EXPONENT, _FIRST_M3_S)
        for each in compress(network.pipes, is_open)
    ]
    leaking = [(name, junction) for name, junction in network.junctions.items() if junction.leak is not None]
    branches += [_leak_branch(name, junction.leak) for name, junction in leaking if junction.leak is not None]
    fixed = dict(sources_m) | {_open(name): junction.elevation_m for name, junction in leaking}
    demands = [junction.demand_m3_h * factor / _HOUR_S for junction in network.junctions.values()]
    for _ in range(_ROUNDS):
        heads = _newton(branches, place, fixed, demands)
        moved, total = 0.0, 0.0
        for branch in branches:
            inverse, share = branch.step()
            change = inverse * (_head(branch.start, place, heads, fixed) - _head(branch.end, place, heads, fixed)) - share
            branch.flow_m3_s += change
            moved += abs(change)
            total += abs(branch.flow_m3_s)
        if moved <= _ENOUGH * total:
            flows = [branch.flow_m3_s * _HOUR_S for branch in branches]
            through = iter(flows)
            return Heads(
                {name: heads[place[name]] for name in names} | dict(sources_m),
                [next(through) if flowing else 0.0 for flowing in is_open],
                {name: leak for (name, _), leak in zip(leaking, through, strict=True)},
            )
    raise ValueError(f"no flows found in {_ROUNDS} rounds")


def _leak_branch(name: str, leak: Leak) -> _Branch:
    exponent = 1 / leak.exponent
    return _Branch(name, _open(name), (_HOUR_S / leak.coefficient) ** exponent, exponent, _FIRST_M3_S)


def _open(name: str) -> str:
    """The open ground that a junction leaks into."""
    return f"{name} leaks"


def _head(name: str, place: Mapping[str, int], heads: Sequence[float], fixed: Mapping[str, float]) -> float:
    number = place.get(name)
    return fixed[name] if number is None else heads[number]


def _newton(
    branches: Sequence[_Branch], place: Mapping[str, int], fixed: Mapping[str, float], demands: Sequence[float]
) -> list[float]:
    """The heads of the junctions after one more step."""
    matrix = [[0.0] * len(demands) for _ in demands]
    right = [-demand for demand in demands]
    for branch in branches:
        inverse, share = branch.step()
        left = share - branch.flow_m3_s
        for here, there, sign in ((branch.start, branch.end, 1), (branch.end, branch.start, -1)):
            row = place.get(here)
            if row is None:
                continue
            matrix[row][row] += inverse
            right[row] += sign * left
            column = place.get(there)
            if column is None:
                right[row] += inverse * fixed[there]
            else:
                matrix[row][column] -= inverse
    return _cholesky(matrix, right)


def _cholesky(matrix: list[list[float]], right: Sequence[float]) -> list[float]:
    """Solve a symmetric, positive system of linear equations.

    :raises ValueError: when it is not positive: a junction hangs on no source.
    """
    lower: list[list[float]] = []
    half: list[float] = []
    for number, row in enumerate(matrix):
        made: list[float] = []
        for column in range(number):
            above = lower[column]
            made.append((row[column] - _product(made, above, column)) / above[column])
        square = row[number] - _product(made, made, number)
        if square <= 0:
            raise ValueError("a junction hangs on no source")
        made.append(sqrt(square))
        half.append((right[number] - _product(made, half, number)) / made[number])
        lower.append(made)
    found = [0.0] * len(matrix)
    for number in reversed(range(len(matrix))):
        below = fsum(lower[row][number] * found[row] for row in range(number + 1, len(matrix)))
        found[number] = (half[number] - below) / lower[number][number]
    return found


def _product(one: Sequence[float], other: Sequence[float], length: int) -> float:
    return fsum(one[number] * other[number] for number in range(length))


@dataclass(frozen=True, slots=True)
class Tank:
    """A tank with upright walls, a source whose level follows what is drawn from it."""

    bottom_m: float
    area_m2: float
    level_m: float
    highest_m: float

    def refuses(self, drawn_m3_h: float) -> bool:
        """Tell if it is empty and should give, or full and should take: its valve shuts then."""
        return (self.level_m <= 0 and drawn_m3_h > 0) or (self.level_m >= self.highest_m and drawn_m3_h < 0)

    def after(self, drawn_m3_h: float, hours: float) -> "Tank":
        """The tank after so much was drawn for so long, between empty and full."""
        level_m = level_after_m(self.level_m, 0.0, drawn_m3_h, self.area_m2, hours)
        return replace(self, level_m=min(max(level_m, 0.0), self.highest_m))


class TankStep(NamedTuple):
    """A network and its tank at an hour."""

    hour: float
    tank: Tank
    heads: Heads


def follow(
    network: Network,
    sources_m: Mapping[str, float],
    tanks: Mapping[str, Tank],
    pattern: Sequence[float],
    step_h: float = 0.25,
) -> Iterator[TankStep]:
    """Follow a network with one tank through the hours of ``pattern``, which multiplies the demands (Euler's method).

    :param tanks: its one tank, by the name of its place.
    :raises ValueError: when no flows are found.
    """
    ((name, tank),) = tanks.items()
    for number in range(round(len(pattern) / step_h)):
        hour = number * step_h
        given_m, factor = {**sources_m, name: tank.bottom_m + tank.level_m}, pattern[int(hour)]
        heads = solve(network, given_m, factor)
        if tank.refuses(heads.drawn_m3_h(network, name)):
            heads = solve(network, given_m, factor, closed=name)
        yield TankStep(hour, tank, heads)
        tank = tank.after(heads.drawn_m3_h(network, name), step_h)


def pressure_head_m(network: Network, heads: Heads, junction: str) -> float:
    """Head above the ground at a junction."""
    return heads.heads_m[junction] - network.junctions[junction].elevation_m
