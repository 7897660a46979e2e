"""Amounts that people tell of a device: an estimate of days without readings, a correction; told, listed and taken back."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from aiohttp import web

from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import StoredSeries, StoreFault, TimeSpan
from gateway.monitoring.reports.boundaries import MILLIONTHS, midnight_ms
from gateway.monitoring.reports.roster import MAIN_COUNTER, METERED, Roster, counters_of
from gateway.monitoring.reports.stored_counters import amount_line
from gateway.monitoring.reports.told_events import AMOUNT_MAX, AmountKind, ToldAmount, ToldAmounts, told_amounts
from gateway.monitoring.status.known_devices import nobody
from gateway.support.access.accounts import AccountRole
from gateway.web.changes.commands import CommandRefused
from gateway.web.http.handlers import Document, account_of, note_change
from gateway.web.routing import RouteGroup, changes, reads
from schemas.registry import RegisteredDevice

_DAYS_MAX: Final = 366
_BACK_DAYS: Final = 800
"""How far back an amount may be told: as far as closed months are corrected, and a month more."""
_TAGS: Final = frozenset(StoredSeries._fields) - {"device"}
_TEXT_MAX: Final = 200


class AmountPages(RouteGroup):
    """The amounts of a device."""

    @reads("/devices/{device}/amounts")
    async def _page(self, request: web.Request) -> web.Response:
        """The amounts that stand, each to be taken back, and the form."""
        entry = self._metered(request)
        found, fault = await self._standing(entry)
        return self._pages.page(
            request,
            "amounts",
            device=entry.id,
            registers=self._registers(entry),
            main=MAIN_COUNTER[entry.domain or ""],
            standing=found,
            fault=fault,
        )

    @reads("/api/devices/{device}/amounts")
    async def _list(self, request: web.Request) -> web.Response:
        found, fault = await self._standing(self._metered(request))
        return web.json_response({"error": fault}, status=503) if fault else web.json_response({"amounts": found})

    @changes("/api/devices/{device}/amounts", AccountRole.TECHNICIAN, "amount told")
    async def _tell(self, request: web.Request) -> web.Response:
        """Tell an amount, or take it back (``undo``): ``kind``, ``from``, ``to``, ``amount``, ``note``, ``field``, ``by``."""
        entry, asked = self._metered(request), request.query
        told, is_undone = self._told(dict(asked)), "undo" in asked
        field = asked.get("field") or MAIN_COUNTER[entry.domain or ""]
        counter, *own = field.split(",")
        tags = {tag: text for tag, _, text in (one.partition("=") for one in own)}
        is_told = counter in counters_of(entry.domain or "") and tags.keys() <= _TAGS  # it may be told of what is gone since
        if field not in (registers := self._registers(entry)) and not (is_undone and is_told):
            raise CommandRefused(f"--field: {entry.id} has no register {field[:60]!r}; it has {', '.join(registers)}", 404)
        by, note = asked.get("by") or account_of(request).name, asked.get("note", "").strip()
        if not note or len(note) > _TEXT_MAX or len(by) > _TEXT_MAX:
            raise CommandRefused(f"--note: say why, in at most {_TEXT_MAX} letters", 400)
        said_ms, device = self._clock.now_ms(), self._commands.exchange.met(entry.id)
        if is_undone and not await self._may_stand(entry, device.name, StoredSeries(entry.id, **tags), counter, told):
            raise CommandRefused(
                f"--undo: no such {told.kind.name.lower()} of these days stands; its days must be those told", 404
            )
        line = amount_line(entry, StoredSeries(entry.id, **tags), counter, told, said_ms, is_undone=is_undone)
        await self._commands.exchange.exchanges.tell(device.name, line, said_ms)
        self._status.evaluator.late.note_since(device.name, told.span.start_ms)
        answer = self._document(field, told) | {"undone": is_undone}
        note_change(request, after=answer | {"by": by, "note": note})
        return web.json_response(answer)

    def _metered(self, request: web.Request) -> RegisteredDevice:
        """The device as it is registered, a meter of water or power."""
        entry = self._devices.entry(name := request.match_info["device"])
        if entry is None or entry.domain not in METERED:
            raise CommandRefused(nobody(name) if entry is None else f"{name} is no meter of water or power", 404)
        return entry

    def _registers(self, entry: RegisteredDevice) -> Sequence[str]:
        """The registers that a meter has shown, as it is called; of one that has shown none those that it may have."""
        counters = self._commands.exchange.met(entry.id).counters
        shown = [one.name for one in counters.registers()] if counters is not None else []
        of_domain = counters_of(entry.domain or "")
        return [name for name in shown if name.partition(",")[0] in of_domain] or of_domain

    def _told(self, asked: dict[str, str]) -> ToldAmount:
        """The amount as it is asked for; CommandRefused if a word of it cannot be understood, or cannot be."""
        kind, today = asked.get("kind", ""), self._local_day(self._clock.now_ms())
        try:
            first, last = (date.fromisoformat(asked.get(key, "")) for key in ("from", "to"))
        except ValueError as error:
            raise CommandRefused(f"{error}; days are written 2026-10-31", 400) from error
        try:
            amount = float((told := asked.get("amount", "")).replace(",", "."))
        except ValueError as error:
            why = f"--amount: {told[:40]!r} is no number; write 1234.5 or 1234,5, without a mark between thousands"
            raise CommandRefused(why, 400) from error
        if not first <= last < today or last - first > timedelta(days=_DAYS_MAX):
            raise CommandRefused(f"--to: from {first} to {last} are no days that are over, at most {_DAYS_MAX}", 400)
        if (today - first).days > _BACK_DAYS:
            raise CommandRefused(f"--from: {first} is more than {_BACK_DAYS} days ago", 400)
        if not abs(amount) <= AMOUNT_MAX:
            raise CommandRefused(f"--amount: {amount:g} is no amount of a meter", 400)
        if kind not in {"estimate", "correct"} or (kind == "estimate" and amount < 0):
            raise CommandRefused(f"--amount: {amount:g} cannot be for {kind[:20]!r}: an estimate is 0 or more", 400)
        span = TimeSpan(midnight_ms(first, self._zone), midnight_ms(last + timedelta(days=1), self._zone))
        return ToldAmount(AmountKind[kind.upper()], span, round(amount * MILLIONTHS))

    async def _found(self, entry: RegisteredDevice) -> ToldAmounts:
        async with open_store(self._config.influxdb) as store:
            return await told_amounts(store, Roster([entry]), entry.domain or "", self._clock.now_ms())

    async def _may_stand(
        self, entry: RegisteredDevice, name: str, series: StoredSeries, counter: str, told: ToldAmount
    ) -> bool:
        """Tell if there is something to take back; what still waits to be written, or cannot be asked for, may be there."""
        if self._commands.exchange.exchanges.waits_for(name):
            return True
        try:
            found = await self._found(entry)
        except StoreFault:
            return True
        return any((one.kind, one.span) == (told.kind, told.span) for one in found.get((series, counter), ()))

    async def _standing(self, entry: RegisteredDevice) -> tuple[list[Document], str]:
        """The amounts that stand, the newest days first; or why they cannot be read."""
        try:
            found = await self._found(entry)
        except StoreFault as fault:
            return [], str(fault)
        listed = []
        for (series, counter), some in found.items():
            own = [f"{tag}={text}" for tag, text in series._asdict().items() if text and tag != "device"]
            listed += [self._document(",".join([counter, *own]), one) for one in some]
        return sorted(listed, key=lambda one: (one["from"], one["kind"]), reverse=True), ""

    def _document(self, field: str, told: ToldAmount) -> Document:
        first, last = (self._local_day(ms).isoformat() for ms in (told.span.start_ms, told.span.end_ms - 1))
        named = {"kind": told.kind.name.lower(), "field": field, "from": first, "to": last}
        return {**named, "amount": told.amount / MILLIONTHS}
