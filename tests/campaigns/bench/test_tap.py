"""The tap between the gateway and InfluxDB: what it tells is the bench's word for when a reading is durable."""

import gzip
import time
from contextlib import closing
from http.client import HTTPConnection

import pytest

from gateway.commands.demo.services import Service
from tests.campaigns.bench.children import get, tap
from tests.influx import query

pytestmark = pytest.mark.real

DELAY_MS = 50


def test_writes_go_through_and_are_told_with_the_time_of_their_answer(influxdb: Service) -> None:
    with tap(influxdb.folder, influxdb, DELAY_MS) as between, closing(HTTPConnection(between.host, between.port)) as connection:
        for seq in range(2):
            began_ns = time.perf_counter_ns()
            assert write(connection, f"water,device=a flow_m3_h=1.0,seq={seq}i {seq + 1}") == 204
            ((told, at_ns),) = get(between, "/arrivals")
            assert told == seq
            assert began_ns + DELAY_MS * 1_000_000 <= at_ns <= time.perf_counter_ns()
        assert write(connection, "water,device=a flow_m3_h=nonsense") == 400
        assert get(between, "/arrivals") == [], "what was refused did not arrive"
    assert len(query(influxdb.url, "iot", "SELECT * FROM water")) == 2


def write(connection: HTTPConnection, line: str) -> int:
    """The status of a write."""
    connection.request("POST", "/write?db=iot&precision=ms", gzip.compress(line.encode()), {"Content-Encoding": "gzip"})
    response = connection.getresponse()
    response.read()
    return response.status
