"""``gateway devices add``, ``edit`` and ``retire``: one device in the words of ``devices.yaml``; and changes of that file."""

import argparse
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from itertools import groupby
from typing import Any, Final
from urllib.parse import quote

from gateway.commands.running import ask, is_running, meant, record_all
from gateway.commands.terminal import Actions, add_action
from gateway.onboarding.registration import FileChanged, WrittenChange, change_registry
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.config.yaml_words import YamlFault, plain_value
from gateway.support.registry.changes import ChangeRefused, MakeChange, add, edit_device, retire
from schemas.printable import printable

_KEYS: Final = {
    "source": "name that its meter sends under, if that is not the id",
    "site": "site",
    "domain": "water, power, traffic or urban",
    "area": "code of its area",
    "parent": "id of the device that measures what flows to it, or several: m1,m2",
    "role": "supply, between or use: what a meter is (default: between if it is a parent, else use)",
    "customers": "number of customers behind it, registered or not",
    "profile": "profile that reads its messages",
    "model": "model as its maker names it",
    "serial": "serial number",
    "interval": "time between two messages: 15min, 1h, or seconds",
    "silent_after": "time without a message after which it is silent (default: three intervals)",
    "lat": "latitude in degrees",
    "lon": "longitude in degrees",
    "address": "postal address, or how to find it",
    "installed": "day on which it was put up: 2026-11-26",
}
"""The keys of a device that have an option of their own, each with its help."""
_SECONDS: Final = frozenset({"interval", "silent_after"})


def add_registering(actions: Actions) -> None:
    """Add the actions of this module, with their options."""
    added = add_action(actions, "add", "register a device", add_device)
    _add_keys(added)
    added.add_argument("id", metavar="ID", help="as in its topic, or its EUI in any writing")
    edited = add_action(actions, "edit", "change or move a device; an empty value takes a key away", change_keys)
    _add_keys(edited)
    edited.add_argument("id", metavar="ID", help="the device")
    retired = add_action(actions, "retire", "take a device out of the registry", retire_device)
    retired.add_argument("id", metavar="ID", help="the device; what it measured stays in the database")


def _add_keys(to: argparse.ArgumentParser) -> None:
    for key, what in _KEYS.items():
        to.add_argument(f"--{key.replace('_', '-')}", metavar=key.upper(), help=what)
    to.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter of its profile; may be given again"
    )


def add_device(config: Config, options: argparse.Namespace) -> None:
    """Register a device; ConfigurationFault with every key at fault."""
    document = {"id": options.id, **_given(options)}
    change_device(config, "/api/devices", partial(add, document=document), document)


def change_keys(config: Config, options: argparse.Namespace) -> None:
    """Give keys of a device other values, an empty one takes the key away; ConfigurationFault as above."""
    document = _given(options)
    if not document:
        raise ConfigurationFault([f"{options.id}: nothing to change is given; for example --area A01, or --serial '' for none"])
    path = f"/api/devices/{quote(options.id, safe='')}/edit"
    change_device(config, path, partial(edit_device, name=options.id, document=document), document)


def retire_device(config: Config, options: argparse.Namespace) -> None:
    """Take a device out of the registry; what it measured stays. ConfigurationFault if it is the parent of others."""
    path = f"/api/devices/{quote(options.id, safe='')}/retire"
    change_device(config, path, partial(retire, name=options.id), {})


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The keys that the options name, as ``devices.yaml`` would hold them."""
    document = {key: _value(key, text) for key in _KEYS if (text := getattr(options, key)) is not None}
    params = dict(_parameter(text) for text in options.param)
    return document | ({"params": params} if params else {})


def _value(key: str, text: str) -> float | str:
    """The text, or the number of seconds or degrees that it is."""
    with suppress(ValueError):
        if key in _SECONDS:
            return float(text)
    return text


def _parameter(text: str) -> tuple[str, object]:
    """Name and value of ``NAME=VALUE``, as in YAML; ConfigurationFault: no equals sign, or not the number it seems."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ConfigurationFault([f"--param {text}: write NAME=VALUE, such as pulse_weight=10"])
    try:
        return name, plain_value(value, 1) if value else None
    except YamlFault:
        return name, value  # text, such as 0012


def write_registry(config: Config, make: MakeChange, *, quiet: bool) -> WrittenChange:
    """Write a change of the registry, its comments kept, and audit it; on a ConfigurationFault it is as it was."""
    path = config.devices.registry
    try:
        written = change_registry(config, make)
    except ChangeRefused as refused:
        close = meant(config, refused.device) if "id" in refused.faults else ""
        lines = [f"{path}: {refused.device}: {key}: {what}{close * (key == 'id')}" for key, what in refused.faults.items()]
        raise ConfigurationFault(lines) from None
    except FileChanged as changed:
        raise ConfigurationFault([f"{changed}; repeat the command"]) from None
    for action, entries in groupby(written.details, key=lambda entry: entry[0]):
        record_all(config, action, [details for _, details in entries])
    if not quiet and written.devices:
        print(f"{path}: written{f'; the old file is {written.backup}' if written.backup else ''}")
        if not written.comments_kept:
            print("comments were not kept; the old file has them")
        print("to activate it, reload the gateway: systemctl reload gateway, or kill -HUP PID")
    return written


def change_device(config: Config, path: str, make: MakeChange, document: Mapping[str, Any]) -> None:
    """Change one device, in the running gateway (``path`` of the API) or the file; ConfigurationFault if it is refused."""
    if not is_running(config):
        if not write_registry(config, make, quiet=False).devices:
            print("nothing to change: the registry says so already")
        return
    answer = ask(config, "POST", path, {}, body=document)
    waited = answer.get("waiting") or 0
    came = (
        f"; {waited} {'message that waited for it comes' if waited == 1 else 'messages that waited for it come'} in"
        if waited
        else ""
    )
    print(printable(f"{answer['device']}: {answer['done']}, and active{came}"))
