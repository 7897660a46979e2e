"""A password that goes to another machine without TLS, or lies open, is told by check, log and page, and is not repeated."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from gateway.commands.cli import main
from gateway.ingest.events import Events
from gateway.monitoring.status import troubles
from gateway.support.access.exposed_secrets import exposed_secrets, sent_in_plain
from gateway.support.config.model import Config
from gateway.support.i18n.findings import FINDINGS, sentence
from gateway.support.registry.shares import load_shares

MARKER = "hunter2secret"
WITHOUT_SECRET = {"enrolment.url"}
"""Addresses to which the gateway itself sends no secret although one stands beside them: devices go there, with their own."""


def settings(section: type[BaseModel], *above: str) -> Iterator[tuple[str, ...]]:
    """The keys of every single setting."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings(field.annotation, *above, name)
        else:
            yield (*above, name)


def document(keys: tuple[str, ...], value: object) -> dict[str, object]:
    """A configuration that sets one key."""
    nested = value
    for key in reversed(keys):
        nested = {key: nested}
    assert isinstance(nested, dict)
    return nested


def takes_a_secret(keys: tuple[str, ...]) -> bool:
    """Tell if a setting is an address whose fault says where its user and password are written."""
    try:
        Config.model_validate(document(keys, "http://user@other.example"))
    except ValidationError as error:
        said = str(error)
        return "an address holds no user and no password; write " in said and "; write none" not in said
    return False


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("mqtt://broker.example:1883", True),
        ("mqtt://10.1.2.3", True),
        ("mqtt://[2001:db8::1]", True),
        ("mqtts://broker.example", False),
        ("mqtt://127.0.0.1", False),
        ("mqtt://[::1]", False),
        ("mqtt://localhost", False),
    ],
)
def test_a_password_without_tls_to_another_machine_is_told(url: str, is_told: bool) -> None:  # noqa: FBT001
    config = Config.model_validate({"mqtt": {"url": url, "username": "gateway", "password": MARKER}})
    assert bool(sent_in_plain(config)) is is_told
    assert MARKER not in "".join(exposed_secrets(config))
    assert sent_in_plain(Config.model_validate({"mqtt": {"url": url}})) == [], "without a password there is none to read"


def test_a_token_over_plain_http_is_told_by_check_log_and_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(f"influxdb: {{url: 'http://influx.example:8086', token: {MARKER}}}")
    assert main(["check", "-c", str(file)]) == 0
    said = capsys.readouterr()
    assert "warning: influxdb.url: the password or token goes to http://influx.example:8086 unencrypted" in said.err
    config = Config.model_validate({"influxdb": {"url": "http://influx.example:8086", "token": MARKER}})
    with caplog.at_level(logging.WARNING):
        Events().exposed(exposed_secrets(config))
    (found,) = troubles.of_secrets(config)
    assert "http://influx.example:8086" in sentence(found)
    assert FINDINGS[found.key].vi
    assert "influx.example" in caplog.text
    assert MARKER not in said.out + said.err + caplog.text + sentence(found) + repr(config)


@pytest.mark.parametrize(
    ("http", "told"),
    [
        ({"host": "0.0.0.0"}, "http://0.0.0.0:8080"),  # noqa: S104 - what people write
        ({"host": "::", "port": 80}, "http://[::]:80"),
        ({"host": "192.0.2.20"}, "http://192.0.2.20:8080"),
        ({"host": "::", "trusted_proxies": ["192.0.2.1"]}, ""),
        ({"host": "::", "tls": {"cert": "c.pem", "key": "k.pem"}}, ""),
        ({"host": "127.0.0.1"}, ""),
        ({"host": "::1"}, ""),
    ],
)
def test_pages_open_to_the_network_without_tls_are_told_by_check_log_and_page(http: dict[str, object], told: str) -> None:
    config = Config.model_validate({"http": {"token_file": "token", **http}})
    lines = [line for line in exposed_secrets(config) if line.startswith("http.host: ")]
    found = [finding for finding in troubles.of_secrets(config) if finding.key == "pages_in_plain"]
    assert (len(lines), len(found)) == ((1, 1) if told else (0, 0))
    if told:
        assert f" unencrypted at {told}, " in lines[0]
        assert told in sentence(found[0])


