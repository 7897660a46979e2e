"""The weather of the province: one year that comes again, the same for all devices. Clouds stay for a day."""

from functools import cache
from typing import Final, NamedTuple

from firmware_sim.physics.solar import DAYS, clear_sky_w_m2, elevation_deg, lit_hours, roof_share
from firmware_sim.signals import DAY_S, HOUR_S, Curve, local_s, rng

SEASONS_C: Final = (-7.0, -5.5, -2.5, 1.5, 4.5, 5.5, 5.5, 5.0, 3.5, 0.5, -3.0, -6.0)
"""Mean of each month against that of the year: Điện Biên, QCVN 02:2022/BXD, rounded."""
WARMTH_C: Final = (-2.4, -3.2, -2.8, 0.8, 3.6, 4.0, 1.6, -0.8)
"""Against the mean of the day, each three hours."""


class Weather(NamedTuple):
    """A year hour by hour, from its first midnight: light on the ground, and the air against the mean of the year."""

    light_w_m2: tuple[float, ...]
    warmth_c: tuple[float, ...]


@cache
def weather() -> Weather:
    """The year's weather."""
    chance = rng("weather")
    clear = 0.8
    light: list[float] = []
    warmth: list[float] = []
    for day in range(DAYS):
        clear = min(max(0.6 * clear + 0.4 * chance.uniform(0.2, 1.2), 0.2), 1.0)
        month = min(day * 12 // DAYS, 11)
        for hour in range(24):
            light.append(round(clear * clear_sky_w_m2(elevation_deg(day, hour)), 1))
            warmth.append(round(SEASONS_C[month] + WARMTH_C[hour // 3] * (0.5 + 0.6 * clear), 1))
    return Weather(tuple(light), tuple(warmth))


@cache
def sunlight() -> Curve:
    """Light on the ground, in W/m2."""
    return Curve(weather().light_w_m2)


@cache
def air_warmth() -> Curve:
    """The air against the mean of the year."""
    steps = weather().warmth_c[::3]  # one in three hours, so that it rises and falls without steps
    return Curve(steps, step_s=3 * HOUR_S)


@cache
def roof_yield(mean_air_c: float = 22.0) -> Curve:
    """Yield of a roof, against its rating."""
    pairs = zip(weather().light_w_m2, weather().warmth_c, strict=True)
    return Curve(tuple(round(max(roof_share(light, mean_air_c + warmth), 0.0), 4) for light, warmth in pairs))


@cache
def _lit() -> tuple[tuple[float, float], ...]:
    """For each day when lamps are lit and put out, in hours, to the minute."""
    hours = [lit_hours(day) for day in range(DAYS)]
    return tuple((round(evening * 60) / 60, round(morning * 60) / 60) for evening, morning in hours)


def lamps_lit(instant_s: float) -> bool:
    """Tell if it is dark."""
    day, into_s = divmod(local_s(instant_s), DAY_S)
    evening, morning = _lit()[int(day) % DAYS]
    return not morning <= into_s / HOUR_S < evening
