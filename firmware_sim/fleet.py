"""The fleet: which devices there are and in which order they report. Pure: the same counts and seed give the same fleet."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from firmware_sim.devices import power, traffic, urban, water
from firmware_sim.devices.source import DeviceKind, DeviceRegister, ReadingTimes, Sensors
from firmware_sim.makers.identity import JoinedSensors, MakerIdentity
from firmware_sim.signals import rng
from firmware_sim.wire.presence import BrokerPresence
from schemas.topics import NativeTopic

KINDS: Final[Mapping[str, tuple[DeviceKind, ...]]] = {
    "water": water.KINDS,
    "power": power.KINDS,
    "traffic": traffic.KINDS,
    "urban": urban.KINDS,
}
PARENT_KIND: Final = {"water-meter": "water-district", "power-house": "power-feeder"}
"""Kind → the kind that measures what flows to it. A roof feeds into a line of its own."""
COMMUNES: Final = 12
"""Devices are in so many sites."""
ONLINE: Final = b'{"state":"online"}'
OFFLINE: Final = b'{"state":"offline"}'


@dataclass(frozen=True, slots=True)
class SimDevice:
    """One simulated device.

    :ivar name: its id; begins with ``sim-`` and holds the seed, so that fleets of different seeds never share a device.
    :ivar kind: domain and kind, as in ``water-meter``.
    :ivar identity: its make; None: it sends native payloads.
    """

    name: str
    site: str
    domain: str
    source: Sensors
    kind: str = ""
    registers: tuple[DeviceRegister, ...] = ()
    identity: MakerIdentity | None = None

    @property
    def readings_topic(self) -> str:
        """The topic of its readings."""
        return str(NativeTopic(self.site, self.domain, self.name, "readings"))

    @property
    def status_topic(self) -> str:
        """The topic of its state: online by itself, offline by its last will."""
        return str(NativeTopic(self.site, self.domain, self.name, "status"))

    @property
    def presence(self) -> BrokerPresence | None:
        """Its state at the broker, offline by its last will; None: a network server or bridge speaks for it."""
        if self.identity is None:
            return BrokerPresence(self.status_topic, ONLINE, OFFLINE)
        presence_of = self.identity.maker.presence
        return presence_of(self.identity.source) if presence_of is not None else None


KIND_NAMES: Final = frozenset(f"{domain}-{kind.name}" for domain, kinds in KINDS.items() for kind in kinds)


def build_fleet(counts: Mapping[str, int], interval_s: float, seed: int, sites: int = COMMUNES) -> list[SimDevice]:
    """The devices in the order they report: each domain or kind is spread evenly over the interval.

    :param counts: domain, or kind as ``water-meter`` → number of devices.
    """
    placed = []
    met: Counter[str] = Counter()
    for asked, count in counts.items():
        domain, _, kind_name = asked.partition("-")
        kinds = [kind for kind in KINDS[domain] if kind_name in {"", kind.name}]
        for number in range(count):
            met[domain] += 1
            placed.append(((number + 0.5) / count, _device(domain, kinds, met[domain], interval_s, seed, sites)))
    return in_families([device for _, device in sorted(placed, key=lambda place: place[0])])


def parents_of(fleet: Iterable[SimDevice]) -> dict[str, str]:
    """House → the district meter or feeder that measures what flows to it: those of a site share its houses evenly."""
    devices = sorted(fleet, key=lambda device: device.name)
    bulk: dict[tuple[str, str], list[str]] = defaultdict(list)
    for device in devices:
        bulk[device.site, device.kind].append(device.name)
    parents, turns = {}, Counter[tuple[str, str]]()
    for device in devices:
        place = device.site, PARENT_KIND.get(device.kind, "")
        if place in bulk:
            parents[device.name] = bulk[place][turns[place] % len(bulk[place])]
            turns[place] += 1
    return parents


def in_families(fleet: Sequence[SimDevice]) -> list[SimDevice]:
    """The same fleet, in which a district meter or feeder measures what the houses behind it use, and what is lost.

    One without any stands before houses that have no meters.
    """
    sources = {device.name: device.source for device in fleet}
    used: dict[str, float] = defaultdict(float)
    for name, parent in parents_of(fleet).items():
        used[parent] += _mean_use(sources[name])
    return [
        replace(device, source=_supplying(device.source, used[device.name])) if device.name in used else device
        for device in fleet
    ]


def _mean_use(source: Sensors) -> float:
    if isinstance(source, JoinedSensors):
        return sum(map(_mean_use, source.parts))
    return source.mean_use if isinstance(source, water.CustomerMeter | power.Household) else 0.0


def _supplying(source: Sensors, used: float) -> Sensors:
    if isinstance(source, JoinedSensors):
        return JoinedSensors(tuple(_supplying(part, used) for part in source.parts))
    return source.supplying(used) if isinstance(source, water.DistrictMeter | power.Feeder) else source


def measured_at(source: Sensors, times: ReadingTimes) -> Sensors:
    """The same sensors in a device that measures at other times: what they count of an interval is that of these."""
    if isinstance(source, JoinedSensors):
        return JoinedSensors(tuple(measured_at(part, times) for part in source.parts))
    if isinstance(source, traffic.Detector | urban.PeopleCounter | urban.RainGauge):
        return replace(source, times=times)
    return source


def _device(domain: str, kinds: Sequence[DeviceKind], number: int, interval_s: float, seed: int, sites: int) -> SimDevice:
    source = rng(seed, domain, number)
    (kind,) = source.choices(kinds, [kind.share for kind in kinds])
    name = f"sim-{seed}-{domain}-{kind.name}-{number:04d}"
    site = f"xa-{source.randint(1, sites):02d}"
    return SimDevice(name, site, domain, kind.make(source, interval_s), f"{domain}-{kind.name}", kind.registers)
