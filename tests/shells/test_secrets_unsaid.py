"""A password or token that somebody wrote into an address, or wrongly, is repeated by no fault."""

from pathlib import Path

import pytest

from gateway.settings.config_file import ConfigurationFault, load

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
