"""No request holds the loop: every route is asked with 20,000 devices, and the CPU of each turn of the loop is measured.

The CPU is that of the loop's thread, so that others on the machine do not count; the client shares the loop, and counts
too. Each is asked several times and the best counts, since the first may load what a gateway needs once.
"""

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from resource import RUSAGE_SELF, getrusage
from typing import Any, Final, NamedTuple

import pytest
from aiohttp import ClientSession, web

from gateway.commands.demo.services import free_port
from gateway.commands.run import HANDED_ON_AFTER_S
from gateway.core.message import StoredMessage
from gateway.ingest.storage.database import Database
from gateway.runtime.pipeline.build import Parts
from gateway.support.access.accounts import own_token_file
from gateway.support.clock import WallClock
from gateway.web.entrance import Entrance
from gateway.web.server import serve_pages
from tests.site import Site

DEVICES, AREAS, SITES, STRANGERS = 20_000, 300, 300, 500
HELD_MAX_S = 0.010
LIST_CPU_MAX_S = 0.1
"""An answer in turns leaves the loop to the readings for as long again: 200 ms."""
FIRST_VIEW_MAX_BYTES = 100_000
PASSES, WARM = 6, 2
GROWN_MAX_BYTES = 10 * 2**20
"""The allocator takes 7 MiB at once, and not in every pass."""
_ENDLESS: Final = "events"
_NAMES: Final = {"device": "m77", "alarm": "leak@m77", "number": "1", "id": "1", "reject": "1", "file": "none"}
_LISTS: Final = ("/devices?search=m1&page=3&sort=-heard", "/devices?sort=site&page=9", "/register?search=stranger")
_WHOLE: Final = "/api/devices"
"""All devices in one answer: made in turns as it is read, and long."""
_TURN: Final = "TURN"
_CHANGES: Final[dict[str, str | None]] = {
    "/api/devices": '{"id": "new-TURN", "site": "s1", "domain": "water"}',
    "/api/devices/m1005/edit": '{"model": "x-TURN"}',
    "/api/devices/m1005/move": '{"site": "s-TURN"}',
    "/api/devices/m1006/exchange": None,
    "/api/devices/m100TURN/retire": None,
    "/api/decode": '{"payload": {"volume_m3": 5}, "topic": "iot/v1/s1/water/m1005/readings"}',
    "/api/rejects/replay": None,
    "/api/rejects/purge": None,
}
"""Path → body; each turn changes something else."""


class Asked(NamedTuple):
    """The CPU of an answer: of the longest turn of the loop, and of all of them."""

    held_s: float
    cpu_s: float


@dataclass
class LoopTurns:
    """The turns of the loop since they were last taken."""

    turns_s: list[float] = field(default_factory=list)

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Time every turn from now on."""
        run = asyncio.Handle._run  # noqa: SLF001 - each turn of the loop begins there

        def timed(handle: asyncio.Handle) -> None:
            before_s = time.thread_time()
            run(handle)
            self.turns_s.append(time.thread_time() - before_s)

        monkeypatch.setattr(asyncio.Handle, "_run", timed)

    def take(self) -> Asked:
        """The longest turn, and their sum."""
        found, self.turns_s = self.turns_s, []
        return Asked(max(found, default=0.0), sum(found))


@dataclass
class Visitor:
    """Somebody with all rights who asks for everything.

    :ivar asked: path → the best of its answers.
    :ivar faults: what was wrong with an answer.
    :ivar held_bytes: the most memory that was held, after each pass through all paths.
    """

    client: ClientSession
    turns: LoopTurns
    token: str
    asked: dict[str, Asked] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    held_bytes: list[int] = field(default_factory=list)

    async def ask(self, path: str, body: str | None = None, method: str = "GET", name: str = "") -> None:
        """Ask, and note what the answer took."""
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Accept": "text/html"} if method == "GET" else {})
        self.turns.take()
        async with self.client.request(method, path, data=body, headers=headers) as answer:
            found = b""
            async for piece in answer.content.iter_any():
                found = piece[:200]
            if answer.status >= 500 and path not in _AWAY:
                self.faults.append(f"{method} {path}: {answer.status} {found!r}")
            size = int(answer.headers.get("Content-Length", 0))
            if answer.content_type == "text/html" and size > FIRST_VIEW_MAX_BYTES:
                self.faults.append(f"{path}: {size} bytes")
        took, name = self.turns.take(), f"{method} {name or path}"
        before = self.asked.get(name, took)
        self.asked[name] = Asked(min(took.held_s, before.held_s), min(took.cpu_s, before.cpu_s))
        gc.collect()


_AWAY: Final = frozenset({"/api/series/m77", "/completeness.csv"})
"""Answers that need the database, which is not there."""


@pytest.fixture
def province(site: Site) -> Site:
    """A registry of many devices, with areas and parents."""
    site.sections["http"] = {"port": free_port()}
    site.sections["devices"] = {"unknown": "quarantine"}
    areas = "".join(f"  A{number}: Phường {number}\n" for number in range(AREAS))
    devices = "".join(
        f"  - {{id: m{number}, site: s{number % SITES}, area: A{number % AREAS}, domain: water, interval: 15min"
        f"{f', parent: m{number % 20}' if number >= 20 else ''}}}\n"
        for number in range(DEVICES)
    )
    (site.folder / "devices.yaml").write_text(f"areas:\n{areas}devices:\n{devices}", encoding="utf-8")
    return site


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopTurns]:
    """The turns of a loop in an interpreter as ``gateway run`` sets it, without a collection of pytest's own garbage."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(HANDED_ON_AFTER_S)
    gc.disable()
    found = LoopTurns()
    found.watch(monkeypatch)
    yield found
    gc.unfreeze()
    gc.enable()
    sys.setswitchinterval(interval_s)


