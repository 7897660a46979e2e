"""Faults, as a table: which device, when, and what becomes known of it. Pure."""

from typing import Final, NamedTuple


class Fault(NamedTuple):
    """Something that happens to a device.

    :ivar hours: how long it lasts: a silence, a gap around an exchange, a stuck register.
    :ivar register: what the meter shows afterwards; of a small step how much more than the old one.
    :ivar told_h: hours until somebody tells it; None: nobody does.
    """

    device: str
    kind: str
    day: int
    hour: float
    hours: float = 0.0
    register: float = 0.0
    told_h: float | None = None


FAULTS: Final = (
    # Exchanges.
    Fault("w02", "exchange", 1, 10.4, 0.0, 0.2, told_h=0.1),
    Fault("p02", "exchange", 4, 10.4, 0.0, 3.0, told_h=0.1),
    Fault("w03", "exchange", 1, 14.3, 0.5, 0.6, told_h=26.0),
    Fault("q02", "exchange", 1, 9.3, 0.5, 1.5, told_h=20.0),
    Fault("u01", "exchange", 9, 9.3, 0.5, 0.3, told_h=50.0),
    Fault("w04", "exchange", 1, 11.4, 1.0, 943.0),
    Fault("w05", "exchange", 8, 4.3, 14.0, 1_200.0),
    Fault("w06", "exchange", 6, 2.3, 72.0, 2_100.0),
    Fault("w07", "exchange", 0, 14.3, 30 * 24, 3_333.0),
    Fault("p04", "exchange", 10, 4.3, 14.0, 9_000.0),
    Fault("v06", "small step", 12, 10.3, 14.0, 3.4),
    # Registers.
    Fault("w08", "reset", 1, 16.4, register=0.0),
    Fault("w09", "reset", 7, 16.4, register=0.4),
    Fault("p05", "reset", 12, 3.4, register=0.0),
    Fault("v02", "stuck", 14, 12.0, hours=60.0),
    Fault("tc-2", "stuck", 9, 0.0, hours=48.0),
    Fault("pc-1", "nightly", 0, 0.0),
    # Messages.
    Fault("w11", "garbage", 1, 18.4, register=4_000_000.0),
    Fault("p06", "garbage", 6, 18.4, register=77.0),
    Fault("w12", "twice", 1, 2.0, hours=6.0),
    Fault("v01", "late", 5, 6.0, hours=6.0),
    Fault("u02", "late", 17, 20.0, hours=9.0),
    # Devices.
    Fault("v03", "silent", 9, 12.0, hours=8 * 24),
    Fault("q03", "silent", 20, 5.0, hours=30.0),
    Fault("r02", "silent", 1, 3.0, hours=4.0),
    # Clocks: of one a person tells the gateway, which asks; of the others nobody does, all month.
    Fault("v04", "clock", 0, 0.0, hours=7.0),
    Fault("p07", "clock", 0, 0.0, hours=7.0, told_h=26.0),
    Fault("v05", "clock", 0, 0.0, hours=-7.0),
)

THEFTS: Final = (("z1", 16, 1.0), ("t2", 17, 1.5))
"""Zone, day and how much more is lost in it an hour from then on. What is usual must be known before: of fourteen days."""
LEAKS: Final = (("u03", 11, 0.15),)
"""Customer, day and what runs there day and night from then on."""
NO_FLOW: Final = {"s06": ((13, 6.0, 12.0),)}
"""Meter, and day and hours in which it says that nothing flows though it should."""


class Outage(NamedTuple):
    """A part that stops, at an hour of a day.

    :ivar is_last_day: counted on the last day, which passes at a pace at which clocks can be believed.
    """

    part: str
    day: int
    hour: float
    hours: float
    is_last_day: bool = False


OUTAGES: Final = (
    Outage("database", 2, 3.0, 2.0),
    Outage("database", 13, 22.0, 4.0),
    Outage("kill", 0, 17.0, 0.05, is_last_day=True),
    Outage("gateway", 0, 17.5, 0.5, is_last_day=True),
    Outage("broker", 0, 19.0, 3.0, is_last_day=True),
)
SLOW_FROM_H: Final = 16.75
"""From this hour of the last day on the world passes at 60 times real speed at most."""
FASTER_FROM_H: Final = 24.75

UNKNOWABLE: Final = {
    "stuck": "a register that stands still says nothing of what flows; only an alarm may notice",
    "small step": "an exchange that nobody told, with a register that usual use would also have shown",
    "unregistered": "what customers take whom nobody registered; it is said with 'not measured'",
}
"""What nobody can know, and why: exactly this the judge leaves out, and counts."""
