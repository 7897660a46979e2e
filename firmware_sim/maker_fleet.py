"""A fleet of devices of makes: identity, site and sensors of each, by its profile. Pure: the same seed gives the same fleet."""

import random
from collections.abc import Iterable, Mapping

from firmware_sim.devices.source import DeviceKind, DeviceRegister
from firmware_sim.fleet import COMMUNES, KINDS, SimDevice
from firmware_sim.makers.identity import JoinedSensors, MakerIdentity
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.table import MAKERS
from firmware_sim.signals import rng


def build_maker_fleet(counts: Mapping[str, int], forms: Iterable[str], interval_s: float, seed: int) -> list[SimDevice]:
    """The devices in the order they report: each make is spread evenly over the interval.

    :param counts: profile, one of the table of encoders → number of devices.
    :param forms: network server, and form of SenML packs; a make takes the one that it knows.
    """
    chosen = tuple(forms)
    return spread(
        [_device(profile, number + 1, chosen, interval_s, seed) for number in range(count)] for profile, count in counts.items()
    )


def spread(fleets: Iterable[list[SimDevice]]) -> list[SimDevice]:
    """All devices of several fleets, each fleet evenly over the whole."""
    placed = [((number + 0.5) / len(fleet), device) for fleet in fleets for number, device in enumerate(fleet)]
    return [device for _, device in sorted(placed, key=lambda place: place[0])]


def _device(profile: str, number: int, forms: tuple[str, ...], interval_s: float, seed: int) -> SimDevice:
    maker, source = MAKERS[profile], rng(seed, profile, number)
    name = f"sim-{seed}-{profile}-{number:04d}"
    site = f"xa-{source.randint(1, COMMUNES):02d}"
    form = next((form for form in forms if form in maker.forms), maker.forms[0] if maker.forms else "")
    sensors, registers = sensors_of(maker, source, interval_s), registers_of(maker)
    identity = MakerIdentity(maker, maker.name(name, source), form)
    return SimDevice(name, site, maker.domain, sensors, maker.kinds[0], registers, identity)


def sensors_of(maker: Maker, source: random.Random, interval_s: float) -> JoinedSensors:
    """The sensors of a new device of a make."""
    return JoinedSensors(tuple(_kind(kind).make(source, interval_s) for kind in maker.kinds))


def registers_of(maker: Maker) -> tuple[DeviceRegister, ...]:
    """The counters of a device of a make."""
    return tuple(DeviceRegister(field, resolution) for field, resolution in maker.registers.items())


def _kind(name: str) -> DeviceKind:
    """The kind of a domain, as in ``water-meter``."""
    domain, _, kind_name = name.partition("-")
    return next(kind for kind in KINDS[domain] if kind.name == kind_name)
