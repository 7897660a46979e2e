"""Has the page judge a dashboard in Chromium, and takes its picture."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, ViewportSize

from tests.campaigns.grafana.boards import Json
from tests.web.pages.browser import chromium

SCREEN: Final[ViewportSize] = {"width": 1440, "height": 900}
LOCALES: Final = {"vi": "vi-VN", "en": "en-GB"}
ZONE: Final = "Asia/Ho_Chi_Minh"
WITHIN_S: Final = 300
_JUDGED: Final = """async job => JSON.stringify(await Promise.race([
  window.judge(JSON.parse(job)),
  new Promise((_, fail) => setTimeout(() => fail(new Error("the page took too long")), %d)),
]))""" % (1000 * WITHIN_S)  # noqa: UP031 - the text is full of braces
"""As text: Playwright takes its time over large objects."""


@dataclass
class Judge:
    """A browser with the page of one version of Grafana.

    :ivar complaints: what the browser's console says of errors since the last dashboard.
    """

    browser: Browser
    address: str
    language: str
    complaints: list[str] = field(default_factory=list)

    @contextmanager
    def judged(self, job: Json) -> Iterator[tuple[Json, Page]]:
        """Yield the report of a dashboard, and the page that shows it."""
        self.complaints.clear()
        context = self.browser.new_context(
            viewport=SCREEN, locale=LOCALES[self.language], timezone_id=ZONE, reduced_motion="reduce", color_scheme="light"
        )
        try:
            page = context.new_page()
            page.on("pageerror", lambda error: self.complaints.append(str(error)))
            page.goto(self.address)
            page.wait_for_function("() => window.judge")
            report: Json = json.loads(page.evaluate(_JUDGED, json.dumps(job)))
            yield report, page
        finally:
            context.close()


@contextmanager
def judge(address: str, language: str) -> Iterator[Judge]:
    """A browser that opens the page of an address."""
    with chromium() as browser:
        yield Judge(browser, address, language)


def picture(page: Page, file: Path, *, is_whole: bool) -> None:
    """Take a picture of the screen, or of the whole dashboard."""
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=file, full_page=is_whole, animations="disabled")
