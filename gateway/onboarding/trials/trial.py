"""Trials: messages processed by the core as the gateway would, apart from the running one."""

from dataclasses import dataclass
from typing import Any, Self

from gateway.core.readings.sums import SumsMode
from gateway.ingest.catalog import Catalog
from gateway.ingest.codecs.sync_client import SyncCodecs
from gateway.onboarding.explain.documents import result_document
from gateway.onboarding.explain.dry_run import DryRun, Trace
from gateway.onboarding.trials.recordings import RecordedMessage
from gateway.onboarding.trials.standing import MissingStep, missing_step
from gateway.onboarding.trials.topic_guess import Guess
from gateway.runtime.pipeline.processing import build_processor
from gateway.support.config.model import Config


@dataclass(frozen=True, slots=True)
class TriedMessage:
    """A message that was tried.

    :ivar document: the result in the form of ``gateway decode --json``.
    :ivar missing: the step that makes its profile active; None if it is.
    :ivar guess: the guess of its topic; None if it was given.
    """

    trace: Trace
    document: dict[str, Any]
    missing: MissingStep | None = None
    guess: Guess | None = None

    @property
    def profile(self) -> str | None:
        """The profile that takes it."""
        return (self.trace.if_registered or self.trace).profile

    @property
    def device(self) -> str:
        """Its device, as far as it is known."""
        return self.trace.device or self.trace.to_register or ""

    @property
    def remarks(self) -> dict[str, str]:
        """Label of a step → a remark in English: a guessed topic, a profile that is not active."""
        found = {"topic": self.guess and f"no --topic: {self.guess.why}", "profile": self.missing and self.missing.sentence()}
        return {label: remark for label, remark in found.items() if remark}

    @property
    def is_rejected(self) -> bool:
        """True if something of it became a reject."""
        return bool(self.trace.outcome.refusals)


class Trials:
    """Tries messages in order, with state. A context manager, because codecs run in a child process.

    :param named: the source of the name of the only profile that is asked; empty if all profiles are.
    """

    def __init__(self, config: Config, catalog: Catalog, *, named: str = "", sums: SumsMode = SumsMode.OFF) -> None:
        everyone = config.model_copy(update={"devices": config.devices.model_copy(update={"unknown": "accept"})})
        self._config = config
        self._catalog = catalog
        self._named = named
        self._codecs = SyncCodecs(catalog.codecs)
        as_configured, open_to_all = (build_processor(admission, catalog, sums=sums) for admission in (config, everyone))
        self._dry_run = DryRun(as_configured, self._codecs, open_to_all)

    def __enter__(self) -> Self:
        self._codecs.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._codecs.__exit__(*exception)

    def take(self, recorded: RecordedMessage) -> TriedMessage:
        """Try one message."""
        trace = self._dry_run.take(recorded.message, recorded.arrival_ms)
        document = result_document(trace)
        frame = (trace.if_registered or trace).frame
        if frame is not None and self._named:
            frame.why = f"{self._named} names it"
        missing = missing_step(self._config, self._catalog, frame) if frame is not None else None
        return TriedMessage(trace, document, missing, recorded.guess)
