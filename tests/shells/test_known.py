"""What is in force: the registry, the utility's profiles, the shipped ones that are named; and what is subscribed for them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from mqtt5 import RetainHandling

from gateway.config import Config
from gateway.config_file import ConfigurationFault, load
from gateway.known import Known, load_known, topic_filters

ALWAYS, ONCE = RetainHandling.SEND_ALWAYS, RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS
NATIVE = {"iot/v1/+/+/+/readings": ONCE, "iot/v1/+/+/+/status": ALWAYS}
RADIO = {
    f"application/+/device/+/{last}": ONCE for last in ("event/+", "rx")
}
OWN = """
profile: {name}
match: {{topic: "own/{{device}}/{name}"}}
points: [{{measurement: water, fields: {{ph: /ph}}}}]
tests: [{{topic: own/d/{name}, payload: {{ph: 7}}, expect: [{{measurement: water, time: arrival, fields: {{ph: 7}}}}]}}]
"""
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
        (self.folder / "profiles" / f"{name}.yaml").write_text(text.replace("{{", "{").replace("}}", "}").replace("{name}", name))
        for codec, source in codecs.items():
            (self.folder / "profiles" / f"{codec}.js").write_text(source)

    @property
    def config(self) -> Config:
        """The configuration as it is read."""
        (self.folder / "gateway.yaml").write_text(yaml.safe_dump(self.sections))
        return load(self.folder / "gateway.yaml", {})

    def known(self, **how: Any) -> Known:
        """What is in force."""
        return load_known(self.config, **how)

    def filters(self) -> dict[str, RetainHandling]:
        """What is subscribed."""
        return topic_filters(self.config, self.known())

    def faults(self, **how: Any) -> list[str]:
        """What is wrong, without the folder."""
        with pytest.raises(ConfigurationFault) as fault:
            self.known(**how)
        return [line.replace(f"{self.folder}/", "") for line in fault.value.lines]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A folder without devices and profiles."""
    return Site(tmp_path)
