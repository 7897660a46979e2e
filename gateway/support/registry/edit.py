"""Editing the registry, and the shares, in place in the text, so that comments stay.

Devices are changed, added and taken out; a share is pinned to a gateway. A text that has no list of devices to change
(``devices: []``, unusual YAML) is rewritten without comments. The new text is read back first and must give the intended
registry.
"""

from dataclasses import dataclass
from typing import Final

import yaml
from pydantic import ValidationError

from gateway.support.config.files import ConfigurationFault
from gateway.support.config.plain_yaml import read
from gateway.support.config.yaml_words import YamlFault
from gateway.support.registry.changes import RegistryChange
from gateway.support.registry.registry import free, registry_of
from gateway.support.registry.yaml_file import block, edit_lines, flow, write_out
from schemas.registry import RegisteredDevice, Registry

_LOADER: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


@dataclass(frozen=True, slots=True)
class Edition:
    """The new text of a registry; ``comments_kept``: true if it is the old text with changes, false if it was rewritten."""

    text: str
    comments_kept: bool


def edit(text: str, change: RegistryChange) -> Edition:
    """Edit the text of a registry so that it says what a change makes of it; ConfigurationFault if it cannot be written."""
    wanted = change.registry
    for way in (edit_lines, _edit_whole):
        edited = way(text, change)
        if edited is not None and _holds(edited, wanted):
            return Edition(edited, comments_kept=True)
    written = write_out(wanted)
    if not _holds(written, wanted):
        raise ConfigurationFault(["registry: cannot be written so that it reads back the same; report this"])
    return Edition(written, comments_kept=not text.strip())


def _holds(text: str, registry: Registry) -> bool:
    try:
        found = registry_of(read(text))
    except (YamlFault, ValidationError):
        return False
    holds = found == registry
    free(found.devices)
    return holds


def _edit_whole(text: str, change: RegistryChange) -> str | None:
    """The text with whole devices rewritten, such as those on one line; None if it has no list of devices to change."""
    try:
        root = yaml.compose(text, _LOADER) if text.strip() else None
    except yaml.YAMLError:  # JSON that is no YAML
        return None
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    items = next((value for key, value in pairs if key.value == "devices"), None)
    if isinstance(items, yaml.ScalarNode) and not items.value:  # the key alone, as in the sample: they begin below it
        return _begun(text, items.start_mark.index, change.added)
    if not isinstance(items, yaml.SequenceNode) or not items.value or change.retired:
        return None
    pieces, at = [], 0
    for place, (_, after) in sorted(change.changed.items()):
        item = items.value[place]
        pieces += [text[at : item.start_mark.index], flow(after) if item.flow_style else block(after, item.start_mark.column)]
        at = _end(item)
    last = _end(items.value[-1])
    if items.flow_style:
        pieces.append(text[at:last] + "".join(f",\n  {flow(device)}" for device in change.added))
    else:
        line_end = text.find("\n", last)
        last = len(text) if line_end < 0 else line_end
        dash = items.start_mark.column
        new = (f"\n{' ' * dash}- {block(device, dash + 2)}" for device in change.added)
        pieces.append(text[at:last] + "".join(new))
    return "".join(pieces) + text[last:]


def _begun(text: str, key_end: int, added: list[RegisteredDevice]) -> str:
    """The text with its first devices below the line of their key."""
    rest_of_line, line_end, below = text[key_end:].partition("\n")
    devices = "".join(f"\n  - {block(device, 4)}" for device in added)
    return text[:key_end] + rest_of_line + devices + line_end + below


def _end(node: yaml.Node) -> int:
    """Return where a node's own text ends: a block's mark is behind the comments that follow it."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


_PIN: Final = "gateway"


def pinned(text: str, number: int, gateway: str) -> str:
    """The text with the share at a place of its list given to a gateway; ConfigurationFault if it is not a list."""
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
