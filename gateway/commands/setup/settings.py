"""Settings that a command of ``gateway setup`` writes into ``gateway.yaml``; it changes no line that a person wrote.

A line that stands so in the shipped sample is nobody's: its value is replaced, its comment stays. A key that is not there is
added, with its section if need be. All else is left as it is, and told.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from textwrap import indent
from typing import Final, NamedTuple

import yaml

from gateway.admin.broker.configuration import deployed
from gateway.commands.terminal import say, show
from gateway.support.config.files import ConfigurationFault, blaming, text_of
from gateway.support.config.plain_yaml import read
from gateway.support.config.yaml_words import YamlFault
from gateway.support.private_files import replace_file

Settings = Mapping[str, Mapping[str, str]]
"""Section → key → value."""

_PLAIN: Final = re.compile(r"[A-Za-z/][A-Za-z0-9_./:-]*")
_LOADER: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_SettingName = tuple[str, str]


class Filled(NamedTuple):
    """The text with what could be written, the names of those settings, and what a person has to write."""

    text: str
    written: list[str]
    left: Settings


def put_settings(file: Path | None, wanted: Settings, *, dry_run: bool = False) -> bool:
    """Write settings into a file, if there is one; say what was written, and what a person has to; tell if that is nothing.

    ConfigurationFault if the file cannot be read or written.
    """
    found = filled(text_of(file), wanted) if file is not None else Filled("", [], wanted)
    if found.written and file is not None:
        if not dry_run:
            with blaming(f"{file}: cannot be written"):
                replace_file(file, found.text)
        show(f"{file}: {'would be ' if dry_run else ''}written: {', '.join(found.written)}")
    if found.left:
        stands = "is changed in no line that a person wrote: write there" if file else "there is none here; it is to have"
        left = {section: dict(keys) for section, keys in found.left.items()}
        say(f"{file or 'gateway.yaml'}: {stands}", indent(yaml.safe_dump(left, sort_keys=False), "  ").rstrip())
    return not found.left


def beside(file: Path | None, path: Path) -> str:
    """A path as it is written into a file of settings: those in its folder begin there."""
    return str(path.relative_to(file.parent) if file is not None and path.is_relative_to(file.parent) else path)


def filled(text: str, wanted: Settings) -> Filled:
    """Fill settings into the text of a ``gateway.yaml``."""
    sample = deployed("", "gateway.yaml")
    nobodys = {name: _line(sample, node) for name, node in _values(sample).items()}
    before, done, left = _document(text), set[_SettingName](), dict[str, dict[str, str]]()
    for section, keys in wanted.items():
        there = before.get(section)
        for key, value in reversed([*keys.items()]):  # each one goes to the head of its section
            if isinstance(there, dict) and there.get(key) == value:
                continue
            if (changed := _with(text, nobodys, (section, key), value)) is None:
                left[section] = {key: value} | left.get(section, {})
            else:
                text = changed
                done.add((section, key))
    return Filled(
        text, [f"{section}.{key}" for section, keys in wanted.items() for key in keys if (section, key) in done], left
    )


def _with(text: str, nobodys: Mapping[_SettingName, str], name: _SettingName, value: str) -> str | None:
    """The text with one more setting; None if a person has to write it."""
    values, (section, key) = _values(text), name
    node, heading = values.get(name), values.get((section, ""))
    scalar = value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
    if node is not None and _line(text, node) == nobodys.get(name):
        new = text[: node.start_mark.index] + scalar + text[node.end_mark.index :]
    elif heading is None:
        new = f"{text.rstrip()}\n\n{section}:\n  {key}: {scalar}\n".lstrip()
    elif node is None and isinstance(heading, yaml.MappingNode) and not heading.flow_style:
        line = heading.start_mark.index - heading.start_mark.column
        new = f"{text[:line]}{' ' * heading.start_mark.column}{key}: {scalar}\n{text[line:]}"
    else:
        return None
    before = _document(text)
    there = before.get(section)
    with suppress(ConfigurationFault):  # such as JSON, which nothing can be added to
        return new if _document(new) == before | {section: (there if isinstance(there, dict) else {}) | {key: value}} else None
    return None


def _values(text: str) -> dict[_SettingName, yaml.Node]:
    """Each value that stands two levels deep, by section and key; and the sections themselves, by their name and no key."""
    root = yaml.compose(text, _LOADER)
    found: dict[_SettingName, yaml.Node] = {}
    for name, section in root.value if isinstance(root, yaml.MappingNode) else []:
        found[name.value, ""] = section
        inside = section.value if isinstance(section, yaml.MappingNode) else []
        found |= {(name.value, key.value): value for key, value in inside}
    return found


def _line(text: str, node: yaml.Node) -> str:
    """The line on which a value stands."""
    return text.splitlines()[node.start_mark.line]


def _document(text: str) -> dict[str, object]:
    """ConfigurationFault if a text is no mapping of sections."""
    try:
        found = read(text) or {}
    except YamlFault as fault:
        raise ConfigurationFault([f"gateway.yaml: {fault}"]) from fault
    if not isinstance(found, dict):
        raise ConfigurationFault(["gateway.yaml: document: must be a mapping of sections"])
    return found
