"""The steps of a message that was processed before, without touching the running gateway.

The message goes once more, with the time at which it arrived, through a processor of its own that knows the same registry,
profiles and clock. What hangs on the messages before it is not seen that way: whether a counter's step is suspect, and whether
a reading is a duplicate. So the outcome of then takes the place of the new one, where it was kept.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from gateway.codecs.protocol import CodecAnswer
from gateway.core.devices.streams import Streams
from gateway.core.edge_nodes import BIRTH
from gateway.core.message import Arrival, CodecAsk, Message, Outcome, StoredMessage
from gateway.core.process import Processor
from gateway.core.sparkplug.births import parse_address
from gateway.explain.documents import result_document
from gateway.explain.dry_run import Trace, begin, finish
from gateway.explain.steps import ExplainedStep, steps

AskCodec = Callable[[CodecAsk], Awaitable[CodecAnswer]]
"""Asks a codec of the running gateway."""

_POINTS_MAX: Final = 50
_STEPS_MAX: Final = 60
_STEP_CHARACTERS: Final = 1000
"""The most that people look at. The message of a device that was offline for a week holds more of the same."""


@dataclass(frozen=True, slots=True)
class LastMessage:
    """The outcome of a message.

    :ivar result: in the form of ``gateway decode --json``, with at most 50 points; ``points_left_out`` counts the others.
    :ivar steps: what, and what it was; at most 60 of a kind.
    """

    result: dict[str, Any]
    steps: list[ExplainedStep]


def births_named_by(topic: str) -> list[str]:
    """Names of the saved Sparkplug births that messages of a topic need; none for other topics."""
    address = parse_address(topic)
    return [] if address is None else sorted({BIRTH + address.node_key, BIRTH + address.key})


def is_settled(outcome: Outcome | None) -> bool:
    """True when an outcome says what became of its message: not while a codec is asked, or when nothing could be read."""
    return outcome is not None and bool(outcome.readings or outcome.duplicates or outcome.refusals)


async def explain_last(
    running: Processor,
    arrival: Arrival,
    ask: AskCodec,
    births: Mapping[str, str],
    became: Outcome | None = None,
) -> LastMessage:
    """Show what the gateway makes of a message, step by step.

    It is worked out in another thread: a week of readings in one message takes a tenth of a second.

    :param births: the saved texts of :func:`births_named_by`.
    :param became: the outcome when it came.
    """
    processor = _apart(running)
    message = arrival.message
    properties = tuple(message.user_properties or ())
    again = StoredMessage(message.topic, message.payload, message.retain, message.duplicate, properties)
    seen = await asyncio.to_thread(_begin, processor, births, again, arrival.now_ms)
    if seen.asks is not None:
        finish(seen, await ask(seen.asks))
    if became is not None and is_settled(became):
        seen.outcome = became
    return await asyncio.to_thread(_told, seen)


def _apart(running: Processor) -> Processor:
    """A processor with a state of its own, in which every device is let in: it is about what a message says."""
    streams = Streams(running.streams.registry, None, running.streams.profiles)
    return Processor(streams, running.rules, deepcopy(running.trust), running.payload_max_bytes)


def _begin(processor: Processor, births: Mapping[str, str], message: Message, arrival_ms: int) -> Trace:
    processor.restore_births(births)
    return begin(processor, message, arrival_ms, replayed=True)


def _told(seen: Trace) -> LastMessage:
    result = result_document(seen)
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
