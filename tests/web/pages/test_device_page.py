"""The way to a missing meter: on a phone, from the start page, in two taps; and a page that follows its device."""

import re
import time

import pytest
from playwright.sync_api import Browser

from tests.system.rig import Gateway, Slowness
from tests.web.pages.browser import DESKTOP_PX, PHONE_PX, visit
from tests.web.pages.places import publish_as

pytestmark = pytest.mark.real

WITHIN_S = 1.0


@pytest.mark.parametrize(
    ("language", "devices", "headline"),
    [
        pytest.param("vi", "Thiết bị", "Đăng ký: chưa đăng ký; 1 bản tin đang chờ", id="vietnamese"),
        pytest.param("en", "Devices", "Registered: not registered; messages that wait, unwritten: 1", id="english"),
    ],
)
def test_why_a_meter_is_not_there_is_two_taps_from_the_start_page(
    language: str, devices: str, headline: str, browser: Browser, example: Gateway
) -> None:
    with visit(browser, language=language, width_px=PHONE_PX) as found:
        page = found.page
        found.open(f"{example.url}/")
        page.get_by_role("link", name=devices, exact=True).first.click()  # 1
        page.wait_for_url("**/devices")
        page.keyboard.type("wm-0099")  # the field has the focus
        page.get_by_role("link", name="wm-0099").click()  # 2
        page.locator("#verdict").get_by_text(headline).wait_for()
        page.locator("#verdict a[href='/register/wm-0099']").wait_for()
        assert page.locator(".ladder li").count() == 9
        assert found.complaints == []


def test_a_page_that_is_open_follows_its_device_within_a_second(browser: Browser, example: Gateway) -> None:
    with visit(browser, width_px=DESKTOP_PX) as found:
        found.open(f"{example.url}/devices/wm-0006")
        page = found.page
        page.locator("#verdict.good").wait_for()
        took_s = []
        slowness = Slowness(example)
        for flow in (41.25, 42.25, 43.25):
            began_s = time.monotonic()
            publish_as(example, "wm-0006", f'{{"flow_m3_h": {flow}}}')
            page.locator("#readings").get_by_text(re.compile(rf"{int(flow)}[.,]25")).wait_for()
            took_s.append(time.monotonic() - began_s)
        assert sorted(took_s)[1] < WITHIN_S * slowness.times, "the median: the machine may be busy"
