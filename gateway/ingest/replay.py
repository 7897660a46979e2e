"""Replay: rejects and quarantined messages sent through the core again, with the time at which they arrived.

What they became is committed in one transaction (:mod:`gateway.ingest.storage.settlement`). A message that waits for the same
as before stays in its place.
"""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from gateway.core.batching.batch import encode
from gateway.core.message import Core, Message, Outcome, QuarantinedMessage, Reading, Refusal, StoredMessage
from gateway.ingest.intake.side_effects import CodecCalls, CommonEffects
from gateway.ingest.storage import rejects
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.rejects import DELIVERY_STAGE, RejectFilter
from gateway.ingest.storage.settlement import Committed, Limits, Replayed, commit
from gateway.support.clock import WallClock
from schemas.rejects import RejectReason

_READINGS_PER_ROW: Final = 1000

Process = Callable[[Message, int], Coroutine[Any, Any, Outcome]]
"""The pipeline: a message and its arrival in ms → its outcome, including a codec's answer."""

Stored = tuple[int, Refusal | QuarantinedMessage | None]
"""Number and stored message; None: damaged."""


def with_codecs(processor: Core, codec_calls: CodecCalls, common: CommonEffects) -> Process:
    """The core, including the answers of codecs; parts of a message that must wait again are left to the caller."""

    async def process(message: Message, arrival_ms: int) -> Outcome:
        outcome = processor.process(message, arrival_ms, replayed=True)
        side_effects = outcome.side_effects
        if side_effects is not None and side_effects.ask is not None:
            outcome = await codec_calls.ask_and_wait(side_effects.ask)
            side_effects = outcome.side_effects
        if side_effects is not None:
            common.do(side_effects, None)
        return outcome

    return process


def without_codecs(processor: Core) -> Process:
    """The core alone; a message whose codec must be called stays where it is."""

    async def process(message: Message, arrival_ms: int) -> Outcome:
        return processor.process(message, arrival_ms, replayed=True)

    return process


async def work(chosen: Iterable[Stored], process: Process) -> Replayed:
    """Send stored messages through the pipeline, in this order, without storing the results."""
    result = Replayed()
    readings: list[Reading] = []
    before: Stored = (0, None)
    for number, stored in chosen:
        is_replayed, before = _is_replayed(stored, before, result), (number, stored)
        if stored is None:
            result.numbers.append(number)
            result.lost += 1
        elif isinstance(stored, Refusal) and stored.stage == DELIVERY_STAGE:
            result.numbers.append(number)
            readings.append(Reading(stored.payload.decode(), stored.domain))
        elif is_replayed:
            result.numbers.append(number)
        else:
            outcome = await process(_message(stored), stored.arrival_ms)
            readings += outcome.readings
            _note(result, number, stored, outcome)
    for start in range(0, len(readings), _READINGS_PER_ROW):
        result.bodies.append(encode(readings[start : start + _READINGS_PER_ROW]))
        result.readings.update(result.bodies[-1].domains)
    result.kept = result.refused
    return result


async def replay_rejects(
    database: Database,
    process: Process,
    limits: Limits,
    clock: WallClock,
    chosen: RejectFilter,
    told: Callable[[Replayed, Committed], None] = lambda _result, _done: None,
) -> dict[str, int]:
    """Replay the chosen rejects of those present now, a megabyte at a time; return the counts of what they became.

    Each part is ``told`` once it is durable: if the disk fails, which raises :class:`DatabaseFault`, those before are done.
    """
    total = Counter(Replayed().document())
    after, until = 0, await database.run(rejects.newest)
    while found := await database.run(rejects.next_after, after, until, chosen):
        after = found[-1][0]
        result = await work(found, process)
        first_row = database.reserve_rows(len(result.bodies))
        told(result, await database.run(commit, result, rejects.remove, first_row, clock.now_ms(), limits))
        total.update(result.document())
    return total


def _is_replayed(stored: Refusal | QuarantinedMessage | None, before: Stored, result: Replayed) -> bool:
    """Tell if a reject is another reading of the message that was replayed last: each would bring all of them once more."""
    number, last = before
    if not isinstance(stored, Refusal) or not isinstance(last, Refusal) or result.numbers[-1:] != [number]:
        return False
    of_one = (stored.reason, stored.topic, stored.arrival_ms) == (last.reason, last.topic, last.arrival_ms)
    return of_one and stored.payload == last.payload and stored.reason is RejectReason.TIME_CONFLICT


def _message(stored: Refusal | QuarantinedMessage) -> StoredMessage:
    if isinstance(stored, QuarantinedMessage):
        return StoredMessage(stored.topic, stored.payload, stored.retain, stored.duplicate, stored.properties)
    return StoredMessage(stored.topic, stored.payload)


def _note(result: Replayed, number: int, stored: Refusal | QuarantinedMessage, outcome: Outcome) -> None:
    """Count the outcome of one message."""
    side_effects = outcome.side_effects
    result.refused += outcome.refusals
    result.duplicates[outcome.domain] += outcome.duplicates
    waits_for = stored.key if isinstance(stored, QuarantinedMessage) else None
    if side_effects is not None and (side_effects.ask is not None or waits_for in {one.key for one in side_effects.waiting}):
        return  # codecs are not called here, or it was released too soon
    result.numbers.append(number)
    if side_effects is not None and side_effects.waiting:
        result.waiting += side_effects.waiting
    elif not (outcome.readings or outcome.refusals or outcome.duplicates):
        result.empty[outcome.domain] += 1
