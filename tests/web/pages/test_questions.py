"""Questions that operators ask, answered on a phone: taps are counted from the start page, typing is not."""

from typing import Final, NamedTuple

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.system.rig import Gateway
from tests.web.pages.browser import PHONE_PX, sign_in, visit

pytestmark = pytest.mark.real

TAPS_MAX: Final = 3
TARGET_MIN_PX: Final = 24
STOPPED: Final = "1 of 12 devices that are heard give no readings: their last message was refused, or waits"


class Question(NamedTuple):
    """The links that are tapped, and words of the answer; ``typed``: into the field that has the focus after the first tap."""

    taps: tuple[str, ...]
    answer: str
    typed: str = ""


QUESTIONS: Final = {
    "how much did each area use and lose this month, and in the month before": Question(
        ("Consumption",), "Consumption and losses"
    ),
    "how much did one meter use": Question(("Consumption", "Device"), "Consumption and losses"),
    "what was used and lost on each day": Question(("Consumption", "By day"), "Consumption and losses"),
    "what did this meter send today": Question(("Devices", "77.5 m³"), "Readings of the day", "wm-0004"),
    "what did this meter send yesterday": Question(
        ("Devices", "77.5 m³", "\u2039 Day before"), "no reading of this day", "wm-0004"
    ),
    "which devices are bad, the worst first": Question(("Devices",), "wm-0003"),
    "why is this one not well": Question(("Devices", "wm-0002"), "A leak is suspected", "wm-0002"),
    "what does this meter show, and since when": Question(("Devices",), "77.5 m³", "wm-0005"),
    "which devices are new and not heard yet": Question(("new",), "ur-0002"),
    "which devices send nothing that can be read": Question((STOPPED,), "wm-0003"),
    "how complete is this month": Question(("By month",), "Completeness of readings"),
    "the meter was exchanged: where are both registers written": Question(
        ("Devices", "wm-0005", "The meter was exchanged"), "First register of the new meter", "wm-0005"
    ),
}
FILES: Final = {
    "the consumption of the month as a file": ("Consumption",),
    "the day of a meter as a file": ("Devices", "77.5 m³"),
    "the completeness of the month as a file": ("By month",),
}
"""Question → the taps before the one on the download."""


def link(page: Page, name: str) -> Locator:
    """The first link of this name."""
    return page.get_by_role("link", name=name, exact=True).first


def tap(page: Page, name: str) -> None:
    """Tap a link, which is large enough for a finger, and wait for its page."""
    found = link(page, name)
    found.wait_for()
    box = found.bounding_box()
    assert box is not None
    assert min(box["height"], box["width"]) >= TARGET_MIN_PX, (name, box)
    with page.expect_navigation(wait_until="load"):
        found.tap()


@pytest.mark.slow
def test_each_question_of_an_operator_is_answered_in_three_taps(browser: Browser, example: Gateway) -> None:
    with visit(browser, language="en", width_px=PHONE_PX) as found:
        page = found.page
        found.open(f"{example.url}/")
        sign_in(found, example)
        for question, (taps, answer, typed) in QUESTIONS.items():
            assert len(taps) <= TAPS_MAX, question
            found.open(f"{example.url}/")
            for place, name in enumerate(taps):
                tap(page, name)
                if typed and not place:
                    page.keyboard.type(typed)
                    page.get_by_text("1 devices").wait_for()
            page.locator("main").get_by_text(answer).first.wait_for()
            assert not found.is_too_wide(), question
        for question, taps in FILES.items():
            assert len(taps) < TAPS_MAX, question
            found.open(f"{example.url}/")
            for name in taps:
                tap(page, name)
            link(page, "Download as CSV").wait_for(timeout=60_000)
            with page.expect_download() as download:
                link(page, "Download as CSV").tap()
            assert download.value.suggested_filename.endswith(".csv"), question
        assert found.complaints == []
