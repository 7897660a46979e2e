"""A utility's folder, and what its profiles are made of: a topic of its own, radio frames with a codec, an envelope."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway.support.config.files import load
from gateway.support.config.model import Config

OWN = """
profile: NAME
match: {topic: "own/{device}/NAME"}
points: [{measurement: water, fields: {ph: /ph}}]
tests: [{topic: own/d/NAME, payload: {ph: 7}, expect: [{measurement: water, time: arrival, fields: {ph: 7}}]}]
"""
RADIO = """
profile: NAME
match: {envelope: lorawan, when: {/port: [99]}}
codec: NAME.js
points: [{measurement: water, fields: {ph: /codec/ph}}]
tests: [{topic: application/1/device/0011223344556677/event/up, expect: ignored,
         payload: {deviceInfo: {devEui: "0011223344556677"}}}]
"""
OUR_ENVELOPE = "envelope: our\nwhen: {/eui: present}\ndevice: /eui\npayload: /hex\ntopics: [our/+/up]\n"
CODEC = "function decodeUplink(input) { return {data: {ph: 7}}; }"


class Site:
    """A utility's folder: configuration, registry and profiles."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sections: dict[str, dict[str, Any]] = {"profiles": {}, "devices": {}, "mqtt": {}}
        (folder / "profiles").mkdir()
        self.devices()

    def devices(self, *devices: Mapping[str, Any]) -> None:
        """Register devices."""
        (self.folder / "devices.yaml").write_text(yaml.safe_dump({"devices": [dict(device) for device in devices]}))

    def profile(self, name: str, text: str = OWN, **codecs: str) -> None:
        """Write a profile, and codecs beside it."""
        (self.folder / "profiles" / f"{name}.yaml").write_text(text.replace("NAME", name))
        for codec, source in codecs.items():
            (self.folder / "profiles" / f"{codec}.js").write_text(source)

    @property
    def config(self) -> Config:
        """The configuration as it is read."""
        (self.folder / "gateway.yaml").write_text(yaml.safe_dump(self.sections))
        return load(self.folder / "gateway.yaml", {})
