"""One schedule, carried out: ``python -m tests.chaos.one NUMBER SECONDS FOLDER`` leaves ``verdict.json`` in the folder."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from gateway.demo.services import ServiceFailed
from schemas.quantities import DOMAINS
from tests.chaos.faults import AWAY, FAULTS, KINDS
from tests.chaos.schedule import Deed, schedule, setting_of
from tests.chaos.tap import Handed
from tests.chaos.verdict import Evidence, Key, Verdict, judge, keys_of
from tests.chaos.world import World, world
from tests.influx import query

LOOK_EVERY_S: Final = 0.25
FEWEST_LOOKS_A_S: Final = 0.25
"""The gateway is away or kept from its work for a part of the time."""
FLEET_GOES_ON_S: Final = 1.0
"""So long after the last fault readings still come."""
KILLS_BROKER: Final = frozenset({"broker killed", "power cut"})
VERDICT: Final = "verdict.json"


def deeds_of(number: int, seconds: float) -> list[Deed]:
    """The faults of a schedule."""
    return schedule(number, seconds, KINDS, setting_of(number))


def run(number: int, seconds: float, folder: Path) -> Verdict:
    """Carry out a schedule in an empty folder."""
    setting, deeds = setting_of(number), deeds_of(number, seconds)
    began_s = time.monotonic()

    def verdict(faults: list[str], **counts: int) -> Verdict:
        seconds = round(time.monotonic() - began_s, 1)
        return Verdict(number, setting.name, list(map(str, deeds)), faults=faults, seconds=seconds, **counts)

    with world(folder, setting, number, seconds + FLEET_GOES_ON_S) as found:
        try:
            carry_out(found, deeds, seconds)
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


def carry_out(found: World, deeds: Sequence[Deed], seconds: float) -> None:
    """Let the faults come and go, and look at the gateway all the while."""
    agenda: list[tuple[float, int, Callable[[World], object], Deed]] = sorted(
        [(deed.at_s + deed.for_s, 0, FAULTS[deed.fault].end, deed) for deed in deeds]
        + [(deed.at_s, 1, FAULTS[deed.fault].begin, deed) for deed in deeds],
        key=lambda entry: entry[:2],
    )
    held: set[Deed] = set()
    began_s = time.monotonic()
    next_look_s = 0.0
    while (now_s := time.monotonic() - began_s) < seconds or agenda:
        if agenda and now_s >= agenda[0][0]:
            _, begins, act, deed = agenda.pop(0)
            if begins:
                held.add(deed)
            act(found)
            if not begins:
                held.discard(deed)
        elif now_s >= next_look_s:
            next_look_s = now_s + LOOK_EVERY_S
            found.look(gateway_may_be_away=any(deed.fault in AWAY for deed in held))
        else:
            until_s = min(next_look_s, agenda[0][0] if agenda else seconds)
            time.sleep(max(until_s - now_s, 0.001))


def _evidence(found: World, deeds: Sequence[Deed], fewest_looks: int, *, drops_oldest: bool) -> Evidence:
    """Collect the evidence once all has settled."""
    rows = map(json.loads, found.fleet.ledger.read_text().splitlines())
    standing = {
        (str(row["device"]), int(str(row["seq"])))
        for domain in DOMAINS
        for row in query(found.influxdb.url, "iot", f"SELECT seq, device FROM {domain}")  # noqa: S608 - a name of ours
    }
    wrong = [f"a PUBACK that confirms nothing: {wrong}" for wrong in found.tap.wrong[:3]]
    return Evidence(
        acknowledged=frozenset((row["tags"]["device"], row["seq"]) for row in rows),
        delivered=_readings(found.tap.delivered),
        confirmed=_readings(found.tap.confirmed),
        standing=frozenset(standing),
        verified=_verified(found),
        expired=found.account.total("expired"),
        looks=found.account.looks,
        fewest_looks=fewest_looks,
        broker_killed=any(deed.fault in KILLS_BROKER for deed in deeds),
        drops_oldest=drops_oldest,
        seen=(*found.account.faults[:3], *wrong),
    )


def _readings(handed: Iterable[Handed]) -> frozenset[Key]:
    messages = {(each.topic, each.payload) for each in handed if each.topic.endswith("/readings")}
    return frozenset(key for topic, payload in messages for key in keys_of(topic, payload))


def _verified(found: World) -> dict[str, int]:
    """Return the result of ``firmware-sim verify`` for the ledger."""
    where = ["--ledger", str(found.fleet.ledger), "--influxdb", found.influxdb.url, "--api", "v1", "--bucket", "iot"]
    command = [sys.executable, "-m", "firmware_sim.cli", "verify", "--json", *where]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        raise AssertionError(f"firmware-sim verify ended with {done.returncode}: {done.stderr}")
    (found.gate.folder.parent / "verified.json").write_text(done.stdout)
    total: dict[str, int] = json.loads(done.stdout)["total"]
    return total


if __name__ == "__main__":
    file = Path(sys.argv[3]) / VERDICT
    file.write_text(run(int(sys.argv[1]), float(sys.argv[2]), file.parent).as_json())
