"""Devices and areas as YAML, in the form in which people write ``devices.yaml``.

Editing a list of devices by its lines: only the keys that differ change, and comments inside a device stay too.

In a block list every line with a dash at the list's own column begins an item, and deeper lines continue it. So the items are
found without parsing the text, which would take seconds for 20,000 devices, and only those that change are parsed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

import yaml

from gateway.support.registry.changes import RegistryChange
from schemas.durations import format_duration
from schemas.registry import COLUMNS, RegisteredDevice, Registry

_PLAIN = re.compile(r"[^\W\d_]\w*(?:[ ._/-]\w+)*")
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_NOT_PRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def write_out(registry: Registry) -> str:
    """The registry as text, from its first line to its last."""
    areas = "".join(f"  {scalar(code)}: {scalar(name)}\n" for code, name in registry.areas.items())
    devices = "".join(f"  - {block(device, 4)}\n" for device in registry.devices)
    return (f"areas:\n{areas}\n" if areas else "") + (f"devices:\n{devices}" if devices else "devices: []\n")


def block(device: RegisteredDevice, column: int) -> str:
    """A device as lines, the first of which is at ``column`` already."""
    return "".join(_line(key, value, column) for key, value in _filled(device).items()).strip()


def flow(device: RegisteredDevice) -> str:
    """A device on one line."""
    return _value(_filled(device))


def _filled(device: RegisteredDevice) -> dict[str, Any]:
    return {key: value for key in COLUMNS if (value := getattr(device, key)) not in (None, {})}


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


_KEY = re.compile(r"^devices:[ \t]*(?:#.*)?$", re.MULTILINE)
_FIRST_ITEM = re.compile(r"\n(?:[ \t]*(?:#.*)?\n)*( *)-(?=[ \n])")
_LINE = re.compile(r"( *)(.?).*(?:\n|\Z)")
_LOADER: Final = yaml.SafeLoader


class _TextSpan(NamedTuple):
    """The place of an item: from the line of its dash to behind its last line that is no comment."""

    start: int
    end: int


class _Splice(NamedTuple):
    """A piece of text in place of another."""

    start: int
    end: int
    text: str


def edit_lines(text: str, change: RegistryChange) -> str | None:
    """The text with its changes; None if its devices are no block list, or one cannot be edited in place."""
    found = _items(text)
    if found is None or len(found[1]) != len(change.before.devices):
        return None
    dash, items = found
    splices: list[_Splice] = []
    for place, (before, after) in change.changed.items():
        edited = _edit_item(text[slice(*items[place])], before, after)
        if edited is None:
            return None
        splices.append(_Splice(*items[place], edited))
    splices += [_Splice(*items[place], "") for place in change.retired]
    end = items[-1].end
    line_end = "" if text[:end].endswith("\n") else "\n"
    new = "".join(f"{' ' * dash}- {block(device, dash + 2)}\n" for device in change.added)
    return _spliced(text, [*splices, _Splice(end, end, line_end + new if new else "")])


def _spliced(text: str, splices: list[_Splice]) -> str:
    pieces, at = [], 0
    for start, end, new in sorted(splices):
        pieces += [text[at:start], new]
        at = end
    return "".join([*pieces, text[at:]])


def _items(text: str) -> tuple[int, list[_TextSpan]] | None:
    """The column of the dashes, and the items; None if there is no block list."""
    key = _KEY.search(text)
    first = _FIRST_ITEM.match(text, key.end()) if key is not None else None
    if first is None:
        return None
    dash, at = len(first[1]), first.end() - 1 - len(first[1])
    starts: list[int] = []
    ends: list[int] = []
    for indent, begins, start, end in _lines(text, at):
        if indent == dash and begins == "-":
            starts.append(start)
            ends.append(end)
        elif begins not in {"", "#"}:
            if indent <= dash:
                break
            ends[-1] = end
    return dash, [_TextSpan(start, end) for start, end in zip(starts, ends, strict=True)]


def _lines(text: str, at: int) -> Iterator[tuple[int, str, int, int]]:
    """Indentation, first letter, start and end of each line."""
    while at < len(text):
        line = _LINE.match(text, at)
        assert line is not None, "the pattern takes any line"  # noqa: S101
        yield len(line[1]), line[2].strip(), at, line.end()
        at = line.end()


def _edit_item(text: str, before: RegisteredDevice, after: RegisteredDevice) -> str | None:
    """The lines of one device with the keys that differ; None if it is written in a way that needs all of it rewritten."""
    try:
        items = yaml.compose(text, _LOADER)
    except yaml.YAMLError:
        return None
    node = items.value[0] if isinstance(items, yaml.SequenceNode) else None
    if not isinstance(node, yaml.MappingNode):
        return None
    if node.flow_style:
        return text[: node.start_mark.index] + flow(after) + text[node.end_mark.index :]
    wanted = {key: getattr(after, key) for key in COLUMNS if getattr(after, key) != getattr(before, key)}
    splices = _edit_mapping(text, node, wanted, list(_filled(after)))
    return None if splices is None else _spliced(text, splices)


def _edit_mapping(text: str, node: yaml.MappingNode, wanted: Mapping[str, Any], order: list[str]) -> list[_Splice] | None:
    """The splices that give the keys of a block mapping other values; None and an empty mapping take a key away.

    ``order`` has all keys that stay, as they are to stand.
    """
    there = {str(key.value): (key, value) for key, value in node.value}
    column, splices = node.start_mark.column, list[_Splice]()
    for key, value in wanted.items():
        gone = value is None or value == {}
        if key not in there:
            if not gone:
                before = [name for name in order[: order.index(key)] if name in there]
                splices.append(_below(text, there[before[-1]][1] if before else node.value[0][1], _line(key, value, column)))
            continue
        name, old = there[key]
        if gone:
            if old.start_mark.line == node.start_mark.line:  # it stands behind the dash
                return None
            splices.append(_Splice(text.rfind("\n", 0, name.start_mark.index) + 1, _line_end(text, old), ""))
        elif isinstance(old, yaml.MappingNode) and isinstance(value, dict) and not old.flow_style:
            inner = {str(one.value): None for one, _ in old.value if one.value not in value} | value
            nested = _edit_mapping(text, old, inner, list(value))
            if nested is None:
                return None
            splices += nested
        elif old.start_mark.line != old.end_mark.line and not isinstance(old, yaml.MappingNode):
            return None
        else:
            splices.append(_Splice(old.start_mark.index, old.end_mark.index, _value(value)))
    return splices


def _below(text: str, node: yaml.Node, line: str) -> _Splice:
    """A line below that in which a node ends."""
    at = _line_end(text, node)
    return _Splice(at, at, line if text[:at].endswith("\n") else f"\n{line.rstrip()}")


def _line(key: str, value: Any, column: int) -> str:  # noqa: ANN401 - a value of any key
    indent = " " * column
    if isinstance(value, dict):
        return f"{indent}{key}:\n" + "".join(f"{indent}  {scalar(name)}: {scalar(one)}\n" for name, one in value.items())
    return f"{indent}{key if key in COLUMNS else scalar(key)}: {scalar(value)}\n"


def _value(value: Any) -> str:  # noqa: ANN401 - a value of any key
    if isinstance(value, dict):
        return f"{{{', '.join(f'{scalar(name)}: {_value(one)}' for name, one in value.items())}}}"
    return scalar(value)


def _line_end(text: str, node: yaml.Node) -> int:
    """Return where the last line of a node ends, its line feed included."""
    while isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        node = node.value[-1][1]
    found = text.find("\n", node.end_mark.index)
    return len(text) if found < 0 else found + 1
