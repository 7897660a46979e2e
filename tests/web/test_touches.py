"""The reach of a change: who of a pair may make it, and whether the audit log has it."""

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.core.gateways.standby import Standby
from gateway.support.access.accounts import AccountRole, UserAccount
from gateway.support.audit.log import AuditFault, AuditLog
from gateway.support.clock import WallClock
from gateway.web.changes.changes import ChangeGuard
from gateway.web.http.handlers import ACCOUNT, ChangeRoute, Touches, note_change

pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")


async def _change(request: web.Request) -> web.Response:
    note_change(request, before=1, after=2)
    return web.Response()


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


@pytest.mark.parametrize(
    ("fault", "why"),
    [(AuditFault("no room"), "no room"), (TimeoutError(), ".audit: the disk does not answer")],
)
def test_a_change_that_is_not_in_the_audit_log_is_told_as_one(
    fault: Exception, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    audit = AuditLog(tmp_path / "journal.db")

    def record(*_: object) -> None:
        raise fault

    async def ask() -> None:
        request = make_mocked_request("POST", "/")
        request[ACCOUNT] = UserAccount("lan", AccountRole.ADMIN, b"")
        await ChangeGuard(audit, WallClock()).guard(ChangeRoute(AccountRole.ADMIN, "changed", _change))(request)

    monkeypatch.setattr(audit, "record", record)
    with pytest.raises(AuditFault) as told:
        asyncio.run(ask())
    assert str(told.value).startswith("the change was made, but is not in the audit log: ")
    assert str(told.value).endswith(why)
    assert "a change is not in the audit log: changed by lan: " in caplog.text


def test_a_standby_says_which_machine_makes_the_change() -> None:
    async def refused(standby: Standby) -> str:
        request = make_mocked_request("POST", "/")
        request[ACCOUNT] = UserAccount("lan", AccountRole.ADMIN, b"")
        answer = await ChangeGuard(AuditLog(Path("none")), WallClock(), standby).guard(
            ChangeRoute(AccountRole.ADMIN, "changed", _change)
        )(request)
        assert isinstance(answer, web.Response)
        return str(json.loads(answer.text or "")["error"])

    assert asyncio.run(refused(Standby("b", 10.0))) == "b stands by, and no machine is live now; make the change once one is"
