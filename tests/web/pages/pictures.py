"""Makes the pictures of pages in docs/pictures, in both languages: ``python -m tests.web.pages.pictures``."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from playwright.sync_api import Page

from gateway.support.i18n.languages import LANGUAGES
from tests.web.pages.browser import DESKTOP_PX, chromium, sign_in, visit
from tests.web.pages.places import example_gateway
from tests.web.pages.small_png import small

_FOLDER: Final = Path(__file__).parents[3] / "docs" / "pictures"
_PHONE_PX: Final = 360
_TRIED: Final = '{"flow_m3_h": 1.5, "volume": 1204.5}'


class Picture(NamedTuple):
    """A picture of the upper part of a page.

    :ivar do: what the technician does on the page before, signed in.
    """

    name: str
    path: str
    width_px: int
    height_px: int
    do: Callable[[Page], None] | None = None


def _try(page: Page) -> None:
    page.locator("[name=payload]").fill(_TRIED)
    page.locator("[name=topic]").fill("iot/v1/tram-1/water/wm-0001/readings")
    page.locator("main form button:visible").first.click()
    page.locator("#result").wait_for()


PICTURES: Final = (
    Picture("status", "/", DESKTOP_PX, 1000),
    Picture("ladder", "/devices/wm-0099", _PHONE_PX, 920),
    Picture("alarms", "/alarms", _PHONE_PX, 920, lambda page: page.locator("[name=by]").first.wait_for()),
    Picture("try", "/try", _PHONE_PX, 920, _try),
)


def main() -> None:
    """Take the pictures; English is without the mark of its language."""
    with TemporaryDirectory() as made, example_gateway(Path(made)) as gate, chromium() as browser:
        for picture in PICTURES:
            for language in LANGUAGES:
                with visit(browser, language=language, width_px=picture.width_px) as found:
                    found.open(f"{gate.url}{picture.path}")
                    if picture.do is not None:
                        sign_in(found, gate)
                        picture.do(found.page)
                    file = _FOLDER / f"{picture.name}{'' if language == 'en' else '-' + language}.png"
                    found.page.set_viewport_size({"width": picture.width_px, "height": picture.height_px})
                    found.page.evaluate("document.activeElement?.blur(); scrollTo(0, 0)")
                    file.write_bytes(small(found.page.screenshot()))
                    print(f"{file}: {file.stat().st_size} bytes")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
