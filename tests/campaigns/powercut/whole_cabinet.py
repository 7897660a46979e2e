"""A power cut of the whole cabinet: ``python -m tests.campaigns.powercut.whole_cabinet 20`` cuts twenty times in each state.

Broker, database and gateway are killed together at a moment of chance, while devices publish. Before that other devices have
published, and all of theirs was settled as far as the state allows: none of it may be missing afterwards.
"""

import sys
import tempfile
import time
from enum import StrEnum
from pathlib import Path
from random import Random

from tests.campaigns.powercut.replay import seeded
from tests.campaigns.rig.fleet import standing
from tests.campaigns.rig.world import World, world
from tests.system.fleet import Fleet, wait_settled
from tests.waiting import until

_RATE, _SETTLED = 200, 200
_LONGEST_S = 3.0


class Away(StrEnum):
    """The part that is away when the power fails."""

    NOBODY = "nobody"
    INFLUXDB = "InfluxDB"
    GATEWAY = "gateway"


def cut(cabinet: World, away: Away, name: str, chance: Random) -> tuple[int, int]:
    """Cut the power; return how many readings were confirmed after all was settled, and how many of them are lost.

    :raises AssertionError: a reading is missing that was settled.
    """
    if away is Away.INFLUXDB:
        cabinet.influxdb.kill()
    if away is Away.GATEWAY:
        cabinet.gate.kill()
    with Fleet(cabinet.broker, rate=_RATE, name=f"{name}settled") as settled:
        until(lambda: len(settled.acknowledged) >= _SETTLED)
    _settle(cabinet, away)
    with Fleet(cabinet.broker, rate=_RATE, name=f"{name}flying") as flying:
        until(lambda: flying.acknowledged)
        time.sleep(chance.random() * _LONGEST_S)
        cabinet.cut_power()
        confirmed = list(flying.acknowledged)
        cabinet.return_power()
        for part in (cabinet.broker, cabinet.influxdb, cabinet.gate.gate):
            part.wait_ready(60.0)
        cabinet.gate.gate.wait_subscribed()
    wait_settled(cabinet.gate.gate, cabinet.broker)
    stored = standing(cabinet.influxdb)
    missing = [one for one in settled.acknowledged if (one.device, one.seq) not in stored]
    assert not missing, f"{len(missing)} of {len(settled.acknowledged)} settled readings are lost, first {missing[0]}"
    return len(confirmed), sum((one.device, one.seq) not in stored for one in confirmed)


def _settle(cabinet: World, away: Away) -> None:
    """Wait until what was published is where it is safe: in InfluxDB, in the journal, or saved by the broker."""
    gate = cabinet.gate.gate
    if away is Away.GATEWAY:
        cabinet.save_broker()
    elif away is Away.NOBODY:
        wait_settled(gate, cabinet.broker)
    else:
        until(cabinet.mark_arrives)
        until(lambda: not gate.pending("memory") and gate.status()["mqtt"]["unacknowledged"] == 0)


def main(cuts: int) -> None:
    """Cut and print."""
    chance = seeded(1)
    with tempfile.TemporaryDirectory() as folder, world(Path(folder)) as cabinet:
        for away in Away:
            found = [cut(cabinet, away, f"{away.name[0]}{number}", chance) for number in range(cuts)]
            confirmed, lost = (sum(numbers) for numbers in zip(*found, strict=True))
            most = max(one for _, one in found)
            print(f"{away} away: {cuts} cuts, {confirmed} confirmed at {_RATE}/s, {lost} lost, at most {most} in one cut")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]))
