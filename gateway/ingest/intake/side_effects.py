"""Side effects of messages, carried out: codec calls, quarantine, commands, saved births.

The message's batch waits for them: a message is acknowledged when its results are durable, however long that takes.
"""

import asyncio
from typing import Final

from gateway.core.batching.batch import Batch
from gateway.core.message import CodecAsk, Outcome, SideEffects
from gateway.ingest.delivery.live_lane import LiveLane
from gateway.ingest.events import Events
from gateway.ingest.intake.codec_calls import CodecCalls
from gateway.ingest.intake.common_effects import CommonEffects
from gateway.ingest.intake.connection import Connection
from gateway.ingest.storage.quarantine_in import QuarantineIn

_HELD_OVERHEAD_BYTES: Final = 2000
"""Memory of a message while its codec runs: the document beside the frame."""


class SideEffectRunner:
    """Carries out the side effects of outcomes."""

    def __init__(
        self,
        live_lane: LiveLane,
        codec_calls: CodecCalls,
        quarantine_in: QuarantineIn,
        common: CommonEffects,
        connection: Connection,
        events: Events,
    ) -> None:
        self._queue = live_lane.queue
        self._live_lane = live_lane
        self._codec_calls = codec_calls
        self._quarantine_in = quarantine_in
        self._common = common
        self._connection = connection
        self._events = events
        self._pump_is_due = False

    def do(self, side_effects: SideEffects, batch: Batch, arrival_s: float) -> None:
        """Carry them out; ``batch`` is the one that the message is acknowledged with."""
        if side_effects.ask is not None:
            self._ask(side_effects.ask, batch, arrival_s)
        if side_effects.waiting:
            self._queue.add_quarantined(batch, side_effects.waiting)
            self._quarantine_in.keep(batch, side_effects.waiting)
        self._common.do(side_effects, batch)
        for topic, payload in side_effects.publish:
            self._connection.publish(topic, payload)

    def _ask(self, ask: CodecAsk, batch: Batch, arrival_s: float) -> None:
        if not self._codec_calls.may_ask(ask, arrival_s):
            waits = self._codec_calls.postpone(ask).side_effects
            assert waits is not None  # noqa: S101 - that is all it does
            self.do(waits, batch, arrival_s)
            return
        size_bytes = len(ask.payload) + _HELD_OVERHEAD_BYTES
        self._queue.await_codec(batch, size_bytes)
        self._codec_calls.ask(ask, arrival_s, lambda outcome: self._answered(outcome, batch, size_bytes, arrival_s))

    def _answered(self, outcome: Outcome, batch: Batch, size_bytes: int, arrival_s: float) -> None:
        if outcome.dropped or outcome.ignored is not None:
            self._events.processed(outcome)
        late = self._queue.add_answered(batch, size_bytes, outcome, arrival_s)
        if outcome.side_effects is not None:
            self.do(outcome.side_effects, late, arrival_s)
        if not self._pump_is_due:
            self._pump_is_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Pump once for all answers that the codec process gave together."""
        self._pump_is_due = False
        self._live_lane.pump()
