"""A technician takes a photo of a device: the page makes it small, and shows it."""

import struct
import zlib
from hashlib import sha256

import pytest
from playwright.sync_api import Browser

from tests.system.rig import Gateway
from tests.web.pages.browser import PHONE_PX, visit
from tests.web.pages.test_register_page import sign_in

pytestmark = pytest.mark.real

SIDE_PX = 700
MOST_BYTES = 65_536


def noise() -> bytes:
    """A PNG of noise, which nothing makes small but fewer pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    row = b"\0" + b"".join(sha256(bytes([n])).digest() for n in range(256))[: 3 * SIDE_PX]
    head = struct.pack(">IIBBBBB", SIDE_PX, SIDE_PX, 8, 2, 0, 0, 0)
    rows = b"".join(row[:1] + row[1 + n % SIDE_PX :] + row[1 : 1 + n % SIDE_PX] for n in range(SIDE_PX))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def test_a_photo_is_made_small_shown_and_removed(browser: Browser, example: Gateway) -> None:
    with visit(browser, language="vi", width_px=PHONE_PX) as found:
        page = sign_in(found, example, "/devices/wm-0004")
        photo = page.get_by_label("Chụp hoặc chọn ảnh")
        photo.set_input_files({"name": "p.png", "mimeType": "image/png", "buffer": noise()})
        page.get_by_role("img", name="Ảnh của wm-0004").scroll_into_view_if_needed()  # it is loaded when it is seen
        assert page.locator("figure img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        assert (found.is_too_wide(), found.faults(), found.complaints) == (False, [], [])
        sent = page.request.get(f"{example.url}/devices/wm-0004/photo")
        assert (sent.headers["content-type"], len(sent.body()) <= MOST_BYTES) == ("image/jpeg", True)
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Xóa ảnh").click()
        page.get_by_text("Đã xóa ảnh.").wait_for()
        assert example.ask("/devices/wm-0004/photo")[0] == 404
    actions = [entry["action"] for entry in example.document("/api/audit")["audit"]]
    assert {"photo taken", "photo removed"} <= set(actions)
