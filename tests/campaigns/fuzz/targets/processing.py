"""The core as a whole: messages in order, through the shipped profiles, envelopes and births."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.core.decoders.plain import json_object
from gateway.core.message import Outcome, StoredMessage, Undecodable
from gateway.core.process import Processor
from gateway.core.sparkplug.births import parse_address
from gateway.core.sparkplug.host import SparkplugHost
from gateway.ingest.codecs.protocol import CodecAnswer, read_answer
from gateway.onboarding.explain.dry_run import begin, finish
from tests.campaigns.fuzz import shipped
from tests.campaigns.fuzz.mutations import examples
from tests.campaigns.fuzz.soundness import assert_outcome, assert_shown
from tests.campaigns.fuzz.target import Run, Target
from tests.core.making import replace_registry
from tests.core.profiles.test_envelopes import ENVELOPES, MESSAGES
from tests.core.sparkplug_payloads import FLOAT, INT, LONG, M, payload

ARRIVAL_MS = 1_793_491_200_000
APART_MS = 1000
SEPARATOR = b"\n\x1e"
"""Between two messages, each a topic, a line end and a payload."""
ANSWER = b"\n\x1d"
"""Between a payload and what the codec's process says of it."""
MESSAGES_MAX = 6
RETAINED = "!"
"""Before the topic of a retained message."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message and the line with which a codec's process would answer."""

    message: StoredMessage
    answer: CodecAnswer
    arrival_ms: int


def told(data: bytes) -> Iterator[Told]:
    """The messages in an input."""
    for number, record in enumerate(data.split(SEPARATOR)[:MESSAGES_MAX]):
        line, _, rest = record.partition(b"\n")
        body, _, answer = rest.partition(ANSWER)
        topic = line.decode(errors="replace").replace("\0", "")
        message = StoredMessage(topic.removeprefix(RETAINED), body, topic.startswith(RETAINED))
        codec = read_answer(answer) if answer.startswith(b"{") else CodecAnswer(None, fault="nothing")
        yield Told(message, codec, ARRIVAL_MS + number * APART_MS)


def messages() -> Run:
    """Whatever comes is points that servers read, or has a name; and all of it can be shown to people."""
    shipped.shipped()

    def run(data: bytes) -> None:
        processor = shipped.processor()
        for one in told(data):
            seen = begin(processor, one.message, one.arrival_ms)
            if seen.asks is not None:
                finish(seen, one.answer)
            assert_outcome(seen.outcome)
            assert_shown(seen)

    return run


def message_seeds() -> Iterator[bytes]:
    """The examples inside the profiles, alone and with what their makers' codecs say."""
    known, own = shipped.shipped()
    processor = shipped.processor()
    with shipped.codecs() as codecs:
        for seed in own:
            record = seed.topic.encode() + b"\n" + seed.payload
            seen = begin(processor, StoredMessage(seed.topic, seed.payload), ARRIVAL_MS)
            if seen.asks is not None:
                record += ANSWER + json.dumps({"data": codecs.call(seen.asks).data}).encode()
            yield record
            if not known.files:
                return
    for number in range(0, len(own), 3):
        yield SEPARATOR.join(seed.topic.encode() + b"\n" + seed.payload for seed in own[number : number + 3])


def repeated_frames() -> Run:
    """Check that each frame of a topic has the same outcome as if it were the first."""
    shipped.shipped()

    def run(data: bytes) -> None:
        repeating, forgetting = shipped.processor(), shipped.processor()
        for one in told(data):
            replace_registry(forgetting.streams, forgetting.streams.registry)
            became = [_became(processor, one) for processor in (repeating, forgetting)]
            assert became[0] == became[1], f"repeated: {became[0]}\nfirst: {became[1]}"

    return run


def _became(processor: Processor, one: Told) -> object:
    outcome = processor.process(one.message, one.arrival_ms)
    if outcome.side_effects is not None and outcome.side_effects.ask is not None:
        outcome = processor.resume(outcome.side_effects.ask, one.answer.data, one.answer.fault)
    return _seen(outcome)


