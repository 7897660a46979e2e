"""``gateway devices add``, ``edit`` and ``retire``: one device of the registry, in the words of ``devices.yaml``."""

import argparse
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from gateway.commands.devices.registry_file import change_device
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.config.strict_yaml import YamlFault, plain_value
from gateway.support.registry.changes import add, edit_device, retire
from schemas.registry import COLUMNS

KEYS: Final = tuple(key for key in COLUMNS if key not in {"id", "params"})
"""The keys of a device that have an option of their own."""
_SECONDS: Final = frozenset({"interval", "silent_after"})


def add_device(config: Config, options: argparse.Namespace) -> None:
    """Register a device.

    :raises ConfigurationFault: with every key at fault.
    """
    document = {"id": options.id, **_given(options)}
    change_device(config, "/api/devices", partial(add, document=document), document)


def change_keys(config: Config, options: argparse.Namespace) -> None:
    """Give keys of a device other values; an empty one takes the key away.

    :raises ConfigurationFault: with every key at fault.
    """
    document = _given(options)
    if not document:
        raise ConfigurationFault([f"{options.id}: nothing to change is given; for example --area A01, or --serial '' for none"])
    path = f"/api/devices/{quote(options.id, safe='')}/edit"
    change_device(config, path, partial(edit_device, name=options.id, document=document), document)


def retire_device(config: Config, options: argparse.Namespace) -> None:
    """Take a device out of the registry; what it measured stays in the database.

    :raises ConfigurationFault: there is none, or it is the parent of others.
    """
    path = f"/api/devices/{quote(options.id, safe='')}/retire"
    change_device(config, path, partial(retire, name=options.id), {})


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The keys that the options name, as ``devices.yaml`` would hold them."""
    document = {key: _value(key, text) for key in KEYS if (text := getattr(options, key)) is not None}
    params = dict(_parameter(text) for text in options.param)
    return document | ({"params": params} if params else {})


def _value(key: str, text: str) -> float | str:
    """The text, or the number of seconds or degrees that it is."""
    if key in _SECONDS:
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _parameter(text: str) -> tuple[str, object]:
    """Name and value of ``NAME=VALUE``; a number or boolean if it reads as one in YAML.

    :raises ConfigurationFault: it has no equals sign, or reads as another number than it seems.
    """
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ConfigurationFault([f"--param {text}: write NAME=VALUE, such as pulse_weight=10"])
    try:
        return name, plain_value(value, 1) if value else None
    except YamlFault:
        return name, value  # text, such as 0012
