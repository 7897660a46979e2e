"""The parts start, serve, keep their data, hang and end as asked, and never outlive whoever started them."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway.commands.demo import services
from gateway.commands.demo.services import ProgramMissing, Service, ServiceFailed
from tests.influx import exported, query
from tests.processes import children
from tests.waiting import PATIENCE_S, until

Maker = Callable[..., Service]

each_service = pytest.mark.parametrize(
    "maker",
    [
        pytest.param(services.mosquitto, id="mosquitto"),
        pytest.param(services.influxdb, id="influxdb"),
        pytest.param(services.victoria_metrics, id="victoria-metrics"),
    ],
)

pytestmark = pytest.mark.real


@each_service
def test_a_killed_service_starts_again_on_its_port(maker: Maker, tmp_path: Path) -> None:
    with maker(tmp_path) as service:
        first = service.pid
        service.kill()
        assert service.pid is None
        assert not service.answers()
        service.start()
        service.wait_ready()
        assert service.pid not in {None, first}


@each_service
def test_a_paused_service_hangs_until_resumed(maker: Maker, tmp_path: Path) -> None:
    with maker(tmp_path) as service:
        service.pause()
        assert not service.answers()
        service.resume()
        service.wait_ready()


@each_service
def test_a_paused_service_ends_in_order_when_stopped(maker: Maker, tmp_path: Path) -> None:
    with maker(tmp_path) as service:
        service.pause()
        begun = time.monotonic()
        service.stop(within_s=10)
        assert time.monotonic() - begun < 5
    assert not children()


@each_service
def test_a_folder_may_have_spaces_and_accents(maker: Maker, tmp_path: Path) -> None:
    folder = tmp_path / "trạm bơm số 1"
    folder.mkdir()
    with maker(folder) as service:
        assert service.answers()


@each_service
def test_a_taken_port_is_told_with_the_end_of_the_log(maker: Maker, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    with maker(folders[0]) as first:
        second = maker(folders[1], port=first.port)
        second.start()
        until(lambda: second.pid is None)
        with pytest.raises(ServiceFailed, match=r"(?s)ended while starting.*[Aa]ddress already in use"):
            second.wait_ready()


def test_a_service_that_never_answers_is_given_up_and_ended(tmp_path: Path) -> None:
    with services.mosquitto(tmp_path) as service:
        service.pause()
        with pytest.raises(ServiceFailed, match=r"mosquitto did not answer at mqtt://127.0.0.1:\d+ within 0.1 s"):
            service.wait_ready(within_s=0.1)


def test_a_service_that_cannot_start_leaves_nothing(tmp_path: Path) -> None:
    service = services.victoria_metrics(tmp_path, args=["-noSuchFlag"])
    with pytest.raises(ServiceFailed, match=r"(?s)victoria-metrics ended while starting.*noSuchFlag"):
        service.__enter__()
    assert not children()


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_nothing_is_left_when_the_parent_is_killed(ending: signal.Signals, tmp_path: Path) -> None:
    script = """if True:
        import sys, time
        from pathlib import Path
        from gateway.commands.demo import services
        makers = (services.mosquitto, services.influxdb, services.victoria_metrics)
        started = [maker(Path(sys.argv[1])).__enter__() for maker in makers]
        print(*(service.pid for service in started), flush=True)
        time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = {int(pid) for pid in parent.stdout.readline().split()}
        assert len(pids) == 3
        parent.send_signal(ending)
    until(lambda: not pids & set(children()))  # orphans come to the test run


def test_influxdb_keeps_what_it_answered_for_over_a_kill(influxdb: Service) -> None:
    assert _post(influxdb, "/write?db=iot&precision=ms", "water,device=m1,site=s flow_m3_h=1.5 1793491200250") == 204
    influxdb.kill()
    influxdb.start()
    influxdb.wait_ready()
    rows = query(influxdb.url, "iot", "SELECT flow_m3_h FROM water GROUP BY device")
    assert rows == [{"time": 1793491200250, "device": "m1", "flow_m3_h": 1.5}]


