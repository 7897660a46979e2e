"""Trials: messages processed by the core as the gateway would, apart from the running one; and what is missing there.

The missing step is what must be done before the running gateway does what a trial shows: a profile to activate, a device to
register.

A radio frame is bytes of the maker's own. If neither the registry nor the network server names its make, each profile that the
registry must name is tried on it, and those that read something from it are proposed, the fullest first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Any, Final, Self

from gateway.core.profiles.recognition import Frame
from gateway.core.readings.sums import SumsMode
from gateway.ingest.catalog import Catalog, load_catalog
from gateway.ingest.codecs.process import SyncCodecs
from gateway.onboarding.explain.dry_run import DryRun, Trace, result_document
from gateway.onboarding.trials.recordings import Guess, RecordedMessage
from gateway.runtime.pipeline.processing import build_processor
from gateway.support.config.model import Config
from schemas.quantities import HEALTH
from schemas.registry import RegisteredDevice, Registry, device_key


class MissingKind(StrEnum):
    """The thing to do."""

    REGISTER = "register"
    """Register the device with the profile or model."""
    ENABLE = "enable"
    """Enable the profile, or register the device with it."""
    SAVE = "save"
    """Put the file of the profile into the folder of profiles."""


@dataclass(frozen=True, slots=True)
class MissingStep:
    """The step before a profile takes the messages of a device."""

    kind: MissingKind
    is_active: bool  # the profile is active, for other devices
    profile: str
    device: str
    entry: str  # its name in the registry: ``model: …`` or ``profile: …``
    file: str
    folder: str  # the folder of the utility's own profiles

    def sentence(self) -> str:
        """The step in English, for the command line."""
        register = f"register {self.device} with {self.entry}"
        if self.kind is MissingKind.SAVE:
            return f"NOT active: put {self.file} into {self.folder}"
        if self.kind is MissingKind.ENABLE:
            return f"NOT active: add profiles: {{enable: [{self.profile}]}} to gateway.yaml, or {register}"
        return f"NOT active{' for this device' if self.is_active else ''}: {register}"


def missing_step(config: Config, catalog: Catalog, frame: Frame) -> MissingStep | None:
    """The step that makes the profile of a frame active for its device; None if it is."""
    file = catalog.files[frame.profile.name]
    by_registry = file.model.match.by is not None
    is_active = frame.profile.name in catalog.active_profiles
    if is_active and (not by_registry or frame.profile.name in _named(catalog, frame)):
        return None
    if is_active or (file.shipped and by_registry):
        kind = MissingKind.REGISTER
    else:
        kind = MissingKind.ENABLE if file.shipped else MissingKind.SAVE
    models = file.model.models
    entry = f"model: {models[0]}" if models else f"profile: {frame.profile.name}"
    return MissingStep(kind, is_active, frame.profile.name, frame.device, entry, file.path.name, str(config.profiles.path))


def _named(catalog: Catalog, frame: Frame) -> Iterator[str]:
    """Profiles that the registry or the network server names for the device."""
    device: RegisteredDevice | None = catalog.devices.get(frame.device) or catalog.devices.get(device_key(frame.device))
    model = frame.document.get("model") if frame.profile.envelope is not None else None
    for profile in (*catalog.profiles.named(device), *catalog.profiles.of_model(model)):
        yield profile.name


@dataclass(frozen=True, slots=True)
class TriedMessage:
    """A message that was tried."""

    trace: Trace
    document: dict[str, Any]  # the result in the form of ``gateway decode --json``
    missing: MissingStep | None = None  # the step that makes its profile active; None if it is
    guess: Guess | None = None  # the guess of its topic; None if it was given

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


def open_to_all(config: Config) -> Config:
    """The same configuration, with which every device is admitted."""
    return config.model_copy(update={"devices": config.devices.model_copy(update={"unknown": "accept"})})


class Trials:
    """Tries messages in order, with state. A context manager, because codecs run in a child process.

    ``named`` is the source of the name of the only profile that is asked; empty if all profiles are.
    """

    def __init__(self, config: Config, catalog: Catalog, *, named: str = "", sums: SumsMode = SumsMode.OFF) -> None:
        self._config = config
        self._catalog = catalog
        self._named = named
        self._codecs = SyncCodecs(catalog.codecs, unconfined=config.runs_unconfined_codecs)
        as_configured, opened = (build_processor(admission, catalog, sums=sums) for admission in (config, open_to_all(config)))
        self._dry_run = DryRun(as_configured, self._codecs, opened)

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


_MOST: Final = 6


@dataclass(frozen=True, slots=True)
class ProposedMake:
    """A profile that reads the message."""

    profile: str
    models: tuple[str, ...]  # the models that it reads, as the makers name them
    points: tuple[dict[str, Any], ...]  # the points that it gives, in the form of ``gateway decode --json``
    params: tuple[str, ...]

    @property
    def measured(self) -> int:
        """The number of values that it reads, the state of the device itself left out."""
        return sum(len(point["fields"]) for point in self.points if point["measurement"] != HEALTH)


def propose_makes(config: Config, recorded: RecordedMessage, name: str) -> list[ProposedMake]:
    """The makes that a device, met under this id, may be of; ConfigurationFault if registry or profiles cannot be used.

    It takes a second: for a thread, not for the loop.
    """
    everyone = open_to_all(config)
    catalog = load_catalog(everyone, all_shipped=True)
    with SyncCodecs(catalog.codecs, unconfined=config.runs_unconfined_codecs) as codecs:
        found = [make for make in _tried(everyone, catalog, codecs, recorded, name) if make.measured]
    return sorted(found, key=lambda make: -make.measured)[:_MOST]


def _tried(
    config: Config, catalog: Catalog, codecs: SyncCodecs, recorded: RecordedMessage, name: str
) -> Iterator[ProposedMake]:
    for file in catalog.files.values():
        profile = file.compiled
        if not profile.by_registry:
            continue
        params = tuple(sorted(profile.required_params))
        entry = RegisteredDevice(name, profile=profile.name, params=dict.fromkeys(params, 1))
        registry = Registry(devices=[entry])
        of_this = catalog._replace(registry=registry, devices=registry.by_id())
        trace = DryRun(build_processor(config, of_this), codecs).take(recorded.message, recorded.arrival_ms)
        yield ProposedMake(profile.name, tuple(file.model.models), tuple(result_document(trace)["points"]), params)


_USUAL_S: Final = (5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
"""Settings of most devices. Networks delay messages, so a measured interval is seldom exact.
Below 5 s a full second is near enough."""
_NEAR: Final = 0.1
_LEAST_GAPS: Final = 2
_SECOND_MS: Final = 1000


def measured_interval_s(arrivals_ms: Sequence[float]) -> float | None:
    """The interval of messages that came at these times; None if they are too few to tell.

    A backlog comes at once and says nothing, so gaps below a second do not count.
    """
    ordered = sorted(arrivals_ms)
    gaps_s = [(after - before) / 1000 for before, after in pairwise(ordered) if after - before >= _SECOND_MS]
    if len(gaps_s) < _LEAST_GAPS:
        return None
    middle_s = median(gaps_s)
    usual_s = min(_USUAL_S, key=lambda span_s: abs(span_s - middle_s) / span_s)
    return usual_s if abs(usual_s - middle_s) <= _NEAR * usual_s else round(middle_s)
