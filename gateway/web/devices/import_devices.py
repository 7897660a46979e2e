"""The page that imports a spreadsheet: pasted or from a file, previewed with every fault by row, then written.

The page reads the file itself and puts it where one would paste: the gateway takes no uploads.
"""

import asyncio
import re
from pathlib import Path
from typing import Final

from aiohttp import web

from gateway.onboarding.registration import FileChanged, entry_document, spreadsheet_change
from gateway.support.access.accounts import AccountRole
from gateway.support.config.files import ConfigurationFault
from gateway.support.registry.changes import ChangeRefused, RegistryChange
from gateway.support.registry.csv_file import RegistryRow, merge
from gateway.web.devices.register import note_written
from gateway.web.http.connections import BODY_MAX_BYTES
from gateway.web.http.handlers import account_of, note_changes
from gateway.web.routing import RouteGroup, changes, reads
from schemas.registry import COLUMNS, RegisteredDevice

_NAME: Final = Path("CSV")
_FAULT: Final = re.compile(r"CSV: (?:row|line) (\d+): (?:([\w.]+): )?(.*)", re.DOTALL)
_SHOWN: Final = 200
_UNPROCESSABLE: Final = 422


_RowFault = tuple[str, str, str]
"""A fault of a spreadsheet: its row as the spreadsheet counts, its column, and the sentence; empty where none is known."""
_RowChange = tuple[str, bool, str]
"""A device, true if it is new, and what becomes of it."""


class ImportPages(RouteGroup):
    """The page of a spreadsheet."""

    @reads("/import")
    async def _show(self, request: web.Request) -> web.Response:
        return self._page(request)

    def _page(self, request: web.Request, *, status: int = 200, **given: object) -> web.Response:
        nothing: dict[str, object] = {
            "rows": "",
            "seen": "",
            "counts": None,
            "changes": [],
            "left_out": 0,
            "faults": [],
            "trouble": "",
            "done": None,
        }
        may_save = account_of(request).role >= AccountRole.TECHNICIAN
        most = BODY_MAX_BYTES
        return self._pages.page(request, "import", status=status, may_save=may_save, most=most, **(nothing | given))

    @changes("/import", AccountRole.TECHNICIAN, "devices imported")
    async def _import(self, request: web.Request) -> web.Response:
        """Show what a spreadsheet would change; with ``commit`` change it."""
        note_changes(request, [])
        try:
            form = await request.post()
        except web.HTTPRequestEntityTooLarge:
            return self._page(request, status=413, trouble="import_too_large")
        rows = str(form.get("rows", ""))
        if not rows.strip():
            return self._page(request, status=_UNPROCESSABLE, trouble="import_nothing")
        try:
            version = await self._commands.registrar.version()
            change, found = await asyncio.to_thread(spreadsheet_change, self._config, _NAME, rows.encode())
            if "commit" in form:
                return await self._commit(request, rows, change, found, str(form.get("seen", "")))
        except ConfigurationFault as fault:
            faults = [_fault(line) for line in fault.lines]
            return self._page(request, status=_UNPROCESSABLE, rows=rows, faults=faults)
        return self._preview(request, rows, change, found, version)

    def _preview(
        self, request: web.Request, rows: str, change: RegistryChange, found: list[RegistryRow], version: str, trouble: str = ""
    ) -> web.Response:
        changes = _row_changes(change)
        counts = (len(change.added), len(change.changed), len(found) - len(changes))
        return self._page(
            request,
            rows=rows,
            seen=version,
            counts=counts,
            changes=changes[:_SHOWN],
            left_out=max(0, len(changes) - _SHOWN),
            trouble=trouble,
            status=409 if trouble else 200,
        )

    async def _commit(
        self, request: web.Request, rows: str, change: RegistryChange, found: list[RegistryRow], seen: str
    ) -> web.Response:
        ids = [row.device.id for row in found]
        try:
            written = await self._commands.registrar.change(lambda registry: merge(registry, found), ids, seen or None)
        except FileChanged as changed:
            return self._preview(request, rows, change, found, changed.version, trouble="file_changed")
        except ChangeRefused as refused:
            raise ConfigurationFault([str(refused)]) from refused
        note_written(request, written)
        return self._page(request, done=(len(change.added), len(change.changed)))


def _fault(line: str) -> _RowFault:
    row, column, what = found.groups() if (found := _FAULT.fullmatch(line)) else ("", "", line)
    return row, column or "", what


def _row_changes(change: RegistryChange) -> list[_RowChange]:
    new = [(device.id, True, _differences(None, device)) for device in change.added]
    changed = [(after.id, False, _differences(before, after)) for before, after in change.changed.values()]
    return new + changed


def _differences(before: RegisteredDevice | None, after: RegisteredDevice) -> str:
    """The keys in which two entries differ, as ``key: old → new``."""
    old, new = entry_document(before) if before else {}, entry_document(after)
    keys = [key for key in COLUMNS[1:] if old.get(key) != new.get(key)]
    return ", ".join(f"{key}: {f'{_text(old.get(key))} → ' if before else ''}{_text(new.get(key))}" for key in keys)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={given}" for name, given in value.items())
    return "-" if value is None else str(value)
