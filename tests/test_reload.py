"""A reload activates the registry whatever the disk does, and changes nothing if a file is faulty."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.clock import WallClock
from gateway.core.devices.streams import Unresolved
from gateway.pipeline.build import Parts, build
from gateway.storage.database import Database, DatabaseFault
from tests.site import Site

NATIVE = {"id": "m1", "domain": "water"}


def story(site: Site, tell: Callable[[Parts], Awaitable[None]]) -> None:
    """Let something happen to the parts of a gateway that lets in registered devices only."""

    async def run() -> None:
        database = Database(site.folder / "journal.db")
        database.open()
        try:
            await tell(build(site.config, database, WallClock()))
        finally:
            database.close()

    site.sections["devices"]["unknown"] = "reject"
    asyncio.run(run())


def is_let_in(parts: Parts, name: str) -> bool:
    """Tell if a device may send."""
    return not isinstance(parts.processing.processor.streams.meet(name), Unresolved)


def test_a_device_is_registered_though_the_disk_does_not_answer(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_: Any, **__: Any) -> None:  # noqa: ANN401 - as a database is asked
        raise DatabaseFault("disk I/O error")

    async def tell(parts: Parts) -> None:
        assert not is_let_in(parts, "m1")
        monkeypatch.setattr(parts.foundation.database, "run", fails)
        site.devices(NATIVE)
        await parts.reload.run()
        assert is_let_in(parts, "m1")
        assert parts.foundation.events.reload_trouble == []
        assert "m1" in parts.waiting.released.pop_all()

    story(site, tell)
    assert "wait until the next reload: disk I/O error" in caplog.text


def test_a_registry_at_fault_leaves_the_one_before_in_force(site: Site) -> None:
    async def tell(parts: Parts) -> None:
        (site.folder / "devices.yaml").write_text("devices: [{id: m2, domain: wine}]")
        await parts.reload.run()
        assert is_let_in(parts, "m1")
        assert not is_let_in(parts, "m2")
        assert parts.foundation.events.reload_trouble

    site.devices(NATIVE)
    story(site, tell)
