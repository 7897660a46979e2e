"""The town: noise and exhaust of its traffic, air that carries them away, bays that are taken."""

from math import log10
from typing import Final

_QUIET_DB: Final = 38.0
_L10_OVER_LAEQ_DB: Final = 3.0


def noise_db(vehicles_h: float, speed_km_h: float, heavy_pct: float) -> float:
    """Level at ten metres from a road: that of its traffic and of a quiet town together.

    Traffic: 42.2 + 10 lg q + 33 lg(v + 40 + 500 / v) + 10 lg(1 + 5 p / v) - 68.8, less 3 dB from the level that is passed a
    tenth of the time to the mean. Source: Calculation of Road Traffic Noise, UK Department of Transport 1988, charts 3 and 4.
    """
    speed = max(speed_km_h, 20.0)
    power = 10 ** (_QUIET_DB / 10)
    if vehicles_h > 0:
        level = (
            42.2 + 10 * log10(vehicles_h) + 33 * log10(speed + 40 + 500 / speed) + 10 * log10(1 + 5 * heavy_pct / speed) - 68.8
        )
        power += 10 ** ((level - _L10_OVER_LAEQ_DB) / 10)
    return 10 * log10(power)


def box_ug_m3(background_ug_m3: float, emitted_ug_s_m2: float, town_m: float, wind_m_s: float, mixing_m: float) -> float:
    """Concentration in the air over a town of a length, which the wind blows through: c0 + e L / (u h).

    Source: the box model of Gifford and Hanna 1973 (Atmospheric Environment 7, 131).
    """
    return background_ug_m3 + emitted_ug_s_m2 * town_m / (wind_m_s * mixing_m)


def taken_share(arrivals_h: float, stay_h: float, bays: int) -> float:
    """Share of a street's bays that are taken: Little's law with what finds no bay turned away (Erlang's loss formula B)."""
    offered = arrivals_h * stay_h
    blocked = 1.0
    for number in range(1, bays + 1):
        blocked = offered * blocked / (number + offered * blocked)
    return offered * (1 - blocked) / bays