def _seen(outcome: Outcome) -> object:
    """All that came of a message."""
    refusals = [(refusal.reason, refusal.detail, refusal.device) for refusal in outcome.refusals]
    lines = [reading.lines for reading in outcome.readings]
    return lines, outcome.duplicates, refusals, outcome.ignored, outcome.dropped, outcome.domain


def repeated_frame_seeds() -> Iterator[bytes]:
    """Three frames of each device behind a network server."""
    known, _ = shipped.shipped()
    frames = [seed for seed in examples(known.files.values()) if b"deviceInfo" in seed.payload]
    for record, seed in zip(message_seeds(), shipped.shipped()[1], strict=False):
        if seed in frames:
            document = json.loads(seed.payload)
            records = []
            for more in range(3):
                document["fCnt"] = document.get("fCnt", 0) + more
                body = json.dumps(document).encode()
                records.append(record.replace(seed.payload, body))
            yield SEPARATOR.join(records)


def envelopes() -> Run:
    """Check that the usual message, read in one call, equals the slow path's result, for each kind of server."""
    all_of_them = ENVELOPES.of(None)

    def run(data: bytes) -> None:
        for envelope in all_of_them:
            row = envelope.plain.row(data) if envelope.plain is not None else None
            if envelope.plain is not None and row is not None and envelope.plain.is_usual(row, data):
                quick = envelope.plain.document(row, data, "")
                raw = json_object(data)
                assert envelope.recognises(raw), quick
                assert isinstance(raw, dict)
                _ = quick["rssi"]  # works out what few ask for
                assert quick == envelope.unwrap(raw), quick

    return run


def births() -> Run:
    """Check that the births kept are those counted, and that they are the same after saving and loading."""

    def run(data: bytes) -> None:
        host = SparkplugHost()
        saved: dict[str, str] = {}
        for one in told(data):
            address = parse_address(one.message.topic)
            if address is None:
                continue
            try:
                verdict = host.receive(address, one.message.payload, one.arrival_ms, replayed=one.message.retain)
            except Undecodable:
                continue
            ways = [verdict.document is not None, verdict.wait is not None, verdict.ignored is not None]
            assert sum(ways) == 1, verdict
            for key, text in verdict.save.items():
                if text is None:
                    saved.pop(key, None)
                else:
                    saved[key] = text
        _assert_kept(host)
        again = SparkplugHost()
        for useless in again.restore(saved):
            del saved[useless]
        _assert_kept(again)
        assert again.restore(saved) == []

    return run


def _assert_kept(host: SparkplugHost) -> None:
    nodes = host._nodes.values()  # noqa: SLF001 - what it counts shows nowhere else
    assert host._kept == sum(node.size for node in nodes)  # noqa: SLF001


def birth_seeds() -> Iterator[bytes]:
    """A node's life."""
    node, device = b"spBv1.0/g/%b/n", b"spBv1.0/g/%b/n/pm"
    voltage = M("V", 229.5, FLOAT, alias=1, kind="Float")
    power = M("P", 1500, INT, alias=3, kind="Int32")
    born = node % b"NBIRTH" + b"\n" + payload(M("bdSeq", 7, LONG, kind="Int64"), seq=0)
    of_device = device % b"DBIRTH" + b"\n" + payload(voltage, power, seq=1)
    values = (
        device % b"DDATA" + b"\n" + payload(M(alias=3, value=0xFFFFFA24, field=INT), M(alias=1, value=1.5, field=FLOAT), seq=2)
    )
    gone = device % b"DDEATH" + b"\n" + payload(seq=3)
    dead = node % b"NDEATH" + b"\n" + payload(M("bdSeq", 7, LONG, kind="Int64"))
    yield SEPARATOR.join([born, of_device, values, gone, dead])
    yield SEPARATOR.join([values, born, values])
    yield SEPARATOR.join([born, of_device, born, of_device, dead, values])


def envelope_seeds() -> Iterator[bytes]:
    """A message of each kind of server."""
    yield from (json.dumps(message).encode() for message in MESSAGES.values())


TARGETS = [
    Target("messages", messages, message_seeds, slowest_s=0.1),
    Target("repeated-frames", repeated_frames, repeated_frame_seeds, slowest_s=0.1),
    Target("envelopes", envelopes, envelope_seeds),
    Target("sparkplug-births", births, birth_seeds),
]
