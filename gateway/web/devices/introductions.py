"""Introduces devices that nobody has registered yet: how often they send, and what make they may be."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.core.message import StoredMessage, WaitCause
from gateway.ingest.storage import quarantine, rejects
from gateway.ingest.storage.database import Damaged, Database, DatabaseFault
from gateway.ingest.storage.rejects import RejectFilter
from gateway.monitoring.status.status import Status
from gateway.onboarding.trials.makes import ProposedMake, measured_interval_s, propose_makes
from gateway.onboarding.trials.recordings import RecordedMessage
from gateway.support.config.files import ConfigurationFault
from gateway.web.devices.device_form import DeviceForm, proposed
from gateway.web.http.handlers import Document
from gateway.web.http.long_answers import Turns
from schemas.durations import format_duration
from schemas.registry import device_key
from schemas.rejects import RejectReason

_MAKE_UNKNOWN: Final = frozenset({RejectReason.UNKNOWN_DEVICE, RejectReason.AMBIGUOUS_PROFILE})
_REMEMBERED: Final = 16


@dataclass(frozen=True, slots=True)
class Introduction:
    """The facts that the messages of an unregistered device tell.

    :ivar fields: the form as it can be filled from them.
    :ivar interval_s: measured; None: too few messages came.
    :ivar makes: profiles that can read them, where they do not tell their make.
    """

    fields: DeviceForm = field(default_factory=dict)
    interval_s: float | None = None
    makes: list[ProposedMake] = field(default_factory=list)


NOTHING_KNOWN: Final = Introduction()


class Introductions:
    """Introduces devices, by their last messages."""

    def __init__(self, status: Status, database: Database, turns: Turns) -> None:
        self._status = status
        self._devices = status.devices
        self._database = database
        self._turns = turns
        self._zone = ZoneInfo(status.config.time.zone)
        self._proposing = asyncio.Lock()
        self._proposed: dict[tuple[object, ...], list[ProposedMake]] = {}

    async def of(self, name: str, explained: Document | None) -> Introduction:
        """Introduce a device.

        :param explained: its document, as ``/api/devices/{device}`` has it; None if nothing is known.
        """
        device = self._devices.find(name)
        interval_s, makes = await self._interval_s(name), await self._makes(name, explained)
        fields = proposed(explained, device.source if device is not None else "", name)
        fields["installed"] = datetime.fromtimestamp(self._status.clock.now_ms() / 1000, self._zone).date().isoformat()
        if interval_s is not None:
            fields["interval"] = format_duration(timedelta(seconds=interval_s))
        if makes and (len(makes) == 1 or makes[0].measured > makes[1].measured):
            fields["profile"] = makes[0].profile
        if makes:
            fields["domain"] = next(p["measurement"] for p in makes[0].points if p["measurement"] != "device_health")
        return Introduction(fields, interval_s, makes)

    async def waiting(self, name: str) -> int:
        """Count the messages that wait for the registration of a device."""
        return len(await self._arrivals_ms(name, most=10_000))

    async def _interval_s(self, name: str) -> float | None:
        """The interval of its last messages, by those that wait, or those of the last minutes."""
        arrivals_ms: list[float] = [*await self._arrivals_ms(name)]
        device, now_ms = self._devices.find(name), self._status.clock.now_ms()
        if device is not None and not arrivals_ms:
            keys = device.young_keys(now_ms, self._devices.streams.field_sets)
            arrivals_ms = [now_ms - 1000 * key.age_s for key in keys]
        return measured_interval_s(arrivals_ms)

    async def _arrivals_ms(self, name: str, most: int = 50) -> list[int]:
        try:
            return await self._turns.read(self._database, quarantine.arrivals, device_key(name), WaitCause.UNKNOWN_DEVICE, most)
        except (DatabaseFault, Damaged):  # said on the start page; a device can be registered all the same
            return []

    async def _makes(self, name: str, explained: Document | None) -> list[ProposedMake]:
        """The profiles that can read a device whose messages do not tell its make; worked out once for a message."""
        recorded = _unread(explained) or await self._refused(name)
        if recorded is None:
            return []
        basis = (name, recorded.arrival_ms, self._devices.streams.profiles)
        async with self._proposing:
            if basis not in self._proposed:
                self._proposed[basis] = await asyncio.to_thread(self._propose, name, recorded)
                if len(self._proposed) > _REMEMBERED:
                    del self._proposed[next(iter(self._proposed))]
            return self._proposed[basis]

    async def _refused(self, name: str) -> RecordedMessage | None:
        """The last message that was refused since its device, or its make, is not known."""
        chosen = RejectFilter(device=name)
        try:
            rows = await self._turns.read(self._database, rejects.page, chosen, payloads=True, most=1)
        except (DatabaseFault, Damaged):
            return None
        found = [refusal for _, refusal, _ in rows if refusal.reason in _MAKE_UNKNOWN]
        return RecordedMessage(StoredMessage(found[0].topic, found[0].payload), found[0].arrival_ms) if found else None

    def _propose(self, name: str, recorded: RecordedMessage) -> list[ProposedMake]:
        try:
            return propose_makes(self._status.config, recorded, name)
        except ConfigurationFault:  # said at the reload
            return []


def _unread(explained: Document | None) -> RecordedMessage | None:
    """The last message of a device, if no profile was found for it; None if it was cut for the page."""
    reject: Mapping[str, Any] | None = ((explained or {}).get("result") or {}).get("reject")
    last: Mapping[str, Any] | None = (explained or {}).get("last_message")
    if not last or last["cut"] or reject is None or reject["reason"] not in _MAKE_UNKNOWN:
        return None
    payload = last["payload"].encode() if "payload" in last else bytes.fromhex(last["payload_hex"])
    return RecordedMessage(StoredMessage(last["topic"], payload), last["arrival_ms"])
