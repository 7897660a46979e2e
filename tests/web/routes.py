"""The routes that a gateway serves, from its own table."""

import asyncio
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from gateway.ingest.storage.database import Database
from gateway.runtime.pipeline.build import build
from gateway.support.clock import WallClock
from gateway.web.entrance import Entrance
from gateway.web.serve import serve_pages
from tests.site import Site


class ServedRoute(NamedTuple):
    """A route: a method, and a path with names in braces."""

    method: str
    path: str


class _Noted(Exception):  # noqa: N818 - it is no fault
    """The routes are known: nothing needs to be served."""


def served_routes(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[ServedRoute]:
    """The routes of the gateway of a folder, which is built for that and never runs."""
    found: set[ServedRoute] = set()

    def noted(application: web.Application, **_: Any) -> web.AppRunner:  # noqa: ANN401
        for route in application.router.routes():
            if route.resource is not None:
                found.add(ServedRoute(route.method, route.resource.canonical))
        raise _Noted

    async def build_it() -> None:
        config = site.config
        config.journal.path.parent.mkdir(exist_ok=True)
        database = Database(config.journal.path)
        database.open()
        try:
            parts = build(config, database, WallClock())
            async with Entrance(config.http, parts.foundation.access, parts.foundation.tls) as entrance:
                await serve_pages(parts, entrance)
        except _Noted:
            return
        finally:
            database.close()

    with monkeypatch.context() as patched:
        patched.setattr(web, "AppRunner", noted)
        asyncio.run(build_it())
    return sorted(found)
