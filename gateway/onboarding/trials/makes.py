"""Proposals for a device whose messages do not tell its make: the profiles that can read it; and its interval, measured.

A radio frame is bytes of the maker's own. The network server may name the model; if it does not, each profile that the registry
must name is tried on the device's last message, and those that read something from it are proposed, the fullest first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Final

from gateway.ingest.catalog import Catalog, load_catalog
from gateway.ingest.codecs.sync_client import SyncCodecs
from gateway.onboarding.explain.dry_run import DryRun, result_document
from gateway.onboarding.trials.recordings import RecordedMessage
from gateway.onboarding.trials.trial import open_to_all
from gateway.runtime.pipeline.processing import build_processor
from gateway.support.config.model import Config
from schemas.registry import RegisteredDevice, Registry

_MOST: Final = 6
_HEALTH: Final = "device_health"


@dataclass(frozen=True, slots=True)
class ProposedMake:
    """A profile that reads the message.

    :ivar models: the models that it reads, as the makers name them.
    :ivar points: the points that it gives, in the form of ``gateway decode --json``.
    :ivar params: parameters that it demands of the device.
    """

    profile: str
    models: tuple[str, ...]
    points: tuple[dict[str, Any], ...]
    params: tuple[str, ...]

    @property
    def measured(self) -> int:
        """The number of values that it reads, the state of the device itself left out."""
        return sum(len(point["fields"]) for point in self.points if point["measurement"] != _HEALTH)


def propose_makes(config: Config, recorded: RecordedMessage, name: str) -> list[ProposedMake]:
    """The makes that a device may be of. It takes a second: for a thread, not for the loop.

    :param name: the id under which the gateway met the device.
    :raises ConfigurationFault: registry or profiles cannot be used.
    """
    everyone = open_to_all(config)
    catalog = load_catalog(everyone, all_shipped=True)
    with SyncCodecs(catalog.codecs) as codecs:
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
