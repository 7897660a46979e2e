"""The published documents as text, made from the tables: JSON Schema of the payloads, AsyncAPI of the topics. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

import yaml
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema

from schemas.alarms import AlarmRules
from schemas.open_data import CONTEXT_FILE, open_data_context
from schemas.profile import Profile
from schemas.quantities import DOMAINS, GROWTH, QUANTITIES, REQUIRES, SUM_OF, USED_OF, VEHICLE_CLASSES, Kind, Quantity
from schemas.readings import ARRAY_MAX, DEVICE_STATES, ENVELOPE_KEYS, native_adapter
from schemas.registry import registry_adapter
from schemas.scenario import Scenario
from schemas.shares import SharesSpec
from schemas.standard_names import STANDARD_NAMES
from schemas.topics import NAME_MAX, NAME_PATTERN, NativeTopic

SchemaDocument = dict[str, Any]
"""A document or a part of one: JSON values only, keys in the order they are read."""

STATUS: Final = "status"
WILL: Final = json.dumps({"state": "offline"})

_MADE: Final = "Made by `python -m schemas` from the tables in schemas/*.py: change those, not this file."
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_MQTT_BINDING: Final = {"bindingVersion": "0.2.0"}
_KEYWORDS: Final = (
    "x-unit is the unit, a UCUM code. x-kind tells apart a counter (a register that only grows; send the register, never a "
    "difference), a gauge and a state. x-unit-uri is the unit for SensorThings; x-observed-property, x-obis, x-ngsi-ld and "
    "x-lwm2m are the names of the same thing there, where it has one."
)
_TOLERANCE: Final = (
    'This is the canonical form. The gateway also reads a number sent as text ("12.3"), and 0, 1, "on" or "off" for a '
    "boolean. A null counts as absent and an unknown key is left out. A value of another type, outside its bounds or not "
    "finite is dropped, the rest of the reading kept and bit 2 of its quality set. Only a reading with no quantity left is "
    "rejected, and in an array only that reading."
)


def documents(examples: Mapping[str, Any]) -> dict[str, str]:
    """Every published document: its path below the package's folder → its text.

    :param examples: payloads by name; the name begins with a domain or ``status`` and a dash, as in ``water-tank``.
    :raises ValueError: a name that begins otherwise.
    """
    shown = {topic: _of(topic, examples) for topic in (*DOMAINS, STATUS)}
    for name in sorted(examples.keys() - {name for payloads in shown.values() for name in payloads}):
        raise ValueError(f"example {name}: its name must begin with one of {', '.join(shown)} and a dash; rename the file")
    return {
        **{f"json/{domain}.json": _json(_payload_schema(domain, shown[domain])) for domain in DOMAINS},
        f"json/{STATUS}.json": _json(_status_schema(shown[STATUS])),
        "json/profile.json": _json(_file_schema("A device profile", TypeAdapter(Profile))),
        "json/alarms.json": _json(_file_schema("The rules of alarms, alarms.yaml", TypeAdapter(AlarmRules))),
        "json/registry.json": _json(_file_schema("The registry, devices.yaml", registry_adapter)),
        "json/shares.json": _json(_file_schema("The shares of several gateways, shares.yaml", TypeAdapter(SharesSpec))),
        f"json/{CONTEXT_FILE}": _json(open_data_context()),
        "json/scenario.json": _json(_file_schema("A scenario of the simulator", TypeAdapter(Scenario))),
        "asyncapi.yaml": f"# {_MADE}\n{_yaml(_asyncapi(shown))}",
        "quantities.md": _quantities(),
    }


def _quantities() -> str:
    """The table of quantities, for authors of profiles."""
    tables = []
    for measurement, rows in QUANTITIES.items():
        lines = [f"| `{row.field}` | {_unit_and_bounds(row)} | {row.meaning} |" for row in rows.values()]
        tables.append(
            "\n".join([f"## {measurement}", "", "| field | unit, least to most | what it is |", "|---|---|---|", *lines])
        )
    parts = [f"<!-- {_MADE} -->", "# Quantities", _QUANTITIES_READ, *tables, _sums(), _TAGS, _standard_names()]
    return "\n\n".join(parts) + "\n"


def _sums() -> str:
    """The table of sums that the gateway writes beside the counters."""
    lines = [
        f"| `{field}` | `{SUM_OF[field]}` | `{USED_OF[field]}` | {growth.usual_per_h:.10g} | {growth.most_per_h:.10g} |"
        for field, growth in GROWTH.items()
    ]
    return "\n".join([_SUMS_READ, *lines])


def _standard_names() -> str:
    """The names of the quantities in other standards."""
    lines = [
        f"| {measurement} | `{field}` | {names.obis} | {_linked(names.observed)} | {names.ngsi_ld} | {names.lwm2m} |"
        for measurement, rows in STANDARD_NAMES.items()
        for field, names in rows.items()
    ]
    return "\n".join([_STANDARD_NAMES_READ, *lines])


def _linked(uri: str) -> str:
    return f"[{'/'.join(uri.split('/')[-2:])}]({uri})" if uri else ""


def _unit_and_bounds(row: Quantity) -> str:
    if row.kind is Kind.STATE:
        return "true or false"
    register = ", register" if row.kind is Kind.COUNTER else ""
    return f"{row.unit}, {row.minimum:.10g} to {row.maximum:.10g}{register}"


_QUANTITIES_READ: Final = """\
Every field that a profile may fill, by measurement. Values in another unit are converted: name it with `unit`. A value
outside least and most is dropped, and the reading gets quality bit 2. A register only grows: give it `counter` where its
width or its greatest rate is known."""

_SUMS_READ: Final = """\
## Sums

