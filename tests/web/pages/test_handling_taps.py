"""Rejects, trials and alarms on a phone: the taps from the start page are counted, typing is not."""

import pytest
from playwright.sync_api import Browser

from tests.system.rig import Gateway
from tests.web.pages.browser import PHONE_PX, sign_in, visit

pytestmark = pytest.mark.real


def test_a_payload_is_tried_in_two_taps(browser: Browser, example: Gateway) -> None:
    with visit(browser, language="en", width_px=PHONE_PX) as found:
        found.open(f"{example.url}/")
        sign_in(found, example)
        page = found.page
        page.get_by_role("link", name="Try", exact=True).click()  # 1
        page.get_by_label("Payload").and_(page.locator(":focus")).wait_for()
        page.keyboard.insert_text('{"flow_m3_h": 1.5}')
        page.get_by_role("button", name="Try", exact=True).click()  # 2
        page.get_by_text("Points that would be written: 1").wait_for()
        assert found.complaints == []


def test_a_reject_is_replayed_in_two_taps_and_an_alarm_acknowledged_in_two(browser: Browser, example: Gateway) -> None:
    with visit(browser, language="en", width_px=PHONE_PX) as found:
        found.open(f"{example.url}/")
        sign_in(found, example)
        page = found.page
        page.get_by_role("link", name="Rejects", exact=True).click()  # 1
        page.get_by_role("button", name="Replay", exact=True).first.click()  # 2
        page.get_by_text("1 messages replayed").wait_for()
        page.get_by_role("link", name="Alarms", exact=True).click()  # 1
        page.get_by_label("Your name").first.fill("Lan")  # the account of this machine's commands has no name of its own
        page.get_by_role("button", name="Acknowledge").first.click()  # 2
        page.get_by_text("is acknowledged").wait_for()
        page.get_by_text("Lan sees to it").wait_for()
        assert found.complaints == []
