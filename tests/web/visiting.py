"""Somebody at the pages of a gateway that nobody runs: its real routes, checks and pages, in one process, without a socket."""

import asyncio
import html
import json
import re
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from http.cookies import Morsel
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast
from unittest.mock import Mock
from urllib.parse import urlencode

import yaml
from aiohttp import StreamReader, web
from aiohttp.test_utils import make_mocked_request

from gateway.core.devices.device import Device
from gateway.core.message import Outcome, QuarantinedMessage, Refusal, WaitCause
from gateway.ingest.storage import quarantine, rejects
from gateway.ingest.storage.database import Database
from gateway.runtime.pipeline.build import Parts
from gateway.support.audit.log import AuditLog
from schemas.rejects import RejectReason
from tests.clocks import SetClock
from tests.core.making import NOW_MS, message, topic
from tests.site import Site
from tests.web.routes import application_of

T = TypeVar("T")

ACCOUNTS: Final = (("chi", "read"), ("lan", "technician"), ("binh", "admin"), ("so-nuoc", "read", "domain=water", "area=p-01"))
"""Name, role, and limit."""
WATER: Final = {"id": "m1", "site": "s1", "domain": "water", "area": "p-01", "interval": "15min"}


@dataclass(frozen=True)
class Answer:
    """An answer to a request."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    cookies: Mapping[str, Morsel[str]]

    @cached_property
    def text(self) -> str:
        """Its text."""
        return self.body.decode(errors="replace")

    @property
    def document(self) -> Any:  # noqa: ANN401 - whatever the route answers
        """The JSON in it."""
        return json.loads(self.text)

    @cached_property
    def words(self) -> str:
        """The words of a page, in one line, without what frames them."""
        body = self.text.partition("<main")[2].partition("</main>")[0].partition(">")[2]
        return " ".join(html.unescape(re.sub("<(script|style).*?</\\1>|<[^>]*>", " ", body, flags=re.DOTALL)).split())

    def part(self, begins: str, ends: str = "") -> str:
        """The words of a page between two others."""
        assert begins in self.words
        found = self.words.partition(begins)[2]
        return (found.partition(ends)[0] if ends else found).strip()


class Visitor:
    """People and programs who ask, and a gateway that has heard what the test says."""

    def __init__(self, parts: Parts, database: Database, clock: SetClock, application: web.Application) -> None:
        self.parts, self.database, self.clock = parts, database, clock
        self._application = application

    @property
    def audit(self) -> AuditLog:
        """The log of changes."""
        return self.parts.foundation.audit

    def come(self, name: str, content: object, *, after_ms: int = 0) -> Outcome:
        """A message comes; what became of it."""
        self.clock.at_ms = NOW_MS + after_ms
        entry = self.parts.watching.status.devices.entry(name)
        on = topic(name) if entry is None else topic(name, entry.domain or "water", entry.site or "s1")
        return self.parts.processing.processor.process(message(content, on), self.clock.at_ms)

    def device(self, name: str) -> Device:
        """A device that the gateway knows."""
        found = self.parts.watching.status.devices.find(name)
        assert found is not None
        return found

    async def refuse(
        self, device: str, reason: RejectReason, payload: bytes = b"?", detail: str = "why", ago_ms: int = 0
    ) -> None:
        """A message was refused."""
        refusal = Refusal(reason, detail, topic(device or "d1"), payload, "decode", NOW_MS - ago_ms, device, "water")
        now_ms, self.clock.at_ms = self.clock.at_ms, refusal.arrival_ms
        self.parts.delivery.fallback.reject_counts.note(refusal)
        self.clock.at_ms = now_ms
        await self.database.run(rejects.add, [refusal], 2**20)

    async def wait(self, key: str, payload: bytes = b'{"ph": 7}', cause: WaitCause = WaitCause.UNKNOWN_DEVICE) -> None:
        """A message waits."""
        kept = QuarantinedMessage(cause, key, 2 * NOW_MS, topic(key), payload, retain=False, arrival_ms=self.clock.at_ms)
        await self.database.run(quarantine.add, [kept], 2**20)

    async def get(self, path: str, who: str = "binh", *, method: str = "GET", **headers: str) -> Answer:
        """Ask for something; pages come in English unless the path names another language."""
        return await self._ask(method, path, who, b"", headers)

    async def page(self, path: str, who: str = "binh") -> Answer:
        """Look at a page."""
        return await self.get(path, who, Accept="text/html")

    async def post(self, path: str, sent: object = None, who: str = "binh", **headers: str) -> Answer:
        """Send the fields of a form, or with bytes a body as it is."""
        body = sent if isinstance(sent, bytes) else urlencode(sent or {}).encode()  # type: ignore[arg-type]
        given = {"Content-Type": "application/octet-stream" if isinstance(sent, bytes) else "application/x-www-form-urlencoded"}
        return await self._ask("POST", path, who, body, given | headers)

    async def follow(self, path: str, who: str = "binh") -> AsyncIterator[Any]:
        """The events of a stream as they come."""
        told: asyncio.Queue[bytes] = asyncio.Queue()
        request = self._request("GET", path, who, b"", {})
        cast("Mock", request._payload_writer).write = told.put  # noqa: SLF001
        answering = asyncio.ensure_future(self._application._handle(request))  # noqa: SLF001
        try:
            while True:
                event = await told.get()
                if event.startswith(b"data: "):
                    yield json.loads(event.removeprefix(b"data: "))
        finally:
            answering.cancel()

    def _request(self, method: str, path: str, who: str, body: bytes, headers: Mapping[str, str]) -> web.Request:
        given = {"Host": "127.0.0.1", "Accept-Language": "en", "Content-Length": str(len(body)), **_shown(who)}
        given |= {name.replace("_", "-"): text for name, text in headers.items()}
        payload = StreamReader(Mock(_reading_paused=False), 2**16, loop=asyncio.get_running_loop())
        payload.feed_data(body)
        payload.feed_eof()
        most = self._application._client_max_size  # noqa: SLF001 - as a request on the wire is made
        return make_mocked_request(method, path, given, payload=payload, client_max_size=most)

    async def _ask(self, method: str, path: str, who: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        request = self._request(method, path, who, body, headers)
        try:
            answer = await self._application._handle(request)  # noqa: SLF001 - what the server calls
        except web.HTTPException as sent_on:
            answer = sent_on
        if isinstance(answer, web.Response):
            return Answer(answer.status, answer.body if isinstance(answer.body, bytes) else b"", answer.headers, answer.cookies)
        written = b"".join(call.args[0] for call in cast("Mock", request._payload_writer).write.call_args_list)  # noqa: SLF001
        return Answer(answer.status, written, answer.headers, answer.cookies)


def visit(
    folder: Path,
    story: Callable[[Visitor], Awaitable[T]],
    devices: Sequence[Mapping[str, object]] = (WATER,),
    profiles: Mapping[str, str] = MappingProxyType({}),
    **sections: dict[str, Any],
) -> T:
    """Return what a story finds at a gateway of a folder with these devices.

    :param profiles: name → text of a profile of the utility's own, or of a codec.
    :param sections: of the configuration.
    """
    site = Site(folder)
    for name, text in profiles.items():
        if name.endswith(".js"):
            (folder / "profiles" / name).write_text(text)
        else:
            site.profile(name, text)
    site.sections |= {"influxdb": {"url": "http://127.0.0.1:1", "api": "v1"}, **sections}
    site.sections["http"] = {"tokens_file": "tokens", **sections.get("http", {})}
    (folder / "tokens").write_text("".join(map(_line, ACCOUNTS)))
    (folder / "tokens").chmod(0o600)
    document = {"areas": {"p-01": "An Bình", "x-02": "Xa"}, "devices": [dict(device) for device in devices]}
    (folder / "devices.yaml").write_text(yaml.safe_dump(document, allow_unicode=True))
    config, clock = site.config, SetClock(NOW_MS)
    config.journal.path.parent.mkdir(exist_ok=True)
    database = Database(config.journal.path)

    async def told() -> T:
        parts = Parts(config, database, clock)
        application = await application_of(parts)
        application.freeze()
        return await story(Visitor(parts, database, clock, application))

    database.open()
    with closing(database), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "It is recommended to use web.RequestKey")  # an older aiohttp has no such keys
        return asyncio.run(told())


def _shown(who: str) -> dict[str, str]:
    """The headers of a program with the token of an account, on another machine; of one without account on this machine."""
    return {"X-Forwarded-For": "192.0.2.7", "Authorization": f"Bearer {who}-token-of-this-test"} if who else {}


def _line(account: tuple[str, ...]) -> str:
    name, role, *limits = account
    return " ".join([name, role, sha256(f"{name}-token-of-this-test".encode()).hexdigest(), *limits]) + "\n"
