"""THE table of stories: what can happen to which device, and which alarm must follow."""

from typing import Final

from firmware_sim.signals import DAY_S, HOUR_S
from firmware_sim.stories import flows, gauges
from firmware_sim.stories.kinds import (
    AIR,
    BATTERIES,
    DISTRICT,
    EXCHANGED,
    FEEDER,
    HOURS,
    HOUSE,
    INSTANT,
    LIGHT,
    METER,
    METERS,
    PEOPLES,
    QUALITY,
    RESERVOIR,
    ROAD,
    SOLAR,
    WATER,
    WEEK,
)
from firmware_sim.stories.radio_table import RADIO_STORIES
from firmware_sim.stories.story import DisplayStep, Effect, RadioFault, Storyline

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
        ("losses_high",),
        days=2,
        usual_s=WEEK,
        again_s=11 * DAY_S,
        effect=Effect(added_h=flows.network_leak_h),
    ),
    "burst": Storyline(
        "a main bursts",
        (DISTRICT,),
        HOURS,
        "burst",
        ("pressure_low", "losses_high"),
        for_s=600,
        usual_s=WEEK,
        effect=Effect(added_h=flows.burst_h, change=gauges.pressure_falls),
    ),
    "backflow": Storyline(
        "water runs backwards",
        WATER,
        HOURS,
        "backflow",
        ("counter_step",),  # the first flow of a register that never moved is above all that is usual
        effect=Effect(factor=flows.stands_forwards, added_h=flows.backwards_h, backwards=True, flag="alarm_backflow"),
    ),
    "air": Storyline(
        "water comes back with air in front of it: meters turn, the pressure is unsteady",
        (DISTRICT,),
        (HOUR_S, 2 * HOUR_S),
        None,
        ("pressure_low", "burst"),
        effect=Effect(added_h=flows.air_h, unfolds=gauges.air),
    ),
    "last_gasp": Storyline(
        "a house loses its supply: its meter says so once and is silent until power is back",
        (HOUSE,),
        HOURS,
        "outage",
        ("device_silent", "completeness_low"),
        ("device_silent",),
        effect=Effect(factor=flows.none_flows, change=gauges.outage, flag="alarm_outage"),
        radio=RadioFault(kept_of=0, gasps=True),
    ),
    "outage": Storyline(
        "no supply",
        (FEEDER,),
        HOURS,
        "outage",
        effect=Effect(factor=flows.none_flows, change=gauges.outage, flag="alarm_outage"),
    ),
    "roof_off": Storyline(
        "a roof's inverter stops, as it must where the grid has no voltage",
        (SOLAR,),
        HOURS,
        effect=Effect(factor=flows.none_flows),
    ),
    "phase_lost": Storyline(
        "a fuse of one phase has blown",
        (FEEDER,),
        HOURS,
        "phase_lost",
        effect=Effect(factor=flows.without_phase, scales=False, change=gauges.phase_lost),
    ),
    "overload": Storyline(
        "more load than a station is made for",
        (FEEDER,),
        HOURS,
        "overload",
        ("losses_high",),
        for_s=900,
        effect=Effect(added_h=flows.overload_h),
    ),
    "empty_house": Storyline(
        "a house is left, and its meter asks why no water flows",
        (METER,),
        HOURS,
        "no_flow",
        effect=Effect(factor=flows.none_flows, flag="alarm_no_flow"),
    ),
    "blocked": Storyline(
        "grit blocks a meter: its register stands still, and it says so",
        (METER,),
        HOURS,
        "register_stuck",
        effect=Effect(factor=flows.none_flows, flag="alarm_blocked"),
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
    "pump_stops": Storyline(
        "a pump stops, its tank falls for hours, and is filled again in the end",
        (RESERVOIR,),
        (5 * HOUR_S, 9 * HOUR_S),
        "tank_low",
        for_s=gauges.EMPTY_S + 300,
        effect=Effect(unfolds=gauges.tank_falls, unfolds_in_s=gauges.EMPTY_S),
    ),
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
    # What is no fault.
    "market": Storyline("a market day", PEOPLES, (DAY_S, DAY_S), effect=Effect(factor=flows.market), is_calendar=True),
    "holiday": Storyline(
        "Tết and other holidays", PEOPLES, (DAY_S, DAY_S), effect=Effect(factor=flows.holiday), is_calendar=True
    ),
    **RADIO_STORIES,
}
