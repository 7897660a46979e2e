"""The routes that a gateway serves, from its own table."""

import asyncio
from contextlib import closing, suppress
from typing import NamedTuple
from unittest.mock import patch

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


async def application_of(parts: Parts) -> web.Application:
    """The application of a gateway that was built, as it would be served."""
    found: list[web.Application] = []

    def made(application: web.Application, **_: object) -> web.AppRunner:
        found.append(application)
        raise _Made

    foundation = parts.foundation
    entrance = Entrance(foundation.config.http, foundation.access, foundation.tls)
    with patch.object(web, "AppRunner", made), suppress(_Made):
        await serve_pages(parts, entrance)
    (application,) = found
    return application


def served_application(site: Site) -> web.Application:
    """The application of the gateway of a folder, which is built for that and never runs."""
    config = site.config
    config.journal.path.parent.mkdir(exist_ok=True)
    database = Database(config.journal.path)

    async def build_it() -> web.Application:
        return await application_of(Parts(config, database, WallClock()))

    database.open()
    with closing(database):
        return asyncio.run(build_it())


def served_routes(site: Site) -> list[ServedRoute]:
    """The routes of the gateway of a folder."""
    return routes_of(served_application(site))


def routes_of(application: web.Application) -> list[ServedRoute]:
    """The routes of an application."""
    routes = application.router.routes()
    return sorted({ServedRoute(route.method, route.resource.canonical) for route in routes if route.resource is not None})
