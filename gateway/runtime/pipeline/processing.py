"""Processing: the pure core with the catalog it reads by, and the memory of devices that it is restored from."""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core.alarms.engine import Alarms
from gateway.core.devices.streams import Admission, Memory, Streams
from gateway.core.gateways.tenures import TENURE, Tenures, unpack_tenure
from gateway.core.process import Processor
from gateway.core.profiles.matching import Profiles
from gateway.core.readings.clock_trust import ClockTrust, TimeRules
from gateway.core.readings.sums import SumsMode
from gateway.core.status.silence import Membership, NewestReadings, Silence
from gateway.ingest.catalog import Catalog, load_catalog
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.device_memory import DeviceMemory
from gateway.ingest.storage.device_snapshots import DeviceSnapshots
from gateway.ingest.storage.hours_again import HoursAgain
from gateway.runtime.pipeline.foundation import Foundation, Lanes
from gateway.support.config.model import Config
from gateway.support.registry.alarm_rules import load_alarm_rules
from gateway.support.registry.registry import fault_lines
from gateway.support.registry.shares import SharesFile, leader_of
from schemas.registry import RegisteredDevice

BUILT_MS: Final = 1_790_000_000_000
"""No clock that is right stands before this program was written (September 2026)."""


def time_rules(config: Config) -> TimeRules:
    """Limits within which times of devices are believed."""
    limits = (config.time.max_past, config.time.max_future, config.time.late_after)
    return TimeRules(*(round(value.total_seconds() * 1000) for value in limits))


def build_alarms(config: Config, silence: Silence) -> Alarms:
    """The alarm engine with the rules of a configuration, without any state. Faulty rules raise :class:`ConfigurationFault`."""
    return Alarms(load_alarm_rules(config.alarms.rules), silence, time_rules(config), ZoneInfo(config.time.zone))


def build_processor(
    config: Config,
    catalog: Catalog,
    *,
    not_before_ms: int = 0,
    memory: Memory | None = None,
    sums: SumsMode = SumsMode.OFF,
    alarms: Alarms | None = None,
    tenures: Tenures | None = None,
) -> Processor:
    """The pure pipeline of a configuration; for commands without alarms, and with a clock of any time.

    A clock that stands before ``not_before_ms`` is wrong; ``tenures`` are the shares of this gateway, if there are several.
    """
    admission = Admission(config.devices.unknown, config.limits.simulated, config.limits.devices)
    rules = time_rules(config)
    trust = ClockTrust(not_before_ms=not_before_ms, max_future_ms=rules.max_future_ms)
    streams = Streams(catalog.devices, admission, catalog.profiles, memory, tenures)
    return Processor(streams, rules, trust, config.limits.payload_bytes, sums, alarms)


def processor_apart(
    registry: Mapping[str, RegisteredDevice], profiles: Profiles, rules: TimeRules, trust: ClockTrust | None = None
) -> Processor:
    """A processor with a state of its own that admits every device, to show what becomes of a message."""
    trust = trust or ClockTrust(not_before_ms=0, max_future_ms=rules.max_future_ms)
    return Processor(Streams(registry, None, profiles), rules, trust)


def membership_of(config: Config, shares: SharesFile | None) -> Membership:
    """The part of a gateway among those that share devices."""
    leader, shares_devices = leader_of(config.mqtt, shares), shares is not None or config.devices.moving
    return Membership(NewestReadings() if shares_devices else None, leader in {"", config.mqtt.client_id}, leader)


def _tenures(foundation: Foundation, catalog: Catalog) -> Tenures:
    """The shares of this gateway, as an earlier run had them and as they are now."""
    saved = foundation.database.run_here(keyvalue.get_prefix, TENURE)
    tenures = Tenures({key.removeprefix(TENURE): unpack_tenure(text) for key, text in saved.items()})
    if catalog.shares is not None:
        tenures.want(catalog.shares.assigned, foundation.config.mqtt.client_id, foundation.clock.now_ms())
    return tenures


class Processing:
    """The core and what it knows; ``silence`` judges for alarms and pages alike, ``memory`` is of devices not met yet."""

    def __init__(self, foundation: Foundation) -> None:
        config, database, clock, events = foundation.config, foundation.database, foundation.clock, foundation.events
        self.catalog = catalog = load_catalog(config)
        self.memory = DeviceMemory(events, clock, is_shared=config.mqtt.standby.machine is not None)
        events.started(fault_lines(config.devices.registry, catalog.device_faults(config.mqtt)))
        self.silence = Silence(
            dict(config.devices.silent_after.items()), events.reception, membership_of(config, catalog.shares)
        )
        self.alarms = build_alarms(config, self.silence)
        self.processor = processor = build_processor(
            config,
            catalog,
            not_before_ms=max(BUILT_MS, foundation.newest_ms),
            memory=self.memory,
            sums=SumsMode.MOVING if config.devices.moving else SumsMode.ASKED,
            alarms=self.alarms,
            tenures=_tenures(foundation, catalog),
        )
        processor.trust.judge(clock.now_ms())
        self.device_snapshots = snapshots = DeviceSnapshots(
            database, events, processor.streams, self.memory, self.alarms, config.limits.devices, clock
        )
        self.hours_again = HoursAgain(database, processor.evaluator.late, processor.streams.is_registered)
        self.lanes: Lanes = {"device states": snapshots.run, "places": snapshots.watch_places}
