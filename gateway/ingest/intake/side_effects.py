"""Side effects of messages, carried out: codec calls, quarantine, commands, saved births.

The message's batch waits for them: a message is acknowledged when its results are durable, however long that takes.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from gateway.core.batching.batch import Batch
from gateway.core.batching.fair_shares import CodecBackpressure
from gateway.core.ledger import ReadingSource
from gateway.core.message import CodecAsk, Core, Outcome, SideEffects
from gateway.ingest.codecs.protocol import CodecAnswer
from gateway.ingest.delivery.live_lane import LiveLane
from gateway.ingest.events import Events
from gateway.ingest.intake.connection import Connection
from gateway.ingest.storage.keyvalue import KeptValueWriter
from gateway.ingest.storage.quarantine_lanes import QuarantineIn, ReleasedKeys

_HELD_OVERHEAD_BYTES: Final = 2000
"""Memory of a message while its codec runs: the document beside the frame."""


@dataclass(slots=True)
class CodecCalls:
    """Calls codecs and continues with their answers."""

    _processor: Core
    _ask: Callable[[CodecAsk, Callable[[CodecAnswer], None]], None]
    _released: ReleasedKeys
    _events: Events
    _backpressure: CodecBackpressure = field(default_factory=CodecBackpressure)

    def ask(self, ask: CodecAsk, arrival_s: float, then: Callable[[Outcome], None]) -> Outcome | None:
        """Call; ``then`` gets the outcome of the message, never before this returns.

        If the codec is so far behind that its messages must wait on disk, it is not called: return the outcome at once.
        """
        if not self._backpressure.may_ask(ask.codec, arrival_s):
            return self._processor.wait_for_codec(ask)
        number = self._backpressure.ask(ask.codec, arrival_s)

        def answered(answer: CodecAnswer) -> None:
            if self._backpressure.answered(number):
                self._released.release(ask.codec)
            then(self._resumed(ask, answer))

        self._ask(ask, answered)
        return None

    async def ask_and_wait(self, ask: CodecAsk) -> Outcome:
        """Call for a stored message; return its outcome."""
        answered: asyncio.Future[CodecAnswer] = asyncio.get_running_loop().create_future()
        self._ask(ask, answered.set_result)
        return self._resumed(ask, await answered)

    def _resumed(self, ask: CodecAsk, answer: CodecAnswer) -> Outcome:
        if answer.warnings:
            self._events.codec_warned(ask.codec, answer.warnings)
        if answer.suspended:
            return self._processor.wait_for_codec(ask)
        return self._processor.resume(ask, answer.data, answer.fault)


class CommonEffects:
    """Carries out what a message has whichever way it came: values saved, waiting messages released, sums asked for."""

    def __init__(self, kept: KeptValueWriter, released: ReleasedKeys, want_sums: Callable[[Iterable[str]], None]) -> None:
        self._kept_values = kept
        self._released = released
        self._want_sums = want_sums

    def do(self, side_effects: SideEffects, batch: Batch | None) -> None:
        """Carry them out; ``batch`` is held until values are saved."""
        if side_effects.keep:
            self._kept_values.save(side_effects.keep, batch)
        if side_effects.released:
            self._released.release(*side_effects.released)
        if side_effects.sums_wanted:
            self._want_sums(side_effects.sums_wanted)


@dataclass(slots=True)
class SideEffectRunner:
    """Carries out the side effects of outcomes."""

    _live_lane: LiveLane
    _codec_calls: CodecCalls
    _quarantine_in: QuarantineIn
    _common: CommonEffects
    _connection: Connection
    _events: Events
    _pump_is_due: bool = False

    def do(self, side_effects: SideEffects, batch: Batch, arrival_s: float, source: ReadingSource = "mqtt") -> None:
        """Carry them out; ``batch`` is the one that the message is durable with, ``source`` the way it came."""
        if side_effects.ask is not None:
            self._ask(side_effects.ask, batch, arrival_s, source)
        if side_effects.waiting:
            self._live_lane.queue.add_quarantined(batch, side_effects.waiting)
            self._quarantine_in.keep(batch, side_effects.waiting)
        self._common.do(side_effects, batch)
        for topic, payload in side_effects.publish:
            self._connection.publish(topic, payload)

    def _ask(self, ask: CodecAsk, batch: Batch, arrival_s: float, source: ReadingSource) -> None:
        size_bytes = len(ask.payload) + _HELD_OVERHEAD_BYTES
        waits = self._codec_calls.ask(ask, arrival_s, partial(self._answered, batch, size_bytes, arrival_s, source))
        if waits is None:
            self._live_lane.queue.await_codec(batch, size_bytes)
        elif waits.side_effects is not None:
            self.do(waits.side_effects, batch, arrival_s, source)

    def _answered(self, batch: Batch, size_bytes: int, arrival_s: float, source: ReadingSource, outcome: Outcome) -> None:
        if outcome.dropped or outcome.ignored is not None:
            self._events.processed(outcome)
        late = self._live_lane.queue.add_answered(batch, size_bytes, outcome, arrival_s, source)
        if outcome.side_effects is not None:
            self.do(outcome.side_effects, late, arrival_s, source)
        if not self._pump_is_due:
            self._pump_is_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Pump once for all answers that the codec process gave together."""
        self._pump_is_due = False
        self._live_lane.pump()
