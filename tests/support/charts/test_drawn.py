"""Each kind of chart is drawn as before, to the pixel."""

import pytest

from tests.support.charts.drawings import DRAWINGS, FILE, in_lines

EXPECTED = dict(part.split("\n", 1) for part in FILE.read_text().split("\n\n") if part)


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_chart_is_drawn_as_before(name: str) -> None:
    assert in_lines(DRAWINGS[name]()) == EXPECTED[name]
