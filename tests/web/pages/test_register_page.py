"""A technician registers a device on a phone: the taps are counted, and the form is looked at as people see it."""

import pytest
from playwright.sync_api import Browser, Page

from gateway.support.i18n.languages import LANGUAGES
from tests.system.rig import Gateway
from tests.web.pages.browser import PHONE_PX, SCHEMES, Scheme, Visit, visit
from tests.web.pages.places import AREAS

pytestmark = pytest.mark.real


def sign_in(found: Visit, gate: Gateway, to: str) -> Page:
    """Sign in, and go to a page."""
    page = found.page
    found.open(f"{gate.url}/login?to={to}")
    page.locator("[name=token]").fill(gate.token())
    page.locator("main form button").click()
    page.wait_for_url(f"**{to}")
    return page


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/register/wm-0098", "/register/wm-0001", "/import"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_forms_are_whole_and_readable_to_who_may_use_them(
    path: str, language: str, scheme: Scheme, browser: Browser, example: Gateway
) -> None:
    with visit(browser, language=language, width_px=PHONE_PX, scheme=scheme) as found:
        sign_in(found, example, path)
        assert (found.is_too_wide(), found.faults(), found.complaints) == (False, [], [])


def test_a_device_is_registered_in_four_taps_and_its_first_reading_seen_in_none_more(
    browser: Browser, example: Gateway
) -> None:
    with visit(browser, language="en", width_px=PHONE_PX) as found:
        page = sign_in(found, example, "/")
        page.get_by_role("link", name="New devices").click()  # 1
        page.get_by_role("link", name="wm-0098").click()  # 2
        page.get_by_label("Area").click()  # 3
        page.keyboard.type(next(iter(AREAS)))
        page.get_by_role("button", name="Register the device").click()  # 4
        outcome = page.locator("#outcome")
        outcome.get_by_text("Messages that waited: 1; came in: 1").wait_for()
        outcome.get_by_text("77.5 m³").wait_for()
        assert found.complaints == []
        page.get_by_role("link", name="The device's page").wait_for()
    assert example.document("/api/devices/wm-0098")["area"] == next(iter(AREAS))
