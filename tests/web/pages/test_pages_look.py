"""Every page, as people see it: on a phone and in a control room, in both languages, light and dark, with a keyboard."""

import pytest
from playwright.sync_api import Browser

from gateway.support.i18n.languages import LANGUAGES
from tests.system.rig import Gateway
from tests.web.pages.browser import DESKTOP_PX, PHONE_PX, SCHEMES, Scheme, visit
from tests.web.pages.languages import foreign
from tests.web.pages.places import AGENCY_TOKEN, AREAS, PAGES

pytestmark = pytest.mark.real

FIRST_VIEW_MAX_BYTES = 100_000


def without_data(text: str) -> str:
    """The text of a page without the names that people gave."""
    for name in AREAS.values():
        text = text.replace(name, "")
    return text


def look(browser: Browser, gate: Gateway, path: str, language: str, width_px: int, scheme: Scheme) -> None:
    """Open a page as a newcomer does, and find nothing wrong with it."""
    with visit(browser, language=language, width_px=width_px, scheme=scheme) as found:
        found.open(f"{gate.url}{path}")
        assert found.page.locator("html").get_attribute("lang") == language
        assert found.page.locator("h1").count() == 1
        assert not found.is_too_wide()
        assert foreign(without_data(found.own_words()), language) == []
        assert found.hosts() == {f"{gate.host}:{gate.port}"}, "nothing is asked for elsewhere"
        assert found.weight_bytes() <= FIRST_VIEW_MAX_BYTES
        assert found.faults() == []
        assert found.complaints == []


@pytest.mark.parametrize(
    ("name", "language", "width_px", "scheme"),
    [
        pytest.param("start", "vi", PHONE_PX, "light", id="start-on-a-phone"),
        pytest.param("devices", "en", DESKTOP_PX, "dark", id="devices-in-the-dark"),
        pytest.param("device", "vi", PHONE_PX, "dark", id="a-device-on-a-phone-in-the-dark"),
    ],
)
def test_a_page_is_whole_readable_and_light(
    name: str,
    language: str,
    width_px: int,
    scheme: Scheme,
    browser: Browser,
    example: Gateway,
) -> None:
    look(browser, example, PAGES[name], language, width_px, scheme)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width_px", [PHONE_PX, DESKTOP_PX])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_page_is_whole_readable_and_light_in_every_way(
    name: str,
    language: str,
    width_px: int,
    scheme: Scheme,
    browser: Browser,
    example: Gateway,
) -> None:
    look(browser, example, PAGES[name], language, width_px, scheme)


def test_a_device_is_found_by_typing_and_opened_by_keyboard(browser: Browser, example: Gateway) -> None:
    with visit(browser, language="en", width_px=DESKTOP_PX) as found:
        page = found.page
        found.open(f"{example.url}/devices")
        page.get_by_role("searchbox").fill("wm-0003")
        page.get_by_text("1 devices").wait_for()
        page.get_by_role("link", name="wm-0003").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/devices/wm-0003")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip", "the first stop leads past the navigation"


def test_the_language_is_switched_on_the_page_and_kept(browser: Browser, example: Gateway) -> None:
    with visit(browser, language="en") as found:
        found.open(f"{example.url}/devices?search=wm")
        found.page.get_by_role("link", name="Tiếng Việt").click()
        assert found.page.locator("h1").inner_text() == "Thiết bị"
        assert found.page.get_by_role("searchbox").input_value() == "wm"
        found.open(f"{example.url}/")
        assert found.page.locator("html").get_attribute("lang") == "vi"


def test_who_signs_in_is_named_and_comes_back_to_the_page(browser: Browser, example: Gateway) -> None:
    with visit(browser, language="vi") as found:
        page = found.page
        found.open(f"{example.url}/devices?search=wm")
        page.get_by_role("link", name="Đăng nhập").click()
        page.get_by_label("Mã truy cập").fill("sai")
        page.get_by_role("button", name="Đăng nhập").click()
        page.get_by_text("Mã truy cập không đúng").wait_for()
        page.get_by_label("Mã truy cập").fill(example.token())
        page.get_by_role("button", name="Đăng nhập").click()
        page.wait_for_url("**/devices?search=wm")
        assert page.locator(".account").inner_text().startswith("token · quản trị")
        page.get_by_role("button", name="Đăng xuất").click()
        page.wait_for_url("**/login")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/devices", "/devices/wm-0002", "/alarms", "/coverage"])
@pytest.mark.parametrize(("language", "width_px", "scheme"), [("vi", PHONE_PX, "dark"), ("en", DESKTOP_PX, "light")])
def test_an_agency_is_shown_its_devices_in_whole_pages(
    path: str, language: str, width_px: int, scheme: Scheme, browser: Browser, example: Gateway
) -> None:
    with visit(browser, language=language, width_px=width_px, scheme=scheme) as found:
        found.open(f"{example.url}/login?to={path}")
        found.page.locator("input[name=token]").fill(AGENCY_TOKEN)
        found.page.locator("main form button").click()
        found.page.wait_for_url(f"**{path}")
        assert not found.is_too_wide()
        assert foreign(without_data(found.own_words()), language) == []
        assert "wm-0001" not in found.page.content(), "it is in another area"
        assert found.faults() == []
        assert found.complaints == []
