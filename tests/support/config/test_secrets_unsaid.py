"""A password or token that somebody wrote into an address, or wrongly, is repeated by no fault."""

import asyncio
from base64 import b64encode
from pathlib import Path

import pytest

from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.support.config.files import ConfigurationFault, load
from gateway.support.config.model import Config, Influxdb

MARKER = "hunter2secret"


@pytest.mark.parametrize(
    ("section", "url", "remedy"),
    [
        ("mqtt", f"mqtt://user:{MARKER}@broker", "mqtt.password_file"),
        ("mqtt", f"mqtt://{MARKER}@broker", "mqtt.username"),
        ("mqtt", f"mqtt://user:{MARKER}/x@broker", "mqtt.password_file"),
        ("mqtt", f"mqtt://user:{MARKER}#@broker", "mqtt.password_file"),
        ("mqtt", f"tcp://user:{MARKER}@broker", "mqtt.password_file"),
        ("influxdb", f"http://user:{MARKER}@influx:8086", "influxdb.password_file"),
        ("influxdb", f"http://influx:8086/?token={MARKER}", "influxdb.token_file"),
        ("influxdb", f"http://[::1:{MARKER}@influx", "influxdb.token_file"),
    ],
)
def test_a_password_in_an_address_is_refused_with_the_remedy(tmp_path: Path, section: str, url: str, remedy: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(f'{section}: {{url: "{url}"}}')
    variable = f"GATEWAY_{section.upper()}__URL"
    file_or_variable: list[tuple[str, dict[str, str]]] = [(str(file), {}), (variable, {variable: url})]
    for source, environment in file_or_variable:
        with pytest.raises(ConfigurationFault) as fault:
            load(file, environment)
        (line,) = fault.value.lines
        assert line.startswith(f"{source}: {section}.url: ")
        assert remedy in line
        assert MARKER not in line


@pytest.mark.parametrize(
    "text",
    [
        f"mqtt: {{password: [{MARKER}]}}",
        f"mqtt: {{password: {{a: {MARKER}}}}}",
        f"mqtt: {{passwort: {MARKER}}}",
        f"mqtt: {MARKER}",
        f"influxdb: {{token: [{MARKER}]}}",
        f"influxdb: {{token_file: 5, token: {MARKER}}}",
        f'mqtt: {{password: "{MARKER}}}',
    ],
)
def test_a_faulty_configuration_does_not_repeat_a_secret(tmp_path: Path, text: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationFault) as fault:
        load(file, {})
    assert MARKER not in str(fault.value)


async def answer_of(rights: dict[str, str], answer_status: int = 401) -> str:
    """Return the message about a server that quotes the request in its answer, as some proxies do."""

    async def quote(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.read(65536)
        writer.write(
            b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n\r\n%b" % (answer_status, len(head), head.replace(b"\r\n", b" "))
        )
        writer.close()

    async with await asyncio.start_server(quote, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = rights.get("url", "http://127.0.0.1:{port}").format(port=port)
        async with InfluxdbClient(Influxdb.model_validate({**rights, "url": url, "timeout": "2s"})) as influxdb:
            return (await influxdb.write(b"")).describe()


@pytest.mark.parametrize(
    "rights",
    [
        {"token": MARKER},
        {"api": "v1", "username": "gateway", "password": MARKER},
        {"url": "http://127.0.0.1:1", "token": MARKER},
        {"url": "https://127.0.0.1:{port}", "token": MARKER},
    ],
    ids=["token", "password", "unreachable", "no-tls-there"],
)
def test_no_answer_of_the_database_repeats_token_or_password(rights: dict[str, str]) -> None:
    told = asyncio.run(answer_of(rights))
    assert told
    assert MARKER not in told
    assert b64encode(f"gateway:{MARKER}".encode()).decode() not in told


def test_no_settings_shown_hold_a_password() -> None:
    config = Config.model_validate({"mqtt": {"password": MARKER}, "influxdb": {"token": MARKER, "password": MARKER}})
    assert MARKER not in repr(config)
