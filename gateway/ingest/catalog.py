"""The catalogue of devices: registry, active profiles, the codecs they name. Read at the start and on SIGHUP."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mqtt5 import RetainHandling

from gateway.core.gateways.sharing import filters_of
from gateway.core.gateways.tenures import fence_topic
from gateway.core.profiles.matching import Profiles
from gateway.ingest.codecs.process import SyncCodecs, available
from gateway.support.config.bundled_profiles import files_called
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config, Mqtt
from gateway.support.registry.registry import RegistryFault, fault_lines, load_registry, named_as_gateway
from gateway.support.registry.shares import ManagementSection, SharesFile, shares_of
from schemas.quantities import DOMAINS
from schemas.registry import RegisteredDevice, Registry
from schemas.topics import SPARKPLUG, NativeTopic, is_id, matches

if TYPE_CHECKING:
    from gateway.support.config.profile_files import ProfileFile

_SPARKPLUG: Final = "sparkplug_b"
_SPARKPLUG_TOPICS: Final = f"{SPARKPLUG}/#"
"""All messages of a Sparkplug namespace: data cannot be read without births, and births identify deaths."""


class Catalog(NamedTuple):
    """Registry and profiles of one moment.

    :ivar files: the active profiles, with their files and tests; for commands the others too.
    :ivar faults: faults of profiles, a line each; :func:`load_catalog` refuses all of them.
    :ivar unknown: registered devices whose profile does not exist; refused as well.
    :ivar shares: the shares of this gateway and others; None: it reads all.
    """

    registry: Registry
    devices: Mapping[str, RegisteredDevice]
    files: "Mapping[str, ProfileFile]"
    profiles: Profiles
    active_profiles: frozenset[str] = frozenset()
    faults: Sequence[str] = ()
    unknown: Sequence[RegistryFault] = ()
    shares: SharesFile | None = None

    @property
    def management(self) -> ManagementSection | None:
        """The broker's HTTP API, by which gateways that share sites out are watched; None: nobody asks it."""
        return None if self.shares is None else self.shares.management

    @property
    def codecs(self) -> dict[str, Path]:
        """Codec → its file."""
        return {file.compiled.codec.name: file.codec for file in self.files.values() if file.compiled.codec and file.codec}

    def codec_faults(self, *, unconfined: bool) -> list[str]:
        """Codecs that cannot be loaded, a sentence each; empty if codecs cannot run at all, or are not run on this machine."""
        if available():
            return []
        with SyncCodecs(self.codecs, unconfined=unconfined) as calls:
            faults = {path: calls.fault(name) for name, path in self.codecs.items()}
        return [f"{path}: {fault}" for path, fault in faults.items() if fault]

    def without_params(self) -> list[RegistryFault]:
        """Registered devices that lack a parameter required by their profile."""
        return [
            (("devices", at, "params", name), f"is missing; profile {profile.name} needs it of {device.id}")
            for at, device in enumerate(self.registry.devices)
            for profile in self.profiles.named(device)
            for name in sorted(profile.required_params - device.params.keys())
        ]

    def device_faults(self, mqtt: Mqtt) -> list[RegistryFault]:
        """Registered devices with a fault: the name of the gateway itself, or a missing parameter."""
        return [*named_as_gateway(self.registry, mqtt), *self.without_params()]


def load_catalog(
    config: Config, *, also: str | None = None, all_shipped: bool = False, registry: Registry | None = None
) -> Catalog:
    """Read registry and profiles.

    :param also: use only this profile, registered or not: its name, a model it serves, or its file.
    :param all_shipped: use the other shipped profiles too, for commands.
    :raises ConfigurationFault: naming file, key and fault.
    """
    catalog = survey(config, registry or load_registry(config.devices.registry), also=also, all_shipped=all_shipped)
    if faults := [*catalog.faults, *fault_lines(config.devices.registry, catalog.unknown)]:
        raise ConfigurationFault(faults)
    return catalog._replace(shares=shares_of(config.mqtt))


