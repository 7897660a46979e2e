"""The reach of a change: who of a pair may make it, and whether the audit log has it."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.core.gateways.standby import Standby
from gateway.support.access.accounts import AccountRole, UserAccount
from gateway.support.audit.log import AuditLog
from gateway.support.clock import WallClock
from gateway.web.changes.changes import ChangeGuard
from gateway.web.http.handlers import ACCOUNT, ChangeRoute, Touches, note_change


async def _change(request: web.Request) -> web.Response:
    note_change(request, before=1, after=2)
    return web.Response()


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
@pytest.mark.parametrize(
    ("touches", "alone", "standing_by", "recorded"),
    [(Touches.PAIR, 200, 409, 1), (Touches.MACHINE, 200, 200, 2), (Touches.NOTHING, 200, 200, 0)],
)
def test_a_standby_refuses_what_both_machines_have_and_the_log_has_what_changed(
    touches: Touches, alone: int, standing_by: int, recorded: int, tmp_path: Path
) -> None:
    audit = AuditLog(tmp_path / "journal.db")

    async def status(standby: Standby | None) -> int:
        request = make_mocked_request("POST", "/")
        request[ACCOUNT] = UserAccount("lan", AccountRole.ADMIN, b"")
        route = ChangeRoute(AccountRole.ADMIN, "changed", _change, touches)
        return (await ChangeGuard(audit, WallClock(), standby).guard(route)(request)).status

    assert [asyncio.run(status(standby)) for standby in (None, Standby("b", 10.0))] == [alone, standing_by]
    assert len(audit.path.read_text().splitlines() if audit.path.exists() else []) == recorded
