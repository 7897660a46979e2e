"""The pages of a running gateway: the views and commands they get, made of its parts."""

import asyncio

from gateway.runtime.pipeline.build import Parts
from gateway.runtime.pipeline.options import replay_limits
from gateway.web.changes.commands import MeterExchange, PageCommands, QuarantineCommands, StoreCommands
from gateway.web.changes.registrar import Registrar
from gateway.web.entrance import Entrance
from gateway.web.server import WebServer


async def serve_pages(parts: Parts, entrance: Entrance) -> None:
    """Serve the pages until cancelled; they get a read-only view and the commands they may call, and nothing else."""
    foundation, processing, status = parts.foundation, parts.processing, parts.watching.status
    database, fallback = foundation.database, parts.delivery.fallback
    store = StoreCommands(
        database,
        parts.waiting.replay_pipeline,
        fallback.backlog,
        fallback.journal_account,
        foundation.events,
        replay_limits(foundation.config),
        foundation.clock,
    )
    waiting = QuarantineCommands(database, parts.waiting.account)
    exchange = MeterExchange(
        status, processing.memory, processing.device_snapshots, foundation.events, parts.watching.exchanges
    )
    registrar = Registrar(foundation.config, parts.reload, status.devices)
    commands = PageCommands(store, waiting, exchange, parts.watching.resums, registrar)
    async with WebServer(status, database, commands, entrance, foundation.audit, fallback.reject_counts):
        await asyncio.Event().wait()
