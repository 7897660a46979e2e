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
PARENT_KIND: Final = {"water-meter": "water-district", "power-house": "power-feeder", "power-solar": "power-feeder"}
"""Kind → the kind that measures what flows to it. What a roof feeds in the feeder need not bring."""
ROOFS_SHARE: Final = 0.4
"""Roofs behind a feeder are rated so much of what its houses use, at most: less than they draw at noon."""
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
    return in_families(_where_supplied([device for _, device in sorted(placed, key=lambda place: place[0])]))


def _where_supplied(fleet: Sequence[SimDevice]) -> list[SimDevice]:
    """The same fleet, in which houses and roofs stand at sites with a bulk meter, if there is any.

    A site of houses gets a bulk meter of another that has one to spare, else its houses move to where there is one.
    """
    sites = {device.name: device.site for device in fleet}
    for kind, bulk_kind in PARENT_KIND.items():
        customers = [device.name for device in fleet if device.kind == kind]
        bulk = [device.name for device in fleet if device.kind == bulk_kind]
        if kind != "power-solar":
            _share(bulk, customers, sites)
        fed = sorted({sites[name] for name in bulk})
        for number, name in enumerate(customers):
            if fed and sites[name] not in fed:
                sites[name] = fed[number % len(fed)]
    return [device if device.site == sites[device.name] else replace(device, site=sites[device.name]) for device in fleet]


def _share(bulk: Sequence[str], houses: Sequence[str], sites: dict[str, str]) -> None:
    """Move bulk meters from sites that have some to spare to those that have houses and none."""
    inhabited = Counter(sites[name] for name in houses)
    for site, _ in inhabited.most_common():
        having = Counter(sites[name] for name in bulk)
        spare = [name for name in bulk if having[sites[name]] > 1 or not inhabited[sites[name]]]
        if spare and not having[site]:
            sites[max(spare, key=lambda name: (not inhabited[sites[name]], having[sites[name]], name))] = site


def parents_of(fleet: Iterable[SimDevice]) -> dict[str, str]:
    """House or roof → the district meter or feeder of its line: those of a site share its houses evenly, and its roofs."""
    devices = sorted(fleet, key=lambda device: device.name)
    bulk: dict[tuple[str, str], list[str]] = defaultdict(list)
    for device in devices:
        bulk[device.site, device.kind].append(device.name)
    parents, turns = {}, Counter[tuple[str, str]]()  # each kind begins at the first one, which has houses if any has
    for device in devices:
        place = device.site, PARENT_KIND.get(device.kind, "")
        if place in bulk:
            turn = device.site, device.kind
            parents[device.name] = bulk[place][turns[turn] % len(bulk[place])]
            turns[turn] += 1
    return parents


def in_families(fleet: Sequence[SimDevice]) -> list[SimDevice]:
    """The same fleet, in which a district meter or feeder measures what the houses behind it use, and what is lost.

    One without any stands before houses that have no meters.
    """
    sources = {device.name: device.source for device in fleet}
    used, roofs = defaultdict[str, float](float), defaultdict[str, list[str]](list)
    for name, parent in parents_of(fleet).items():
        used[parent] += _mean_use(sources[name])
        if isinstance(sources[name], power.SolarRoof):
            roofs[parent].append(name)
    for parent, names in roofs.items():
        for name in names:
            roof = sources[name]
            if used[parent] and isinstance(roof, power.SolarRoof):
                sources[name] = roof.rated_at_most(ROOFS_SHARE * used[parent] / len(names))
    fed_w = {parent: sum(_rated_w(sources[name]) for name in names) for parent, names in roofs.items()}
    for name, amount in used.items():
        if amount:
            sources[name] = _supplying(sources[name], amount, fed_w.get(name, 0.0))
    return [replace(device, source=sources[device.name]) for device in fleet]


def _rated_w(source: Sensors) -> float:
    return source.yield_w.scale if isinstance(source, power.SolarRoof) else 0.0


def _mean_use(source: Sensors) -> float:
    if isinstance(source, JoinedSensors):
        return sum(map(_mean_use, source.parts))
    return source.mean_use if isinstance(source, water.CustomerMeter | power.Household) else 0.0


def _supplying(source: Sensors, used: float, fed_w: float) -> Sensors:
    if isinstance(source, JoinedSensors):
        return JoinedSensors(tuple(_supplying(part, used, fed_w) for part in source.parts))
    if isinstance(source, power.Feeder):
        return source.supplying(used, fed_w)
    return source.supplying(used) if isinstance(source, water.DistrictMeter) else source


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
