"""Messages of makers' fleets through the shipped profiles, codecs and core of the gateway."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import yaml

from firmware_sim.fleet import SimDevice
from firmware_sim.maker_firmware import firmware_of
from firmware_sim.outgoing import OutgoingMessage
from firmware_sim.registry import registry_yaml
from gateway.core.devices.streams import Streams
from gateway.core.message import StoredMessage
from gateway.core.process import Processor
from gateway.core.profiles.envelopes import Envelopes
from gateway.core.profiles.language.profile import CompiledProfile, compile_profile
from gateway.core.profiles.matching import Profiles
from gateway.ingest.codecs.process import SyncCodecs
from gateway.onboarding.explain.dry_run import DryRun
from gateway.support.config.profile_files import Loaded, ProfileFile, read_profiles
from schemas.profile import Profile
from schemas.registry import registry_adapter
from schemas.scenario import Scenario
from tests.core.line_protocol import Point
from tests.core.making import RULES, points, trusted_clock

WELL = Scenario(about="nothing happens")
BEGIN_S = 1_793_491_200.0
"""2026-11-01T07:00 in Vietnam."""


@cache
def shipped() -> Loaded:
    """All shipped profiles."""
    return read_profiles(None)


def shipped_codecs() -> SyncCodecs:
    """The codecs of all shipped profiles."""
    files = shipped().profiles.values()
    return SyncCodecs({file.compiled.codec.name: file.codec for file in files if file.compiled.codec and file.codec})


def core_of(
    fleet: Sequence[SimDevice], interval_s: float, codecs: SyncCodecs, change: Mapping[str, str] | None = None
) -> DryRun:
    """A gateway's core that has the registry of a fleet, and its profiles with a ``change``."""
    loaded = shipped()
    registry = registry_adapter.validate_python(yaml.safe_load(registry_yaml(fleet, interval_s)))
    named = {device.profile for device in registry.devices}
    files = [loaded.profiles[name] for name in sorted(filter(None, named))]
    compiled = [file.compiled if change is None else _changed(file, change) for file in files]
    profiles = Profiles(compiled, Envelopes(loaded.envelopes.values()))
    return DryRun(Processor(Streams(registry.by_id(), None, profiles), RULES, trusted_clock()), codecs)


def _changed(file: ProfileFile, change: Mapping[str, str]) -> CompiledProfile:
    model = Profile.model_validate(file.model.model_dump(by_alias=True, exclude_unset=True) | dict(change))
    return compile_profile(model, file=str(file.path))


def readings(
    fleet: Iterable[SimDevice], number: int, interval_s: float, behaving: Scenario = WELL
) -> Iterator[tuple[int, OutgoingMessage]]:
    """So many readings of each device, with the time of their arrival."""
    for device in fleet:
        firmware = firmware_of(device, behaving, 1)
        for at in range(number):
            instant_s = BEGIN_S + at * interval_s
            now_ms = round(instant_s * 1000) + 137
            for place, message in enumerate(firmware.measure(instant_s, now_ms)):
                yield now_ms + place, message


def came_of(core: DryRun, message: OutgoingMessage, now_ms: int) -> list[Point]:
    """The points of a message; it must become nothing else."""
    outcome = core.take(StoredMessage(message.topic, message.payload), now_ms).outcome
    assert [refusal.detail for refusal in outcome.refusals] == []
    assert outcome.side_effects is None or not outcome.side_effects.waiting
    return points(outcome)


def must_stand(message: OutgoingMessage, now_ms: int) -> list[dict[str, Any]]:
    """The rows of the ledger, in the form of :func:`as_row`."""
    rows = [json.loads(row) for row in message.rows]
    return sorted(
        ({"m": row["m"], "tags": row["tags"], "ts": row["ts"] or now_ms, "f": row["f"], "q": row["q"]} for row in rows),
        key=repr,
    )


def as_row(point: Point) -> dict[str, Any]:
    """A point without its area, whose quality says nothing of its counters' steps or its age."""
    tags = {key: value for key, value in point.tags.items() if key != "area"}
    quality = int(point.fields["quality"]) & ~(4 | 8)
    return {"m": point.measurement, "tags": tags, "ts": point.time_ms, "f": point.values, "q": quality}
