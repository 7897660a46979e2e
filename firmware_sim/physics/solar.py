"""The sun over a province: where it stands, what it gives, what a roof makes of it, when lamps are lit."""

from math import acos, asin, cos, degrees, exp, pi, radians, sin
from typing import Final

LATITUDE_DEG: Final = 22.0
"""In the mountains of the north of Vietnam."""
DAYS: Final = 365
_TILT_DEG: Final = 23.45
_STANDARD_W_M2: Final = 1000.0
_STANDARD_C: Final = 25.0
_LOSES_PER_K: Final = 0.004
_NOMINAL_CELL_C: Final = 45.0
_NOMINAL_W_M2: Final = 800.0
_NOMINAL_AIR_C: Final = 20.0
_INVERTER: Final = 0.92
"""What inverter, cables and dust leave."""


def declination_deg(day: int) -> float:
    """Latitude at which the sun stands overhead at noon; ``day`` 0 is 1 January (Cooper 1969)."""
    return _TILT_DEG * sin(2 * pi * (284 + day + 1) / DAYS)


def elevation_deg(day: int, hour: float, latitude_deg: float = LATITUDE_DEG) -> float:
    """Height of the sun above the horizon at an hour of local solar time (Duffie and Beckman, 1.6.5)."""
    latitude, declination = radians(latitude_deg), radians(declination_deg(day))
    turned = radians(15 * (hour - 12))
    return degrees(asin(sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(turned)))


def clear_sky_w_m2(height_deg: float) -> float:
    """Sunlight on the ground under a clear sky: 1098 cos z e^(-0.057 / cos z) (Haurwitz 1945)."""
    cosine = sin(radians(height_deg))
    return 1098 * cosine * exp(-0.057 / cosine) if cosine > 0 else 0.0


def roof_share(light_w_m2: float, air_c: float) -> float:
    """Yield of a roof against its rating: in proportion to the light, less 0.4 % for each degree that the cells are hot.

    The cells are warmer than the air by (NOCT - 20) G / 800 (IEC 61215; Skoplaki and Palyvos 2009).
    """
    cells_c = air_c + (_NOMINAL_CELL_C - _NOMINAL_AIR_C) * light_w_m2 / _NOMINAL_W_M2
    return _INVERTER * light_w_m2 / _STANDARD_W_M2 * (1 - _LOSES_PER_K * (cells_c - _STANDARD_C))


def lit_hours(day: int, below_deg: float = -3.0) -> tuple[float, float]:
    """Hours of local solar time at which lamps are lit in the evening and put out in the morning.

    The sun passes a height h at the hour angle whose cosine is (sin h - sin l sin d) / (cos l cos d) (Duffie and Beckman,
    1.6.10).
    """
    latitude, declination = radians(LATITUDE_DEG), radians(declination_deg(day))
    cosine = (sin(radians(below_deg)) - sin(latitude) * sin(declination)) / (cos(latitude) * cos(declination))
    half_day_h = degrees(acos(cosine)) / 15
    return 12 + half_day_h, 12 - half_day_h
