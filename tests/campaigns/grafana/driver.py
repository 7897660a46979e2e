"""Has the page judge a dashboard in Chromium, and takes its picture."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, ViewportSize

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
    """A browser's page with one version of Grafana; it judges one dashboard after the other.

    :ivar complaints: what the browser's console says of errors since the last dashboard.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)

    @contextmanager
    def judged(self, job: Json) -> Iterator[tuple[Json, Page]]:
        """Yield the report of a dashboard, and the page, which shows it until the next."""
        self.complaints.clear()
        report: Json = json.loads(self.page.evaluate(_JUDGED, json.dumps(job)))
        yield report, self.page


@contextmanager
def judge(address: str, language: str) -> Iterator[Judge]:
    """Open the page of an address in a browser."""
    with chromium() as browser:
        page = browser.new_context(
            viewport=SCREEN, locale=LOCALES[language], timezone_id=ZONE, reduced_motion="reduce", color_scheme="light"
        ).new_page()
        found = Judge(page)
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        page.goto(address)
        page.wait_for_function("() => window.judge")
        yield found


def picture(page: Page, file: Path, *, is_whole: bool) -> None:
    """Take a picture of the screen, or of the whole dashboard."""
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=file, full_page=is_whole, animations="disabled")
