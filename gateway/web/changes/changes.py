"""The guard of every change, and changes of the registry while the gateway runs.

The role of the sender is checked before a change is made, and the audit log has it before it is answered. A change of the
registry is written, activated, and put back if it cannot be activated.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from gateway.core.gateways.standby import PairRole, Standby
from gateway.monitoring.status.known_devices import KnownDevices
from gateway.onboarding.registration import EntryPair, WrittenChange, change_registry, differences, put_back
from gateway.runtime.reload import Reload
from gateway.support.access.accounts import OWN_NAME, USER_HEADER, UserAccount
from gateway.support.audit.log import AuditFault, AuditLog, Deed
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.registry.changes import MakeChange
from gateway.support.registry.registry import KnownRegistry, free, load_registry, version_of
from gateway.web.http.handlers import ChangeRoute, Handler, Touches, account_of, changes_of
from schemas.registry import device_key

log = logging.getLogger("gateway.web")

_USER_MAX: Final = 64
_FAILED: Final = 400
_DISK_PATIENCE_S: Final = 15.0


class ChangeGuard:
    """Guards the routes that change something; ``standby``: this machine in its pair; None: it stands alone."""

    def __init__(self, audit: AuditLog, clock: WallClock, standby: Standby | None = None) -> None:
        self._standby = standby
        self._audit = audit
        self._clock = clock

    def guard(self, change: ChangeRoute) -> Handler:
        """Return a handler that refuses a role that is too low or a standby, and answers when the audit log has the change."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            account = account_of(request)
            if account.role < change.role:
                log.warning("refused: %s: %s", change.action, _too_low(account, change))
                return web.json_response({"error": _too_low(account, change)}, status=403)
            if change.touches is Touches.PAIR and (why := self._stands_by()):
                return web.json_response({"error": why}, status=409)
            response = await change.handler(request)
            if change.touches is not Touches.NOTHING and response.status < _FAILED:
                await self._record(request, account, change.action)
            return response

        return guarded

    def _stands_by(self) -> str:
        """The reason why a change belongs to the other machine of the pair; empty: this one may make it."""
        standby = self._standby
        if standby is None or standby.role is PairRole.LIVE:
            return ""
        if not standby.live_others:
            return f"{standby.name} stands by, and no machine is live now; make the change once one is"
        return f"{standby.name} stands by; make the change on the live machine, {', '.join(standby.live_others)}"

    async def _record(self, request: web.Request, account: UserAccount, action: str) -> None:
        deed = Deed(self._clock.now_ms(), _name(request, account), account.role.word, action)
        subject = {"subject": {**request.query, **request.match_info}}
        changes = [{**subject, **change} for change in changes_of(request)]
        if not changes:
            return
        try:
            async with asyncio.timeout(_DISK_PATIENCE_S):
                await asyncio.to_thread(self._audit.record, deed, *changes)
        except (AuditFault, TimeoutError) as fault:
            why = str(fault) or f"{self._audit.path}: the disk does not answer"
            log.error("a change is not in the audit log: %s by %s: %s", action, deed.name, why)  # noqa: TRY400 - no fault of ours
            raise AuditFault(f"the change was made, but is not in the audit log: {why}") from fault


def _name(request: web.Request, account: UserAccount) -> str:
    user = request.headers.get(USER_HEADER, "")[:_USER_MAX] if account.name == OWN_NAME else ""
    return f"{account.name} ({user})" if user.isprintable() and user else account.name


def _too_low(account: UserAccount, change: ChangeRoute) -> str:
    return f"this needs the role {change.role.word}; {account.name} has the role {account.role.word}"


_REMEMBERED: Final = 100


class Registrar:
    """Writes the registry for people, one change at a time, and reloads.

    A page shows a version of the registry, and its change comes back with that version. If the file has another one by now, but
    only because other devices were changed here, that does not matter: two technicians do not stop each other.
    """

    def __init__(self, config: Config, reload: Reload, devices: KnownDevices) -> None:
        self._config = config
        self._reload = reload
        self._devices = devices
        self._one_at_a_time = asyncio.Lock()
        self._made_here: dict[str, tuple[str, frozenset[str]]] = {}
        """Version before a change → version after it, and the keys of its devices."""

    async def version(self) -> str:
        """The version of the registry that is in the file; ConfigurationFault if it cannot be read."""
        return await asyncio.to_thread(version_of, self._config.devices.registry)

    async def check(self, make: MakeChange) -> None:
        """Make a change without writing it.

        :raises ChangeRefused: it has faults.
        :raises ConfigurationFault: the file is faulty.
        """
        await asyncio.to_thread(lambda: make(load_registry(self._config.devices.registry)))

    async def change(self, make: MakeChange, devices: Iterable[str], seen: str | None) -> WrittenChange:
        """Make a change, and activate it.

        :param devices: the ids of the devices that it is about.
        :param seen: version of the registry that it was made for; None: of any.
        :raises ChangeRefused: it has faults.
        :raises FileChanged: the file was changed since.
        :raises ConfigurationFault: it cannot be written, or not be activated; the file is as it was.
        """
        keys = frozenset(map(device_key, devices))
        async with self._one_at_a_time:
            asked = None if seen is None else self._followed(seen, keys)
            written = await asyncio.to_thread(change_registry, self._config, make, asked, self._reload.known)
            if written.registry is None:
                return written
            if faults := await self._reload.run(KnownRegistry(written.version, written.registry)):
                await asyncio.to_thread(put_back, self._config, written)
                await self._reload.run()
                raise ConfigurationFault(faults)
            await asyncio.to_thread(free, written.registry.devices)  # the active ones stay: they are in a list of their own
            self._made_here[written.seen] = written.version, keys
            while len(self._made_here) > _REMEMBERED:
                del self._made_here[next(iter(self._made_here))]
        return written

    async def changed_outside(self) -> dict[str, EntryPair]:
        """The devices in which the file differs from the registry that is active; ConfigurationFault if the file is faulty."""
        active = {device_key(device.id): device for device in self._devices.registry_entries()}
        path = self._config.devices.registry
        return await asyncio.to_thread(lambda: differences(active, load_registry(path)))

    def _followed(self, seen: str, keys: frozenset[str]) -> str:
        """The version that changes of other devices, made here, have made of one."""
        passed = {seen}
        while seen in self._made_here:
            after, touched = self._made_here[seen]
            if touched & keys or after in passed:
                break
            passed.add(after)
            seen = after
        return seen
