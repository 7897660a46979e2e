"""The core with all shipped profiles, and a registry of the devices in their examples."""

from functools import cache
from typing import Any

from gateway.core.devices.streams import ProfiledStream
from gateway.core.process import Processor
from gateway.ingest.catalog import Catalog, load_catalog
from gateway.ingest.codecs.process import SyncCodecs
from gateway.runtime.pipeline.processing import build_processor
from gateway.support.config.model import Config
from schemas.registry import RegisteredDevice, Registry
from tests.campaigns.fuzz.mutations import Seed, examples


def configured(mode: str = "accept") -> Config:
    """A configuration in which unknown devices are treated in that way, and nothing is read from disk."""
    return Config.model_validate(
        {"devices": {"unknown": mode, "registry": "/nowhere"}, "profiles": {"path": "/nowhere"}, "limits": {"devices": 500}}
    )


@cache
def shipped() -> tuple[Catalog, list[Seed]]:
    """Load the catalog in which all examples' devices are registered, and the examples."""
    known = load_catalog(configured(), all_shipped=True)
    own = examples(known.files.values())
    return registered(known, own, configured()), own


def registered(known: Catalog, own: list[Seed], config: Config) -> Catalog:
    """A registry of all devices that the examples are of; it names the make of those whose frames do not tell it."""
    makes: dict[str, tuple[str | None, dict[str, Any]]] = {}
    for name, file in known.files.items():
        for test in file.model.tests:
            for payload in [message.payload for message in test.sequence()]:
                if file.compiled.by_registry and isinstance(payload, dict) and "deviceInfo" in payload:
                    makes[payload["deviceInfo"]["devEui"].lower()] = name, dict(test.params)
    streams = build_processor(config, known).streams
    for seed in own:
        found = streams.resolve(seed.topic)
        if isinstance(found, ProfiledStream) and (device := found.topic.device()):
            makes.setdefault(device, (None, {}))
    devices = [RegisteredDevice(id=name, profile=profile, params=params) for name, (profile, params) in makes.items()]
    registry = Registry(devices=[*devices, RegisteredDevice(id="dev-1")])
    return Catalog(registry, registry.by_id(), known.files, known.profiles)


def processor() -> Processor:
    """A core that has heard nothing yet."""
    return build_processor(configured(), shipped()[0])


def codecs() -> SyncCodecs:
    """The makers' codecs, as commands call them."""
    return SyncCodecs(shipped()[0].codecs)
