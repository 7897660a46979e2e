"""The open data over HTTP: a page of the files, the files themselves, and what describes them."""

import asyncio
import gzip
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from gateway.monitoring.exports.open_files import CATALOG, DEVICES_MIN, OpenFile, OpenFiles
from gateway.support.access.accounts import DeviceScope
from gateway.web.http.handlers import file_answer, list_query, rows_within, scope_of
from gateway.web.routing import PageParts, RouteGroup, reads
from schemas.open_data import CONTEXT_FILE

_TYPES: Final = {CONTEXT_FILE: "application/ld+json", CATALOG: "application/ld+json"}
_PACKED: Final = "application/gzip"
_UNREADABLE: Final = "the files of the open data cannot be read"


class OpenDataPages(RouteGroup):
    """The open data: a page of its files, and the files."""

    def __init__(self, parts: PageParts) -> None:
        super().__init__(parts)
        self._files = OpenFiles(self._config.journal.path)

    @reads("/exports")
    async def _page(self, request: web.Request) -> web.Response:
        files, query, scope = await self._listed(scope_of(request)), list_query(request, ()), scope_of(request)
        return self._pages.page(
            request,
            "exports",
            list=query.page_of(files),
            described=[] if not files else [CONTEXT_FILE, *([CATALOG] if scope is None else [])],
            is_nightly=self._config.open_data.nightly,
            keep_s=self._config.open_data.keep.total_seconds(),
            least=DEVICES_MIN,
        )

    @reads("/api/exports")
    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"files": msgspec.to_builtins(await self._listed(scope_of(request)))})

    @reads("/exports/{file}")
    async def _file(self, request: web.Request) -> web.Response:
        """One of the files that are listed, or what describes them."""
        name, scope = request.match_info["file"], scope_of(request)
        listed = {file.name for file in await self._listed(scope)}
        if name not in listed | {CONTEXT_FILE} | ({CATALOG} if scope is None else set()):
            raise web.HTTPNotFound(text=f"there is no file {name[:80]!r} of open data")
        try:
            body = await asyncio.to_thread(_content, self._files.folder / name, scope)
        except OSError as error:
            raise web.HTTPNotFound(text=f"there is no file {name[:80]!r} of open data") from error
        return file_answer(name, _TYPES.get(name, _PACKED), body)

    async def _listed(self, scope: DeviceScope | None) -> list[OpenFile]:
        """The files, those of the domain that the sender may see."""
        try:
            files = await asyncio.to_thread(self._files.listed)
        except OSError as error:
            raise web.HTTPServiceUnavailable(text=f"{_UNREADABLE}: {error.strerror}") from error
        return [file for file in files if scope is None or file.domain == scope.domain]


def _content(path: Path, scope: DeviceScope | None) -> bytes:
    """A file; for an account with a limit the rows of its areas."""
    content = path.read_bytes()
    if scope is None or not scope.areas or path.name in _TYPES:
        return content
    return gzip.compress(rows_within(gzip.decompress(content).decode(), scope, "area").encode(), mtime=0)
