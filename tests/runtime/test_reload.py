"""A reload activates the registry whatever the disk does, and changes nothing if a file is faulty."""

import asyncio
import gc
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.run import HANDED_ON_AFTER_S
from gateway.core.message import Unresolved
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.runtime.pipeline.build import Parts
from gateway.support.clock import WallClock
from gateway.support.registry.changes import add
from gateway.support.registry.registry import load_registry
from gateway.web.changes.changes import Registrar
from schemas.registry import Registry
from tests.ingest.delivery.delivering import until
from tests.site import Site

NATIVE = {"id": "m1", "domain": "water"}


def story(site: Site, tell: Callable[[Parts], Awaitable[None]]) -> None:
    """Let something happen to the parts of a gateway that lets in registered devices only."""

    async def run() -> None:
        database = Database(site.folder / "journal.db")
        database.open()
        try:
            await tell(Parts(site.config, database, WallClock()))
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


def test_a_reload_takes_codecs_too_and_says_how_much_is_in_force(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def tell(parts: Parts) -> None:
        taken: list[object] = []
        monkeypatch.setattr(parts.waiting.codecs, "replace", taken.append)
        parts.foundation.events.started(["a fault of before"])
        parts.reload.start()
        await until(lambda: parts.reload.known is not None)
        assert (taken, parts.foundation.events.reload_trouble) == ([{}], [])
        assert parts.reload.known is not None
        assert [device.id for device in parts.reload.known.registry.devices] == ["m1", "m2"]

    site.devices(NATIVE, {"id": "m2"})
    with caplog.at_level("INFO", "gateway"):
        story(site, tell)
    assert "the registry is active: 2 devices, 0 profiles" in caplog.text


def test_a_registry_at_fault_leaves_the_one_before_in_force(site: Site) -> None:
    async def tell(parts: Parts) -> None:
        (site.folder / "devices.yaml").write_text("devices: [{id: m2, domain: wine}]")
        await parts.reload.run()
        assert is_let_in(parts, "m1")
        assert not is_let_in(parts, "m2")
        assert parts.foundation.events.reload_trouble

    site.devices(NATIVE)
    story(site, tell)


def test_a_registry_that_is_known_is_not_read_again_until_somebody_edits_its_file(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def noted(path: Path) -> Registry:
        read.append(path)
        return load_registry(path)

    for user in ("gateway.onboarding.registration", "gateway.ingest.catalog"):
        monkeypatch.setattr(f"{user}.load_registry", noted)

    async def tell(parts: Parts) -> None:
        registrar = Registrar(site.config, parts.reload, parts.watching.status.devices)
        for name, is_read in (("m2", True), ("m3", False), ("m4", False)):
            read.clear()
            await registrar.change(partial(add, document={"id": name}), [name], None)
            assert bool(read) is is_read, name
            assert is_let_in(parts, name)
        path = site.folder / "devices.yaml"
        path.write_text(path.read_text().replace("m3", "m5"))
        await registrar.change(partial(add, document={"id": "m6"}), ["m6"], None)
        known = {device.id for device in parts.watching.status.devices.registry_entries()}
        assert known == {"m1", "m2", "m4", "m5", "m6"}, "an edit by hand is never lost"
        assert {device.id for device in load_registry(path).devices} == known

    site.devices(NATIVE)
    story(site, tell)


@pytest.fixture
def as_it_runs() -> Iterator[None]:
    """The interpreter as ``gateway run`` sets it, without a collection of pytest's own garbage."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(HANDED_ON_AFTER_S)
    gc.disable()
    yield
    gc.enable()
    sys.setswitchinterval(interval_s)


@pytest.mark.slow
@pytest.mark.usefixtures("as_it_runs")
def test_a_registry_of_20000_devices_is_changed_and_reloaded_without_holding_the_loop(site: Site) -> None:
    """The CPU time of the process between two turns of the loop, so that others on the machine do not count."""
    held_s: list[float] = []

    async def watch() -> None:
        while True:
            before_s = time.process_time()
            await asyncio.sleep(0.0005)
            held_s.append(time.process_time() - before_s)

    async def tell(parts: Parts) -> None:
        for number in range(20_000):
            assert is_let_in(parts, f"m{number}")
        registrar = Registrar(site.config, parts.reload, parts.watching.status.devices)
        watching = asyncio.create_task(watch())
        await asyncio.sleep(0.01)
        held_s.clear()
        await registrar.change(partial(add, document={"id": "new"}), ["new"], None)
        await asyncio.to_thread(shutil.copy, site.folder / "moved.yaml", site.folder / "devices.yaml")
        assert await parts.reload.run() == []
        watching.cancel()
        assert is_let_in(parts, "m19999")

    for file, suffix in (("moved.yaml", "-moved"), ("devices.yaml", "")):
        entries = (f"  - id: m{number}\n    site: s{number % 300}{suffix}\n" for number in range(20_000))
        (site.folder / file).write_text(f"devices:\n{''.join(entries)}")
    story(site, tell)
    assert max(held_s) < 0.02, "measured: 0.006 to 0.012; 0.035 when the registry was read and taken in one go"
