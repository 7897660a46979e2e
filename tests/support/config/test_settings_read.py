"""Settings: how a file, variables and defaults become one configuration, and what is told where one cannot be."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from gateway.support.config.files import ConfigurationFault, FilePlaces, configured_files, load, read_yaml, secret, text_of
from gateway.support.config.model import Config, Influxdb, Mqtt, RollupsPlace
from gateway.support.config.setting_types import check_address, is_loopback, split_url
from tests.rows import each_row


def written(folder: Path, text: str = "{}") -> Path:
    file = folder / "gateway.yaml"
    file.write_text(text)
    return file


def faults_of(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    file = written(folder, text)
    with pytest.raises(ConfigurationFault) as fault:
        load(file, environment or {})
    assert str(fault.value) == "\n".join(fault.value.lines)
    return [line.replace(str(folder), "DIR") for line in fault.value.lines]


def test_without_a_file_all_is_as_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = load(None, {})
    assert found.file is None
    assert found.mqtt == Mqtt()
    assert found.journal.path == tmp_path / "data/journal.db"
    written(tmp_path, "log: {level: debug}")
    assert load(None, {}).file == tmp_path / "gateway.yaml"
    assert load(None, {}).log.level == "debug"
    with pytest.raises(ConfigurationFault, match="cannot be read: No such file"):
        load(tmp_path / "other.yaml", {})


def test_variables_write_over_the_file_and_texts_stay_texts(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    environment = {
        "GATEWAY_MQTT__CLIENT_ID": "007",
        "GATEWAY_MQTT__USERNAME": "yes",
        "GATEWAY_MQTT__STANDBY__MACHINE": "a",
        "GATEWAY_HTTP__PORT": "9090",
        "GATEWAY_LOG__LEVEL": "error",
        "GATEWAY_LANGUAGE": "en",
        "GATEWAY_DATA": "of a script",
        "OTHER_MQTT__URL": "mqtt://192.0.2.1",
        "GATEWAY_INFLUXDB__TOKEN_FILE": "secret",
        "GATEWAY_INFLUXDB__BUCKET": "{x",
        "GATEWAY_HTTP__HOSTS": "[a, b]",
    }
    found = load(written(tmp_path, "mqtt: {username: bob, standby: 5}\nlog: null"), environment)
    assert (found.mqtt.client_id, found.mqtt.username, found.mqtt.standby.machine) == ("007", "yes", "a")
    assert (found.http.port, found.log.level, found.language) == (9090, "error", "en")
    assert (found.influxdb.token_file, found.influxdb.bucket) == (tmp_path / "secret", "{x")
    assert found.http.hosts == ["a", "b"]
    assert found.mqtt.machine_id == "007-a"
    assert found.mqtt.url == "mqtt://127.0.0.1:1883"


def test_a_fault_names_the_file_or_the_variable_that_said_it(tmp_path: Path) -> None:
    assert faults_of(tmp_path, "http: {port: x}\nlog: {level: loud}") == [
        "DIR/gateway.yaml: http.port: 'x' is not a whole number",
        "DIR/gateway.yaml: log.level: 'loud' is not one of 'debug', 'info', 'warning' or 'error'",
    ]
    assert faults_of(tmp_path, "{}", {"GATEWAY_HTTP__PORT": "x"}) == [
        "GATEWAY_HTTP__PORT: http.port: 'x' is not a whole number"
    ]
    assert faults_of(tmp_path, "[]") == ["DIR/gateway.yaml: document: must be a mapping of sections"]
    assert faults_of(tmp_path, "{}", {"GATEWAY_MQTT__URL": "\udcff"}) == ["GATEWAY_MQTT__URL: mqtt.url: is not UTF-8"]
    assert faults_of(tmp_path, "a: 1") == ["DIR/gateway.yaml: a: there is no such key"]
    (fault,) = faults_of(tmp_path, "mqtt:\n  client_id: [")
    assert fault.startswith("DIR/gateway.yaml: line ")


def test_files_that_are_written_down_must_be_there_but_those_made_later(tmp_path: Path) -> None:
    text = (
        "mqtt: {tls: {ca: ca.crt}, shares: s.yaml}\njournal: {path: d/j.db}\nalarms: {rules: a.yaml}\nhttp: {tokens_file: t}\n"
    )
    assert faults_of(tmp_path, text + "devices: {registry: d.yaml}\nprofiles: {path: p}") == [
        "DIR/gateway.yaml: mqtt.tls.ca: DIR/ca.crt does not exist",
        "DIR/gateway.yaml: devices.registry: DIR/d.yaml does not exist",
        "DIR/gateway.yaml: profiles.path: DIR/p does not exist",
    ]
    (tmp_path / "ca.crt").touch()
    found = load(written(tmp_path, text), {})
    assert dict(configured_files(found)) == {
        ("mqtt", "tls", "ca"): tmp_path / "ca.crt",
        ("mqtt", "shares"): tmp_path / "s.yaml",
        ("journal", "path"): tmp_path / "d/j.db",
        ("devices", "registry"): tmp_path / "devices.yaml",
        ("profiles", "path"): tmp_path / "profiles",
        ("http", "tokens_file"): tmp_path / "t",
        ("alarms", "rules"): tmp_path / "a.yaml",
    }


def test_what_systemd_gave_is_found_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "secrets_token").touch()
    places = FilePlaces(Path("/etc/gateway"), str(tmp_path))
    assert places.find(Path("secrets/token"), "token_file") == tmp_path / "secrets_token"
    assert places.find(Path("secrets/token"), "tokens_file") == Path("/etc/gateway/secrets/token")
    assert places.find(Path("elsewhere/token"), "token_file") == Path("/etc/gateway/elsewhere/token")
    assert places.find(Path("secrets/missing"), "token_file") == Path("/etc/gateway/secrets/missing")
    assert places._replace(credentials="").find(Path("secrets/token"), "token_file") == Path("/etc/gateway/secrets/token")


def test_secrets_and_texts_are_read_from_their_files(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xef\xbb\xbf  first \nsecond\n")
    assert (secret(None, None), secret("given", file), secret(None, file)) == (None, "given", "first")
    assert text_of(file) == "  first \nsecond\n"
    file.write_bytes(b"ok \xff")
    with pytest.raises(ConfigurationFault, match="is not UTF-8: invalid start byte at byte 3"):
        text_of(file)
    file.write_text("a: 1\n")
    assert read_yaml(file) == {"a": 1}


REFUSED = {
    "mqtt: {url: mqtt://127.0.0.1, other_urls: ['mqtts://b']}": "mqtt: url and other_urls must all begin with mqtt:",
    "mqtt: {url: mqtt://b, other_urls: [mqtt://b]}": "mqtt: url and other_urls name an address twice",
    "mqtt: {shares: s.yaml, standby: {machine: a}}": "mqtt: shares and standby.machine exclude each other",
    "mqtt: {url: 'mqtt://u@b'}": "mqtt.url: an address holds no user and no password; write mqtt.username",
    "mqtt: {url: 'mqtt://b?x'}": "mqtt.url: an address ends before ? and #; for a token or password write mqtt.username",
    "mqtt: {url: 'mqtt://b#x'}": "mqtt.url: an address ends before ? and #",
    "mqtt: {url: 'http://b'}": "mqtt.url: 'http://b' is not an address; write mqtt://HOST:PORT (IPv6 as mqtt://[::1]:PORT)",
    "mqtt: {url: 'mqtt://'}": "mqtt.url: 'mqtt://' is not an address",
    "mqtt: {url: 'mqtt://b:99999'}": "mqtt.url: 'mqtt://b:99999' is not an address: Port out of range",
    "mqtt: {url: 'mqtt://[::1'}": "mqtt.url: 'mqtt://[::1' is not an address: Invalid IPv6 URL",
    "mqtt: {subscriptions: [$share/g/a]}": "mqtt.subscriptions.0: '$share/g/a' is a share of the readings",
    "mqtt: {subscriptions: [a/#/b]}": "mqtt.subscriptions.0: 'a/#/b' is not a topic filter",
    "mqtt: {client_id: 'a b'}": "mqtt.client_id: 'a b' may hold 1 to 64 of A-Z a-z 0-9 . _ : -",
    "mqtt: {standby: {keep_alive: 999ms}}": "mqtt.standby.keep_alive: 0.999 s is not within 1s and 5min",
    "mqtt: {standby: {keep_alive: 301s}}": "mqtt.standby.keep_alive: 301 s is not within 1s and 5min",
    "influxdb: {read_url: 'https://b'}": "influxdb: url and read_url must both begin with http: or both with https:",
    "influxdb: {rollups: {url: 'https://b'}}": "influxdb: url and rollups.url must both begin with http:",
    "influxdb: {max_bytes_per_s: 99}": "influxdb.max_bytes_per_s: 99 is less than 100",
    "time: {zone: Mars/Olympus}": "time.zone: 'Mars/Olympus' is not a time zone that this machine knows; write for example",
    "time: {zone: ../etc}": "time.zone: '../etc' is not a time zone",
    "devices: {silent_after: {water: 0s}}": "devices.silent_after.water: a device would be silent all the time",
    "http: {trusted_proxies: [pi]}": "http.trusted_proxies.0: 'pi' is not an address or a network; write 192.0.2.7, ",
    "http: {grafana: 'https://g/{x}'}": "http.grafana: 'https://g/{x}' is no link to a device; write https://HOST/...",
}


@each_row(("text", "said"), REFUSED.items())
def test_a_setting_that_cannot_be_is_refused_with_what_to_write(tmp_path: Path, text: str, said: str) -> None:
    assert faults_of(tmp_path, text)[0].startswith(f"DIR/gateway.yaml: {said}")


def test_what_lies_at_the_edges_is_taken(tmp_path: Path) -> None:
    text = (
        "mqtt: {url: 'mqtts://[::1]:8883', other_urls: ['mqtts://b'], standby: {keep_alive: 1s}}\n"
        "influxdb: {max_bytes_per_s: 100, url: 'https://d', read_url: 'https://r'}\n"
        "devices: {silent_after: {water: 1s}}\nhttp: {grafana: 'http://g/{device}'}"
    )
    found = load(written(tmp_path, text), {})
    assert found.mqtt.addresses() == {"mqtt.url": "mqtts://[::1]:8883", "mqtt.other_urls.0": "mqtts://b"}
    assert found.influxdb.addresses() == {"influxdb.url": "https://d", "influxdb.read_url": "https://r"}
    assert found.mqtt.standby.keep_alive == timedelta(seconds=1)
    assert load(written(tmp_path, "mqtt: {standby: {keep_alive: 5min}}"), {}).mqtt.standby.keep_alive == timedelta(minutes=5)


def test_roll_ups_may_have_a_second_place_with_what_they_do_not_say_from_the_first() -> None:
    first = Influxdb(url="http://a", read_url="http://r", bucket="b")
    assert first.of_rollups() is None
    assert first.asked_url == "http://r"
    in_bucket = first.model_copy(update={"rollups": RollupsPlace(bucket="long")}).of_rollups()
    assert in_bucket is not None
    assert (in_bucket.url, in_bucket.read_url, in_bucket.bucket) == ("http://a", "http://r", "long")
    elsewhere = first.model_copy(update={"rollups": RollupsPlace(url="http://c")}).of_rollups()
    assert elsewhere is not None
    assert (elsewhere.url, elsewhere.read_url, elsewhere.bucket) == ("http://c", None, "b")
    assert elsewhere.asked_url == "http://c"
    assert elsewhere.rollups == RollupsPlace()


def test_only_this_machine_reaches_a_loopback_address() -> None:
    hosts = {"127.0.0.1": True, "127.9.9.9": True, "::1": True, "localhost": True, "0.0.0.0": False, "pi": False, "": False}  # noqa: S104
    assert {host: is_loopback(host) for host in hosts} == hosts
    assert (split_url("mqtt://b:1").port, split_url("mqtt://b").port) == (1, None)
    assert Config().http.host == "127.0.0.1"


def test_an_address_has_one_of_its_schemes_a_host_and_no_secret() -> None:
    check = cast("Callable[[str], str]", check_address("mqtt", "mqtts", secrets="SECRETS").func)
    for text in ("mqtt://b", "mqtts://[::1]:1"):
        assert check(text) == text
    for text, said in {
        "http://b": "'http://b' is not an address; write mqtt://HOST:PORT (IPv6 as mqtt://[::1]:PORT)",
        "mqtt:///x": "'mqtt:///x' is not an address; write mqtt://HOST:PORT (IPv6 as mqtt://[::1]:PORT)",
        "mqtt://u:p@b": "an address holds no user and no password; write SECRETS",
        "mqtt://b?x": "an address ends before ? and #; for a token or password write SECRETS",
    }.items():
        with pytest.raises(ValueError, match=re.escape(said)):
            check(text)
