"""A journal as an outage leaves it."""

import time

from gateway.commands.demo.services import Service
from gateway.core.batching.batch import encode
from gateway.core.message import Reading
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.journal import append
from tests.influx import query
from tests.system.rig import Gateway

OLD = "device=old"


def store(gate: Gateway, *, rows: int, readings: int, faulty: int | None = None) -> int:
    """A journal as an outage leaves it: so many rows, each of so many readings; since when, in ms.

    :param faulty: the number of a reading that has a text where a number must be.
    """
    file = Database(gate.journal)
    file.open()
    now_ms = time.time_ns() // 1_000_000
    values = ['"text"' if number == faulty else f"{number}.5" for number in range(rows * readings)]
    lines = [
        f"urban,{OLD},site=s noise_laeq_db={value},quality=0i {now_ms - 60_000 + number}" for number, value in enumerate(values)
    ]
    each = [Reading(line, "urban") for line in lines]
    bodies = [encode(each[first : first + readings], dense=True) for first in range(0, len(each), readings)]
    file.run_here(append, bodies, file.reserve_rows(rows), now_ms, refused=False)
    file.close()
    return now_ms


def stored(influxdb: Service) -> object:
    """Count the readings of the backlog in InfluxDB."""
    return query(influxdb.url, "iot", "SELECT count(noise_laeq_db) FROM urban")[0]["count"]
