"""Pictures of pages, so that people look at them: ``python -m tests.pages FOLDER [PATH ...]``.

Each page is taken on a phone and in a control room, light and dark, in both languages, whole; without paths, all pages.
"""

import re
import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.i18n.languages import LANGUAGES
from tests.pages.browser import DESKTOP_PX, SCHEMES, chromium, visit
from tests.pages.places import PAGES, example_gateway

_PHONE_PX = 360


def main(folder: Path, paths: list[str]) -> None:
    """Take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {re.sub(r"\W+", "-", path).strip("-") or "start": path for path in paths} or PAGES
    with TemporaryDirectory() as made, example_gateway(Path(made)) as gate, chromium() as browser:
        for (name, path), language, width_px, scheme in product(named.items(), LANGUAGES, (_PHONE_PX, DESKTOP_PX), SCHEMES):
            with visit(browser, language=language, width_px=width_px, scheme=scheme) as found:
                found.open(f"{gate.url}{path}")
                file = folder / f"{name.replace(' ', '-')}-{language}-{width_px}-{scheme}.png"
                found.page.screenshot(path=file, full_page=True)
                print(file)  # noqa: T201 - a command


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
