"""The examples in a checkout of a public catalogue: The Things Network's, ChirpStack's or ThingPark's, each in its own form."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import quickjs
import yaml

from gateway.core.readings.clock_trust import device_ms

RECEIVED_MS: Final = 1_793_491_200_250
"""When a frame was received of which the example does not tell it."""


@dataclass(frozen=True, slots=True)
class Example:
    """A frame, and what its maker says that the codec makes of it.

    :ivar output: ``data``, ``errors``, ``warnings``; or, of the older forms, the data itself.
    """

    catalogue: str
    codec: Path
    name: str
    port: int
    payload: bytes
    received_ms: int
    output: Any

    @property
    def errors(self) -> list[str]:
        """The errors that the codec should find."""
        found = self.output.get("errors") if isinstance(self.output, dict) else None
        return found if isinstance(found, list) else [found] if found else []

    @property
    def data(self) -> Any:  # noqa: ANN401 - whatever the maker made of it
        """The data that the codec should return."""
        wrapped = isinstance(self.output, dict) and self.output.keys() & {"data", "errors", "warnings"}
        return self.output.get("data", {}) if wrapped else self.output


def examples(folder: Path) -> Iterator[Example]:
    """All examples below a folder, whichever catalogue it is of."""
    for find in (_things_network, _chirpstack, _thingpark):
        yield from find(folder)


def _things_network(folder: Path) -> Iterator[Example]:
    """``vendor/MAKER/CODEC.yaml`` names the file and holds the examples."""
    for file in sorted(folder.glob("vendor/*/*.yaml")):
        decoder = (_read(file, yaml.safe_load) or {}).get("uplinkDecoder") or {}
        for number, example in enumerate(decoder.get("examples") or [], start=1):
            name = example.get("description") or f"example {number}"
            yield from _example(
                "The Things Network", file.parent / decoder["fileName"], name, example["input"], example["output"]
            )


def _chirpstack(folder: Path) -> Iterator[Example]:
    """``test_decode_CODEC.json`` beside ``CODEC.js``; it may hold JavaScript such as ``0xa``, which is not JSON."""
    for file in sorted(folder.glob("vendors/*/codecs/test_decode_*.json")):
        codec = file.with_name(file.stem.removeprefix("test_decode_") + ".js")
        for example in _read(file, _javascript) or []:
            yield from _example("ChirpStack", codec, example["name"], example["input"], example["expected"])


def _thingpark(folder: Path) -> Iterator[Example]:
    """A package each; ``examples.json``, or older files in ``examples``."""
    for package in sorted(folder.glob("vendors/*/drivers/*/package.json")):
        codec = package.parent / (_read(package, json.loads) or {}).get("main", "index.js")
        whole = package.parent / "examples.json"
        for file in [whole] if whole.exists() else sorted(package.parent.glob("examples/*.examples.json")):
            for example in _read(file, json.loads) or []:
                if example.get("type") == "uplink":
                    given, output = example.get("input", example), example.get("output", example.get("data"))
                    yield from _example("ThingPark", codec, example.get("description", ""), given, output)


def _example(catalogue: str, codec: Path, name: str, given: dict[str, Any], output: Any) -> Iterator[Example]:  # noqa: ANN401
    """The example, unless its codec is not there or its frame is none."""
    raw = given.get("bytes")
    if codec.exists() and isinstance(raw, list | str):
        payload = bytes.fromhex(raw) if isinstance(raw, str) else bytes(byte & 255 for byte in raw)
        yield Example(catalogue, codec, name, given.get("fPort") or 0, payload, _time_of(given), output)


def _time_of(given: dict[str, Any]) -> int:
    """Return when the frame was received; a time without a zone is taken as UTC."""
    time = given.get("recvTime") or given.get("time")
    return device_ms(time) or device_ms(f"{time}Z") or RECEIVED_MS


def _read(file: Path, parse: Callable[[str], Any]) -> Any:  # noqa: ANN401 - whatever the file holds
    try:
        return parse(file.read_text(encoding="utf-8"))
    except (ValueError, yaml.YAMLError, quickjs.JSException) as fault:
        sys.stdout.write(f"{file}: left out, it cannot be read: {fault}\n")
        return None


def _javascript(text: str) -> Any:  # noqa: ANN401 - whatever the file holds
    return json.loads(str(quickjs.Context().eval(f"JSON.stringify({text})")))
