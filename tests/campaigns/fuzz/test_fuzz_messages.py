"""A million broken messages through the whole core: each comes to an end that has a name, soon, and leaves nothing behind."""

import gc
import time
from collections import Counter
from pathlib import Path

import pytest

from gateway.core.message import CodecAsk, Outcome, StoredMessage
from gateway.core.process import Processor
from gateway.ingest.catalog import load_catalog
from gateway.ingest.codecs.process import SyncCodecs
from gateway.ingest.codecs.protocol import CodecAnswer
from gateway.onboarding.explain.dry_run import begin, finish
from gateway.runtime.pipeline.processing import build_processor
from gateway.support.config.model import Config
from tests.campaigns.fuzz.mutations import Mutator, examples
from tests.campaigns.fuzz.shipped import registered
from tests.campaigns.fuzz.soundness import assert_lines

SLOWEST_S = 0.05
GROWTH_MAX_BYTES = 60e6
COLLECT_EVERY = 5000
START_MS = 1_793_491_200_000
UNKNOWN = [pytest.param(mode, id=f"unknown-{mode}") for mode in ("accept", "quarantine", "reject")]


class StubbedCodecs:
    """Answers anything in a codec's place."""

    def __init__(self, mutator: Mutator) -> None:
        self._mutator = mutator

    def call(self, _call: CodecAsk) -> CodecAnswer:
        """Nonsense."""
        data, fault = self._mutator.answer()
        return CodecAnswer(data, fault=fault)


def end_of(outcome: Outcome) -> str:
    """Return the fate of a message in a word; a question, a wait or a publication is ``side_effects``."""
    if outcome.refusals:
        return f"reject {outcome.refusals[0].reason.value}"
    if outcome.readings:
        return "points"
    if outcome.duplicates:
        return "duplicate"
    if outcome.ignored is not None:
        return f"ignored {outcome.ignored.value}"
    if outcome.side_effects is not None and outcome.side_effects.waiting:
        return f"waits {outcome.side_effects.waiting[0].cause.value}"
    return "nothing"


class Fuzz:
    """One core under fire.

    :ivar ends: what became of the messages.
    :ivar slowest: the one that took longest, without its codec.
    :ivar grown_bytes: how much memory it took after its first fifth.
    """

    def __init__(self, processor: Processor, mutator: Mutator, codecs: SyncCodecs | StubbedCodecs) -> None:
        self.processor = processor
        self.ends: Counter[str] = Counter()
        self.slowest_s, self.slowest = 0.0, StoredMessage("", b"")
        self.grown_bytes = 0
        self._mutator = mutator
        self._codecs = codecs
        self._now_ms = START_MS

    def fire(self, messages: int) -> None:
        """Send so many messages through it; looking for cycles would be counted as somebody's time."""
        gc.disable()
        for number in range(messages):
            self._now_ms += 20
            self._one(self._mutator.message())
            if number % COLLECT_EVERY == 0:
                gc.collect()
        gc.enable()

    def _one(self, message: StoredMessage) -> None:
        begun_s = time.thread_time()
        seen = begin(self.processor, message, self._now_ms)
        took_s = time.thread_time() - begun_s
        if seen.asks is not None:
            answer = self._codecs.call(seen.asks)
            begun_s = time.thread_time()
            finish(seen, answer)
            took_s += time.thread_time() - begun_s
        end = end_of(seen.outcome)
        self.ends[end] += 1
        if took_s > self.slowest_s:
            self.slowest_s, self.slowest = took_s, message
        for reading in seen.outcome.readings:
            assert_lines(reading.lines)
        assert took_s <= SLOWEST_S, f"{took_s * 1000:.0f} ms for {message}"
        assert end not in {"nothing", "reject internal_error"}, (message, [one.detail for one in seen.outcome.refusals])


def rss_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def fuzz(mode: str, number: int, messages: int, *, codecs: bool) -> Fuzz:
    """Fire ``messages`` at a new core; real codecs or stubbed ones."""
    config = Config.model_validate({"devices": {"unknown": mode}, "limits": {"devices": 500}})
    shipped = load_catalog(config, all_shipped=True)
    own = examples(shipped.files.values())
    known = registered(shipped, own, config)
    mutator = Mutator(own, number)
    processor = build_processor(config, known)
    with SyncCodecs(known.codecs) as real:
        firing = Fuzz(processor, mutator, real if codecs else StubbedCodecs(mutator))
        firing.fire(messages // 5)
        gc.collect()
        before_bytes = rss_bytes()
        firing.fire(messages - messages // 5)
        gc.collect()
        firing.grown_bytes = rss_bytes() - before_bytes
    assert firing.grown_bytes < GROWTH_MAX_BYTES, f"{firing.grown_bytes / 1e6:.0f} MB more"
    return firing


@pytest.mark.parametrize(
    ("mode", "codecs"),
    [
        pytest.param("accept", False, id="stubbed-unknown-accept"),
        pytest.param("quarantine", True, id="codecs-unknown-quarantine"),
        pytest.param("reject", False, id="stubbed-unknown-reject"),
    ],
)
def test_every_message_comes_to_an_end_that_has_a_name(mode: str, *, codecs: bool) -> None:
    ends = fuzz(mode, 1, 1700, codecs=codecs).ends
    assert ends["points"] > 100, ends
    assert len(ends) > 8, ends


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", UNKNOWN)
@pytest.mark.parametrize("codecs", [pytest.param(True, id="codecs"), pytest.param(False, id="stubbed")])
def test_every_one_of_a_million_messages_does(mode: str, *, codecs: bool) -> None:
    done = fuzz(mode, 2, 170_000, codecs=codecs)
    slowest = f"slowest {done.slowest_s * 1000:.1f} ms for {done.slowest.topic} {done.slowest.payload[:100]!r}"
    print(f"\n{mode} {codecs}: {done.grown_bytes / 1e6:.1f} MB more, {slowest}; {dict(done.ends.most_common())}")  # noqa: T201
