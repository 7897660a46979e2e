"""The bench's own parts: a figure that is judged wrongly is worse than none."""

import gzip
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.core.message import StoredMessage
from gateway.ingest.catalog import load_catalog
from gateway.runtime.pipeline.processing import build_processor
from gateway.support.config.model import Config
from tests.campaigns.bench.burst import publish
from tests.campaigns.bench.children import helper, wait_printed
from tests.campaigns.bench.door import Arrivals
from tests.campaigns.bench.figures import Bar, Baseline, Figure, table
from tests.campaigns.bench.latency import Run
from tests.campaigns.bench.messages import backlog
from tests.campaigns.bench.uplinks import settings, topic, uplink
from tests.campaigns.bench.wire_door import InfluxdbDoor
from tests.core.making import NOW_MS
from tests.waiting import PATIENCE_S


@pytest.mark.parametrize(
    ("value", "baseline", "bar", "verdict"),
    [
        pytest.param(5.0, None, Bar(5.0), "ok", id="at the bar"),
        pytest.param(5.1, None, Bar(5.0), "over", id="over it"),
        pytest.param(8.0, 10.0, Bar(0.8, at_least=True, of_ratio=True), "ok", id="ratio at least"),
        pytest.param(7.9, 10.0, Bar(0.8, at_least=True, of_ratio=True), "under", id="ratio under it"),
        pytest.param(5.0, 0.0, Bar(0.8, of_ratio=True), "unknown", id="a baseline of nothing"),
        pytest.param(5.0, None, None, "", id="no bar"),
    ],
)
def test_a_figure_is_judged_by_its_bar(value: float, baseline: float | None, bar: Bar | None, verdict: str) -> None:
    figure = Figure("part", "name", "s", value, None if baseline is None else Baseline("other way", baseline), bar)
    assert figure.verdict == verdict
    assert figure.missed == (verdict not in {"ok", ""})


def test_the_table_shows_value_baseline_ratio_bar_and_verdict_on_one_line() -> None:
    text = table([Figure("start", "to SUBSCRIBE", "s", 0.3, Baseline("imports", 0.15), Bar(0.6))])
    assert text.splitlines()[-1].split() == ["to", "SUBSCRIBE", "0.30", "s", "0.15", "imports", "2", "≤", "0.6", "ok"]


def test_a_percentile_is_a_delay_that_was_measured() -> None:
    run = Run([float(delay) for delay in range(100, 0, -1)], cpu_us=0.0, late_ms=0.0)
    assert [run.percentile_ms(percent) for percent in (50, 99, 100)] == [50.0, 99.0, 100.0]


def test_the_door_knows_a_reading_by_its_seq_and_takes_its_first_arrival() -> None:
    two_lines = gzip.compress(b"water,device=a flow_m3_h=1.0,seq=11i 1\ndevice_health,device=a battery_pct=9.0,seq=11i 1")
    arrivals = Arrivals([(100, two_lines), (200, b'{"ts":1,"seq":12,"flow_m3_h":1.0}'), (300, two_lines)])
    assert arrivals.take() == [(11, 100), (12, 200)]
    assert arrivals.take() == []


@pytest.mark.real
def test_the_link_is_measured_with_a_stand_in_that_answers_a_write_in_as_many_bytes_as_influxdb(influxdb: Service) -> None:
    with closing(socket.create_connection((influxdb.host, influxdb.port), timeout=PATIENCE_S)) as connection:
        connection.sendall(b"POST /write?db=iot HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\nwater f=1.0 100000")
        real = connection.recv(4096)
    ours = InfluxdbDoor(Arrivals()).written()
    heads = [[line.partition(b":")[0] for line in answer.splitlines()] for answer in (real, ours)]
    assert (heads[0], len(real)) == (heads[1], len(ours))


@pytest.mark.parametrize("codec", [pytest.param(False, id="decoded"), pytest.param(True, id="through-a-codec")])
def test_an_uplink_has_the_size_that_is_spoken_of_and_a_profile_that_takes_it(codec: bool, tmp_path: Path) -> None:  # noqa: FBT001
    given = settings(tmp_path, codec=codec, devices=2, registered=True)
    config = Config.model_validate({**given, "devices": {"registry": tmp_path / "devices.yaml"}})
    payload, now_ms = uplink(NOW_MS, 1, 7, decoded=not codec), NOW_MS + 1
    outcome = build_processor(config, load_catalog(config)).process(StoredMessage(topic(1).decode(), payload), now_ms)
    assert len(payload) in range(800, 880)
    assert not outcome.refusals
    assert bool(outcome.readings) is not codec


@pytest.mark.real
def test_a_burst_brings_every_reading_to_a_subscriber(mosquitto: Service) -> None:
    packets = backlog(3000, devices=100, now_ms=time.time_ns() // 1_000_000)
    with helper(mosquitto.folder, "subscriber", "acknowledge", mosquitto.port, len(packets)) as subscriber:
        publish(mosquitto.port, packets)
        assert int(wait_printed(subscriber, "done", within_s=10.0)[1]) <= time.perf_counter_ns()
