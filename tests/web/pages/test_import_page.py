"""A spreadsheet is imported on a page: from a file, previewed, corrected, written."""

import pytest
from playwright.sync_api import Browser

from tests.system.rig import Gateway
from tests.web.pages.browser import PHONE_PX, visit
from tests.web.pages.test_register_page import sign_in

pytestmark = pytest.mark.real


def test_a_file_is_read_by_the_page_and_its_rows_imported(browser: Browser, example: Gateway) -> None:
    with visit(browser, language="vi", width_px=PHONE_PX) as found:
        page = sign_in(found, example, "/import")
        sheet = "id;area;lat\nwm-0201;p-01;22,5\nwm-0202;nowhere;\n".encode("utf-16")
        page.get_by_label("Tệp CSV").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": sheet})
        page.get_by_role("button", name="Xem trước").click()
        page.get_by_text("không có trong danh sách khu vực").wait_for()
        assert (found.is_too_wide(), found.faults()) == (False, [])
        rows = page.locator("#rows")
        rows.fill(rows.input_value().replace("nowhere", "x-02"))
        page.get_by_role("button", name="Xem trước").click()
        page.get_by_role("button", name="Nhập 2 thiết bị").click()
        page.get_by_text("Đã nhập: 2 mới, 0 thay đổi.").wait_for()
    assert example.document("/api/devices/wm-0201")["lat"] == 22.5
