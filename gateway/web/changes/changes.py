"""The guard of every change.

The role of the sender is checked before the change is made, and the audit log has it before it is answered.
"""

import asyncio
import logging
from typing import Final

from aiohttp import web

from gateway.core.gateways.standby import PairRole, Standby
from gateway.support.access.accounts import OWN_NAME, USER_HEADER, UserAccount
from gateway.support.audit.chain import Deed
from gateway.support.audit.log import AuditFault, AuditLog
from gateway.support.clock import WallClock
from gateway.web.http.handlers import ChangeRoute, Handler, Touches, account_of, changes_of

log = logging.getLogger("gateway.web")

_USER_MAX: Final = 64
_FAILED: Final = 400
_DISK_PATIENCE_S: Final = 15.0


class ChangeGuard:
    """Guards the routes that change something.

    :param standby: this machine in its pair; None: it stands alone.
    """

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