@pytest.fixture
def paths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that can be read, once the pages are served."""
    found: list[str] = []
    runner = web.AppRunner

    def noted(application: web.Application, **options: Any) -> web.AppRunner:  # noqa: ANN401
        routes = (route for route in application.router.routes() if route.method == "GET" and route.resource is not None)
        found.extend(sorted({route.resource.canonical for route in routes if route.resource is not None}))
        return runner(application, **options)

    monkeypatch.setattr(web, "AppRunner", noted)
    return found


@asynccontextmanager
async def running(site: Site, turns: LoopTurns) -> AsyncIterator[Visitor]:
    """A gateway whose devices have all been heard, and somebody who looks at it."""
    config = site.config
    config.journal.path.parent.mkdir()
    database = Database(config.journal.path)
    database.open()
    try:
        parts = Parts(config, database, WallClock())
        hear(parts)
        gc.freeze()
        async with (
            Entrance(config.http, parts.foundation.access, parts.foundation.tls) as entrance,
            asyncio.TaskGroup() as group,
        ):
            token = own_token_file(config.journal.path).read_text().strip()
            serving = [group.create_task(serve_pages(parts, entrance)), group.create_task(parts.alarming.keeper.run())]
            async with ClientSession(f"http://127.0.0.1:{config.http.port}") as client:
                yield Visitor(client, turns, token)
            for task in serving:
                task.cancel()
    finally:
        database.close()


def hear(parts: Parts) -> None:
    """Let each device send, some of them with a leak, and strangers too."""
    process, now_ms = parts.processing.processor.process, WallClock().now_ms()
    for number in range(DEVICES):
        leaks = b', "alarm_leak": true' if number % 40 == 0 else b""
        topic = f"iot/v1/s{number % SITES}/water/m{number}/readings"
        process(StoredMessage(topic, b'{"volume_m3": %d, "flow_m3_h": 1.5%b}' % (number, leaks)), now_ms - number)
    for number in range(STRANGERS):
        process(StoredMessage(f"iot/v1/s1/water/stranger{number}/readings", b'{"volume_m3": 1}'), now_ms)


def held_bytes() -> int:
    """The most memory that this process ever held."""
    return 1024 * getrusage(RUSAGE_SELF).ru_maxrss


async def walk(site: Site, turns: LoopTurns, paths: list[str]) -> Visitor:
    """Ask for everything twice, then change things."""
    async with running(site, turns) as visitor:
        await visitor.ask("/healthz")
        wanted = [path.format_map(_NAMES) for path in paths if not path.endswith(_ENDLESS)] + list(_LISTS)
        for _ in range(PASSES):
            for path in wanted:
                await visitor.ask(path)
            visitor.held_bytes.append(held_bytes())
        for turn in ("1", "2"):
            for path, body in _CHANGES.items():
                await visitor.ask(path.replace(_TURN, turn), body and body.replace(_TURN, turn), "POST", path)
    return visitor


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")
def test_no_request_holds_the_loop_beside_20000_devices(province: Site, turns: LoopTurns, paths: list[str]) -> None:
    visitor = asyncio.run(walk(province, turns, paths))
    for name, took in sorted(visitor.asked.items(), key=lambda each: -each[1].held_s):
        print(f"{took.held_s * 1000:6.1f} ms held, {took.cpu_s * 1000:7.1f} ms in all: {name}")  # noqa: T201 - pytest shows it
    assert len(paths) > 30, "the routes are those of the server"
    assert visitor.faults == []
    print([held >> 20 for held in visitor.held_bytes])  # noqa: T201 - pytest shows it
    assert visitor.held_bytes[-1] - visitor.held_bytes[WARM] <= GROWN_MAX_BYTES, visitor.held_bytes
    assert {name: took for name, took in visitor.asked.items() if took.held_s > HELD_MAX_S} == {}
    lists = {name: took for name, took in visitor.asked.items() if name.startswith("GET") and name != f"GET {_WHOLE}"}
    assert {name: took for name, took in lists.items() if took.cpu_s > LIST_CPU_MAX_S} == {}
