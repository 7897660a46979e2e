"""Rejects over HTTP: lists without payloads, pages with them, replay and removal."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.access.accounts import AccountRole
from gateway.explain.documents import listed_reject, reject_document
from gateway.storage import rejects
from gateway.storage.database import Database
from gateway.storage.rejects import RejectFilter
from gateway.web.commands import StoreCommands
from gateway.web.handlers import ChangeRoute, Handler, note_change
from gateway.web.pages import PageRenderer
from gateway.web.parameters import whole_number
from gateway.web.turns import Turns, send_list
from schemas.rejects import RejectReason

_COUNTED: Final = 100
_DEVICES_SHOWN: Final = 10
_ROWS: Final = 50
_SHOWN_BYTES: Final = 16_384


class RejectPages:
    """The routes ``/rejects`` and those under ``/api/rejects``."""

    def __init__(self, database: Database, commands: StoreCommands, turns: Turns, pages: PageRenderer) -> None:
        self._database = database
        self._commands = commands
        self._turns = turns
        self._pages = pages

    def reading(self) -> dict[str, Handler]:
        """Path → handler, for reading."""
        return {
            "/rejects": self._list_page,
            "/rejects/{reject}": self._reject_page,
            "/api/rejects": self._list,
            "/api/rejects/counts": self._counts,
        }

    def changing(self) -> dict[str, ChangeRoute]:
        """Path → change."""
        return {
            "/api/rejects/replay": ChangeRoute(AccountRole.ADMIN, "rejects replayed", self._replay),
            "/api/rejects/purge": ChangeRoute(AccountRole.ADMIN, "rejects purged", self._purge),
        }

    # Pages.

    async def _list_page(self, request: web.Request) -> web.Response:
        """Rejects by reason and device, and the newest of those that are chosen."""
        chosen, before = _chosen(request), whole_number(request.query.get("before") or None)
        reasons, devices = await self._counted(_DEVICES_SHOWN)
        rows = await self._turns.read(self._database, rejects.page, chosen, before=before, most=_ROWS)
        given = {"reason": chosen.reason, "device": chosen.device}

        def link(**changed: object) -> str:
            return "?" + urlencode({name: value for name, value in (given | changed).items() if value})

        last = rows[-1][0] if len(rows) == _ROWS else None
        return self._pages.page(
            request,
            "rejects",
            by_reason=reasons,
            by_device=devices,
            rows=rows,
            chosen=chosen,
            before=before,
            last=last,
            link=link,
        )

    async def _reject_page(self, request: web.Request) -> web.Response:
        """One reject with its bytes."""
        number = whole_number(request.match_info["reject"])
        rows = await self._turns.read(self._database, rejects.page, RejectFilter(number=number), payloads=True)
        refusal = rows[0][1] if rows else None
        payload = refusal.payload if refusal is not None else b""
        return self._pages.page(
            request,
            "reject",
            status=200 if refusal is not None else 404,
            number=number,
            refusal=refusal,
            payload=_readable(payload),
            payload_base64=b64encode(payload).decode(),
        )

    # Documents.

    async def _list(self, request: web.Request) -> web.StreamResponse:
        """The newest rejects, a page of them; those before it with ``before``, as long as that is a number.

        A page holds a quarter of a megabyte at most, or one reject. Payloads come with ``id``, one, or with ``payloads=1``.
        """
        chosen, before = _chosen(request), whole_number(request.query.get("before"))
        payloads = chosen.number is not None or request.query.get("payloads") == "1"
        found = await self._turns.read(self._database, rejects.page, chosen, before=before, payloads=payloads)
        last = found[-1][0] if found and chosen.number is None else None
        return await send_list(request, self._turns, "rejects", _documents(found, payloads=payloads), before=last)

    async def _counts(self, _: web.Request) -> web.Response:
        """Count the stored rejects by reason, and by device those with most."""
        reasons, devices = await self._counted(_COUNTED)
        counted = [{"device": device, "rejects": number} for device, number in devices]
        return web.json_response({"by_reason": reasons, "by_device": counted})

    async def _counted(self, most: int) -> tuple[dict[str, int], list[tuple[str | None, int]]]:
        reasons = await self._turns.read(self._database, rejects.count)
        return reasons, await self._turns.read(self._database, rejects.count_by_device, most)

    # Changes.

    async def _replay(self, request: web.Request) -> web.Response:
        results = await self._commands.replay(_chosen(request))
        note_change(request, after=results)
        return web.json_response(results)

    async def _purge(self, request: web.Request) -> web.Response:
        removed = await self._commands.purge(_chosen(request))
        note_change(request, before={"rejects": removed}, after={"rejects": 0})
        return web.json_response({"removed": removed})


def _documents(found: Iterable[rejects.RejectRow], *, payloads: bool) -> Iterable[dict[str, object]]:
    for number, refusal, payload_bytes in found:
        yield reject_document(number, refusal) if payloads else listed_reject(number, refusal, payload_bytes)


def _readable(payload: bytes) -> str:
    """The beginning of a payload as text, or in hexadecimal if it is none."""
    shown = payload[:_SHOWN_BYTES]
    try:
        return shown.decode()
    except UnicodeDecodeError:
        return shown.hex(" ")


def _chosen(request: web.Request) -> RejectFilter:
    reason = request.query.get("reason") or None
    if reason is not None and reason not in {known.value for known in RejectReason}:
        raise web.HTTPBadRequest(text=f"there is no reason {reason!r}")
    return RejectFilter(reason, request.query.get("device") or None, whole_number(request.query.get("id")))