The gateway writes the sum of a counter behind it: the register plus an offset, so that a difference of two sums is what was
used, over exchanges, resets and roll-overs too. Roll-ups hold that difference. Growth is in the counter's unit per hour: the
usual is what a meter of unknown size passes (`q3_m3_h` and `rated_a` in the registry tell its size); more than the most never
counts. A profile may give a smaller most.

| counter | its sum | what was used | usual | most |
|---|---|---|---|---|"""

_STANDARD_NAMES_READ: Final = """\
## Names in other standards

The same thing elsewhere, where it has a name: OBIS codes of meters (IEC 62056-6-1, EN 13757-1), the observed property for
SensorThings (kinds of quantity of QUDT, pollutants of the European Environment Agency), type and attribute of the Smart Data
Models for NGSI-LD, object and resource of LwM2M. The unit may be another one there: NGSI-LD has shares of 1 in place of
percent, LwM2M m3/s. What has no name of its own is left empty. The unit of a field for SensorThings is its UCUM code behind
`http://www.opengis.net/def/uom/UCUM/0/`.

| measurement | field | OBIS | observed property | NGSI-LD | LwM2M |
|---|---|---|---|---|---|"""

_TAGS: Final = f"""\
## Tags

| tag | what it may hold |
|---|---|
| `channel` | a name of 1 to {NAME_MAX} of `A-Z a-z 0-9 . _ : -`; of any other text `name: true` makes one |
| `direction`, `lane` | as `channel` |
| `vehicle_class` | {", ".join(f"`{name}`" for name in VEHICLE_CLASSES)}; any other text of a message is stored as `other` |"""


def _file_schema(title: str, adapter: TypeAdapter[Any]) -> SchemaDocument:
    """JSON Schema of a file that people write, with which their editors complete and check it."""
    schema = adapter.json_schema(schema_generator=_Untitled)
    return {"$schema": _DIALECT, "$comment": _MADE, **schema, "title": title}


def _of(topic: str, examples: Mapping[str, Any]) -> dict[str, Any]:
    return {name: payload for name, payload in sorted(examples.items()) if name.startswith(f"{topic}-")}


def _json(document: SchemaDocument) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _yaml(document: SchemaDocument) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """YAML without anchors: repeated parts are written out."""

    def ignore_aliases(self, data: object) -> Literal[True]:  # noqa: ARG002 - the signature is PyYAML's
        return True


class _Untitled(GenerateJsonSchema):
    """Without the titles pydantic makes up from field names."""

    def field_title_should_be_set(self, schema: CoreSchema) -> Literal[False]:  # noqa: ARG002
        return False


def _payload_schema(domain: str, examples: Mapping[str, Any]) -> SchemaDocument:
    """JSON Schema of what may be published on the readings topics of ``domain``."""
    reading = {"$ref": "#/$defs/reading"}
    return {
        "$schema": _DIALECT,
        "$comment": _MADE,
        "title": f"Native payload, {domain}",
        "description": f"Payload of {_address('readings').replace('{domain}', domain)}: one reading, or an array of up to "
        f"{ARRAY_MAX} of them from a device that uploads its backlog.",
        "oneOf": [reading, {"type": "array", "minItems": 1, "maxItems": ARRAY_MAX, "items": reading}],
        "$defs": {"reading": _reading_schema(domain)},
        "examples": list(examples.values()),
    }


def _reading_schema(domain: str) -> SchemaDocument:
    """The strict validator of the gateway as JSON Schema, but open: an unknown key does not invalidate a reading."""
    properties = native_adapter(domain).json_schema(schema_generator=_Untitled)["properties"]
    needs = {field: [needed] for field, needed in REQUIRES.items() if field in QUANTITIES[domain]}
    return {
        "title": f"Reading, {domain}",
        "description": f"What one device measured at one instant: at least one quantity. {_TOLERANCE} {_KEYWORDS}",
        "type": "object",
        "properties": {key: {word: _plain(value) for word, value in about.items()} for key, about in properties.items()},
        "additionalProperties": True,
        **({"dependentRequired": needs} if needs else {}),
        "not": {"description": "No quantity at all.", "propertyNames": {"enum": list(ENVELOPE_KEYS)}},
    }


def _plain(value: object) -> object:
    """A whole number without the ``.0`` that the table's floats have."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _status_schema(examples: Mapping[str, Any]) -> SchemaDocument:
    return {
        "$schema": _DIALECT,
        "$comment": _MADE,
        "title": "Status of a device",
        "description": f"Payload of {_address('status')}, retained. The device publishes online when it has connected; "
        "offline is its last will.",
        "type": "object",
        "properties": {"state": {"description": "Whether the device is connected.", "enum": list(DEVICE_STATES)}},
        "required": ["state"],
        "additionalProperties": True,
        "examples": list(examples.values()),
    }


