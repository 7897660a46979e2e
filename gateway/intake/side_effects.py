"""What few messages bring beside data, done: codecs asked, messages put into quarantine or freed, commands sent, births saved.

The message's batch waits for it: a message is acknowledged when what became of it is durable, however long its way was.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from gateway.codecs.protocol import CodecAnswer
from gateway.codecs.protocol import CodecAsk as Call
from gateway.core.delivery.batch import Batch
from gateway.core.delivery.codec_backpressure import CodecBackpressure
from gateway.core.message import CodecAsk, Message, Outcome, QuarantinedMessage, SideEffects
from gateway.core.process import Processor
from gateway.delivery.live_lane import Delivery
from gateway.events import Events

_HELD_OVERHEAD_BYTES: Final = 2000
"""What Python keeps of a message while its codec is asked: the document beside the frame."""


class AsksCodecs(Protocol):
    """What is needed of the codecs."""

    def ask(self, call: Call, then: Callable[[CodecAnswer], None]) -> None:
        """Ask; ``then`` gets the answer, never before this returns."""

    def flush(self) -> None:
        """Send what was asked."""


class KeepsWaiting(Protocol):
    """What is needed of the quarantine."""

    def keep(self, batch: Batch, waiting: list[QuarantinedMessage]) -> None:
        """Store messages; the batch is held until then."""

    def release(self, *keys: str) -> None:
        """What waits for these keys may come again."""


Publish = Callable[[str, bytes], None]
Save = Callable[[Mapping[str, str | None], Batch | None], None]


class SideEffectRunner:
    """Does what an outcome asks of the outside.

    :ivar backlog: what codecs have not answered yet.
    """

    _quarantine: KeepsWaiting

    def __init__(self, processor: Processor, delivery: Delivery, codecs: AsksCodecs, events: Events) -> None:
        self._processor = processor
        self._delivery = delivery
        self._codecs = codecs
        self._events = events
        self.backlog = CodecBackpressure()
        self._pump_is_due = False
        self._publish: Publish
        self._save: Save

    def connect(self, quarantine: KeepsWaiting, *, publish: Publish, save: Save) -> None:
        """Join it with those who need it themselves.

        :param publish: sends a message.
        :param save: saves values under their names at once; the batch is held until then.
        """
        self._quarantine = quarantine
        self._publish = publish
        self._save = save

    def do(self, side_effects: SideEffects, batch: Batch, arrival_s: float) -> None:
        """Do it; ``batch`` is the one that the message is acknowledged with."""
        if side_effects.ask is not None:
            self._ask(side_effects.ask, batch, arrival_s)
        if side_effects.waiting:
            self._delivery.take_waiting(batch, side_effects.waiting)
            self._quarantine.keep(batch, side_effects.waiting)
        if side_effects.keep:
            self._save(side_effects.keep, batch)
        for key in side_effects.released:
            self._quarantine.release(key)
        for topic, payload in side_effects.publish:
            self._publish(topic, payload)

    def flush(self) -> None:
        """Send what was asked of codecs meanwhile."""
        self._codecs.flush()

    async def process(self, message: Message, arrival_ms: int) -> Outcome:
        """What becomes of a message that was stored, its codec asked; what of it must wait again is left to the caller."""
        outcome = self._processor.process(message, arrival_ms)
        side_effects = outcome.side_effects
        if side_effects is not None and side_effects.ask is not None:
            answered: asyncio.Future[CodecAnswer] = asyncio.get_running_loop().create_future()
            self._codecs.ask(_call(side_effects.ask), answered.set_result)
            outcome = self._resumed(side_effects.ask, await answered)
            side_effects = outcome.side_effects
        if side_effects is not None:
            self._save(side_effects.keep, None)
            for key in side_effects.released:
                self._quarantine.release(key)
        return outcome

    def _resumed(self, ask: CodecAsk, answer: CodecAnswer) -> Outcome:
        if answer.warnings:
            self._events.codec_warned(ask.codec, answer.warnings)
        if answer.suspended:
            return self._processor.wait_for_codec(ask)
        return self._processor.resume(ask, answer.data, answer.fault)

    def _ask(self, ask: CodecAsk, batch: Batch, arrival_s: float) -> None:
        if not self.backlog.may_ask(ask.codec, arrival_s):
            waits = self._processor.wait_for_codec(ask).side_effects
            assert waits is not None  # noqa: S101 - that is all it does
            self.do(waits, batch, arrival_s)
            return
        size_bytes = len(ask.frame) + _HELD_OVERHEAD_BYTES
        number = self.backlog.ask(ask.codec, arrival_s)
        self._delivery.hold(batch, size_bytes)

        def answered(answer: CodecAnswer) -> None:
            if self.backlog.answered(number):
                self._quarantine.release(ask.codec)
            self._answered(ask, answer, batch, size_bytes, arrival_s)

        self._codecs.ask(_call(ask), answered)

    def _answered(self, ask: CodecAsk, answer: CodecAnswer, batch: Batch, size_bytes: int, arrival_s: float) -> None:
        outcome = self._resumed(ask, answer)
        if outcome.dropped or outcome.ignored is not None:
            self._events.processed(outcome)
        late = self._delivery.take_late(batch, size_bytes, outcome, arrival_s)
        if outcome.side_effects is not None:
            self.do(outcome.side_effects, late, arrival_s)
        if not self._pump_is_due:
            self._pump_is_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Once for all that a codec's process has answered in one go."""
        self._pump_is_due = False
        self._delivery.pump()


def _call(ask: CodecAsk) -> Call:
    return Call(ask.codec, ask.frame, ask.port, ask.received_ms, ask.variables, ask.device)
