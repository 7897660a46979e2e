"""What few messages bring beside data, done: codecs asked, messages put into quarantine or freed, commands sent, births saved.

The message's batch waits for it: a message is acknowledged when what became of it is durable, however long its way was.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from gateway.codecs.protocol import CodecAnswer
from gateway.codecs.protocol import CodecAsk as Call
from gateway.core.backlog import Backlog
from gateway.core.batching import Batch
from gateway.core.message import CodecAsk, Message, Outcome, Rare
from gateway.core.process import Processor
from gateway.core.waiting import Waiting
from gateway.delivery.deliver import Delivery
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

    def keep(self, batch: Batch, waiting: list[Waiting]) -> None:
        """Store messages; the batch is held until then."""

    def release(self, *keys: str) -> None:
        """What waits for these keys may come again."""


Publish = Callable[[str, bytes], None]
Save = Callable[[Mapping[str, str | None], Batch | None], None]


class Errands:
    """Does what an outcome asks of the outside.

    :ivar backlog: what codecs have not answered yet.
    """

    _quarantine: KeepsWaiting

    def __init__(self, processor: Processor, delivery: Delivery, codecs: AsksCodecs, events: Events) -> None:
        self._processor = processor
        self._delivery = delivery
        self._codecs = codecs
        self._events = events
        self.backlog = Backlog()
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

    def do(self, rare: Rare, batch: Batch, arrival_s: float) -> None:
        """Do it; ``batch`` is the one that the message is acknowledged with."""
        if rare.ask is not None:
            self._ask(rare.ask, batch, arrival_s)
        if rare.waiting:
            self._delivery.take_waiting(batch, rare.waiting)
            self._quarantine.keep(batch, rare.waiting)
        if rare.keep:
            self._save(rare.keep, batch)
        for key in rare.released:
            self._quarantine.release(key)
        for topic, payload in rare.publish:
            self._publish(topic, payload)

    def flush(self) -> None:
        """Send what was asked of codecs meanwhile."""
        self._codecs.flush()

    async def process(self, message: Message, arrival_ms: int) -> Outcome:
        """What becomes of a message that was stored, its codec asked; what of it must wait again is left to the caller."""
        outcome = self._processor.process(message, arrival_ms)
        rare = outcome.rare
        if rare is not None and rare.ask is not None:
            answered: asyncio.Future[CodecAnswer] = asyncio.get_running_loop().create_future()
            self._codecs.ask(_call(rare.ask), answered.set_result)
            outcome = self._resumed(rare.ask, await answered)
            rare = outcome.rare
        if rare is not None:
            self._save(rare.keep, None)
            for key in rare.released:
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
            waits = self._processor.wait_for_codec(ask).rare
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
        if outcome.rare is not None:
            self.do(outcome.rare, late, arrival_s)
        if not self._pump_is_due:
            self._pump_is_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Once for all that a codec's process has answered in one go."""
        self._pump_is_due = False
        self._delivery.pump()


def _call(ask: CodecAsk) -> Call:
    return Call(ask.codec, ask.frame, ask.port, ask.received_ms, ask.variables, ask.device)
