"""Faults of ``gateway.yaml`` are told in the words of the other files, and name what was written."""

import re
from pathlib import Path

import pytest

from gateway.core.gateways.sharing import filters_of
from gateway.support.config.files import ConfigurationFault, load
from gateway.support.registry.shares import load_shares


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mqtt: {receive_maximum: 0}", "mqtt.receive_maximum: 0 is less than 1"),
        ("mqtt: {receive_maximum: 1.5}", "mqtt.receive_maximum: 1.5 is not a whole number"),
        ("batch: {max_readings: }", "batch.max_readings: null is not a whole number"),
        ("mqtt: {client_id: 5}", "mqtt.client_id: 5 is not a text; put it in quotes"),
        ("mqtt: {tls: {ca: 5}}", "mqtt.tls.ca: 5 is not the name of a file"),
        ("alarms: {mqtt: sometimes}", "alarms.mqtt: 'sometimes' is neither true nor false"),
        ("language: fr", "language: 'fr' is not one of 'vi' or 'en'"),
        ("mqtt: [a]", "mqtt: this is not a mapping of keys and values"),
        ("mqtt: {standby: {machin: a}}", "mqtt.standby.machin: there is no such key"),
    ],
)
def test_a_fault_names_its_key_and_what_was_written(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationFault) as fault:
        load(file, {})
    assert str(fault.value) == f"{file}: {said}"


@pytest.mark.parametrize(
    ("text", "gateways", "read"),
    [
        ("share_group: g", ["gateway-1", "ANOTHER"], ["iot/v1/ward-1/+/+/readings", "iot/v1/ward-2/+/+/status"]),
        (
            'share_group: g, client_id: b, share_leader: a, subscriptions: [iot/v1/q9/+/+/readings, "spBv1.0/north/#", "x/#"]',
            ["a", "b"],
            ["iot/v1/q9/+/+/readings", "spBv1.0/north/#", "x/#"],
        ),
    ],
)
def test_what_takes_the_place_of_a_share_group_is_a_file_of_shares_for_what_it_subscribed_to(
    text: str, gateways: list[str], read: list[str], tmp_path: Path
) -> None:
    (tmp_path / "gateway.yaml").write_text(f"mqtt: {{{text}}}")
    with pytest.raises(ConfigurationFault) as fault:
        load(tmp_path / "gateway.yaml", {})
    told = re.search(r"mqtt: share_group is gone: .* shares: shares\.yaml, .*?(\{gateways: .*\]\})", str(fault.value))
    assert told is not None
    (tmp_path / "shares.yaml").write_text(told[1])
    found = load_shares(tmp_path / "shares.yaml")
    assert found.gateways == gateways
    assert set(read) <= {pattern for share in found.shares for pattern in filters_of(share)}


def test_a_share_group_of_nobody_is_no_fault(tmp_path: Path) -> None:
    """The file that was shipped with earlier releases had ``share_group: null``."""
    (tmp_path / "gateway.yaml").write_text("mqtt: {share_group: null, client_id: b}")
    assert load(tmp_path / "gateway.yaml", {}).mqtt.client_id == "b"