def _address(channel: Literal["readings", "status"]) -> str:
    return str(NativeTopic("{site}", "{domain}", "{device}", channel))


def _asyncapi(examples: Mapping[str, Mapping[str, Any]]) -> SchemaDocument:
    """The topics from the gateway's point of view: it receives, devices send."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Province gateway: native topics",
            "version": "1.0.0",
            "description": "How a device that speaks the gateway's own language delivers its readings by MQTT. The document is "
            "written from where the gateway stands: it receives what devices publish.",
        },
        "defaultContentType": "application/json",
        "servers": {"broker": _broker()},
        "channels": {"readings": _readings_channel(), "status": _status_channel()},
        "operations": {
            "receiveReadings": _receive("readings", DOMAINS, retain=False),
            "receiveStatus": _receive("status", (STATUS,), retain=True),
        },
        "components": {
            "parameters": _parameters(),
            "messages": {topic: _message(topic, examples[topic]) for topic in (*DOMAINS, STATUS)},
        },
    }


def _broker() -> SchemaDocument:
    will = {"topic": _address("status"), "qos": 1, "message": WILL, "retain": True}
    return {
        "host": "{host}:{port}",
        "protocol": "mqtt",
        "description": "The MQTT broker that devices and gateway connect to. Devices may speak MQTT 3.1.1 or 5. The last will "
        "below is the one a device registers when it connects.",
        "variables": {
            "host": {"default": "localhost", "description": "Name or address of the broker."},
            "port": {"default": "1883", "description": "8883 is usual where the broker speaks TLS."},
        },
        "bindings": {"mqtt": {"lastWill": will, **_MQTT_BINDING}},
    }


def _readings_channel() -> SchemaDocument:
    return {
        "address": _address("readings"),
        "title": "Readings of a device",
        "description": "Not retained. QoS 1 is acknowledged to the device by the broker; QoS 0 may be lost on the way. The "
        "payload is the message named like the domain in the topic.",
        "parameters": _references("parameters", ("site", "domain", "device")),
        "messages": _references("messages", DOMAINS),
    }


def _status_channel() -> SchemaDocument:
    return {
        "address": _address("status"),
        "title": "Whether a device is connected",
        "description": "Retained, so that the gateway learns it whenever it connects.",
        "parameters": _references("parameters", ("site", "domain", "device")),
        "messages": _references("messages", (STATUS,)),
    }


def _references(kind: str, names: tuple[str, ...]) -> SchemaDocument:
    return {name: {"$ref": f"#/components/{kind}/{name}"} for name in names}


def _receive(channel: str, messages: tuple[str, ...], *, retain: bool) -> SchemaDocument:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages],
        "bindings": {"mqtt": {"qos": 1, "retain": retain, **_MQTT_BINDING}},
    }


def _parameters() -> SchemaDocument:
    grammar = {"x-pattern": f"^{NAME_PATTERN}$"}
    letters = "1 to 64 of A-Z a-z 0-9 . _ : -"
    return {
        "site": {"description": f"Where the device is: {letters}.", "examples": ["pump-house-3"], **grammar},
        "domain": {"description": "What the device measures; decides the payload.", "enum": list(DOMAINS)},
        "device": {
            "description": f"The device, unique in the province: {letters}. Simulated ones begin with sim-.",
            "examples": ["wm-0117"],
            **grammar,
        },
    }


def _message(topic: str, examples: Mapping[str, Any]) -> SchemaDocument:
    status = topic == STATUS
    return {
        "name": topic,
        "title": "Status of a device" if status else f"Readings, {topic}",
        "summary": "Online, or the last will offline." if status else f"Published where the domain in the topic is {topic}.",
        "payload": {"$ref": f"./json/{topic}.json"},
        "examples": [{"name": name, "payload": payload} for name, payload in examples.items()],
    }
