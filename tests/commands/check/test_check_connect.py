"""``gateway check --connect``: whether broker and database let the gateway in, and the exit status where one does not."""

import mqtt5
import pytest

from gateway.commands.cli import main
from tests.commands.answering import Answering
from tests.commands.broker import GuestBroker
from tests.site import Site


class Connecting:
    """A configuration with a broker and a database that answer in this process."""

    def __init__(self, site: Site, database: Answering, capsys: pytest.CaptureFixture[str]) -> None:
        self.site, self.database, self._capsys = site, database, capsys
        database.answers["POST", "/write"] = (204, "")
        self.broker = ""
        self.influxdb: dict[str, str] = {"url": database.url, "api": "v1"}

    def check(self) -> tuple[int, list[str], list[str]]:
        """The exit status, the lines about servers, and those of faults."""
        self.site.sections["mqtt"] |= {"url": self.broker}
        self.site.sections["influxdb"] = self.influxdb
        assert self.site.config
        status = main(["check", "--connect", "-c", str(self.site.folder / "gateway.yaml")])
        said = self._capsys.readouterr()
        return status, said.out.partition("subscribes to:")[2].splitlines()[-2:], said.err.splitlines()


@pytest.fixture
def connecting(site: Site, server: Answering, capsys: pytest.CaptureFixture[str]) -> Connecting:
    return Connecting(site, server, capsys)


def test_both_let_the_gateway_in_and_nothing_is_left_behind(connecting: Connecting) -> None:
    with GuestBroker() as broker:
        connecting.broker = broker.url
        status, lines, faults = connecting.check()
    assert (status, faults) == (0, [])
    assert lines == [f"{broker.url}: connected and subscribed", f"{connecting.database.url} bucket iot: accepts writes"]
    (asked,) = broker.of_kind(mqtt5.SubscribePacket)
    assert "iot/v1/+/+/+/readings" in {one.pattern for one in asked.topic_filters}
    assert {one.session_expiry_interval for one in broker.of_kind(mqtt5.ConnectPacket)} >= {0}
    assert isinstance(broker.came[-1], mqtt5.DisconnectPacket)


def test_a_broker_that_keeps_a_session_for_less_is_warned_of(connecting: Connecting) -> None:
    with GuestBroker(expiry_s=3600) as broker:
        connecting.broker = broker.url
        status, _, faults = connecting.check()
    assert status == 0
    assert faults[0].startswith(f"warning: {broker.url}: ")


def test_what_is_refused_or_away_is_named_and_the_other_is_tried_all_the_same(connecting: Connecting) -> None:
    connecting.database.answers["POST", "/write"] = (401, '{"error": "unauthorized"}')
    with GuestBroker(refuses=True) as broker:
        connecting.broker = broker.url
        status, lines, faults = connecting.check()
    assert (status, lines[-1]) == (3, f"{broker.url}: connected")
    assert f"{broker.url}: subscription iot/v1/+/+/+/readings refused: not authorized" in faults[0]
    assert faults[1] == f'{connecting.database.url} bucket iot: 401 {{"error": "unauthorized"}}'
    connecting.broker, connecting.influxdb = "mqtt://127.0.0.1:9", {"url": "http://127.0.0.1:9", "api": "v1"}
    status, _, faults = connecting.check()
    assert status == 3
    assert faults[0].startswith("mqtt://127.0.0.1:9: Connection refused")
    assert faults[1].startswith("http://127.0.0.1:9 bucket iot: ")


def test_a_broker_that_ends_the_connection_or_never_answers_is_out_of_reach(
    connecting: Connecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    with GuestBroker(ends_at=mqtt5.SubscribePacket) as broker:
        connecting.broker = broker.url
        assert connecting.check()[::2] == (3, [f"{broker.url}: the broker closed the connection"])
    monkeypatch.setattr("gateway.commands.check.servers._PATIENCE_S", 0.05)
    monkeypatch.setattr(GuestBroker, "_answer", lambda *_: b"")
    with GuestBroker() as broker:
        connecting.broker = broker.url
        assert connecting.check()[::2] == (3, [f"{broker.url}: no answer within 0.05 s"])


def test_the_address_for_questions_is_asked_as_the_gateway_asks_it(connecting: Connecting) -> None:
    connecting.influxdb |= {"read_url": connecting.database.url}
    asked = f"{connecting.database.url}: "
    with GuestBroker() as broker:
        connecting.broker = broker.url
        status, _, faults = connecting.check()
        assert (status, len(faults)) == (3, 1)
        assert faults[0].startswith(f"{asked}influxdb.read_url: neither VictoriaMetrics nor InfluxDB answers questions there; ")
        connecting.database.answers["POST", "/api/v1/query"] = {"status": "success"}
        connecting.database.answers["GET", "/api/v1/query"] = {"status": "success"}
        status, lines, faults = connecting.check()
        assert (status, lines[-1], faults) == (0, f"{asked}answers questions", [])
        connecting.influxdb["read_url"] = "http://127.0.0.1:9"
        assert connecting.check()[0] == 3


def test_a_cluster_that_is_only_written_to_and_a_budget_that_is_too_small_are_warned_of(
    connecting: Connecting, capsys: pytest.CaptureFixture[str]
) -> None:
    connecting.site.devices({"id": "m1", "interval": 1}, {"id": "m2", "interval": 1}, {"id": "m3"})
    connecting.influxdb = {"url": "http://127.0.0.1:8480/insert/0/influx", "api": "v1", "max_bytes_per_s": "100"}
    connecting.site.sections["influxdb"] = connecting.influxdb
    config = str(connecting.site.folder / "gateway.yaml")

    def said() -> tuple[str, str]:
        assert connecting.site.config
        assert main(["check", "-c", config]) == 0
        return capsys.readouterr()

    out, warnings = said()
    (line,) = (line for line in out.splitlines() if line.startswith("link: "))
    assert line.startswith("link: 100 B/s, of which live readings of the 2 devices with an interval take about ")
    assert f"warning: {config}: influxdb.url: a cluster of VictoriaMetrics is written there and asked elsewhere" in warnings
    assert "influxdb.max_bytes_per_s: 100 B/s is less than live readings need, about " in warnings
    connecting.influxdb |= {"url": "http://127.0.0.1:9", "max_bytes_per_s": "100000"}
    assert "max_bytes_per_s" not in said()[1]
