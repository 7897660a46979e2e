"""Chromium as Debian has it, driven by Playwright: what a person sees on a phone and in a control room."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, sync_playwright

from gateway.commands.demo.services import CHECKOUT
from tests.system.rig import Gateway

_FLAGS: Final = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NO_CHROMIUM: Final = "needs Chromium: .ci/setup could not fetch it, and the machine has none (sudo apt-get install chromium)"
Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
PHONE_PX: Final = 320
DESKTOP_PX: Final = 1280
_HEIGHT_PX: Final = 800
_LOCALES: Final = {"vi": "vi-VN", "en": "en-GB"}
_OWN_WORDS: Final = """() => {
  const page = document.body.cloneNode(true);
  page.querySelectorAll("[lang], q, pre, code, script, style").forEach(other => other.remove());
  return page.textContent;
}"""
_ADVICE: Final = "[DOM]"
"""Begins what Chromium only advises, as a name beside each password."""


@cache
def find_chromium() -> tuple[Path, dict[str, str]] | None:
    """The program and the environment that it needs: unpacked by ``.ci/setup``, else the machine's; None: there is none."""
    parts = CHECKOUT / ".cache" / "parts"
    unpacked = parts / "usr/lib/chromium/chromium"
    if unpacked.exists():
        folders = [*parts.glob("usr/lib/*-linux-gnu*"), *parts.glob("usr/lib/*-linux-gnu*/pulseaudio")]
        return unpacked, {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(map(str, folders))}
    installed = shutil.which("chromium") or shutil.which("chromium-browser")
    return (Path(installed), dict(os.environ)) if installed else None


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; its pages live in contexts of their own."""
    found = find_chromium()
    assert found is not None, NO_CHROMIUM
    program, environment = found
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS, env=dict(environment))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A tab, and what was noticed while it was looked at.

    :ivar complaints: errors, and what the policy of a page did not let run.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    _finished: list[Request] = field(default_factory=list)

    def note(self, request: Request) -> None:
        """Note that the page asks for something."""
        self.requests.append(request)

    def note_finished(self, request: Request) -> None:
        """Note that it got an answer; a stream of events never ends."""
        self._finished.append(request)

    def weight_bytes(self) -> int:
        """The bytes of all answers since the last :meth:`open`, as they were sent."""
        return sum(request.sizes()["responseBodySize"] for request in self._finished)

    def hosts(self) -> set[str]:
        """The hosts that were asked for anything."""
        return {urlsplit(request.url).netloc for request in self.requests}

    def open(self, url: str) -> None:
        """Go to a page and wait for its sections."""
        self.requests.clear()
        self._finished.clear()
        self.page.goto(url, wait_until="load")
        for section in self.page.locator("[data-src]").all():
            section.locator("> *").first.wait_for(state="attached")

    def faults(self) -> list[str]:
        """The faults that axe-core finds for people who do not see or use no mouse."""
        violations = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {node['html'][:200]}" for one in violations for node in one["nodes"]]

    def own_words(self) -> str:
        """The text of the page without what is marked as another language, quoted, or shown as it came."""
        return str(self.page.evaluate(_OWN_WORDS))

    def is_too_wide(self) -> bool:
        """Tell if one has to scroll sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@contextmanager
def visit(browser: Browser, *, language: str = "vi", width_px: int = PHONE_PX, scheme: Scheme = "light") -> Iterator[Visit]:
    """A tab of somebody who has never been anywhere; everything the browser complains of is a fault."""
    context = browser.new_context(
        viewport={"width": width_px, "height": _HEIGHT_PX},
        color_scheme=scheme,
        locale=_LOCALES[language],
        has_touch=width_px == PHONE_PX,
    )
    page = context.new_page()
    found = Visit(page)
    page.on("request", found.note)
    page.on("requestfinished", found.note_finished)
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.on("console", lambda said: found.complaints.extend([said.text] if not said.text.startswith(_ADVICE) else []))
    try:
        yield found
    finally:
        context.close()


def sign_in(found: Visit, gate: Gateway) -> None:
    """Sign in with the gateway's own token, from the page that is open, and come back to it."""
    page, there = found.page, found.page.url
    page.locator("a.account").click()
    page.locator("input[name=token]").fill(gate.token())
    page.locator("main form button").click()
    page.wait_for_url(there)
