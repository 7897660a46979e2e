"""The sample is the documentation: it names every key, explains it, and says truly what the defaults are."""

from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import BaseModel

from gateway.settings.config import Config
from gateway.settings.config_file import load
from gateway.settings.registry import load_registry
from schemas.quantities import DOMAINS

DEPLOY = Path(__file__).parents[2] / "deploy"
SAMPLE = DEPLOY / "gateway.yaml"

ALTERNATIVES = {"mqtt.password", "influxdb.token", "influxdb.password"}
"""Keys that stand in for a file beside them, and are named in its comment."""


def test_every_key_is_there() -> None:
    written = set(keys_of(yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))))
    assert written == set(keys_of_model(Config())) - ALTERNATIVES


def test_what_is_not_said_to_differ_is_the_default() -> None:
    written = load(SAMPLE, environment={})
    differing = {key for key, value in values_of(written) if value != dict(values_of(Config()))[key]}
    said = {"influxdb.api", "journal.path"}
    assert SAMPLE.read_text(encoding="utf-8").count("# not the default") == len(said)
    paths = {"devices.registry", "profiles.path"}  # the same, at the file's folder
    assert differing == said | paths
    assert written.devices.registry == DEPLOY / Config().devices.registry
    assert written.profiles.path == DEPLOY / Config().profiles.path


def test_the_sample_registry_is_sound_and_has_two_areas() -> None:
    registry = load_registry(DEPLOY / "devices.yaml")
    assert len(registry.areas) == 2
    assert {device.domain for device in registry.devices} == set(DOMAINS)
    assert {device.area for device in registry.devices} == set(registry.areas)


def keys_of(document: object, prefix: str = "") -> Iterator[str]:
    if not isinstance(document, dict):
        yield prefix
        return
    for key, value in document.items():
        yield from keys_of(value, f"{prefix}.{key}" if prefix else key)


def keys_of_model(model: BaseModel) -> Iterator[str]:
    return (key for key, _ in values_of(model))


def values_of(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name in type(model).model_fields:
        key, value = f"{prefix}{name}", getattr(model, name)
        if isinstance(value, BaseModel):
            yield from values_of(value, f"{key}.")
        else:
            yield key, value
