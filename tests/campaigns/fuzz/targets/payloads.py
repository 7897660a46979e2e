"""Decoders: any bytes are plain values or :class:`Undecodable`, and what two ways read, both read alike."""

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from gateway.core.decoders import decoder_of
from gateway.core.message import Undecodable
from gateway.core.readings.native import Broken, Decoded, NativeDecoder
from schemas.quantities import DOMAINS
from tests.campaigns.fuzz.mutations import NATIVE, real
from tests.campaigns.fuzz.target import Run, Target
from tests.core.sparkplug_payloads import FLOAT, INT, LONG, STRING, M, payload

DETAIL_MAX = 2000
DEPTH_MAX = 70


def refused_or(decode: Callable[[Any], object], value: object) -> object:
    """Decode a value; check that a refusal has a sentence that can be stored."""
    try:
        return decode(value)
    except Undecodable as why:
        refusal = why
    assert 0 < len(refusal.detail.encode()) <= DETAIL_MAX, refusal.detail
    return refusal


def assert_plain(value: object, depth: int = DEPTH_MAX) -> None:
    """Nothing but what JSON has, and bytes; not deep, and every text can be stored."""
    assert depth, "too deep"
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, dict):
        for key, item in value.items():
            key.encode()
            assert_plain(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            assert_plain(item, depth - 1)
    elif type(value) is int:
        float(value)
    else:
        assert value is None or type(value) in {bool, float, bytes}, type(value)


def same(one: object, other: object) -> bool:
    """Tell if two values are the same, types too; NaN equals NaN."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(item, other[key]) for key, item in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return type(one) is type(other) and one == other


def plain_values(decode: Callable[[bytes], object]) -> Callable[[], Run]:
    """The target of a decoder that reads bytes."""

    def make() -> Run:
        def run(data: bytes) -> None:
            found = refused_or(decode, data)
            if not isinstance(found, Undecodable):
                assert_plain(found)

        return run

    return make


def native() -> Run:
    """Check that the fast and the slow path agree; every value is of its quantity, and within its bounds."""
    decoders = [NativeDecoder(domain) for domain in DOMAINS]

    def run(data: bytes) -> None:
        decoder, body = decoders[data[0] % len(decoders) if data else 0], data[1:]
        quick = decoder.decode_plain(body)
        found = refused_or(decoder.decode_slow_path, body)
        if quick is not None:
            assert isinstance(found, list), (quick, found)
            (only,) = found
            assert isinstance(only, Decoded), (quick, only.why.detail)
            assert only.dropped in (None, []), (quick, only.dropped)
            assert only.values == quick[0], (quick, only.values)
            assert quick[1].read(body) in (None, quick[1].parts(quick[0])), quick
        for item in found if isinstance(found, list) else ():
            _assert_native(decoder, item)

    return run


def _assert_native(decoder: NativeDecoder, item: Decoded | Broken) -> None:
    if isinstance(item, Broken):
        assert item.why.detail
        return
    for key, value in item.values.items():
        quantity = decoder.quantities.get(key)
        if quantity is not None:
            assert not isinstance(value, str), (key, value)
            assert quantity.minimum <= value <= quantity.maximum, (key, value)
    if item.source is not None:
        item.payload()


def json_forms() -> Run:
    """JSON is what Python's own reader finds in it; what is sound JSON is the same to the lenient reader."""
    strict, lenient = decoder_of("json"), decoder_of("json_lenient")

    def run(data: bytes) -> None:
        found, forgiven = refused_or(strict, data), refused_or(lenient, data)
        for one in (found, forgiven):
            if not isinstance(one, Undecodable):
                assert_plain(one)
        if not isinstance(found, Undecodable):
            assert same(found, forgiven), (found, forgiven)
            text = data.decode("utf-8-sig").rstrip("\0 \t\r\n")
            assert same(_bounded(json.loads(text)), found), found

    return run


def _bounded(value: Any) -> object:  # noqa: ANN401 - whatever JSON holds
    """A document with infinity for the integers that no float can hold."""
    if isinstance(value, dict):
        return {key: _bounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_bounded(item) for item in value]
    if type(value) is int:
        try:
            float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return value


def json_seeds() -> Iterator[bytes]:
    """JSON as devices write it."""
    yield from (json.dumps(reading).encode() for _, reading in NATIVE)
    yield b'\xef\xbb\xbf{"a": [1.5e3, -0, "\\ud83d\\ude00"]}\0'
    yield b'{"t": nan, "p": -inf, "o": OVF, "s": "nan"}'


def corpus(*words: str) -> list[bytes]:
    """Real payloads that hold one of the words, where there are any."""
    return [seed.payload for seed in real(["t"]) if any(word.encode() in seed.payload for word in words)][:40]


def obis_seeds() -> Iterator[bytes]:
    """Telegrams of meters."""
    yield b"/ISk5\\2MT382-1000\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(101209113020W)\r\n1-0:1.8.1(123456.789*kWh)\r\n!\r\n"
    yield b"0-1:24.3.0(120517020000)(08)(60)(1)(0-1:24.2.1)(m3)\r\n(00124.477)\r\n"
    yield b"1-0:99.97.0(2)(0-0:96.7.19)(101208152415W)(0000000240*s)(101208151004W)(0000000301*s)\r\n"
    yield b"\x0200000000(0.0.0)\r\n1.8.0*01(00123.4*kWh)\r\nF.F(00)\r\n!\r\n\x03"
    yield from corpus("!", "1-0:")


def senml_seeds() -> Iterator[bytes]:
    """Packs."""
    yield b'[{"bn":"urn:dev:ow:1;","bt":1.320067464e+09,"bu":"m","bver":10,"n":"level","v":3.5,"t":-5},{"n":"s","vs":"x"}]'
    yield b'[{"n":"a","vb":true,"ut":60},{"n":"b","vd":"aGVsbG8","s":12.5,"bs":1}]'
    yield from corpus('"n"', '"bn"')


def cbor_seeds() -> Iterator[bytes]:
    """Items of every major type."""
    items = "a16161fb3ff8000000000000 83016161f6 c249010000000000000000 c48221196ab3 bf6161f97e00ff d81e820103 a1420102f5"
    yield from map(bytes.fromhex, items.split())
    yield bytes.fromhex("8ba5") + b"\x21\x78\x06urn:d:\x22\xfb\x41\xd3\xae\x6f\x2e\x00\x00\x00\x23\x61m\x00\x61a\x02\x18\x2a"


def sparkplug_seeds() -> Iterator[bytes]:
    """Payloads with metrics of every kind."""
    voltage = M("V", 229.5, FLOAT, alias=1, kind="Float", time_ms=1_793_491_200_000)
    yield payload(M("bdSeq", 7, LONG, kind="Int64"), voltage, seq=0)
    yield payload(M(alias=3, value=0xFFFFFA24, field=INT, kind="Int32"), M("s", "text", STRING, kind="String", historical=True))
    yield payload(M("n", null=True, kind="Boolean"), seq=255)


TARGETS = [
    Target("native", native, lambda: [bytes([at % len(DOMAINS)]) + body for body in json_seeds() for at in range(4)]),
    Target("json", json_forms, json_seeds),
    Target("obis", plain_values(decoder_of("obis")), obis_seeds),
    Target("senml-json", plain_values(decoder_of("senml_json")), senml_seeds),
    Target("senml-cbor", plain_values(decoder_of("senml_cbor")), cbor_seeds),
    Target("cbor", plain_values(decoder_of("cbor")), cbor_seeds, slowest_s=0.2),
    Target("sparkplug-payload", plain_values(decoder_of("sparkplug_b")), sparkplug_seeds),
]
