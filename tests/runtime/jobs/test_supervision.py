import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.drain_lane import DrainLane
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.ingest.delivery.spool import SpoolRequests
from gateway.ingest.storage.database import Database
from gateway.runtime.jobs.supervision import NAMED_WAITS, Supervision, Worker, suspended_in
from gateway.runtime.pipeline.build import Parts
from gateway.support.logs import ServiceManager
from tests.clocks import SetClock
from tests.core.making import NOW_MS
from tests.ingest.delivery.delivering import until
from tests.runtime.jobs.closing_rig import config_of
from tests.waiting import PATIENCE_S

WAITS: list[Callable[..., object]] = [
    Database.in_thread,
    InfluxdbClient.write,
    DrainLane._wait_for_influxdb,  # noqa: SLF001
    SpoolRequests.wait_urgent,
    BatchQueue.until_committed,
    asyncio.sleep,
]


@pytest.fixture
def listener(tmp_path: Path) -> socket.socket:
    found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    found.bind(str(tmp_path / "notify"))
    found.settimeout(10)
    return found


def test_signs_of_life_stop_while_a_worker_stands_still_and_come_again_once_it_goes_on(
    tmp_path: Path, listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    def hear() -> list[str]:
        with suppress(BlockingIOError):
            while True:
                heard.append(listener.recv(1000).decode())
        return heard

    async def lane(going: asyncio.Event) -> None:
        await going.wait()

    async def story(database: Database) -> None:
        parts = Parts(config_of(tmp_path, "http://127.0.0.1:1", "Asia/Ho_Chi_Minh"), database, SetClock(NOW_MS))
        progress, looks = 0, 0

        def advanced() -> int:
            nonlocal looks
            looks += 1
            return progress

        standing = asyncio.create_task(lane(asyncio.Event()), name="live lane")
        manager = ServiceManager.of({"NOTIFY_SOCKET": listener.getsockname(), "WATCHDOG_USEC": "100000"})
        supervision = Supervision(manager, parts.watching.status, [Worker("live lane", lambda: True, advanced)])
        watching = asyncio.create_task(supervision.run())
        await until(lambda: "WATCHDOG=1" in hear())
        await until(lambda: "live lane has work and stands still" in caplog.text)
        hear().clear()
        seen = looks
        await until(lambda: looks > seen + 3)
        assert "WATCHDOG=1" not in hear()
        progress += 1
        await until(lambda: "WATCHDOG=1" in hear())
        for task in (standing, watching):
            task.cancel()

    (tmp_path / "devices.yaml").write_text("devices: []")
    listener.setblocking(False)  # noqa: FBT003 - the standard library's call
    database = Database(tmp_path / "journal.db")
    database.open()
    with closing(listener), closing(database):
        asyncio.run(asyncio.wait_for(story(database), PATIENCE_S))
    assert caplog.text.count("has work and stands still: test_signs_of_life_stop") == 1, "said once, and where"


def test_every_named_wait_is_a_coroutine_that_there_is() -> None:
    assert {wait.__qualname__ for wait in WAITS} == set(NAMED_WAITS)
    assert all(asyncio.iscoroutinefunction(wait) for wait in WAITS)


def test_a_task_is_found_where_it_is_suspended() -> None:
    async def inner() -> None:
        await asyncio.sleep(60)

    async def outer() -> None:
        async with asyncio.timeout(60):
            await inner()

    async def look() -> list[str]:
        task = asyncio.create_task(outer())
        await asyncio.sleep(0)
        found = list(suspended_in(task))
        task.cancel()
        return [name.rpartition(".")[2] for name in found]

    assert asyncio.run(look()) == ["outer", "inner", "sleep"]


def test_systemd_hears_each_word_and_a_status_once(listener: socket.socket) -> None:
    with closing(listener):
        manager = ServiceManager.of({"NOTIFY_SOCKET": listener.getsockname()})
        manager.ready()
        manager.status("All is\nwell")
        manager.status("All is\nwell")
        manager.alive()
        manager.stopping()
        heard = [listener.recv(100) for _ in range(4)]
    assert heard == [b"READY=1", b"STATUS=All is well", b"WATCHDOG=1", b"STOPPING=1"]


def test_an_abstract_address_is_understood() -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
        name = f"province-gateway-test-{os.getpid()}"
        listener.bind(f"\0{name}")
        ServiceManager.of({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert listener.recv(100) == b"READY=1"


def test_a_manager_that_is_gone_or_was_never_there_disturbs_nobody(tmp_path: Path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}, {"RUNTIME_DIRECTORY": str(tmp_path / "gone")}):
        manager = ServiceManager.of(environment)
        manager.ready()
        manager.mark_subscribed(is_subscribed=True)
        assert manager.listens == bool(environment)


def test_signs_of_life_are_given_to_the_watchdog_of_this_process_alone() -> None:
    told = {"WATCHDOG_USEC": "90000000"}
    assert ServiceManager.of(told).watchdog_s == 90
    assert ServiceManager.of(told | {"WATCHDOG_PID": str(os.getpid())}).watchdog_s == 90
    assert ServiceManager.of(told | {"WATCHDOG_PID": "1"}).watchdog_s == 0
    assert ServiceManager.of({}).watchdog_s == 0


def test_the_mark_is_there_while_it_is_subscribed(tmp_path: Path) -> None:
    manager = ServiceManager.of({"RUNTIME_DIRECTORY": str(tmp_path)})
    for is_subscribed in (True, True, False, False, True):
        manager.mark_subscribed(is_subscribed=is_subscribed)
        assert (tmp_path / "subscribed").exists() == is_subscribed
