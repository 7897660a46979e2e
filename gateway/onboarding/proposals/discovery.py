"""Home Assistant's discovery messages: descriptions of a device's values, read as far as they concern measurements.

A device publishes, retained, on ``homeassistant/COMPONENT/[NODE/]OBJECT/config`` what one value is, or on
``homeassistant/device/ID/config`` what all of them are. Keys may be abbreviated, and ``~`` stands for the base of a topic.
Templates are Jinja; only those that select a value are understood: ``{{ value_json.a['b'] | float }}``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_LONG: Final = {
    "stat_t": "state_topic",
    "unit_of_meas": "unit_of_measurement",
    "dev_cla": "device_class",
    "stat_cla": "state_class",
    "val_tpl": "value_template",
    "pl_on": "payload_on",
    "pl_off": "payload_off",
    "stat_on": "state_on",
    "stat_off": "state_off",
    "ent_cat": "entity_category",
    "dev": "device",
    "ids": "identifiers",
    "mdl": "model",
    "mf": "manufacturer",
    "cmps": "components",
    "p": "platform",
    "uniq_id": "unique_id",
}
"""Abbreviation → key, for the keys that are used."""

_TEMPLATE = re.compile(r"\{\{-?\s*(value_json|value)((?:\.[A-Za-z_]\w*|\[[^\]]*\])*)\s*((?:\|[^|{}]*)*?)\s*-?\}\}")
_ACCESS = re.compile(r"\.([A-Za-z_]\w*)|\[\s*(?:'([^']*)'|\"([^\"]*)\"|(\d{1,4}))\s*\]|(.)", re.DOTALL)
_FILTER = re.compile(r"\s*(float|int|is_defined|round|default|abs)\s*(?:\(\s*([^()]*?)\s*\))?\s*")
_UNWRITABLE: Final = frozenset("[]")
_TOPIC_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Owner:
    """The device that has the values; ``key``: its first identifier, else the node in the topic of the configuration."""

    key: str
    name: str
    maker: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """The position of a value in a message; ``path``: in a JSON document; None: the message is the value."""

    path: str | None
    round: int | None = None
    abs: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """One value of a device.

    :ivar where: the topic of its configuration, and its key there.
    :ivar words: name, identifier and path in lower case: a word may tell the meaning if no class does.
    :ivar on, off: the texts of a state.
    """

    where: str
    component: str
    name: str
    owner: Owner
    state_topic: str
    template: Template
    unit: str
    device_class: str
    state_class: str
    category: str
    words: str
    on: str
    off: str


class NotUnderstood(ValueError):  # noqa: N818 - it says what the configuration is
    """A configuration that is not about a measurement, or not in a known form; the text is a sentence."""


def is_discovery(topic: str, prefix: str) -> bool:
    """Tell whether a topic carries a configuration."""
    levels = topic.removeprefix(f"{prefix}/").split("/")
    return topic.startswith(f"{prefix}/") and levels[-1] == "config" and len(levels) in {3, 4}


def entities_in(topic: str, payload: bytes, prefix: str) -> Iterator[Entity | str]:
    """The values that a configuration describes; for each that is not understood a sentence."""
    if not payload:
        return  # the device removed it
    try:
        config = json.loads(payload)
        if not isinstance(config, dict):
            raise NotUnderstood("is not a JSON object")
    except (ValueError, RecursionError) as error:
        yield f"{topic}: {'is not JSON' if not isinstance(error, NotUnderstood) else error}"
        return
    component, *nodes, _ = topic.removeprefix(f"{prefix}/").split("/")
    whole = _spelt_out(config)
    parts = _components(whole) if component == "device" else {"": (component, whole)}
    for key, (kind, part) in parts.items():
        where = f"{topic} {key}".rstrip()
        try:
            yield _entity(where, kind, part, nodes[0])
        except NotUnderstood as why:
            yield f"{where}: {why}"


def _components(whole: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """The parts of a configuration of a whole device, each with the keys common to all."""
    listed = whole.get("components")
    shared = {key: value for key, value in whole.items() if key != "components"}
    parts = (
        {str(key): _spelt_out(part) for key, part in listed.items() if isinstance(part, dict)}
        if isinstance(listed, dict)
        else {}
    )
    return {key: (str(part.get("platform", "")), _with_base(shared | part)) for key, part in parts.items()}


def _spelt_out(config: Mapping[str, Any]) -> dict[str, Any]:
    return _with_base({_LONG.get(key, key): value for key, value in config.items()})


def _with_base(config: dict[str, Any]) -> dict[str, Any]:
    base, topic = config.get("~"), config.get("state_topic")
    if isinstance(base, str) and isinstance(topic, str):
        config["state_topic"] = base + topic[1:] if topic[:1] == "~" else topic[:-1] + base if topic[-1:] == "~" else topic
    return config


def _entity(where: str, component: str, config: Mapping[str, Any], node: str) -> Entity:
    topic = config.get("state_topic")
    if not isinstance(topic, str) or not topic:
        raise NotUnderstood(f"{component or 'it'} has no state_topic")
    if len(topic) > _TOPIC_MAX or set(topic) & set("+#") or not topic.isprintable():  # half a surrogate pair is not printable
        raise NotUnderstood(f"its state_topic is not a topic: {topic[:80]!r}")
    owner = _owner(config.get("device"), node)
    text = {
        key: _text(config.get(key)) for key in ("unit_of_measurement", "device_class", "state_class", "entity_category", "name")
    }
    template = parse_template(_text(config.get("value_template")))
    return Entity(
        where,
        component,
        text["name"] or text["device_class"] or node,
        owner,
        topic,
        template,
        text["unit_of_measurement"].strip('"').replace("μ", "µ"),  # U+03BC and U+00B5 look alike
        text["device_class"],
        text["state_class"],
        text["entity_category"],
        " ".join((text["name"], _text(config.get("unique_id")), template.path or topic.rpartition("/")[2])).lower(),
        _text(config.get("state_on")) or _text(config.get("payload_on")) or "ON",
        _text(config.get("state_off")) or _text(config.get("payload_off")) or "OFF",
    )


def _owner(device: object, node: str) -> Owner:
    told = _spelt_out(device) if isinstance(device, dict) else {}
    ids = told.get("identifiers")
    key = _text(ids[0] if isinstance(ids, list) and ids else ids) or node
    return Owner(key, _text(told.get("name")) or key, _text(told.get("manufacturer")), _text(told.get("model")))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def parse_template(text: str) -> Template:
    """Parse a template into the position of its value, an empty one: the message itself; NotUnderstood if it does more."""
    match = _TEMPLATE.fullmatch(text.strip() or "{{ value }}")
    if match is None:
        raise NotUnderstood(f"its value_template is not understood: {text}")
    keys = []
    for name, single, double, number, other in _ACCESS.findall(match[2]):
        key = name or single or double or number
        if other or not key or set(key) & _UNWRITABLE:
            raise NotUnderstood(f"its value_template is not understood: {text}")
        keys.append(f"[{key}]" if number else "/" + key.replace("~", "~0").replace("/", "~1"))
    if match[1] == "value" and keys:
        raise NotUnderstood(f"its value_template is not understood: {text}")
    return Template("".join(keys) or None, **_filtered(match[3], text))


def _filtered(filters: str, text: str) -> dict[str, Any]:
    """The steps behind a value. ``float`` and ``int`` only say that it is a number, ``default`` what stands in for none."""
    steps: dict[str, Any] = {}
    for piece in filters.split("|")[1:]:
        match = _FILTER.fullmatch(piece)
        if match is None or (match[1] == "round" and not (match[2] or "0").isdigit()):
            raise NotUnderstood(f"its value_template is not understood: {text}")
        if match[1] == "round":
            steps["round"] = min(int(match[2] or 0), 12)
        elif match[1] == "abs":
            steps["abs"] = True
    return steps
