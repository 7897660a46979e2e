"""Devices with one event each, for tests of stories."""

from firmware_sim.fleet import KINDS, SimDevice
from firmware_sim.signals import DAY_S, HOUR_S, rng
from firmware_sim.stories.cast import Role, cast
from firmware_sim.stories.plan import SimulatedSpan
from firmware_sim.stories.story import Incident
from firmware_sim.stories.table import STORIES

BEGIN_S = 1_767_546_000.0
"""Midnight of Monday, 2026-01-05, in Vietnam: ten days from here are neither holidays nor, but for the 11th, market days."""
INTERVAL_S = 900.0
ONE_DAY = SimulatedSpan(BEGIN_S, BEGIN_S + DAY_S, INTERVAL_S)
NOON_S = BEGIN_S + DAY_S / 2 + 100
"""A little after a reading."""


def device_of(kind: str, seed: int = 1) -> SimDevice:
    """A device of a kind such as ``water-meter``."""
    domain, name = kind.split("-")
    made = next(made for made in KINDS[domain] if made.name == name)
    return SimDevice(f"sim-{seed}-{kind}-0001", "xa-01", domain, made.make(rng(seed, kind), INTERVAL_S), kind, made.registers)


def incident_of(
    story: str, device: SimDevice, begin_s: float = NOON_S, lasts_s: float | None = None, size: float = 0.5
) -> Incident:
    """An event of a device, as short as the story allows."""
    told = STORIES[story]
    lasts_s = told.lasts_s[0] if lasts_s is None else lasts_s
    return Incident(story, device.site if told.is_site else device.name, begin_s, begin_s + lasts_s, size)


def role_of(story: str, kind: str = "", seed: int = 1, **about: float) -> tuple[Role, Incident]:
    """A device of a kind, by default the story's first, to which it happens."""
    device = device_of(kind or STORIES[story].kinds[0], seed)
    incident = incident_of(story, device, **about)
    days = 10.0
    # The second of a fleet: the first one does not measure on the full quarter of an hour.
    span = SimulatedSpan(BEGIN_S, BEGIN_S + days * DAY_S, INTERVAL_S)
    _, role = cast([device_of("urban-air"), device], [incident], STORIES, span)
    return role, incident


def hours(number: float) -> float:
    """So many hours, in seconds."""
    return number * HOUR_S
