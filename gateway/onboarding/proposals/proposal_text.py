"""A proposed profile as YAML for people, with a test made from the last messages by the core."""

import json
import textwrap
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, Final

import yaml

from gateway.core.message import StoredMessage
from gateway.core.profiles.language.profile import CompiledProfile, ProfileFaults, compile_profile
from gateway.core.profiles.matching import Profiles
from gateway.ingest.codecs.process import SyncCodecs
from gateway.onboarding.explain.dry_run import DryRun, instant_text, point_documents
from gateway.onboarding.explain.expected_points import NOT_VALUES, PLACE_TAGS
from gateway.onboarding.explain.profile_tests import RULES
from gateway.onboarding.proposals.proposals import Heard, Proposal
from gateway.runtime.pipeline.processing import processor_apart
from schemas.profile import Profile
from schemas.quantities import Quality

_WIDTH: Final = 126
_APART_MS: Final = 1000


def with_tests(proposal: Proposal) -> tuple[dict[str, Any], list[str]]:
    """Add a test for each device whose messages gave points; sentences on the others. ValueError: the profile is not valid."""
    silent: list[str] = []
    tests = []
    try:
        compiled = compile_profile(Profile.model_validate(proposal.profile), file="the proposal")
    except ProfileFaults as faults:
        raise ValueError(str(faults)) from faults
    for owner, messages in proposal.messages:
        if shown := list(_messages(compiled, messages, silent)):
            name = f"the last message of {owner.name}" if len(shown) == 1 else f"the last messages of {owner.name}"
            tests.append({"name": name, **(shown[0] if len(shown) == 1 else {"messages": shown})})
    return {**proposal.profile, "tests": tests}, silent


def _messages(compiled: CompiledProfile, messages: list[tuple[str, Heard]], silent: list[str]) -> Iterator[dict[str, Any]]:
    """The messages of a test, each with its points, at least a second apart; those of which none came are left out."""
    before_ms = 0
    with SyncCodecs({}) as codecs:
        dry_run = DryRun(processor_apart({}, Profiles([compiled]), RULES), codecs)
        for topic, last in sorted(messages, key=lambda message: message[1].arrival_ms):
            arrival_ms = max(last.arrival_ms, before_ms + _APART_MS)
            outcome = dry_run.take(StoredMessage(topic, last.payload, retain=False), arrival_ms).outcome
            points = point_documents(outcome)
            if lost := ", ".join(f"{path} ({cause.value})" for path, cause in outcome.dropped):
                silent.append(f"{topic}: {_shown(last.payload)} gave no {lost}")
            elif not points:
                silent.append(f"{topic}: {_shown(last.payload)} gave nothing")
            if points:
                before_ms = arrival_ms
                expected = [_expected(point, arrival_ms) for point in points]
                yield {"topic": topic, "arrival": _time(arrival_ms), **_body(last.payload), "expect": expected}


def _shown(payload: bytes) -> str:
    return repr(payload[:60].decode(errors="replace"))


def _body(payload: bytes) -> dict[str, Any]:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(payload).decode()}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {"text": text}
    return {"payload": document} if isinstance(document, dict | list) else {"text": text}


def _expected(point: dict[str, Any], arrival_ms: int) -> dict[str, Any]:
    quality = point["fields"]["quality"]
    at_arrival = point["time_ms"] == arrival_ms and quality & Quality.GATEWAY_TIME
    usual = Quality.GATEWAY_TIME if at_arrival else 0
    tags = {key: value for key, value in point["tags"].items() if key not in PLACE_TAGS}
    return {
        "measurement": point["measurement"],
        "device": point["tags"]["device"],
        "time": "arrival" if at_arrival else _time(point["time_ms"]),
        **({"tags": tags} if tags else {}),
        **({"quality": quality} if quality != usual else {}),
        "fields": {key: value for key, value in point["fields"].items() if key not in NOT_VALUES},
    }


def _time(time_ms: int) -> str:
    """A time as tests inside profiles write it."""
    return instant_text(time_ms).replace(".000Z", "Z")


def text_of(profile: dict[str, Any], remarks: list[str]) -> str:
    """A profile as a document of YAML, with remarks above it."""
    lines = [piece for remark in remarks for piece in comment(remark)]
    for key, value in profile.items():
        if key in {"points", "tests"}:
            lines.append(f"{key}:")
            lines += [line for item in value for line in _item(item)]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def comment(text: str) -> list[str]:
    """A sentence as lines of comment, safe for any text from a device."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return textwrap.wrap(
        plain, _WIDTH, initial_indent="# ", subsequent_indent="#   ", break_long_words=False, break_on_hyphens=False
    )


def _item(item: dict[str, Any]) -> Iterator[str]:
    """An item of a list, its keys a line each; fields, map, expect and messages again."""
    mark = "  - "
    for key, value in item.items():
        if key in {"fields", "map"}:
            yield f"{mark}{key}:"
            yield from (f"      {_flow(name)}: {_flow(how)}" for name, how in value.items())
        elif key in {"expect", "messages"}:
            yield f"{mark}{key}:"
            yield from (f"      - {_flow(one)}" for one in value)
        else:
            yield f"{mark}{key}: {_flow(value)}"
        mark = "    "


def _flow(value: object) -> str:
    """A value on one line."""
    text = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**9)
    return text.strip()[1:-1]
