"""The sample is the documentation: it names every key, explains it, and says truly what the defaults are."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import BaseModel

from gateway.support.config.files import load
from gateway.support.config.model import Config
from gateway.support.registry.changes import change_of
from gateway.support.registry.edit import edit
from gateway.support.registry.registry import load_registry
from schemas.quantities import DOMAINS
from schemas.registry import RegisteredDevice, Registry

DEPLOY = Path(__file__).parents[2] / "deploy"
SAMPLE = DEPLOY / "gateway.yaml"
REGISTRY = DEPLOY / "devices.yaml"

ALTERNATIVES = {"mqtt.password", "influxdb.token", "influxdb.password"}
"""Keys that stand in for a file beside them, and are named in its comment."""


def test_every_key_is_there() -> None:
    written = set(keys_of(yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))))
    assert written == set(keys_of_model(Config())) - ALTERNATIVES, "deploy/gateway.yaml explains each key, and no other"


def test_what_is_not_said_to_differ_is_the_default() -> None:
    written = load(SAMPLE, environment={})
    differing = {key for key, value in values_of(written) if value != dict(values_of(Config()))[key]}
    said = {"influxdb.api", "journal.path"}
    assert SAMPLE.read_text(encoding="utf-8").count("# not the default") == len(said), "`said` lists what the sample says so of"
    paths = {"alarms.rules", "devices.registry", "profiles.path"}  # the same, at the file's folder
    assert differing == said | paths, "deploy/gateway.yaml shows the default of each key, or says that it does not"
    assert written.devices.registry == DEPLOY / Config().devices.registry
    assert written.profiles.path == DEPLOY / Config().profiles.path


def test_an_installed_gateway_begins_without_invented_devices() -> None:
    assert load_registry(REGISTRY) == Registry()


def test_the_examples_in_the_sample_registry_are_sound(tmp_path: Path) -> None:
    """Whoever removes the ``#`` before them has a registry with two areas and all domains."""
    text = REGISTRY.read_text(encoding="utf-8")
    (tmp_path / "devices.yaml").write_text(re.sub(r"^#(  |$)", r"\1", text, flags=re.MULTILINE), encoding="utf-8")
    registry = load_registry(tmp_path / "devices.yaml")
    assert len(registry.areas) == 2
    assert {device.domain for device in registry.devices} == set(DOMAINS)
    assert {device.area for device in registry.devices} == set(registry.areas)


def test_the_first_import_keeps_the_comments_of_the_sample_registry() -> None:
    text, device = REGISTRY.read_text(encoding="utf-8"), RegisteredDevice("wm-9")
    edition = edit(text, change_of(Registry(), [device]))
    assert edition.comments_kept
    assert [line for line in edition.text.splitlines() if line not in text.splitlines()] == ["  - id: wm-9"]


def keys_of(document: object, prefix: str = "") -> Iterator[str]:
    if not isinstance(document, dict) or not document:
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
