"""THE table of stories: what can happen to which device, and which alarm must follow."""

from typing import Final

from firmware_sim.signals import DAY_S, HOUR_S
from firmware_sim.stories import flows, gauges
from firmware_sim.stories.story import DisplayStep, Effect, RadioFault, Storyline

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

STORIES: Final[dict[str, Storyline]] = {
    # What flows.
    "leak": Storyline(
        "a house's water never stands still",
        (METER,),
        (2 * DAY_S, 4 * DAY_S),
        "leak",
        for_s=DAY_S,
        effect=Effect(added_h=flows.leak_h, flag="alarm_leak", flag_after_s=DAY_S),
    ),
    "network_leak": Storyline(
        "the network of a district leaks, and shows it at night",
        (DISTRICT,),
        (5 * DAY_S, 6 * DAY_S),
        "leak",
        days=2,
        usual_s=WEEK,
        effect=Effect(added_h=flows.network_leak_h),
    ),
    "burst": Storyline(
        "a main bursts",
        (DISTRICT,),
        HOURS,
        "burst",
        ("pressure_low",),
        for_s=600,
        usual_s=WEEK,
        effect=Effect(added_h=flows.burst_h, change=gauges.pressure_falls),
    ),
    "backflow": Storyline(
        "water runs backwards",
        WATER,
        HOURS,
        "backflow",
        effect=Effect(factor=flows.stands_forwards, added_h=flows.backwards_h, backwards=True, flag="alarm_backflow"),
    ),
    "outage": Storyline(
        "no supply",
        (FEEDER,),
        HOURS,
        "outage",
        effect=Effect(factor=flows.none_flows, change=gauges.outage, flag="alarm_outage"),
    ),
    "phase_lost": Storyline(
        "a fuse of one phase has blown",
        (FEEDER,),
        HOURS,
        "phase_lost",
        effect=Effect(factor=flows.without_phase, scales=False, change=gauges.phase_lost),
    ),
    "overload": Storyline(
        "more load than a station is made for", (FEEDER,), HOURS, "overload", for_s=900, effect=Effect(added_h=flows.overload_h)
    ),
    # What is measured.
    "voltage_low": Storyline(
        "the voltage sags", (HOUSE, FEEDER), HOURS, "voltage_low", for_s=600, effect=Effect(change=gauges.voltage_low)
    ),
    "voltage_high": Storyline(
        "the voltage is too high", (HOUSE, FEEDER), HOURS, "voltage_high", for_s=600, effect=Effect(change=gauges.voltage_high)
    ),
    "pressure_low": Storyline(
        "hardly any pressure", (DISTRICT,), HOURS, "pressure_low", for_s=600, effect=Effect(change=gauges.pressure_low)
    ),
    "pressure_high": Storyline(
        "a reducing valve is stuck", (DISTRICT,), HOURS, "pressure_high", for_s=600, effect=Effect(change=gauges.pressure_high)
    ),
    "tank_low": Storyline("a tank runs low", (RESERVOIR,), HOURS, "tank_low", for_s=300, effect=Effect(change=gauges.tank_low)),
    "tank_overflow": Storyline(
        "a tank overflows", (RESERVOIR,), HOURS, "tank_overflow", effect=Effect(change=gauges.tank_overflow)
    ),
    "bad_water": Storyline(
        "acid, or no chlorine, or turbid",
        (QUALITY,),
        HOURS,
        "water_quality",
        for_s=1800,
        effect=Effect(change=gauges.bad_water),
    ),
    "congestion": Storyline(
        "nothing moves", (ROAD,), HOURS, "congestion", for_s=600, usual_s=WEEK, effect=Effect(change=gauges.congestion)
    ),
    "lamp_failed": Storyline(
        "the driver of a lamp is dead", (LIGHT,), HOURS, "lamp_failed", effect=Effect(change=gauges.dark, flag="alarm_lamp")
    ),
    "smoke": Storyline(
        "fields are burnt around the town", (AIR,), HOURS, "air_quality", for_s=HOUR_S, effect=Effect(change=gauges.smoke)
    ),
    "tamper": Storyline("a meter is opened", (METER, HOUSE), HOURS, "tamper", effect=Effect(flag="alarm_tamper")),
    "battery_low": Storyline(
        "a battery is nearly empty",
        BATTERIES,
        (2 * DAY_S, 3 * DAY_S),
        "battery_low",
        effect=Effect(change=gauges.battery_low, flag="battery_low"),
    ),
    # What a meter shows of what flows.
    "exchange_told": Storyline(
        "a meter is exchanged", EXCHANGED, INSTANT, None, ("counter_step",), display=DisplayStep.EXCHANGED, told="at_once"
    ),
    "exchange_told_later": Storyline(
        "a meter is exchanged, and that is told days later",
        EXCHANGED,
        INSTANT,
        "counter_step",
        intervals=3,
        display=DisplayStep.EXCHANGED,
        told="later",
    ),
    "exchange_never_told": Storyline(
        "a meter is exchanged, and nobody says so",
        EXCHANGED,
        INSTANT,
        "counter_step",
        intervals=3,
        display=DisplayStep.EXCHANGED,
        told="never",
    ),
    "rolls_over": Storyline("a register rolls over", METERS, INSTANT, None, ("counter_step",), display=DisplayStep.ROLLED_OVER),
    "reset": Storyline("a register starts again at 0", METERS, INSTANT, "counter_step", intervals=3, display=DisplayStep.RESET),
    "steps_back": Storyline(
        "a register loses what it had not saved", METERS, INSTANT, "counter_step", intervals=3, display=DisplayStep.STEPPED_BACK
    ),
    "halved": Storyline(
        "a register goes back to the middle", METERS, INSTANT, "counter_step", intervals=3, display=DisplayStep.HALVED
    ),
    # What the radio makes of the readings.
    "silent": Storyline(
        *("a device falls silent", ALL, HOURS, "device_silent", ("completeness_low",)), intervals=3, radio=RadioFault(kept_of=0)
    ),
    "site_silent": Storyline(
        "the power of a site is cut",
        ALL,
        HOURS,
        "site_silent",
        ("completeness_low",),
        ("device_silent",),
        intervals=3,
        radio=RadioFault(kept_of=0),
        is_site=True,
    ),
    "lossy": Storyline(
        *("each second reading is lost", ALL, (2 * DAY_S, 3 * DAY_S), "completeness_low"), days=1, radio=RadioFault(kept_of=2)
    ),
    "late": Storyline(
        "hours of readings come as a log, behind the present one",
        ALL,
        HOURS,
        "device_silent",
        ("completeness_low",),
        intervals=3,
        radio=RadioFault(held=True),
    ),
    "garbage": Storyline(
        "one frame is garbage, and its status is good", METERS, INSTANT, radio=RadioFault(readings=1, garbage=True)
    ),
    "garbage_array": Storyline(
        "an array of three garbage readings",
        METERS,
        INSTANT,
        None,
        ("counter_step",),
        radio=RadioFault(readings=3, garbage=True, held=True, together=True),
    ),
    "clock_wrong": Storyline(
        "a clock is a day ahead", ALL, HOURS, "clock_wrong", for_s=HOUR_S, radio=RadioFault(clock_off_s=DAY_S)
    ),
    # What is no fault.
    "market": Storyline("a market day", PEOPLES, (DAY_S, DAY_S), effect=Effect(factor=flows.market), is_calendar=True),
    "holiday": Storyline(
        "Tết and other holidays", PEOPLES, (DAY_S, DAY_S), effect=Effect(factor=flows.holiday), is_calendar=True
    ),
}
