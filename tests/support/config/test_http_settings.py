"""The settings of the pages: what is written wrongly is told with its key, before anybody is let in by it."""

from pathlib import Path

import pytest

from gateway.support.config.files import ConfigurationFault, load


def fault_of(folder: Path, http: str) -> str:
    """The only line of complaint about a configuration."""
    file = folder / "gateway.yaml"
    file.write_text(f"http: {http}\n")
    with pytest.raises(ConfigurationFault) as fault:
        load(file, environment={})
    (line,) = fault.value.lines
    return line.removeprefix(f"{file}: http.")


@pytest.mark.parametrize(
    ("http", "told"),
    [
        pytest.param(
            "{hosts: ['https://gateway.example.vn']}", "hosts.0: 'https://gateway.example.vn' is not a name", id="url"
        ),
        pytest.param("{hosts: [a.example, 'b.example:8080']}", "hosts.1: 'b.example:8080' is not a name", id="port"),
        pytest.param("{hosts: ['*.example.vn']}", "hosts.0: '*.example.vn' is not a name", id="pattern"),
        pytest.param("{hosts: ['']}", "hosts.0: '' is not a name", id="empty"),
        pytest.param(
            "{trusted_proxies: [proxy.example.vn]}", "trusted_proxies.0: 'proxy.example.vn' is not an address", id="name"
        ),
        pytest.param("{trusted_proxies: [192.0.2.0/33]}", "trusted_proxies.0: '192.0.2.0/33' is not an address", id="network"),
        pytest.param(
            "{grafana: 'https://g.example.vn/'}", "grafana: 'https://g.example.vn/' is no link to a device", id="link"
        ),
        pytest.param("{grafana: 'javascript:{device}'}", "grafana: 'javascript:{device}' is no link to a device", id="script"),
        pytest.param("{tls: {cert: c.pem}}", "tls: cert and key belong together", id="half-a-pair"),
        pytest.param("{host: 192.0.2.1}", "host: 192.0.2.1 is open to the network: give http.tokens_file", id="no-token"),
    ],
)
def test_what_is_written_wrongly_is_told_with_its_key(http: str, told: str, tmp_path: Path) -> None:
    assert fault_of(tmp_path, http).startswith(told)


def test_names_addresses_and_networks_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        "http: {hosts: [Gateway.Example.vn, 'pi', 192.0.2.1, '2001:db8::1'], trusted_proxies: ['::1', 192.0.2.7/24]}\n"
    )
    http = load(file, environment={}).http
    assert http.hosts == ["gateway.example.vn", "pi", "192.0.2.1", "2001:db8::1"]
    assert http.trusted_proxies == ["::1", "192.0.2.7/24"]
    variables = {"GATEWAY_HTTP__HOSTS": "[a.example, b.example]"}
    assert load(file, environment=variables).http.hosts == ["a.example", "b.example"]


@pytest.mark.parametrize("key", ["token_file", "tokens_file"])
def test_the_network_is_let_in_by_who_has_tokens(tmp_path: Path, key: str) -> None:
    (tmp_path / "tokens").touch()
    file = tmp_path / "gateway.yaml"
    file.write_text(f"http: {{host: 192.0.2.1, {key}: tokens}}\n")
    assert load(file, environment={}).http.host == "192.0.2.1"
