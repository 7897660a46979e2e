"""The campaign of a cluster and the gateways behind it: its settings, and what must not come of it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from gateway.commands.demo.services import Service
from schemas.quantities import DOMAINS, SUM_OF, Quality
from tests.campaigns.rabbitmq.faults import ALL_KILLED, FAULTS, MOVES
from tests.campaigns.rabbitmq.world import ClusterWorld, cluster_world
from tests.campaigns.rig.fleet import readings_of
from tests.campaigns.rig.schedule import Deed, Setting
from tests.campaigns.rig.trial import Trial
from tests.influx import query

_ROUNDING: Final = 2e-6
_SHOWN: Final = 3

SETTINGS: Final = (
    Setting("plain"),
    Setting("a connection each", connections="per-device"),
    Setting("members stay", never=frozenset({MOVES}), begins_with=(Deed(2.0, ALL_KILLED, 1.5),)),
    Setting("arrays", scenario="backlog"),
    Setting("duplicates", scenario="duplicates"),
    Setting("devices without clock", scenario="no-clock"),
)


def setting_of(number: int) -> Setting:
    """The world of a schedule."""
    return SETTINGS[number % len(SETTINGS)]


def _further(found: ClusterWorld, deeds: Sequence[Deed], lost_by_broker: int) -> Iterator[str]:
    """Find what must not be, beside a reading that a gateway lost or altered. What none confirmed, the cluster has lost."""
    if lost_by_broker:
        yield f"{lost_by_broker} readings lost by the cluster"
    moves = any(deed.fault == MOVES for deed in deeds)
    where = defaultdict[str, set[str]](set)
    for name, instance in found.instances.items():
        for device, _ in readings_of(instance.tap.delivered):
            where[device].add(name)
    moved = sorted(device for device, names in where.items() if len(names) > 1)
    if moved and not moves:
        yield f"{len(moved)} devices moved though no member came or went: {moved[:_SHOWN]}"
    yield from wrong_sums(found.influxdb)
    silent = query(found.influxdb.url, "iot", "SELECT * FROM alarm WHERE alarm = 'device_silent' OR alarm = 'site_silent'")
    if silent:
        yield f"{len(silent)} points say that a device or site is silent, first {silent[0]}"


def wrong_sums(influxdb: Service) -> Iterator[str]:
    """Registers whose sum does not go on as they do: meters of this fleet are not exchanged, so the distance stays.

    A reading without a time of its own may stand behind newer ones, marked with bit 64. Its sum counts nothing.
    """
    for domain in DOMAINS:
        rows = query(influxdb.url, "iot", f"SELECT * FROM {domain}")  # noqa: S608 - a name of ours
        for register, total in SUM_OF.items():
            apart, shown = defaultdict[tuple[str, str], list[float]](list), defaultdict[tuple[str, str], float](float)
            for row in rows:
                counter, value = (row["device"], str(row.get("channel", ""))), row.get(register)
                if value is None or (value < shown[counter] and int(row["quality"]) & Quality.MAY_STAND_TWICE):
                    continue
                shown[counter] = value
                if row.get(total) is not None:
                    apart[counter].append(row[total] - value)
            wrong = {device: each for (device, _), each in apart.items() if max(each) - min(each) > _ROUNDING}
            for device, each in list(wrong.items())[:_SHOWN]:
                yield f"{total} of {device} does not go on as {register}: {min(each):.6f} to {max(each):.6f} apart"


TRIAL: Final = Trial(
    "tests.campaigns.rabbitmq",
    ("influxd",),
    FAULTS,
    setting_of,
    cluster_world,
    goes_on_s=15.0,  # on a busy machine faults wait for nodes to come back; readings end when the last fault has
    breaks="the cluster",
    further=_further,
    schedules=50,
    seconds=30.0,
    side_by_side=1,
)
