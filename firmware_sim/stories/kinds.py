"""Kinds of devices, and spans of time, that stories name."""

from typing import Final

from firmware_sim.signals import DAY_S, HOUR_S

METER, DISTRICT, RESERVOIR, QUALITY = "water-meter", "water-district", "water-reservoir", "water-quality"
HOUSE, FEEDER, SOLAR = "power-house", "power-feeder", "power-solar"
ROAD, JUNCTION, CLASSES = "traffic-road", "traffic-junction", "traffic-class"
AIR, PARKING, LIGHT, PEOPLE, RAIN = "urban-air", "urban-parking", "urban-light", "urban-people", "urban-rain"

WATER: Final = (METER, DISTRICT)
METERS: Final = (*WATER, HOUSE, FEEDER)
EXCHANGED: Final = (*WATER, HOUSE)
"""Meters with one register: what was read off at an exchange is one number."""
BATTERIES: Final = (METER, ROAD, PARKING, PEOPLE, RAIN)
PEOPLES: Final = (*METERS, ROAD, JUNCTION, CLASSES, PEOPLE)
"""Devices whose figures depend on what people do."""
ALL: Final = (*PEOPLES, RESERVOIR, QUALITY, SOLAR, AIR, PARKING, LIGHT, RAIN)

INSTANT: Final = (1.0, 1.0)
"""It happens within a second, and what is after it stays."""
HOURS: Final = (4 * HOUR_S, 9 * HOUR_S)
WEEK: Final = 7 * DAY_S
