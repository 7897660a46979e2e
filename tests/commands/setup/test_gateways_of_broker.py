"""The gateways of a machine whose accounts stand at one broker."""

from pathlib import Path

import pytest

from gateway.commands.setup.accounts import gateways_of_broker
from gateway.support.config.files import load


def laid(folder: Path, url: str) -> Path:
    """Write the configuration of a gateway into a folder."""
    folder.mkdir()
    file = folder / "gateway.yaml"
    file.write_text(f"mqtt: {{url: '{url}'}}\njournal: {{path: {folder}/journal.db}}\n")
    return file


def test_gateways_of_other_brokers_and_faulty_ones_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gateway.commands.finding.MACHINE", tmp_path)
    own = load(laid(tmp_path / "gateway", "mqtt://localhost:1883"))
    laid(tmp_path / "gateway-b", "mqtt://127.0.0.1:1883")
    laid(tmp_path / "gateway-c", "mqtt://localhost:1884")
    laid(tmp_path / "gateway-d", "no address")
    laid(tmp_path / "grafana", "mqtt://localhost:1883")
    found = [one.journal.path.parent.name for one in gateways_of_broker(own)]
    assert found == ["gateway", "gateway-b"]
    assert f"{tmp_path}/gateway-d/gateway.yaml: left out" in capsys.readouterr().err