def test_victoria_metrics_shows_what_it_took(victoria_metrics: Service) -> None:
    line = f"water,device=m1 flow_m3_h=1.5 {time.time_ns()}"
    assert _post(victoria_metrics, "/write?db=iot", line) == 204
    until(lambda: exported(victoria_metrics.url, '{__name__="water_flow_m3_h"}'))
    (series,) = exported(victoria_metrics.url, '{__name__="water_flow_m3_h"}')
    assert series["metric"] == {"__name__": "water_flow_m3_h", "db": "iot", "device": "m1"}
    assert series["values"] == [1.5]


@pytest.mark.parametrize(("tuned", "kept"), [pytest.param(True, 3_000, id="tuned"), pytest.param(False, 1_000, id="stock")])
def test_readings_that_wait_for_the_gateway_survive_a_restart_of_the_broker(tmp_path: Path, *, tuned: bool, kept: int) -> None:
    with services.mosquitto(tmp_path, tuned=tuned) as broker:
        gateway = _session(broker)
        _leave(gateway)
        _publish(broker, 3_000)
        broker.stop()
        broker.start()
        broker.wait_ready()
        received: list[bytes] = []
        gateway = _session(broker, received)
        until(lambda: len(received) >= kept)
        _publish(broker, 1)  # the broker keeps the order: what comes before this is all that waited
        until(lambda: received[-1] == b"0" and len(received) > kept)
        _leave(gateway)
    assert received[:-1] == [str(n).encode() for n in range(kept)]


def test_the_broker_can_listen_on_ipv6(tmp_path: Path) -> None:
    with services.mosquitto(tmp_path, ipv6=True) as broker:
        assert broker.url == f"mqtt://[::1]:{broker.port}"
        assert broker.answers()


def test_the_deployments_settings_raise_no_complaint(mosquitto: Service) -> None:
    printed = mosquitto.log.read_text()
    assert "Error" not in printed
    assert "deprecated" not in printed


def test_a_program_in_the_parts_folder_goes_before_an_installed_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "usr" / "sbin" / "mosquitto"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("GATEWAY_PARTS", str(tmp_path))
    assert services.find_program("mosquitto") == program


def test_a_missing_program_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(services, "CHECKOUT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissing, match=r"program influxd is missing.*make setup.*package influxdb"):
        services.find_program("influxd")


def _post(service: Service, target: str, body: str) -> int:
    with closing(HTTPConnection(service.host, service.port, timeout=PATIENCE_S)) as connection:
        connection.request("POST", target, body)
        return connection.getresponse().status


def _session(broker: Service, received: list[bytes] | None = None) -> paho.Client:
    """A client that subscribed in a session which stays."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="gateway-1", clean_session=False)
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _data, message: None if received is None else received.append(bytes(message.payload))
    client.connect(broker.host, broker.port)
    client.subscribe("iot/#", qos=1)
    client.loop_start()
    assert subscribed.wait(PATIENCE_S)
    return client


def _publish(broker: Service, count: int) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="device")
    client.connect(broker.host, broker.port)
    client.loop_start()
    for sent in [client.publish("iot/v1/site/water/device/readings", str(n), qos=1) for n in range(count)]:
        sent.wait_for_publish(PATIENCE_S)
    _leave(client)


def _leave(client: paho.Client) -> None:
    client.disconnect()
    client.loop_stop()


def test_two_processes_never_find_the_same_free_port() -> None:
    """Nothing listens on a port that was found for a service which is still starting."""
    port = services.free_port()
    script = (
        f"from gateway.commands.demo import services; services.PORTS = range({port}, {port + 1}); print(services.free_port())"
    )
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "No free port" in other.stderr


def test_a_process_never_finds_the_same_free_port_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    port = services.free_port()
    monkeypatch.setattr(services, "PORTS", range(port, port + 1))
    with pytest.raises(services.ServiceFailed, match="No free port"):
        services.free_port()
