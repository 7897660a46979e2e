"""Electricity: the power triangle, what a line takes from the voltage, three phases that are not alike, tariffs.

Complex numbers are written out as pairs: sums, products, quotients and square roots are the same on every machine.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final, NamedTuple

_SQUARE_ROOT_3: Final = sqrt(3.0)
_TURNS: Final = ((1.0, 0.0), (-0.5, -_SQUARE_ROOT_3 / 2), (-0.5, _SQUARE_ROOT_3 / 2))
"""Directions of the three phases, a third of a turn apart."""
_SWEEPS: Final = 40
_ENOUGH_V: Final = 1e-6


class Load(NamedTuple):
    """Power that is drawn; negative where it is fed in."""

    active_w: float
    reactive_var: float


@dataclass(frozen=True, slots=True)
class Line:
    """A conductor from the source to the load, there and not back."""

    resistance_ohm: float
    reactance_ohm: float


def apparent_va(active_w: float, reactive_var: float) -> float:
    """S² = P² + Q² (IEEE 1459-2010, 3.1.1)."""
    return sqrt(active_w * active_w + reactive_var * reactive_var)


def reactive_var(active_w: float, power_factor: float) -> float:
    """Q of a load with a power factor P/S."""
    return abs(active_w) * sqrt(max(1 - power_factor * power_factor, 0.0)) / power_factor


def line_voltage_v(one_v: float, other_v: float) -> float:
    """Voltage between two phases a third of a turn apart: U12² = U1² + U2² + U1 U2 (law of cosines)."""
    return sqrt(one_v * one_v + other_v * other_v + one_v * other_v)


def neutral_current_a(one_a: float, two_a: float, three_a: float) -> float:
    """Current of the neutral where three currents are a third of a turn apart: the length of their sum (Kirchhoff)."""
    squares = one_a * one_a + two_a * two_a + three_a * three_a - one_a * two_a - two_a * three_a - three_a * one_a
    return sqrt(max(squares, 0.0))


def voltage_at_load_v(source_v: float, load: Load, line: Line) -> float:
    """Voltage at the end of a line: lower by (R P + X Q) / U, higher where power is fed in.

    Solved for U with the part across, (X P - R Q) / U, too: Us² = (U + dU)² + du². Source: Kersting, Distribution System
    Modeling and Analysis, 3.1; the well-known dU = (R P + X Q) / U is its first part.

    :raises ValueError: when the line cannot carry the load at any voltage.
    """
    along = line.resistance_ohm * load.active_w + line.reactance_ohm * load.reactive_var
    across = line.reactance_ohm * load.active_w - line.resistance_ohm * load.reactive_var
    half = source_v * source_v / 2 - along
    square = half * half - along * along - across * across
    if half <= 0 or square < 0:
        raise ValueError(f"a line of {line} cannot carry {load} from {source_v} V")
    return sqrt(half + sqrt(square))


class ThreePhase(NamedTuple):
    """Three phases at the load.

    :ivar voltages_v: from phase to neutral, at the load.
    """

    voltages_v: tuple[float, float, float]
    currents_a: tuple[float, float, float]
    neutral_a: float


def three_phase_at_load(source_v: float, loads: tuple[Load, Load, Load], phase: Line, neutral: Line) -> ThreePhase:
    """Voltages at the end of a line of four wires whose phases carry different loads.

    The neutral carries the sum of the currents, and what it loses shifts all three voltages: a phase with little load can stand
    above the source. Backward-forward sweep (Kersting, 10.1; Shirmohammadi et al. 1988) until no voltage moves.

    :raises ValueError: when the line cannot carry the loads.
    """
    volts = [(source_v * re, source_v * im) for re, im in _TURNS]
    for _ in range(_SWEEPS):
        amps = [_current(volt, load) for volt, load in zip(volts, loads, strict=True)]
        back = (amps[0][0] + amps[1][0] + amps[2][0], amps[0][1] + amps[1][1] + amps[2][1])
        shift = _drop(neutral, back)
        following = []
        for (re, im), amp in zip(_TURNS, amps, strict=True):
            lost = _drop(phase, amp)
            following.append((source_v * re - lost[0] - shift[0], source_v * im - lost[1] - shift[1]))
        moved = max(abs(one[0] - two[0]) + abs(one[1] - two[1]) for one, two in zip(volts, following, strict=True))
        volts = following
        if moved < _ENOUGH_V:
            one, two, three = (_length(volt) for volt in volts)
            return ThreePhase((one, two, three), (_length(amps[0]), _length(amps[1]), _length(amps[2])), _length(back))
    raise ValueError(f"a line of {phase} cannot carry {loads} from {source_v} V")


def _current(volt: tuple[float, float], load: Load) -> tuple[float, float]:
    """I = (S / U)*, written out."""
    square = volt[0] * volt[0] + volt[1] * volt[1]
    return (
        (load.active_w * volt[0] + load.reactive_var * volt[1]) / square,
        (load.active_w * volt[1] - load.reactive_var * volt[0]) / square,
    )


def _drop(line: Line, amp: tuple[float, float]) -> tuple[float, float]:
    """Z I, written out."""
    return (
        line.resistance_ohm * amp[0] - line.reactance_ohm * amp[1],
        line.resistance_ohm * amp[1] + line.reactance_ohm * amp[0],
    )


def _length(pair: tuple[float, float]) -> float:
    return sqrt(pair[0] * pair[0] + pair[1] * pair[1])


NORMAL, PEAK, NIGHT = 0, 1, 2
"""Registers T1, T2, T3 of a meter with three tariffs."""
_NIGHT_SLOTS: Final = frozenset({*range(8), *range(44, 48)})
_PEAK_SLOTS: Final = frozenset({*range(19, 23), *range(34, 40)})
_SUNDAY: Final = 6


def tariff(weekday: int, half_hour: int) -> int:
    """The register that counts in a half hour of the day; Monday is 0.

    Night from 22:00 to 4:00; peak from 9:30 to 11:30 and from 17:00 to 20:00, not on Sunday; the rest is normal. Source:
    Circular 16/2014/TT-BCT of Vietnam's Ministry of Industry and Trade, article 5.
    """
    if half_hour in _NIGHT_SLOTS:
        return NIGHT
    return PEAK if half_hour in _PEAK_SLOTS and weekday != _SUNDAY else NORMAL
