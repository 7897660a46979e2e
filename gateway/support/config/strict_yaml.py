"""YAML of configuration, registry and profiles: mistakes that YAML would hide are faults.

A key given twice, an alias (a short file could stand for a large one), a tag of a programming language, and an unquoted number
that is not what it looks like (00012074 is 5180 in YAML, 18:30 is 1110) are refused with their line. The document is built from
the parser's events: a registry of 10,000 devices is read at every start, and nodes in between would take twice the time.
"""

from collections.abc import Callable
from typing import Any, Final

import yaml
from yaml import events

from gateway.support.config.yaml_words import YamlFault, converted, plain_value

_PARSER: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_DEPTH_MAX: Final = 64


def parse(text: str) -> Any:  # noqa: ANN401 - YAML is whatever people wrote
    """The one document in ``text``, None if it is empty; YamlFault with the line."""
    try:
        return _Builder(_PARSER(text).get_event).document()
    except yaml.MarkedYAMLError as error:
        raise YamlFault(error.problem_mark.line + 1 if error.problem_mark else 1, error.problem or str(error)) from error
    except yaml.reader.ReaderError as error:
        raise YamlFault(text.count("\n", 0, error.position) + 1, f"{error.reason}: character {error.character!r}") from error
    except UnicodeEncodeError as error:
        raise YamlFault(text.count("\n", 0, error.start) + 1, f"no text: {error.reason}") from error


def lines_of(text: str, places: list[tuple[int | str, ...]]) -> list[int]:
    """The lines, counted from 1, of places in a text that was read: keys and, in lists, numbers from 0.

    If a place is not in the text, the line of the last part of its path; in JSON that is not YAML, the first line.
    """
    try:
        root = yaml.compose(text, _PARSER)
    except yaml.YAMLError:
        root = None
    return [_line_of(root, place) for place in places]


def _line_of(node: yaml.Node | None, place: tuple[int | str, ...]) -> int:
    at = node
    for step in place:
        if isinstance(node, yaml.SequenceNode):
            node = at = node.value[int(step)]
        elif isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(step)), None)
            at, node = pair or (at, None)
    return _line(at)


class _NoKey:
    """Placeholder for the next key of a mapping."""


class _Builder:
    """Builds a document from events; ``here`` is the open mapping or list, ``key`` the key of its next value."""

    def __init__(self, next_event: Callable[[], Any]) -> None:
        self._next_event = next_event
        self._known: dict[str, Any] = {}

    def document(self) -> Any:  # noqa: ANN401
        """Everything up to the end of the text."""
        root: list[Any] = []
        here: Any = root
        key: Any = _NoKey
        around: list[tuple[Any, Any]] = []
        while True:
            event = self._next_event()
            kind = type(event)
            if kind is events.ScalarEvent:
                value = self._scalar(event)
            elif kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
                value = here
                here, key = around.pop()
            elif kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
                _check_start(event, len(around))
                around.append((here, key))
                here, key = {} if kind is events.MappingStartEvent else [], _NoKey
                continue
            elif kind is events.StreamEndEvent:
                return root[0] if root else None
            else:
                _check_between(event, root)
                continue
            if type(here) is list:
                here.append(value)
            elif key is _NoKey:
                key = _key(value, here, event)
            else:
                here[key] = value
                key = _NoKey

    def _scalar(self, event: events.ScalarEvent) -> Any:  # noqa: ANN401
        text = event.value
        if event.implicit[0]:
            try:
                return self._known[text]  # most words of a registry occur many times
            except KeyError:
                value = self._known[text] = plain_value(text, _line(event))
                return value
        return text if event.implicit[1] else converted(str(event.tag), text, _line(event))


def _key(value: object, mapping: dict[Any, Any], event: events.Event) -> object:
    if isinstance(value, dict | list):
        raise YamlFault(_line(event), "a key is one word, not a list or mapping")
    if value in mapping:
        raise YamlFault(_line(event), f"the key {value!r} occurs twice")
    return value


def _check_start(event: Any, depth: int) -> None:  # noqa: ANN401 - events of two kinds
    if depth >= _DEPTH_MAX:
        raise YamlFault(_line(event), f"more than {_DEPTH_MAX} levels deep")
    if not event.implicit:
        raise YamlFault(_line(event), f"the tag {event.tag} is not accepted")


def _check_between(event: events.Event, root: list[Any]) -> None:
    if isinstance(event, events.AliasEvent):
        raise YamlFault(_line(event), "an alias (*) is not accepted; write the value out")
    if isinstance(event, events.DocumentStartEvent) and root:
        raise YamlFault(_line(event), "a second document begins; a file holds one")


def _line(what: events.Event | yaml.Node | None) -> int:
    return what.start_mark.line + 1 if what is not None and what.start_mark else 1
