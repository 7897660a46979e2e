"""Calls of makers' codecs: a message goes on when its codec has answered."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from gateway.core.batching.codec_backpressure import CodecBackpressure
from gateway.core.message import CodecAsk, Outcome
from gateway.core.process import Processor
from gateway.ingest.codecs.protocol import CodecAnswer
from gateway.ingest.events import Events
from gateway.ingest.storage.quarantine_in import ReleasedKeys


class Codecs(Protocol):
    """The codecs in their process."""

    def ask(self, ask: CodecAsk, then: Callable[[CodecAnswer], None]) -> None:
        """Call at the end of this turn of the loop; ``then`` gets the answer."""


class CodecCalls:
    """Calls codecs and continues with their answers."""

    def __init__(self, processor: Processor, codecs: Codecs, released: ReleasedKeys, events: Events) -> None:
        self._processor = processor
        self._codecs = codecs
        self._released = released
        self._events = events
        self._backpressure = CodecBackpressure()

    def may_ask(self, ask: CodecAsk, arrival_s: float) -> bool:
        """Return False when the codec is so far behind that its messages must wait on disk."""
        return self._backpressure.may_ask(ask.codec, arrival_s)

    def ask(self, ask: CodecAsk, arrival_s: float, then: Callable[[Outcome], None]) -> None:
        """Call; ``then`` gets the outcome of the message, never before this returns."""
        number = self._backpressure.ask(ask.codec, arrival_s)

        def answered(answer: CodecAnswer) -> None:
            if self._backpressure.answered(number):
                self._released.release(ask.codec)
            then(self._resumed(ask, answer))

        self._codecs.ask(ask, answered)

    async def ask_and_wait(self, ask: CodecAsk) -> Outcome:
        """Call for a stored message; return its outcome."""
        answered: asyncio.Future[CodecAnswer] = asyncio.get_running_loop().create_future()
        self._codecs.ask(ask, answered.set_result)
        return self._resumed(ask, await answered)

    def postpone(self, ask: CodecAsk) -> Outcome:
        """Return the outcome of a message whose codec cannot be called now: it waits."""
        return self._processor.wait_for_codec(ask)

    def _resumed(self, ask: CodecAsk, answer: CodecAnswer) -> Outcome:
        if answer.warnings:
            self._events.codec_warned(ask.codec, answer.warnings)
        if answer.suspended:
            return self.postpone(ask)
        return self._processor.resume(ask, answer.data, answer.fault)
