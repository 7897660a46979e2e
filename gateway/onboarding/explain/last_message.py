"""The steps of an earlier message, worked out without touching the running gateway.

The message is processed again, with the time of its arrival, by a separate processor that has the same registry,
profiles and clock. This does not show what depends on earlier messages: if a counter's step is suspect, and if
a reading is a duplicate. So the original outcome replaces the new one, if it was kept.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.edge_nodes import BIRTH
from gateway.core.message import Arrival, CodecAsk, Message, Outcome, StoredMessage
from gateway.core.sparkplug.births import parse_address
from gateway.ingest.codecs.protocol import CodecAnswer
from gateway.onboarding.explain.dry_run import Trace, TracedCore, begin, finish, result_document
from gateway.onboarding.explain.steps import ExplainedStep, steps
from schemas.quantities import SUM_OF

AskCodec = Callable[[CodecAsk], Awaitable[CodecAnswer]]
"""Calls a codec of the running gateway."""

_POINTS_MAX: Final = 50
_STEPS_MAX: Final = 60
_STEP_CHARACTERS: Final = 1000
"""Most points shown. The message of a device that was offline for a week holds more of the same."""
_SUMS: Final = frozenset(SUM_OF.values())
"""Left out: they are no part of what the message says."""


@dataclass(frozen=True, slots=True)
class LastMessage:
    """The outcome of a message.

    :ivar result: in the form of ``gateway decode --json``, with at most 50 points; ``points_left_out`` counts the others.
    :ivar steps: label and text of each; at most 60 of a kind.
    """

    result: dict[str, Any]
    steps: list[ExplainedStep]


def births_named_by(topic: str) -> list[str]:
    """Names of the saved Sparkplug births that messages of a topic need; empty for other topics."""
    address = parse_address(topic)
    return [] if address is None else sorted({BIRTH + address.node_key, BIRTH + address.key})


def is_settled(outcome: Outcome | None) -> bool:
    """True if an outcome is final: false while a codec runs, or if nothing could be read."""
    return outcome is not None and bool(outcome.readings or outcome.duplicates or outcome.refusals)


async def explain_last(
    apart: TracedCore, arrival: Arrival, ask: AskCodec, births: Mapping[str, str], became: Outcome | None = None
) -> LastMessage:
    """Explain a message by a core ``apart``, with the same registry, profiles and clock, and a state of its own.

    This runs in another thread: a week of readings in one message takes a tenth of a second. ``births`` are the saved texts of
    :func:`births_named_by`.
    """
    message = arrival.message
    properties = tuple(message.user_properties or ())
    again = StoredMessage(message.topic, message.payload, message.retain, message.duplicate, properties)
    seen = await asyncio.to_thread(_begin, apart, births, again, arrival.now_ms)
    if seen.asks is not None:
        finish(seen, await ask(seen.asks))
    if became is not None and is_settled(became):
        seen.outcome = became
    return await asyncio.to_thread(_told, seen)


def _begin(processor: TracedCore, births: Mapping[str, str], message: Message, arrival_ms: int) -> Trace:
    processor.edge_nodes.restore_births(births)
    return begin(processor, message, arrival_ms, replayed=True)


def _told(seen: Trace) -> LastMessage:
    result = result_document(seen)
    for point in result["points"]:
        point["fields"] = {key: value for key, value in point["fields"].items() if key not in _SUMS}
    told = _first_of_each(steps(seen, result))
    result["points_left_out"] = max(0, len(result["points"]) - _POINTS_MAX)
    del result["points"][_POINTS_MAX:]
    return LastMessage(result, told)


def _first_of_each(told: list[ExplainedStep]) -> list[ExplainedStep]:
    counted: Counter[str] = Counter()
    kept = []
    for what, text in told:
        counted[what] += 1
        if counted[what] <= _STEPS_MAX:
            kept.append((what, text if len(text) <= _STEP_CHARACTERS else f"{text[:_STEP_CHARACTERS]} …"))
    return kept
