"""Water in pipes: head lost by friction, pressure, leaks, tanks, chlorine."""

import math
from dataclasses import dataclass
from typing import Final

GRAVITY_M_S2: Final = 9.80665
DENSITY_KG_M3: Final = 998.2
"""Of water at 20 °C."""
FLOW_EXPONENT: Final = 1.852
DIAMETER_EXPONENT: Final = 4.871
_METRIC: Final = 10.667
"""The constant of Hazen and Williams for metres and cubic metres a second."""


@dataclass(frozen=True, slots=True)
class Pipe:
    """A pipe.

    :ivar roughness: the coefficient C of Hazen and Williams: 150 for new plastic, 100 for old iron.
    """

    length_m: float
    diameter_m: float
    roughness: float

    @property
    def resistance(self) -> float:
        """Head lost (m) at one cubic metre a second; it grows with the flow to the power 1.852.

        Source: Hazen-Williams as in EPANET 2.2 (US EPA 2020, EPA/600/R-20/133, table 3.1), in metric units.
        """
        return (
            _METRIC * self.length_m / (math.pow(self.roughness, FLOW_EXPONENT) * math.pow(self.diameter_m, DIAMETER_EXPONENT))
        )


def head_loss_m(resistance: float, flow_m3_s: float) -> float:
    """Head that friction takes, in the direction of the flow: h = r Q^1.852 (Hazen-Williams)."""
    return math.copysign(resistance * math.pow(abs(flow_m3_s), FLOW_EXPONENT), flow_m3_s)


def pressure_kpa(head_m: float) -> float:
    """Pressure of a column of water: p = rho g h."""
    return DENSITY_KG_M3 * GRAVITY_M_S2 / 1000 * head_m


def leak_m3_h(coefficient: float, head_m: float, exponent: float = 0.5) -> float:
    """Flow through a leak: Q = C p^N, with the pressure as head of water; none where air would be drawn in.

    N is 0.5 for a hole that does not give (Torricelli), up to 1.5 for a crack in plastic that opens as the pressure rises
    (FAVAD: May 1994; Lambert 2001).
    """
    return coefficient * math.pow(max(head_m, 0.0), exponent)


def level_after_m(level_m: float, inflow_m3_h: float, outflow_m3_h: float, area_m2: float, hours: float) -> float:
    """Level of a tank after a time: what came in less what went out, over its area (balance of mass)."""
    return level_m + (inflow_m3_h - outflow_m3_h) * hours / area_m2


def chlorine_left(decay_per_day: float, age_h: float) -> float:
    """Share of the chlorine that is left after so long in the pipes: e^(-kt), decay of the first order (EPANET 2.2, 3.4)."""
    return math.exp(-decay_per_day * age_h / 24)


def oxygen_mg_l(warmth_c: float) -> float:
    """Oxygen that fresh water can hold at sea level: 468 / (31.6 + T) (Montgomery, Thom, Cockburn 1964)."""
    return 468.0 / (31.6 + warmth_c)
