"""A change from a page in a browser: it asks for the token, is made, and after signing out nothing is changed any more."""

import signal

import pytest
from playwright.sync_api import Browser

from tests.system.rig import Gateway
from tests.web.pages.browser import visit

pytestmark = pytest.mark.real

EXCHANGE = "/devices/wm-0001/exchange"


def test_a_browser_signs_in_for_a_change_makes_it_and_signs_out(browser: Browser, example: Gateway) -> None:
    with visit(browser, language="en") as found:
        page = found.page
        found.open(f"{example.url}{EXCHANGE}")
        page.locator("main").get_by_role("link", name="Sign in").click()
        for token in ("not-the-token-of-this-gateway", example.token()):
            page.locator("input[name=token]").fill(token)
            page.locator("main form button").click()
            page.wait_for_load_state()
        page.wait_for_url(f"**{EXCHANGE}")
        assert page.evaluate("document.cookie") == "", "no script sees the session"
        page.get_by_role("button", name="Note the exchange").click()
        page.get_by_text("The exchange is noted").wait_for()
        page.locator(".account button").click()
        page.wait_for_url("**/login")
        assert page.evaluate("fetch('/api/rejects/purge', {method: 'POST'}).then(answer => answer.status)") == 401
        assert [said for said in found.complaints if "401" not in said] == []


@pytest.mark.slow
def test_an_open_page_says_when_the_gateway_stands_still_and_when_it_is_back(browser: Browser, example: Gateway) -> None:
    with visit(browser, language="en") as found:
        found.open(f"{example.url}/")
        told = found.page.get_by_text("The gateway does not answer")
        example.send_signal(signal.SIGSTOP)
        try:
            told.wait_for()
        finally:
            example.send_signal(signal.SIGCONT)
        told.wait_for(state="hidden")
