"""Messages that did not become data: rejects, and those that wait in quarantine."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import date
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.core.message import WaitCause
from gateway.ingest.storage import quarantine, rejects
from gateway.ingest.storage.reject_account import DAYS_KEPT, CountedRejects, RejectHistory, history
from gateway.ingest.storage.rejects import RejectFilter
from gateway.onboarding.explain.dry_run import listed_reject, reject_document
from gateway.support.access.accounts import AccountRole
from gateway.support.charts.charts import ChartLine, TimeAxis, ValueAxis, bar_chart
from gateway.support.charts.drawing import ChartFrame
from gateway.support.i18n.formats import Formats
from gateway.web.http.answers import send_list
from gateway.web.http.handlers import Document, Touches, note_change, whole_number
from gateway.web.http.pages import PageTexts
from gateway.web.routing import RouteGroup, changes, reads
from schemas.rejects import RejectReason

_COUNTED: Final = 100
_DEVICES_SHOWN: Final = 10
_KEYS_SHOWN: Final = 200
_ROWS: Final = 50
_SHOWN_BYTES: Final = 16_384
_DAY_MS: Final = 86_400_000


class RejectPages(RouteGroup):
    """The rejects: their pages, and the routes under ``/api``."""

    # Pages.

    @reads("/rejects")
    async def _list_page(self, request: web.Request) -> web.Response:
        """Rejects by reason, device and day, and the newest of those that are chosen."""
        chosen, before = _chosen(request), whole_number(request.query.get("before") or None)
        kept = await self._turns.read(self._database, rejects.count)
        counted = await self._history(chosen, _DEVICES_SHOWN)
        devices = [row.name for row in counted.by_device]
        kept_of = await self._turns.read(self._database, rejects.count_of, devices)
        rows = await self._turns.read(self._database, rejects.page, chosen, before=before, most=_ROWS)
        given = {"reason": chosen.reason, "device": chosen.device}

        def link(**changed: object) -> str:
            return "?" + urlencode({name: value for name, value in (given | changed).items() if value})

        last = rows[-1][0] if len(rows) == _ROWS else None
        texts, formats = self._pages.language(request)
        counts = {row.name: row for row in counted.by_reason}
        return self._pages.page(
            request,
            "rejects",
            by_reason=[(counts.get(name) or CountedRejects(name, 0, 0, 0), kept.get(name, 0)) for name in {**counts, **kept}],
            by_device=[(row, kept_of.get(row.name, 0)) for row in counted.by_device],
            chart=days_chart(counted.by_day, self._parts.reject_counts.today(), texts, formats) if counted.by_day else "",
            rows=rows,
            chosen=chosen,
            before=before,
            last=last,
            link=link,
        )

    async def _history(self, chosen: RejectFilter, devices_max: int) -> RejectHistory:
        """The counts of the last 31 days, those in memory too."""
        counts = self._parts.reject_counts
        return await self._turns.read(
            self._database, history, counts.today(), counts.new_rows(), chosen.reason, chosen.device, devices_max
        )

    @reads("/rejects/{reject}")
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

    @reads("/api/rejects")
    async def _list(self, request: web.Request) -> web.StreamResponse:
        """The newest rejects, a page of them; those before it with ``before``, as long as that is a number.

        A page holds a quarter of a megabyte at most, or one reject. Payloads come with ``id``, one, or with ``payloads=1``.
        """
        chosen, before = _chosen(request), whole_number(request.query.get("before"))
        payloads = chosen.number is not None or request.query.get("payloads") == "1"
        found = await self._turns.read(self._database, rejects.page, chosen, before=before, payloads=payloads)
        last = found[-1][0] if found and chosen.number is None else None
        documents = (reject_document(*row[:2]) if payloads else listed_reject(*row) for row in found)
        return await send_list(request, self._turns, "rejects", documents, before=last)

    @reads("/api/rejects/counts")
    async def _counts(self, _: web.Request) -> web.Response:
        """Count the stored rejects by reason, and by device those with most; and all of the last 31 days."""
        reasons = await self._turns.read(self._database, rejects.count)
        devices = await self._turns.read(self._database, rejects.count_by_device, _COUNTED)
        counted = [{"device": device, "rejects": number} for device, number in devices]
        refused = await self._history(rejects.ALL, _COUNTED)
        by_day = {date.fromordinal(day).isoformat(): number for day, number in refused.by_day.items()}
        days = {
            "by_reason": [_counted("reason", row) for row in refused.by_reason],
            "by_device": [_counted("device", row) for row in refused.by_device],
            "by_day": by_day,
        }
        return web.json_response({"by_reason": reasons, "by_device": counted, "refused": days})

    # Changes.

    @changes("/api/rejects/replay", AccountRole.ADMIN, "rejects replayed")
    async def _replay(self, request: web.Request) -> web.Response:
        results = await self._commands.replay(_chosen(request))
        note_change(request, after=results)
        return web.json_response(results)

    @changes("/api/rejects/purge", AccountRole.ADMIN, "rejects purged", Touches.MACHINE)
    async def _purge(self, request: web.Request) -> web.Response:
        removed = await self._commands.purge_rejects(_chosen(request))
        note_change(request, before={"rejects": removed}, after={"rejects": 0})
        return web.json_response({"removed": removed})


def _counted(key: str, row: CountedRejects) -> Document:
    return {key: row.name or None, "today": row.today, "7_days": row.week, "31_days": row.month}


def days_chart(by_day: Mapping[int, int], today: int, texts: PageTexts, formats: Formats) -> str:
    """Rejects of each of the last 31 days, as bars."""
    first = today - DAYS_KEPT + 1
    starts_ms = {day: formats.midnight_ms(date.fromordinal(day)) for day in range(first, today + 2)}
    bars = [(starts_ms[day], by_day.get(day, 0)) for day in range(first, today + 1)]
    axis = TimeAxis(starts_ms[first], starts_ms[today + 1], formats.zone, formats.short_day)
    told = texts.text("chart_says", bars[-1][1], min(by_day.values()), max(by_day.values()))
    frame = ChartFrame("days", texts.text("rejects_a_day"), told)
    return bar_chart(frame, ChartLine(texts.text("rejects_a_day"), bars), _DAY_MS, axis, ValueAxis(formats.number))


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


class QuarantinePages(RouteGroup):
    """The messages that wait."""

    @reads("/quarantine")
    async def _page(self, request: web.Request) -> web.Response:
        """The keys that messages wait for, those with most first."""
        keys = await self._turns.read(self._database, quarantine.keys, _KEYS_SHOWN)
        return self._pages.page(
            request,
            "quarantine",
            keys=keys,
            stock=self._status.quarantine.stock,
            max_bytes=self._config.devices.quarantine_max_bytes,
            now_ms=self._clock.now_ms(),
        )

    @changes("/api/quarantine/purge", AccountRole.ADMIN, "waiting messages purged", Touches.MACHINE)
    async def _purge(self, request: web.Request) -> web.Response:
        """Remove what waits for one key; never all at once, by a key that was forgotten."""
        key, cause = request.query.get("key", ""), request.query.get("cause", "")
        if not key or cause not in {known.value for known in WaitCause}:
            raise web.HTTPBadRequest(text=f"say what waits: key, and cause as one of {', '.join(WaitCause)}")
        removed = await self._commands.purge_waiting(key, WaitCause(cause))
        note_change(request, before={"messages": removed}, after={"messages": 0})
        return web.json_response({"removed": removed})
