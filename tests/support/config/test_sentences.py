"""Faults of ``gateway.yaml`` are told in the words of the other files, and name what was written."""

from pathlib import Path

import pytest

from gateway.support.config.files import ConfigurationFault, load


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
