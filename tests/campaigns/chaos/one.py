"""One schedule, carried out: ``python -m tests.campaigns.chaos.one NUMBER SECONDS FOLDER`` leaves ``verdict.json`` there."""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from gateway.commands.demo.services import Service, ServiceFailed
from schemas.quantities import DOMAINS
from tests.campaigns.chaos.faults import AWAY, FAULTS, KINDS
from tests.campaigns.rig.schedule import Deed, setting_of
from tests.campaigns.rig.tap import Handed
from tests.campaigns.rig.trial import Trial, carry_out
from tests.campaigns.rig.verdict import VERDICT, Evidence, Key, Verdict, judge, keys_of
from tests.campaigns.rig.world import World, world
from tests.influx import query

FEWEST_LOOKS_A_S: Final = 0.25
"""The gateway is away or kept from its work for a part of the time."""
FLEET_GOES_ON_S: Final = 1.0
"""So long after the last fault readings still come."""
KILLS_BROKER: Final = frozenset({"broker killed", "power cut"})
TRIAL: Final = Trial(
    "tests.campaigns.chaos",
    "tests.campaigns.chaos.one",
    ("mosquitto", "influxd"),
    KINDS,
    setting_of,
    "Mosquitto, killed before it had saved",
)


def run(number: int, seconds: float, folder: Path) -> Verdict:
    """Carry out a schedule in an empty folder."""
    setting, deeds = setting_of(number), TRIAL.deeds(number, seconds)
    began_s = time.monotonic()

    def verdict(faults: list[str], **counts: int) -> Verdict:
        seconds = round(time.monotonic() - began_s, 1)
        return Verdict(number, setting.name, list(map(str, deeds)), faults=faults, seconds=seconds, **counts)

    with world(folder, setting, number, seconds + FLEET_GOES_ON_S) as found:
        try:
            carry_out(
                deeds,
                seconds,
                lambda deed: FAULTS[deed.fault].begin(found),
                lambda deed: FAULTS[deed.fault].end(found),
                lambda held: found.look(gateway_may_be_away=bool(held & AWAY)),
            )
            found.settle()
        except (AssertionError, OSError, ServiceFailed, subprocess.TimeoutExpired) as fault:
            return verdict([*found.account.faults, f"{type(fault).__name__}: {fault}"], looks=found.account.looks)
        evidence = _evidence(found, deeds, round(seconds * FEWEST_LOOKS_A_S), drops_oldest=setting.drops_oldest)
        judgement = judge(evidence)
        return verdict(
            judgement.faults,
            readings=len(evidence.acknowledged),
            lost_by_gateway=judgement.lost_by_gateway,
            altered=judgement.altered,
            lost_by_broker=judgement.lost_by_broker,
            expired=evidence.expired,
            looks=found.account.looks,
        )


def _evidence(found: World, deeds: Sequence[Deed], fewest_looks: int, *, drops_oldest: bool) -> Evidence:
    """Collect the evidence once all has settled."""
    wrong = [f"a PUBACK that confirms nothing: {wrong}" for wrong in found.tap.wrong[:3]]
    return Evidence(
        acknowledged=acknowledged(found.fleet.ledger),
        delivered=readings_of(found.tap.delivered),
        confirmed=readings_of(found.tap.confirmed),
        standing=standing(found.influxdb),
        verified=verified(found.fleet.ledger, found.influxdb),
        expired=found.account.total("expired"),
        looks=found.account.looks,
        fewest_looks=fewest_looks,
        broker_killed=any(deed.fault in KILLS_BROKER for deed in deeds),
        drops_oldest=drops_oldest,
        seen=(*found.account.faults[:3], *wrong),
    )


def readings_of(handed: Iterable[Handed]) -> frozenset[Key]:
    """The readings that were handed over."""
    messages = {(each.topic, each.payload) for each in handed if each.topic.endswith("/readings")}
    return frozenset(key for topic, payload in messages for key in keys_of(topic, payload))


def acknowledged(ledger: Path) -> frozenset[Key]:
    """The readings that the broker acknowledged to the fleet."""
    rows = map(json.loads, ledger.read_text().splitlines())
    return frozenset((row["tags"]["device"], row["seq"]) for row in rows)


def standing(influxdb: Service) -> frozenset[Key]:
    """The readings of the fleet that stand in InfluxDB."""
    return frozenset(
        (str(row["device"]), int(str(row["seq"])))
        for domain in DOMAINS
        for row in query(influxdb.url, "iot", f"SELECT seq, device FROM {domain}")  # noqa: S608 - a name of ours
    )


def verified(ledger: Path, influxdb: Service) -> dict[str, int]:
    """Return the result of ``firmware-sim verify`` for the ledger, which it leaves beside it."""
    where = ["--ledger", str(ledger), "--influxdb", influxdb.url, "--api", "v1", "--bucket", "iot"]
    command = [sys.executable, "-m", "firmware_sim.cli", "verify", "--json", *where]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        raise AssertionError(f"firmware-sim verify ended with {done.returncode}: {done.stderr}")
    ledger.with_name("verified.json").write_text(done.stdout)
    total: dict[str, int] = json.loads(done.stdout)["total"]
    return total


if __name__ == "__main__":
    file = Path(sys.argv[3]) / VERDICT
    file.write_text(run(int(sys.argv[1]), float(sys.argv[2]), file.parent).as_json())
