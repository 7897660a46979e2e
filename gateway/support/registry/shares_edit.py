"""Editing ``shares.yaml``: a share is pinned to a gateway in place in the text, so that comments stay."""

from typing import Final

import yaml

from gateway.support.config.files import ConfigurationFault

_LOADER: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_PIN: Final = "gateway"


def pinned(text: str, number: int, gateway: str) -> str:
    """The text with the share at a place of its list given to a gateway.

    :raises ConfigurationFault: the text is not written in a way that can be changed.
    """
    entry = _entry(yaml.compose(text, _LOADER), number)
    for key, value in entry.value:
        if key.value == _PIN:
            return text[: value.start_mark.index] + gateway + text[value.end_mark.index :]
    _, last = entry.value[-1]
    end = last.end_mark.index
    if entry.flow_style:
        return f"{text[:end]}, {_PIN}: {gateway}{text[end:]}"
    first, _ = entry.value[0]
    return f"{text[:end]}\n{' ' * first.start_mark.column}{_PIN}: {gateway}{text[end:]}"


def _entry(document: yaml.Node | None, number: int) -> yaml.MappingNode:
    if isinstance(document, yaml.MappingNode):
        for key, value in document.value:
            if key.value == "shares" and isinstance(value, yaml.SequenceNode):
                entry = value.value[number]
                if isinstance(entry, yaml.MappingNode):
                    return entry
    raise ConfigurationFault(["shares: is not written as a list; write the gateway of the share by hand"])
