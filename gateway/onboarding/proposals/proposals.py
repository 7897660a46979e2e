"""Profiles proposed from the descriptions for Home Assistant, each with a test made from the last messages.

A proposal is a guess for a person to review; nothing here activates it. One profile reads all messages of one form:
a JSON document, or topics that differ in one level and carry one value each. Devices of the same form share it.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Final

from anyascii import anyascii

from gateway.onboarding.proposals.discovered_quantities import Meaning, meaning_of
from gateway.onboarding.proposals.discovery import Entity, NotUnderstood, Owner
from schemas.quantities import QUANTITIES, Kind
from schemas.topics import is_name
from schemas.unit_scale import LinearScale, convert

_COMMON: Final = frozenset(
    {
        *("tele", "telemetry", "stat", "status", "state", "states", "sensor", "binary_sensor", "switch"),
        *("data", "result", "info", "mqtt", "homeassistant", "zigbee2mqtt", "shellies", "iot", "home", "devices", "value"),
    }
)
"""Levels of topics that are never a device's name, in lower case."""

_TIMES: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("last_seen", {"path": "/last_seen", "format": "auto"}),
    ("Time", {"path": "/Time", "format": "rfc3339", "zone": "+07:00", "max_past": "2h"}),
    ("timestamp", {"path": "/timestamp", "format": "auto"}),
    ("ts", {"path": "/ts", "format": "auto"}),
)
"""Key of a document → its time format."""

_VALUE: Final = "/value"

