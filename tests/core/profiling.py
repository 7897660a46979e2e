"""Small profiles for tests: from a few lines of YAML to points."""

from collections.abc import Mapping
from typing import Any

import yaml

from gateway.core.profiles.language.profile import CompiledProfile, ProfileFaults, compile_profile
from gateway.core.profiles.mapped import MappedReading, MappingContext, Window
from schemas.profile import Profile

NOW_MS = 1_788_393_600_000
"""2026-09-03T00:00:00Z."""

DAY_MS = 86_400_000


def compiled(text: str, **more: Any) -> CompiledProfile:  # noqa: ANN401 - whatever a profile holds
    """The profile of a text, which need not say what every profile must."""
    document = {"profile": "p", "match": {"topic": "t/{device}"}, **yaml.safe_load(text), **more}
    return compile_profile(Profile.model_validate(document), file="p.yaml")


def faults(text: str) -> list[str]:
    """Return the faults of a profile, as ``key: what``."""
    try:
        compiled(text)
    except ProfileFaults as found:
        return [f"{key}: {what}" for key, what in found.faults]
    return []


class _Belief:
    """Believes times up to 40 days back and 5 minutes ahead, where the window says nothing else."""

    def __call__(self, time_ms: int, window: Window) -> bool:
        past_ms = 40 * DAY_MS if window.max_past_ms is None else window.max_past_ms
        return NOW_MS - past_ms <= time_ms <= self.latest_ms(window)

    def latest_ms(self, window: Window) -> int:
        return NOW_MS + (300_000 if window.max_future_ms is None else window.max_future_ms)


def context(
    document: object,
    *,
    captures: Mapping[str, str] | None = None,
    params: Mapping[str, float | int | str | bool] | None = None,
    properties: Mapping[str, str] | None = None,
) -> MappingContext:
    """Make the context of a document that arrived at NOW_MS; times up to 40 days back and 5 minutes ahead are believed."""
    return MappingContext(document, "t/d", captures or {"device": "d"}, params or {}, NOW_MS, _Belief(), properties or {})


def points(text: str, document: object, **seen: Any) -> list[MappedReading]:  # noqa: ANN401
    """Map a document by a profile."""
    return compiled(text).map(context(document, **seen))


def field(field_text: str, document: object, *, name: str = "pressure_kpa", measurement: str = "water", **seen: Any) -> Any:  # noqa: ANN401
    """Map one field, written as YAML; return its value, None, or why it was dropped."""
    text = f"points: [{{measurement: {measurement}, fields: {{{name}: {field_text}}}}}]"
    (found,) = points(text, document, **seen)
    return found.values.get(name, found.dropped[0][1] if found.dropped else None)
