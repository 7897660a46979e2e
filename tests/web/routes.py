"""The routes that a gateway serves, from its own table."""

import asyncio
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from gateway.ingest.storage.database import Database
from gateway.runtime.pipeline.build import Parts
from gateway.support.clock import WallClock
from gateway.web.entrance import Entrance
from gateway.web.server import serve_pages
from tests.site import Site


class ServedRoute(NamedTuple):
    """A route: a method, and a path with names in braces."""

    method: str
    path: str


class _Made(Exception):  # noqa: N818 - it is no fault
    """The application is there: nothing needs to be served."""


def served_application(site: Site, monkeypatch: pytest.MonkeyPatch) -> web.Application:
    """The application of the gateway of a folder, which is built for that and never runs."""
    found: list[web.Application] = []

    def made(application: web.Application, **_: Any) -> web.AppRunner:  # noqa: ANN401
        found.append(application)
        raise _Made

    async def build_it() -> None:
        config = site.config
        config.journal.path.parent.mkdir(exist_ok=True)
        database = Database(config.journal.path)
        database.open()
        try:
            parts = Parts(config, database, WallClock())
            async with Entrance(config.http, parts.foundation.access, parts.foundation.tls) as entrance:
                await serve_pages(parts, entrance)
        except _Made:
            return
        finally:
            database.close()

    with monkeypatch.context() as patched:
        patched.setattr(web, "AppRunner", made)
        asyncio.run(build_it())
    (application,) = found
    return application


def served_routes(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[ServedRoute]:
    """The routes of the gateway of a folder."""
    return routes_of(served_application(site, monkeypatch))


def routes_of(application: web.Application) -> list[ServedRoute]:
    """The routes of an application."""
    routes = application.router.routes()
    return sorted({ServedRoute(route.method, route.resource.canonical) for route in routes if route.resource is not None})