Owners = Mapping[str, set[str]]
"""Level of a topic → the devices in whose topics it stands."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The last message of a topic."""

    payload: bytes
    arrival_ms: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A value that is understood; ``channel``: the channel that distinguishes it from values of the same name; may be empty."""

    entity: Entity
    meaning: Meaning
    channel: str = ""


@dataclass(slots=True)
class Proposal:
    """A profile to be written, without the results of its tests."""

    profile: dict[str, Any]  # the keys of a profile but ``tests``
    messages: list[tuple[Owner, list[tuple[str, Heard]]]]  # for each device the messages of its test, by topic
    doubts: list[str] = field(default_factory=list)  # points to review, a sentence each


def propose(entities: Iterable[Entity], heard: Mapping[str, Heard]) -> tuple[list[Proposal], list[str]]:
    """Profiles for the values of all devices, and a sentence for each value that is not understood."""
    notes: list[str] = []
    by_owner: dict[str, list[Wanted]] = {}
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for entity in entities:
        for level in entity.state_topic.split("/"):
            owners[level].add(entity.owner.key)
        try:
            by_owner.setdefault(entity.owner.key, []).append(Wanted(entity, meaning_of(entity)))
        except NotUnderstood as why:
            notes.append(f"{entity.where}: {why}")
    found: dict[str, Proposal] = {}
    for wanted in by_owner.values():
        for proposal in _of_device(_told_apart(wanted, notes), heard, owners, notes):
            same = found.setdefault(json.dumps(proposal.profile, sort_keys=True), proposal)
            if same is not proposal:
                same.messages += proposal.messages
    named: Counter[str] = Counter()
    for proposal in found.values():
        owner = proposal.messages[0][0]
        name = "ha-" + _plain(owner.model or owner.name)[:50].strip("-")
        named[name] += 1
        of = ", ".join(sorted({told.name for told, _ in proposal.messages}))
        proposal.profile = {
            "profile": name if named[name] == 1 else f"{name}-{named[name]}",
            "description": " ".join(
                filter(None, ("Proposed from Home Assistant's discovery:", owner.maker, owner.model, f"({of})."))
            ),
            **proposal.profile,
        }
    return list(found.values()), notes


def _told_apart(wanted: Sequence[Wanted], notes: list[str]) -> list[Wanted]:
    """Give values of one device with the same name a channel each; if nothing distinguishes them, keep the first."""
    found = []
    for one in wanted:
        same = [other for other in wanted if other.meaning.field == one.meaning.field]
        channel = _channel(one, same) if len(same) > 1 else ""
        if len(same) > 1 and not channel and one is not same[0]:
            called = f"{one.meaning.measurement}.{one.meaning.field}"
            notes.append(f"{one.entity.where}: is called {called}, as {same[0].entity.where} already")
            continue
        found.append(Wanted(one.entity, one.meaning, channel))
    return found


def _channel(one: Wanted, others: Sequence[Wanted]) -> str:
    """The part of topic or path in which each of several values differs from all others."""
    parts = [_parts(other.entity) for other in others]
    if len({len(one) for one in parts}) > 1:
        return ""
    for own, column in zip(_parts(one.entity), zip(*parts, strict=True), strict=True):
        same = takewhile(lambda letters: len(set(letters)) == 1, zip(*column, strict=False))
        alike = len(list(same))  # em1:0 and em1:1 are 0 and 1
        names = [part[alike:] for part in column]
        if len(set(column)) == len(column):
            return own[alike:] if all(map(is_name, names)) else own if all(map(is_name, column)) else ""
    return ""


def _parts(entity: Entity) -> list[str]:
    return [*entity.state_topic.split("/"), *(entity.template.path or "").replace("[", "/").replace("]", "").split("/")[1:]]


def _of_device(wanted: Sequence[Wanted], heard: Mapping[str, Heard], owners: Owners, notes: list[str]) -> Iterator[Proposal]:
    silent = {one.entity.state_topic for one in wanted} - heard.keys()
    notes += [f"{topic}: no message was heard, so there is nothing to make a test from" for topic in sorted(silent)]
    spoken = [one for one in wanted if one.entity.state_topic not in silent]
    documents = [one for one in spoken if one.entity.template.path is not None]
    for topic in dict.fromkeys(one.entity.state_topic for one in documents):
        yield _of_document([one for one in documents if one.entity.state_topic == topic], heard[topic], owners)
    yield from _of_values([one for one in spoken if one.entity.template.path is None], heard, owners)


def _of_document(wanted: Sequence[Wanted], last: Heard, owners: Owners) -> Proposal:
    entity = wanted[0].entity
    paths = list(dict.fromkeys(str(one.entity.template.path) for one in wanted))
    pattern, device = _pattern(entity, owners)
    profile = {
        "match": {"topic": pattern, "when": {"any_present": paths}},
        **device,
        **_time(last.payload),
        "points": _points(wanted),
    }
    return Proposal(profile, [(entity.owner, [(entity.state_topic, last)])], _doubts(wanted))


def _of_values(wanted: Sequence[Wanted], heard: Mapping[str, Heard], owners: Owners) -> Iterator[Proposal]:
    """Profiles for topics that carry one value each: those that differ in one level of the topic go together."""
    for group in _alike(wanted):
        entity = group[0].entity
        topics = list(dict.fromkeys(one.entity.state_topic for one in group))
        at = next(
            (at for at, column in enumerate(zip(*(topic.split("/") for topic in topics), strict=True)) if len(set(column)) > 1),
            None,
        )
        pattern, device = _pattern(entity, owners, at)
        points = _points(group) if at is None else _mapped(group, at)
        profile = {"match": {"topic": pattern}, "decode": {"text": "{value:rest}"}, **device, "points": points}
        yield Proposal(profile, [(entity.owner, [(topic, heard[topic]) for topic in topics])], _doubts(group))


def _alike(wanted: Sequence[Wanted]) -> Iterator[list[Wanted]]:
    shapes = Counter(shape for one in wanted for shape in set(_shapes(one.entity.state_topic)))
    groups: dict[tuple[str, ...], list[Wanted]] = {}
    for one in wanted:
        best = max(_shapes(one.entity.state_topic), key=lambda shape: (shapes[shape], shape))
        groups.setdefault(best, []).append(one)
    yield from groups.values()


def _shapes(topic: str) -> list[tuple[str, ...]]:
    """The topic with each of its levels but the first left open."""
    levels = topic.split("/")
    return [(*levels[:at], "+", *levels[at + 1 :]) for at in range(1, len(levels))] or [tuple(levels)]


def _pattern(entity: Entity, owners: Owners, what_at: int | None = None) -> tuple[str, dict[str, Any]]:
    """The topic with the device's level, and the one that names the value, as names; and the device's name.

    A level stays as it is unless another one does: a pattern of names alone would take everybody's messages.
    """
    levels = ["+" if set(level) & set("{}") else level for level in entity.state_topic.split("/")]
    at = _device_at(entity, owners, what_at)
    own = levels[at] if at is not None else ""
    if what_at is not None:
        levels[what_at] = "{what}"
    if at is None or not [level for level in (*levels[:at], *levels[at + 1 :]) if level not in {"+", "{what}"}]:
        return "/".join(levels), {"device": {"literal": own if is_name(own) else _plain(entity.owner.name) or "device"}}
    levels[at] = "{device}"
    return "/".join(levels), {} if is_name(own) else {"device": {"topic": "device", "name": True}}


def _device_at(entity: Entity, owners: Owners, what_at: int | None) -> int | None:
    """Find the level of the topic with the device's name, one that no other device has; None if none is known."""
    levels = entity.state_topic.split("/")
    if "/" in entity.owner.name and entity.owner.name in entity.state_topic:
        return None  # a name of several levels: one of them is not the device
    called = {_plain(entity.owner.name), _plain(entity.owner.key)}
    alone = [at for at, level in enumerate(levels) if at != what_at and len(owners[level]) == 1]
    named = [at for at in alone if _plain(levels[at]) in called]
    named += [at for at in alone if levels[at].lower() not in _COMMON and not levels[at].isdigit()]
    return named[0] if named else None


