"""Chromium without a window, driven over its debugging socket: what a person sees and clicks."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from gateway.demo.services import dies_with_parent

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS: Final = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
]
_PATIENCE_S: Final = 60.0


class Tab:
    """One tab.

    :ivar complaints: what the browser said of the pages: errors, and what their policy did not let run.
    """

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.complaints: list[str] = []

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the browser; the result."""
        self._number += 1
        await self._socket.send_str(json.dumps({"id": self._number, "method": method, "params": parameters}))
        async for message in self._socket:
            assert message.type is WSMsgType.TEXT
            said: dict[str, Any] = json.loads(message.data)
            if said.get("id") == self._number:
                assert "error" not in said, said
                return dict(said["result"])
            if said["method"] == "Log.entryAdded":
                entry = said["params"]["entry"]
                if entry["level"] != "verbose":  # advice, such as a name before each password
                    self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
            elif said["method"] == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(said["params"]))
        raise AssertionError("the browser has gone")

    async def value(self, expression: str) -> Any:  # noqa: ANN401 - whatever JavaScript gives
        """The value of an expression in the page."""
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return found["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until an expression holds in the page."""
        async with asyncio.timeout(_PATIENCE_S):
            while await self.value(f"Boolean({expression})") is not True:  # noqa: ASYNC110 - the page is another process
                await asyncio.sleep(0.05)

    async def open(self, url: str) -> None:
        """Go to a page."""
        await self.call("Page.navigate", url=url)
        await self.until(f"document.readyState === 'complete' && location.href.startsWith({json.dumps(url)})")


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Tab]:
    """A tab of a browser that has never been anywhere."""
    assert CHROMIUM is not None
    command = [*dies_with_parent(), CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        async with ClientSession() as session, session.ws_connect(await _address(profile, session), max_msg_size=0) as socket:
            tab = Tab(socket)
            for domain in ("Page", "Runtime", "Log"):
                await tab.call(f"{domain}.enable")
            yield tab
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def _address(profile: Path, session: ClientSession) -> str:
    """The debugging socket of the only tab."""
    file = profile / "DevToolsActivePort"
    async with asyncio.timeout(_PATIENCE_S):
        while not (file.exists() and "\n" in file.read_text()):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
        port = int(file.read_text().splitlines()[0])
        while True:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                for target in await answer.json():
                    if target["type"] == "page":
                        return str(target["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)
