"""Pictures of pages, so that people look at them: ``python -m tests.web.pages FOLDER [--signed-in] [PATH ...]``.

Each page is taken on a phone and in a control room, light and dark, in both languages, whole; without paths, all pages.
"""

import re
import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.support.i18n.languages import LANGUAGES
from tests.web.pages.browser import DESKTOP_PX, SCHEMES, chromium, sign_in, visit
from tests.web.pages.places import PAGES, example_gateway

_PHONE_PX = 360
_SIGNED_IN = "--signed-in"


def main(folder: Path, paths: list[str], *, signed_in: bool) -> None:
    """Take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {re.sub(r"\W+", "-", path).strip("-") or "start": path for path in paths} or PAGES
    with TemporaryDirectory() as made, example_gateway(Path(made)) as gate, chromium() as browser:
        for (name, path), language, width_px, scheme in product(named.items(), LANGUAGES, (_PHONE_PX, DESKTOP_PX), SCHEMES):
            with visit(browser, language=language, width_px=width_px, scheme=scheme) as found:
                if signed_in:
                    found.open(f"{gate.url}/")
                    sign_in(found, gate)
                found.open(f"{gate.url}{path}")
                file = folder / f"{name.replace(' ', '-')}-{language}-{width_px}-{scheme}.png"
                found.page.screenshot(path=file, full_page=True)
                print(file)  # noqa: T201 - a command


if __name__ == "__main__":
    paths = [argument for argument in sys.argv[2:] if argument != _SIGNED_IN]
    main(Path(sys.argv[1]), paths, signed_in=_SIGNED_IN in sys.argv)