def _time(payload: bytes) -> dict[str, Any]:
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    found = [how for key, how in _TIMES if isinstance(document, dict) and document.get(key)]
    return {"time": [found[0], "arrival"]} if found else {}


def _points(wanted: Sequence[Wanted]) -> list[dict[str, Any]]:
    """A point for each measurement and channel."""
    points: dict[tuple[str, str], dict[str, Any]] = {}
    for one in wanted:
        key = (one.meaning.measurement, one.channel)
        point = points.setdefault(key, {"measurement": one.meaning.measurement, **_tags(one), "fields": {}})
        point["fields"][one.meaning.field] = _field(one)
    return list(points.values())


def _mapped(wanted: Sequence[Wanted], at: int) -> list[dict[str, Any]]:
    """A point for each measurement, its fields by the level that names them."""
    points: dict[str, dict[str, Any]] = {}
    each = {"by": {"topic": "what"}, "value": _VALUE}
    for one in wanted:
        measurement = one.meaning.measurement
        point = points.setdefault(measurement, {"measurement": measurement, "each": each, "map": {}})
        how = {key: value for key, value in _field(one).items() if key != "path"}
        entry = {"field": one.meaning.field, **_tags(one), **how}
        point["map"][one.entity.state_topic.split("/")[at]] = entry if len(entry) > 1 else one.meaning.field
    for point in points.values():
        point["map"]["*"] = "skip"
    return list(points.values())


def _tags(one: Wanted) -> dict[str, Any]:
    return {"tags": {"channel": {"literal": one.channel}}} if one.channel else {}


def _field(one: Wanted) -> dict[str, Any]:
    entity, quantity = one.entity, QUANTITIES[one.meaning.measurement][one.meaning.field]
    how: dict[str, Any] = {"path": entity.template.path or _VALUE}
    if quantity.kind is Kind.STATE:
        return how | {"enum": {entity.on: True, entity.off: False}}
    if entity.unit and convert(entity.unit, quantity.unit) != LinearScale():
        how["unit"] = entity.unit
    if entity.template.abs:
        how["abs"] = True
    if entity.template.round is not None:
        how["round"] = entity.template.round
    return how | ({"counter": True} if quantity.kind is Kind.COUNTER else {})


def _doubts(wanted: Sequence[Wanted]) -> list[str]:
    return [
        f"{one.entity.name} {one.meaning.doubt}"
        if one.meaning.doubt
        else f"{one.entity.name} had no unit; it is taken to be {unit}"
        for one in wanted
        if (unit := QUANTITIES[one.meaning.measurement][one.meaning.field].unit) is not None
        and (one.meaning.doubt or (unit and not one.entity.unit and unit != "1"))
    ]


def _plain(text: str) -> str:
    """A text in letters that names of profiles and devices may have."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in anyascii(text).lower()).split())
