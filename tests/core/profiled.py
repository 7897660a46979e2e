"""Pipelines with profiles, and what network servers and devices send them."""

import json
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

import gateway
from gateway.core.devices.streams import Admission, Memory, Streams
from gateway.core.message import CodecAsk, Outcome, StoredMessage
from gateway.core.process import Processor
from gateway.core.profiles.envelopes import Envelope, Envelopes
from gateway.core.profiles.language.profile import CompiledProfile
from gateway.core.profiles.matching import Profiles
from gateway.core.readings.clock_trust import ClockTrust
from schemas.envelope import EnvelopeSpec
from schemas.registry import RegisteredDevice, Registry
from tests.core.making import NOW_MS, RULES, trusted_clock
from tests.core.profiling import compiled

ENVELOPES = Envelopes(
    Envelope(EnvelopeSpec.model_validate(yaml.safe_load(file.read_text())))
    for file in (Path(gateway.__file__).parent / "profiles" / "envelopes").glob("*.yaml")
)
EUI = "24e124126a148401"
PH = "points: [{measurement: water, fields: {ph: /ph}}]"
"""One value, the least a profile can want."""

MANY = """
match: {topic: 'hub/{device}'}
site: {path: /site}
points:
  - {measurement: water, each: {of: /meters}, device: {path: id}, fields: {volume_m3: {path: v}}}
"""
"""Several devices in one message."""


def profile(text: str, points: str = PH) -> CompiledProfile:
    """A profile; ``points`` where the text has none."""
    return compiled(text if "points:" in text else f"{text}\n{points}")


def pipeline(
    *profiles: str,
    devices: Iterable[RegisteredDevice] = (),
    admission: Admission | None = None,
    trust: ClockTrust | None = None,
    memory: Memory | None = None,
) -> Processor:
    """A pipeline with profiles, and the limits of the default configuration."""
    known = Profiles([profile(text) for text in profiles], ENVELOPES)
    registry = Registry(devices=[*devices]).by_id()
    return Processor(Streams(registry, admission, known, memory), RULES, trust or trusted_clock())


def sent(payload: object, on: str = "t/d1", **how: Any) -> StoredMessage:  # noqa: ANN401 - of any field
    """A message of a topic."""
    return StoredMessage(on, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), **how)


def uplink(
    device: str = EUI,
    *,
    data: bytes | None = b"\1",
    model: str | None = None,
    on: str | None = None,
    retain: bool = False,
    duplicate: bool = False,
    **frame: Any,  # noqa: ANN401 - as the server writes it
) -> StoredMessage:
    """A radio frame as ChirpStack publishes it; ``model`` is what the server calls the device's make."""
    info = {"devEui": device} | ({"deviceProfileName": model} if model else {})
    content = {"data": b64encode(data).decode()} if data is not None else {}
    body = {"deviceInfo": info, "fCnt": 1, "fPort": 1, **content, **frame}
    return sent(body, on or f"application/1/device/{device}/event/up", retain=retain, duplicate=duplicate)


def ask(outcome: Outcome) -> CodecAsk:
    """The question to a codec that an outcome holds, and nothing else."""
    assert outcome.side_effects is not None
    assert outcome.side_effects.ask is not None
    assert (outcome.readings, outcome.refusals, outcome.duplicates, outcome.side_effects.waiting) == ([], [], 0, [])
    return outcome.side_effects.ask


def answered(into: Processor, message: StoredMessage, data: object, now_ms: int = NOW_MS) -> Outcome:
    """Process a message whose codec returns ``data``."""
    return into.resume(ask(into.process(message, now_ms)), data, None)


def process(into: Processor, payload: object, on: str = "t/d1", now_ms: int = NOW_MS, **how: Any) -> Outcome:  # noqa: ANN401
    """Process a payload on a topic."""
    return into.process(sent(payload, on, **how), now_ms)


def meters(*names: str) -> dict[str, Any]:
    """A payload for :data:`MANY` with a meter of each name."""
    return {"meters": [{"id": name, "v": number} for number, name in enumerate(names)]}