def survey(config: Config, registry: Registry, *, also: str | None = None, all_shipped: bool = False) -> Catalog:
    """Read the profiles for a registry, even if some are faulty; parameters and faults are those of :func:`load_catalog`."""
    named = {device.profile for device in registry.devices if device.profile is not None}
    models = {device.model for device in registry.devices if device.profile is None and device.model is not None}
    wanted = named | models
    some = config.profiles.path.is_dir() or named or files_called(models) or config.profiles.enable
    if not (some or also or all_shipped):
        return Catalog(registry, registry.by_id(), {}, Profiles())
    from gateway.support.registry.active_profiles import load_active_profiles  # noqa: PLC0415 - a gateway without profiles does not pay for their language

    found = load_active_profiles(config, registry, wanted, also=also, all_shipped=all_shipped)
    return Catalog(registry, registry.by_id(), found.files, found.profiles, found.names, found.faults, found.unknown)


def topic_filters(config: Config, catalog: Catalog) -> dict[str, RetainHandling]:
    """Return the subscriptions: retained data only for a new subscription, retained states always.

    A filter that another one covers is left out: the broker would deliver twice. Of several gateways that share out what comes
    each has the filters of its shares alone.
    """
    sparkplug = [pattern for pattern in config.mqtt.subscriptions if pattern.partition("/")[0] == SPARKPLUG]
    groups = [pattern for pattern in sparkplug if pattern.split("/")[1:2] not in (["+"], ["#"])]
    always, once = RetainHandling.SEND_ALWAYS, RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS
    if catalog.shares is not None:
        own = [pattern for share in catalog.shares.of(config.mqtt.client_id) for pattern in filters_of(share)]
        own.append(fence_topic(config.mqtt.client_id))
        return {pattern: always if pattern.endswith("/status") or pattern.startswith(SPARKPLUG) else once for pattern in own}
    wanted = {pattern: always if pattern.endswith("/status") else once for pattern in config.mqtt.subscriptions}
    wanted |= dict.fromkeys(groups, always)
    for pattern, states in _of_profiles(catalog, groups):
        wanted[pattern] = always if states else wanted.get(pattern, once)
    return {
        pattern: handling
        for pattern, handling in wanted.items()
        if not any(other != pattern and matches(other, pattern) for other in wanted)
    }


def state_topics(config: Config, catalog: Catalog) -> list[str]:
    """Return the topic of the state of each registered native device that is this gateway's to read.

    Only where several gateways share out what comes: their broker, RabbitMQ, gives a wildcard no retained message. A device
    whose domain is not registered may be in any.
    """
    if catalog.shares is None:
        return []
    own = {(share.site, share.domain) for share in catalog.shares.of(config.mqtt.client_id)}
    found = [
        NativeTopic(device.site, domain, device.source or device.id, "status")
        for device in catalog.registry.devices
        if device.site is not None and not catalog.profiles.named(device) and is_id(device.source or device.id)
        for domain in ([device.domain] if device.domain else DOMAINS)
        if (device.site, None) in own or (device.site, domain) in own
    ]
    return [str(topic) for topic in found]


def _of_profiles(catalog: Catalog, groups: list[str]) -> Iterator[tuple[str, bool]]:
    """Topic filters of the active profiles, and whether states are published there; only ``groups`` of Sparkplug, if any."""
    for file in catalog.files.values():
        profile = file.compiled
        if profile.decoder == _SPARKPLUG:
            if not groups:
                yield _SPARKPLUG_TOPICS, True
            continue  # its own topics lie within
        for pattern in profile.filters:
            yield pattern.pattern, False
        for pattern in profile.status_filters:
            yield pattern.pattern, True
        if profile.envelope is not None and not profile.filters and catalog.profiles.envelopes is not None:
            for envelope in catalog.profiles.envelopes.of(profile.envelope):
                yield from ((topic, False) for topic in envelope.topics)
