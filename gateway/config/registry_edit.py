"""Writing the registry: devices are changed and added in place in the text, so that comments stay.

Only comments inside a changed device are lost. A file without a place for the change (``devices: []``, unusual YAML) is
rewritten without comments. The new text is parsed first and must give the intended registry.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import yaml
from pydantic import ValidationError

from gateway.config.files import ConfigurationFault
from gateway.config.registry import registry_of
from gateway.config.strict_yaml import YamlFault, parse
from gateway.private_files import private
from schemas.durations import format_duration
from schemas.registry import COLUMNS, RegisteredDevice, Registry

_PLAIN = re.compile(r"[^\W\d_]\w*(?:[ ._/-]\w+)*")
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_NOT_PRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_LOADER: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


@dataclass(frozen=True, slots=True)
class Edition:
    """The new text of a registry.

    :ivar comments_kept: true if it is the old text with changes, false if it was rewritten.
    """

    text: str
    comments_kept: bool


def edit(text: str, registry: Registry, added: list[RegisteredDevice], changed: Mapping[int, RegisteredDevice]) -> Edition:
    """Edit the text of a registry so that it becomes ``registry``: devices are appended, or changed in place.

    :raises ConfigurationFault: the registry cannot be written.
    """
    edited = _edited(text, added, changed)
    if edited is not None and _holds(edited, registry):
        return Edition(edited, comments_kept=True)
    written = write_out(registry)
    if not _holds(written, registry):
        raise ConfigurationFault(["registry: cannot be written so that it reads back the same; report this"])
    return Edition(written, comments_kept=not text.strip())


def write_out(registry: Registry) -> str:
    """The registry as text, from its first line to its last."""
    areas = "".join(f"  {scalar(code)}: {scalar(name)}\n" for code, name in registry.areas.items())
    devices = "".join(f"  - {_block(device, 4)}\n" for device in registry.devices)
    return (f"areas:\n{areas}\n" if areas else "") + (f"devices:\n{devices}" if devices else "devices: []\n")


def replace_file(path: Path, text: str) -> Path | None:
    """Write ``text`` to ``path`` so that a power cut leaves the old file or the new one; the old one's copy beside it, or None.

    A file that is there keeps its mode; a new one is for its owner alone.

    :raises OSError: nothing is changed.
    """
    path = path.resolve()
    backup = path.with_name(f"{path.name}.bak") if path.exists() else None
    if backup is not None:
        _write_synced(backup, path.read_bytes(), like=path)
    _write_synced(path, text.encode(), like=path)
    return backup


def _write_synced(path: Path, data: bytes, *, like: Path) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with open(temporary, "wb", opener=private) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if like.exists():
            shutil.copymode(like, temporary)
            with suppress(PermissionError):
                os.chown(temporary, like.stat().st_uid, like.stat().st_gid)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _holds(text: str, registry: Registry) -> bool:
    try:
        return registry_of(parse(text)) == registry
    except (YamlFault, ValidationError):
        return False


def _edited(text: str, added: list[RegisteredDevice], changed: Mapping[int, RegisteredDevice]) -> str | None:
    """The text with its changes; None if it has no list of devices to change."""
    try:
        root = yaml.compose(text, _LOADER) if text.strip() else None
    except yaml.YAMLError:  # JSON that is no YAML
        return None
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    items = next((value for key, value in pairs if key.value == "devices"), None)
    if isinstance(items, yaml.ScalarNode) and not items.value:  # the key alone, as in the sample: they begin below it
        return _begun(text, items.start_mark.index, added)
    if not isinstance(items, yaml.SequenceNode) or not items.value:
        return None
    pieces, at = [], 0
    for place in sorted(changed):
        item = items.value[place]
        column = item.start_mark.column
        pieces += [
            text[at : item.start_mark.index],
            _flow(changed[place]) if item.flow_style else _block(changed[place], column),
        ]
        at = _end(item)
    last = _end(items.value[-1])
    if items.flow_style:
        pieces.append(text[at:last] + "".join(f",\n  {_flow(device)}" for device in added))
    else:
        line_end = text.find("\n", last)
        last = len(text) if line_end < 0 else line_end
        dash = items.start_mark.column
        new = (f"\n{' ' * dash}- {_block(device, dash + 2)}" for device in added)
        pieces.append(text[at:last] + "".join(new))
    return "".join(pieces) + text[last:]


def _begun(text: str, key_end: int, added: list[RegisteredDevice]) -> str:
    """The text with its first devices below the line of their key."""
    rest_of_line, line_end, below = text[key_end:].partition("\n")
    devices = "".join(f"\n  - {_block(device, 4)}" for device in added)
    return text[:key_end] + rest_of_line + devices + line_end + below


def _end(node: yaml.Node) -> int:
    """Return where a node's own text ends: a block's mark is behind the comments that follow it."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


def _block(device: RegisteredDevice, column: int) -> str:
    """A device as lines, the first of which is at ``column`` already."""
    lines = [f"{key}: {text}" for key, text in _entries(device)]
    if device.params:
        lines += ["params:", *[f"  {scalar(name)}: {scalar(value)}" for name, value in device.params.items()]]
    return f"\n{' ' * column}".join(lines)


def _flow(device: RegisteredDevice) -> str:
    """A device on one line."""
    shown = [f"{key}: {text}" for key, text in _entries(device)]
    if device.params:
        params = ", ".join(f"{scalar(name)}: {scalar(value)}" for name, value in device.params.items())
        shown.append(f"params: {{{params}}}")
    return f"{{{', '.join(shown)}}}"


def _entries(device: RegisteredDevice) -> list[tuple[str, str]]:
    """The filled keys of a device, without its parameters, and their values as YAML."""
    values = [(key, getattr(device, key)) for key in COLUMNS if key != "params"]
    return [(key, scalar(value)) for key, value in values if value is not None]


def scalar(value: float | str | bool | date | timedelta) -> str:  # noqa: FBT001 - a value
    """One value as YAML. Text is quoted wherever another reader of YAML might see a number, a date or a boolean."""
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        quoted = json.dumps(value, ensure_ascii=False)
        return _NOT_PRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
    text = json.dumps(value)
    return text if "." in text else text.replace("e-", ".0e-").replace("e+", ".0e+")  # YAML's floats have a point
