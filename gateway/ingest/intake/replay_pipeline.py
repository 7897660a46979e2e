"""The pipeline for messages that were stored: those of the quarantine, and rejects that are replayed."""

from gateway.core.message import Message, Outcome
from gateway.core.process import Processor
from gateway.ingest.intake.codec_calls import CodecCalls
from gateway.ingest.intake.common_effects import CommonEffects


class ReplayPipeline:
    """Processes a message to its end, including the answer of its codec."""

    def __init__(self, processor: Processor, codec_calls: CodecCalls, common: CommonEffects) -> None:
        self._processor = processor
        self._codec_calls = codec_calls
        self._common = common

    async def process(self, message: Message, arrival_ms: int) -> Outcome:
        """Process a message that arrived at ``arrival_ms``; parts that must wait again are left to the caller."""
        outcome = self._processor.process(message, arrival_ms, replayed=True)
        side_effects = outcome.side_effects
        if side_effects is not None and side_effects.ask is not None:
            outcome = await self._codec_calls.ask_and_wait(side_effects.ask)
            side_effects = outcome.side_effects
        if side_effects is not None:
            self._common.do(side_effects, None)
        return outcome
