"""The evidence about a device, gathered from the parts of the gateway, and the verdict on it."""

from dataclasses import dataclass, replace
from math import isnan

from gateway.core.devices.device import Device
from gateway.core.readings.clock_trust import ClockTrust
from gateway.core.readings.timestamps import TimeRules
from gateway.core.status.ladder import Ladder, ladder
from gateway.core.status.rungs import DeviceEvidence
from gateway.core.status.silence import Presence, Silence
from gateway.core.status.verdict import Level
from gateway.ingest.delivery.delivery_log import DeliveryLog
from gateway.ingest.events import Events

NATIVE = "native"
"""In place of a profile: the device speaks the gateway's own format."""
_CLOCK_GOOD_MS = 60_000


@dataclass(frozen=True, slots=True)
class DeviceVerdicts:
    """Judges devices as the pages show them."""

    rules: TimeRules
    trust: ClockTrust
    silence: Silence
    events: Events
    deliveries: DeliveryLog

    def evidence(self, device: Device, now_ms: int) -> DeviceEvidence:
        """Gather what is in memory."""
        counters, last = device.counters, device.last_message
        here_ms, silent_after_ms = device.last_seen_ms, self.silence.after_ms(device)
        heard_ms = self.silence.membership.heard_ms(device)
        arrival_ms = here_ms if last is None else last.now_ms
        return DeviceEvidence(
            now_ms=now_ms,
            rules=self.rules,
            presence=self.silence.presence(device, now_ms),
            silent_after_ms=silent_after_ms,
            has_left=device.has_left,
            heard_ms=heard_ms,
            elsewhere=heard_ms - here_ms > silent_after_ms,
            arrival_ms=arrival_ms,
            registered=device.registered is not None,
            simulated=device.is_simulated,
            domain=device.measures,
            profile=_profile(device),
            has_readings=device.newest_ms > 0 or counters is not None or device.last_stamp_ms > 0,
            setback=device.setback,
            offset_ms=device.earlier_offset_ms if device.offset_ms is None else device.offset_ms,
            registers=() if counters is None else tuple(counters.registers()),
            awaits_sums=counters is not None and bool(counters.awaits),
            wrong_since_ms=0 if counters is None else int(counters.past.wrong_since_ms or 0),
            whereabouts=self.deliveries.find(arrival_ms),
            not_taken_ms=device.not_taken_ms,
            flood_per_s=self._flood_per_s(device),
            mqtt_connected=self.events.mqtt_connected,
            clock_doubted=self.trust.doubted,
        )

    def ladder(self, device: Device, now_ms: int) -> Ladder:
        """Judge a device by what is in memory."""
        return ladder(self.evidence(device, now_ms))

    def ladder_with(self, device: Device, now_ms: int, *, profile: str | None, waiting: int) -> Ladder:
        """Judge a device by what is on disk as well.

        :param profile: the profile that read its last message, if it was looked up.
        :param waiting: messages that wait for its registration.
        """
        seen = self.evidence(device, now_ms)
        return ladder(replace(seen, profile=profile or seen.profile, waiting=waiting))

    def level(self, device: Device, now_ms: int) -> Level:
        """Judge a device in a word; quick for one without any fault, as nearly all are."""
        is_plain = (
            device.setback is None
            and not device.not_taken_ms
            and device.registered is not None
            and abs(device.offset_ms or device.earlier_offset_ms or 0) < _CLOCK_GOOD_MS
            and self.silence.presence(device, now_ms) is Presence.ONLINE
            and (device.counters is None or not any(one.doubt or isnan(one.value) for one in device.counters.registers()))
        )
        well = is_plain and self.events.influxdb_up and self.events.mqtt_connected and not self.events.floods
        return Level.GOOD if well else self.ladder(device, now_ms).level

    def _flood_per_s(self, device: Device) -> float:
        names = {device.name, device.source}
        return next((flood.per_s for flood in self.events.floods if flood.device in names), 0.0)


def _profile(device: Device) -> str:
    if device.streams:
        return NATIVE
    return (device.registered.profile or device.registered.model or "") if device.registered is not None else ""
