"""One schedule on a cluster: ``python -m tests.campaigns.rabbitmq.one NUMBER SECONDS FOLDER`` leaves ``verdict.json`` there."""

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.commands.demo.services import Service, ServiceFailed
from schemas.quantities import DOMAINS, SUM_OF, Quality
from tests.campaigns.chaos.one import acknowledged, readings_of, standing, verified
from tests.campaigns.rabbitmq.faults import ALL_KILLED, FAULTS, KINDS, MOVES
from tests.campaigns.rabbitmq.world import ClusterWorld, cluster_world
from tests.campaigns.rig.schedule import Deed, Setting
from tests.campaigns.rig.trial import Trial, carry_out
from tests.campaigns.rig.verdict import VERDICT, Evidence, Verdict, judge
from tests.influx import query

FLEET_GOES_ON_S: Final = 15.0
"""On a busy machine faults wait for nodes to come back; readings come all the while, and end when the last fault has."""
FEWEST_LOOKS_A_S: Final = 0.25
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


TRIAL: Final = Trial(
    "tests.campaigns.rabbitmq",
    "tests.campaigns.rabbitmq.one",
    ("influxd",),
    KINDS,
    setting_of,
    "the cluster",
    schedules=50,
    seconds=30.0,
    side_by_side=1,
)


def run(number: int, seconds: float, folder: Path) -> Verdict:
    """Carry out a schedule in an empty folder."""
    setting, deeds = setting_of(number), TRIAL.deeds(number, seconds)
    began_s = time.monotonic()

    def verdict(faults: list[str], **counts: int) -> Verdict:
        took_s = round(time.monotonic() - began_s, 1)
        return Verdict(number, setting.name, list(map(str, deeds)), faults=faults, seconds=took_s, **counts)

    with cluster_world(folder, setting, number, seconds + FLEET_GOES_ON_S) as found:
        try:
            carry_out(
                deeds,
                seconds,
                lambda deed: FAULTS[deed.fault].begin(found, deed),
                lambda deed: FAULTS[deed.fault].end(found, deed),
                lambda _: found.look(),
            )
            found.settle()
        except (AssertionError, OSError, ServiceFailed, subprocess.TimeoutExpired) as fault:
            seen = [line for account in found.accounts for line in account.faults]
            return verdict([*seen, f"{type(fault).__name__}: {fault}"])
        evidence = _evidence(found, round(seconds * FEWEST_LOOKS_A_S))
        judgement = judge(evidence)
        lost = [f"{judgement.lost_by_broker} readings lost by the cluster"] * bool(judgement.lost_by_broker)
        moves = any(deed.fault == MOVES for deed in deeds)
        return verdict(
            [*judgement.faults, *lost, *_faults(found, moves=moves)],
            readings=len(evidence.acknowledged),
            lost_by_gateway=judgement.lost_by_gateway,
            altered=judgement.altered,
            lost_by_broker=judgement.lost_by_broker,
            looks=evidence.looks,
        )


def _evidence(found: ClusterWorld, fewest_looks: int) -> Evidence:
    """Collect the evidence once all has settled. What no instance confirmed has been lost by the cluster."""
    taps = [instance.tap for instance in found.instances.values()]
    wrong = [f"a PUBACK that confirms nothing: {wrong}" for tap in taps for wrong in tap.wrong[:_SHOWN]]
    return Evidence(
        acknowledged=acknowledged(found.fleet.ledger),
        delivered=readings_of(handed for tap in taps for handed in tap.delivered),
        confirmed=readings_of(handed for tap in taps for handed in tap.confirmed),
        standing=standing(found.influxdb),
        verified=verified(found.fleet.ledger, found.influxdb),
        expired=sum(account.total("expired") for account in found.accounts),
        looks=sum(account.looks for account in found.accounts),
        fewest_looks=fewest_looks,
        broker_killed=True,
        drops_oldest=False,
        seen=(*(fault for account in found.accounts for fault in account.faults[:_SHOWN]), *wrong),
    )


def _faults(found: ClusterWorld, *, moves: bool) -> Iterator[str]:
    """Find what must not be, beside a lost or altered reading."""
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


if __name__ == "__main__":
    file = Path(sys.argv[3]) / VERDICT
    file.write_text(run(int(sys.argv[1]), float(sys.argv[2]), file.parent).as_json())