def test_no_password_token_or_account_has_a_default() -> None:
    config = Config()
    given = [config.mqtt.username, config.mqtt.password, config.influxdb.username, config.influxdb.password]
    assert {*given, config.influxdb.token, config.http.token_file} == {None}


@pytest.mark.parametrize(("mode", "is_told"), [(0o644, True), (0o640, False), (0o600, False)])
def test_a_password_file_that_everybody_may_read_is_told(tmp_path: Path, mode: int, is_told: bool) -> None:  # noqa: FBT001
    file = tmp_path / "password"
    file.write_text(MARKER)
    file.chmod(mode)
    config = Config.model_validate({"mqtt": {"username": "gateway", "password_file": file}})
    told = exposed_secrets(config)
    assert told == ([f"mqtt.password_file: everybody on this machine may read {file}; chmod o= {file}"] if is_told else [])


def test_each_setting_that_names_a_file_with_a_secret_is_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(MARKER)
    file.chmod(0o644)
    secrets = [keys for keys in settings(Config) if keys[-1].endswith("_file") or keys[-1] == "key"]
    assert ("alarms", "webhook_token_file") in secrets
    for keys in secrets:
        pair = {"cert": file, "key": file} if keys[-1] == "key" else {keys[-1]: file}
        told = exposed_secrets(Config.model_validate(document(keys[:-1], pair)))
        expected = f"{'.'.join(keys)}: everybody on this machine may read {file}; chmod o= {file}"
        assert told == [expected], f"write {keys[-1]} into _SECRET_FILES of gateway/support/access/exposed_secrets.py"


def test_each_address_that_gets_a_secret_is_looked_at() -> None:
    addresses = [keys for keys in settings(Config) if takes_a_secret(keys)]
    assert ("alarms", "webhook") in addresses
    given: dict[str, dict[str, object]] = {
        "mqtt": {"username": "gateway", "password": MARKER},
        "influxdb": {"token": MARKER},
        "enrolment": {"password_file": "secret"},
        "alarms": {"webhook_token_file": "secret"},
    }
    for keys in addresses:
        url = "mqtt://10.0.0.5" if keys in {("mqtt", "url"), ("enrolment", "url")} else "http://10.0.0.5"
        section = given.get(keys[0], {}) | document(keys[1:], url)
        told = [url for _, url in sent_in_plain(Config.model_validate(given | {keys[0]: section}))]
        is_told = ".".join(keys) not in WITHOUT_SECRET
        assert told == [url] * is_told, (
            f"{'.'.join(keys)} belongs into sent_in_plain of gateway/support/access/exposed_secrets.py"
        )


def test_an_address_without_its_secret_is_not_told() -> None:
    for keys in ("alarms", "webhook"), ("enrolment", "management"):
        assert sent_in_plain(Config.model_validate(document(keys, "http://10.0.0.5"))) == []


@pytest.mark.parametrize(
    ("url", "mode", "told"),
    [
        ("http://rabbit.example:15672", 0o600, ["url: the password or token goes to http://rabbit.example:15672 unencrypted"]),
        ("https://rabbit.example:15671", 0o644, ["password_file: everybody on this machine may read "]),
        ("http://127.0.0.1:15672", 0o640, []),
    ],
)
def test_the_password_of_the_brokers_http_api_is_looked_at_like_the_others(
    tmp_path: Path, url: str, mode: int, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    password, shares, file = (tmp_path / name for name in ("watch.password", "shares.yaml", "gateway.yaml"))
    password.write_text(MARKER)
    password.chmod(mode)
    management = f"{{url: '{url}', username: gateway-watch, password_file: {password.name}}}"
    shares.write_text(f"gateways: [gateway-1]\nshares: [{{site: ward-1}}]\nmanagement: {management}\n")
    file.write_text(f"mqtt: {{client_id: gateway-1, shares: {shares.name}}}\n")
    assert main(["check", "-c", str(file)]) == 0
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if "management." in line]
    assert [line.startswith(f"warning: {shares}: management.{what}") for line, what in zip(lines, told, strict=True)] == [
        True
    ] * len(told)
    assert MARKER not in said.out + said.err
    found = troubles.of_secrets(Config(), load_shares(shares).management)
    assert [finding.params["url"] for finding in found] == [url] * url.startswith("http://rabbit")
