"""A broker of several nodes has several addresses in the configuration."""

from pathlib import Path

import pytest

from gateway.commands.cli import main
from gateway.runtime.jobs.certificates import tls_servers
from gateway.runtime.pipeline.options import broker_addresses
from gateway.support.access.exposed_secrets import sent_in_plain
from gateway.support.config.model import Config


def mqtt(url: str, *others: str, **settings: str) -> Config:
    return Config.model_validate({"mqtt": {"url": url, "other_urls": others, **settings}})


def test_addresses_are_tried_in_the_order_of_the_configuration() -> None:
    addresses = broker_addresses(mqtt("mqtt://a", "mqtt://[::1]:1884", "mqtt://c").mqtt)
    assert list(map(str, addresses)) == ["mqtt://a:1883", "mqtt://[::1]:1884", "mqtt://c:1883"]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ("mqtts://b", "mqtt: url and other_urls must all begin with mqtt: or all with mqtts:"),
        ("mqtt://a", "mqtt: url and other_urls name an address twice"),
        ("http://b", "mqtt.other_urls.0: 'http://b' is not an address; write mqtt://HOST:PORT"),
        ("mqtt://user:secret@b", "mqtt.other_urls.0: an address holds no user and no password"),
    ],
)
def test_wrong_addresses_are_told_with_their_key(
    others: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(f"mqtt: {{url: 'mqtt://a', other_urls: ['{others}']}}")
    assert main(["check", "-c", str(file)]) != 0
    told = capsys.readouterr().err
    assert said in told
    assert "secret" not in told


def test_a_password_in_plain_to_any_of_the_addresses_is_told() -> None:
    config = mqtt("mqtt://127.0.0.1", "mqtt://node.example", username="gateway", password="of-a-test")  # noqa: S106
    assert sent_in_plain(config) == [("mqtt.other_urls.0", "mqtt://node.example")]


def test_the_certificate_of_each_address_is_watched() -> None:
    servers = list(tls_servers(mqtt("mqtts://a", "mqtts://b:8884")))
    assert servers == [("mqtt.url", "a", 8883), ("mqtt.other_urls.0", "b", 8884)]
