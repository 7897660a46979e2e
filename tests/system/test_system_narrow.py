"""The status page on a phone: no two cells of its table touch."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest

from tests.system.chromium import CHROMIUM, Tab, chromium
from tests.web.rendering import page_text

pytestmark = [pytest.mark.real, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]

COUNTS = {"registered": 12345, "reporting": 11987, "silent": 312, "new": 20, "unknown": 26}
COVERAGE = {"total": COUNTS, "domains": [{"domain": "water", **COUNTS}], "groups": []}
ROWS = """
JSON.stringify(['#head th', '#totals tr:first-child > *'].map(row => [...document.querySelectorAll(row)].map(cell => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  const {left, right} = range.getBoundingClientRect();
  return [left, right];
})))
"""
APART_PX = 3.0


async def rows_of(tab: Tab, page: Path, width_px: int) -> list[list[tuple[float, float]]]:
    """From where to where the texts reach in the head of the table and in its first row."""
    await tab.call("Emulation.setDeviceMetricsOverride", width=width_px, height=900, deviceScaleFactor=1, mobile=True)
    await tab.open(page.as_uri())
    await tab.value(f"coverage({json.dumps(COVERAGE)})")
    assert await tab.value("document.documentElement.scrollWidth") == width_px
    return [[(left, right) for left, right in row] for row in json.loads(await tab.value(ROWS))]


def test_on_a_phone_no_cell_of_the_table_touches_the_one_beside_it(tmp_path: Path) -> None:
    async def drive() -> None:
        async with chromium(tmp_path / "profile") as tab:
            for language in ("vi", "en"):
                page = tmp_path / f"{language}.html"
                page.write_text(page_text("start", language))
                for width_px in (412, 360):
                    for row in await rows_of(tab, page, width_px):
                        gaps = [right[0] - left[1] for left, right in pairwise(row)]
                        assert len(gaps) == 5
                        assert min(gaps) >= APART_PX, (language, width_px, gaps)

    asyncio.run(drive())
