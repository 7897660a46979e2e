"""Stories of the way from a reading to the network: silence, logs, clocks, restarts, and spoilt messages."""

from typing import Final

from firmware_sim.faults import FAULTS
from firmware_sim.signals import DAY_S, HOUR_S
from firmware_sim.stories.kinds import ALL, HOURS, HOUSE, INSTANT, METER, METERS
from firmware_sim.stories.story import RadioFault, Storyline
from schemas.scenario import FaultKind

_LOST: Final = ("completeness_low", "device_silent")
_MAY: Final = {
    FaultKind.DROP: _LOST,
    FaultKind.REORDER: _LOST,
    FaultKind.DELAY: (*_LOST, "clock_wrong"),
    FaultKind.TRUNCATE: _LOST,
    FaultKind.GARBAGE: _LOST,
    FaultKind.POISON: _LOST,
    FaultKind.NOT_A_NUMBER: _LOST,
    FaultKind.SENTINEL: _LOST,
    FaultKind.WRONG_UNIT: ("counter_step", "burst", "leak", "overload"),
}
"""Alarms that a fault explains; none must follow from it."""

RADIO_STORIES: Final[dict[str, Storyline]] = {
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
    "network_lost": Storyline(
        "a site has no network: what is measured there is stored, and comes as a log",
        ALL,
        HOURS,
        "site_silent",
        ("device_silent", "completeness_low"),
        ("device_silent",),
        intervals=3,
        radio=RadioFault(held=True),
        is_site=True,
    ),
    "clock_lost": Storyline(
        "a device without a battery for its clock starts in 1970, until its time is set",
        ALL,
        HOURS,
        None,
        ("clock_wrong",),
        radio=RadioFault(reboots=True, clock_lost=True),
    ),
    "clock_drifts": Storyline(
        "a clock gains ten seconds a day", ALL, (2 * DAY_S, 3 * DAY_S), radio=RadioFault(drift_ppm=115.0)
    ),
    "reboots": Storyline("a device starts anew, and its numbers with it", ALL, INSTANT, radio=RadioFault(1, reboots=True)),
    "unit_changed": Storyline(
        "a new firmware counts in thousandths, until the old one is back",
        (METER, HOUSE),  # the register of a main would be out of its bounds, and say nothing
        (4 * HOUR_S, 6 * HOUR_S),
        "counter_step",
        ("burst", "leak"),
        ("counter_step",),
        intervals=3,
        radio=RadioFault(kind=FaultKind.WRONG_UNIT, share=1.0, reboots=True),
    ),
    # One for each fault; the size of the event is the share of readings that it befalls.
    **{
        f"fault_{kind}": Storyline(FAULTS[kind].about, ALL, HOURS, None, _MAY.get(kind, ()), radio=RadioFault(kind=kind))
        for kind in FaultKind
    },
}
