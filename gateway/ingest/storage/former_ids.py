"""Devices that are stored under another id than they have now: known at the start, before the first of them speaks."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from pydantic_core import from_json

from gateway.core.devices.streams import Streams

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9._:-]")


class ChangedId(NamedTuple):
    """A device, by the name under which it sends, with its id in the past and its id from now on."""

    source: str
    former: str
    now: str

    def __str__(self) -> str:
        """Both ids, for people."""
        return f"{self.former} → {self.now}"


def former_id(source: str) -> str:
    """The id that an earlier version made of a name, by which two names could become one."""
    return _NO_NAME.sub("_", source)


def changed_ids(lines: Mapping[str, str], streams: Streams) -> list[ChangedId]:
    """The devices whose id is sure to have changed since the last run.

    :param lines: id → what is remembered of it.
    """
    found = dict.fromkeys([*_by_registry(streams), *_by_source(lines, streams)])
    return [one for one in found if one.former in lines and one.now not in lines and one.former != one.now]


def _by_registry(streams: Streams) -> Iterator[ChangedId]:
    for entry in streams.registry.values():
        if entry.source is not None:
            yield ChangedId(entry.source, former_id(entry.source), entry.id)


def _by_source(lines: Mapping[str, str], streams: Streams) -> Iterator[ChangedId]:
    for name, line in lines.items():
        if '"source"' in line:
            source = _source_in(line)
            if source:
                yield ChangedId(source, name, streams.id_of(source))


def _source_in(line: str) -> str:
    try:
        record = from_json(line)
    except ValueError:
        return ""
    source = record.get("source") if isinstance(record, dict) else None
    return source if isinstance(source, str) else ""
