"""An InfluxDB outage under load: the gateway's memory and disk meanwhile, and that nothing is missing afterwards."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from gateway.services import influxdb, mosquitto
from tests.bench.children import BenchFault, Plan, disk_bytes, gateway, get, paced, pacer, pid_of, rss_bytes, wait_written
from tests.influx import query
from tests.waiting import until

RATE = 1000
_DEVICES = 1000
_WARM_RATE = 4000
_WARM_READINGS = 40 * _DEVICES
"""So many that what the gateway remembers of each device (the last 32 keys) grows no more during the outage."""


@dataclass
class Outage:
    """What was seen.

    :ivar readings: published while InfluxDB was away.
    :ivar rss_bytes: resident memory about once a second, from the beginning of the outage.
    :ivar written_bytes: to disk, until all readings of the outage were in the journal.
    :ivar drained_bytes: to disk, from then on until the journal was empty again.
    :ivar drain_s: seconds from InfluxDB's return until then.
    """

    readings: int = 0
    rss_bytes: list[int] = field(default_factory=list)
    written_bytes: int = 0
    drained_bytes: int = 0
    drain_s: float = 0.0


def run_outage(plan: Plan, seconds: float) -> Outage:
    """Stop InfluxDB under 1,000 readings/s, start it again after ``seconds``, and see that every reading is in it.

    :raises BenchFault: one is not.
    """
    folder = plan.fresh("outage")
    seen = Outage()
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder))
        database = running.enter_context(influxdb(folder))
        consumer = running.enter_context(gateway(folder, broker.url, database.url, api="v1"))
        warm = int(paced(pacer(broker.port, _WARM_RATE, _WARM_READINGS / _WARM_RATE, _DEVICES))["published"])
        wait_written(consumer, warm, within_s=20.0)
        before_bytes = disk_bytes(pid_of(consumer))
        database.stop()
        plan.say(f"InfluxDB is away for {seconds:g} s at {RATE:,} readings/s")
        process = pacer(broker.port, RATE, seconds, _DEVICES)
        seen.readings = int(paced(process, lambda: seen.rss_bytes.append(rss_bytes(consumer)))["published"])
        total = warm + seen.readings
        until(lambda: _in_journal(get(consumer, "/api/ledger"), total), 20.0, what="all readings in the journal")
        in_journal_bytes = disk_bytes(pid_of(consumer))
        seen.written_bytes = in_journal_bytes - before_bytes
        began_s = time.monotonic()
        database.start()
        database.wait_ready()
        wait_written(consumer, total, within_s=60.0 + seconds, every_s=0.1)
        seen.drain_s = time.monotonic() - began_s
        time.sleep(2.0)  # settled rows leave the journal a moment later, and the file system takes its pages back
        seen.drained_bytes = disk_bytes(pid_of(consumer)) - in_journal_bytes
        stored = query(database.url, "iot", "SELECT count(volume_m3) FROM water")[0]["count"]
        if stored != total:
            raise BenchFault(f"of {total} readings InfluxDB holds {stored} after the outage")
    plan.say(f"the journal was empty {seen.drain_s:.1f} s after InfluxDB was started; nothing is missing")
    return seen


def _in_journal(ledger: dict[str, object], readings: int) -> bool:
    pending = ledger["pending"]
    return ledger["received"] == readings and isinstance(pending, dict) and pending["memory"] == 0
