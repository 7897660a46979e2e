"""Targets for what profiles describe, and for nested values: tables, templates, frames, texts in a value, topics."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from gateway.core.decoders.plain import ORDERS, from_base64, from_bytes_list, from_hex, from_json_text, from_words
from gateway.core.decoders.struct_frame import SPANS, WIDTHS, compile_struct
from gateway.core.decoders.text import compile_csv, compile_text
from gateway.core.message import Undecodable
from schemas.topics import is_filter, matches, parse_topic
from tests.campaigns.fuzz.target import Run, Target
from tests.campaigns.fuzz.targets.payloads import assert_plain, json_seeds, refused_or

TEMPLATE_MAX = 300


def csv_rows() -> Run:
    """The first byte says with which separator and header."""
    decoders = [
        compile_csv(delimiter, header, decimal)
        for delimiter, decimal in ((",", "."), (";", ","), ("\t", "."), (" ", ","), ("|", "."))
        for header in (True, ["a", "b"], False)
    ]

    def run(data: bytes) -> None:
        decode = decoders[data[0] % len(decoders) if data else 0]
        found = refused_or(decode, data[1:])
        if not isinstance(found, Undecodable):
            assert found
            assert_plain(found)

    return run


def templates() -> Run:
    """The first line is the template: it is refused with a sentence, or reads the rest or refuses that."""

    def run(data: bytes) -> None:
        template, _, text = data.partition(b"\n")
        try:
            decode = compile_text(template[:TEMPLATE_MAX].decode("latin-1"))
        except ValueError:
            return
        found = refused_or(decode, text)
        if not isinstance(found, Undecodable):
            assert_plain(found)

    return run


def frames() -> Run:
    """The first line is a list of fields in JSON: it is refused with a sentence, or reads the frame or refuses that."""

    def run(data: bytes) -> None:
        line, _, frame = data.partition(b"\n")
        try:
            fields = [_field(each) for each in json.loads(line)]
            decode = compile_struct(fields)
        except (
            ValueError,
            TypeError,
            LookupError,
            OverflowError,
            RecursionError,
        ):  # the model of profiles lets no such field through
            return
        found = refused_or(decode, frame)
        if not isinstance(found, Undecodable):
            assert_plain(found)

    return run


def _field(given: dict[str, Any]) -> dict[str, Any]:
    """A field as the model of profiles would let it through."""
    kinds = (*WIDTHS, *SPANS)
    field: dict[str, Any] = {"name": str(given["name"]).encode(errors="replace").decode(), "type": given["type"]}
    if given["type"] not in kinds:
        field["type"] = kinds[len(str(given["type"])) % len(kinds)]
    field["at"] = max(-4096, min(int(given.get("at", 0)), 4096))
    field["order"] = given["order"] if given.get("order") in ORDERS else "abcd"
    if "bits" in given and len(given["bits"]) == len(("first", "count")):
        field["bits"] = [int(each) for each in given["bits"]]
    return field | ({"length": int(given["length"]) % 4096} if given.get("length") else {})


def frame_seeds() -> Iterator[bytes]:
    """Fields of every type, and a frame."""
    fields = [{"name": kind, "at": at, "type": kind} for at, kind in enumerate(WIDTHS)]
    spans = [{"name": kind, "at": -8, "type": kind, "length": 4, "order": "cdab"} for kind in SPANS]
    more = {"name": "b", "at": 1, "type": "u16", "bits": [3, 5], "signed": True, "order": "dcba"}
    for group in (fields, spans, [more]):
        yield json.dumps(group).encode() + b"\n" + bytes(range(40))


def nested() -> Run:
    """Decode a nested value in every form that it may have."""
    ways: list[Callable[[Any], object]] = [from_base64, from_hex, from_bytes_list, from_json_text]
    ways += [partial(from_words, order=order) for order in ORDERS]

    def run(data: bytes) -> None:
        try:
            values = [json.loads(data)]
        except (ValueError, RecursionError):
            values = []
        for value in [*values, data.decode(errors="replace")]:
            for way in ways:
                found = refused_or(way, value)
                if not isinstance(found, Undecodable):
                    assert_plain(found)

    return run


def topics() -> Run:
    """A native topic is what its parts are; a filter that takes a topic takes it level by level."""

    def run(data: bytes) -> None:
        pattern, _, topic = data.decode(errors="replace").partition("\n")
        native_topic = parse_topic(topic)
        assert native_topic is None or str(native_topic) == topic
        if "+" not in topic and "#" not in topic and matches(pattern, topic):
            assert not is_filter(topic) or matches(topic, topic)
            assert "#" in pattern or pattern.count("/") == topic.count("/")
            if native_topic is not None and is_filter(pattern):
                assert matches("iot/v1/+/+/+/+", topic)

    return run


def topic_seeds() -> Iterator[bytes]:
    """Filters and topics."""
    yield b"iot/v1/+/+/+/readings\niot/v1/s1/water/d-1/readings"
    yield b"spBv1.0/#\nspBv1.0/group/DDATA/node/device"
    yield b"$share/g/a/+\n$SYS/broker"


TARGETS = [
    Target("nested", nested, lambda: [*json_seeds(), b'"AQID"', b'"0x01 02:ff"', b"[1,2,255,65535,-3]", b64encode(b"abc")]),
    Target("csv", csv_rows, lambda: [b"\0a,b\r\n1,2.5\r\n", b"\3a;b\n1,5;007\n", b'\6"x ""y"""\t\t-1e3', b"\x0b1 2 3"]),
    Target(
        "text", templates, lambda: [b"{flow:number} m3/h {state:word}\n1.84 m3/h open", b"T={t:number};{r:rest}\nT=-.5;a c"]
    ),
    Target("struct", frames, frame_seeds),
    Target("topics", topics, topic_seeds),
]
