"""RFC 3339 has a fast path for the form of nearly all times; it must agree with the slow path."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.readings.clock_trust import _rfc3339_ms_slow_path, rfc3339_ms
from tests.examples import examples

USUAL = ["2026-09-03T07:12:00Z", "2026-09-03T07:12:00.123456Z", "2026-09-03T07:12:00+07:00", "2026-12-31T23:59:60Z"]
edits = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["", *"0123456789-:.,TZtz+ wW\u0661"]), st.booleans()), min_size=1, max_size=4
)


@settings(max_examples=examples(3000))
@given(text=st.sampled_from(USUAL), edits=edits)
def test_a_time_with_a_few_wrong_characters_is_read_as_on_the_slow_path(text: str, edits: list[tuple[int, str, bool]]) -> None:
    for at, character, in_place in edits:
        text = text[:at] + character + text[at + in_place :]
    assert rfc3339_ms(text) == _rfc3339_ms_slow_path(text)


@given(instant=st.datetimes(min_value=datetime(1000, 1, 2), timezones=st.timezones()))  # noqa: DTZ001 - a bound
def test_every_instant_is_read_as_on_the_slow_path(instant: datetime) -> None:
    assert rfc3339_ms(instant.isoformat()) == _rfc3339_ms_slow_path(instant.isoformat())


@pytest.mark.parametrize("text", ["", "Z", "2", "2026-09-03", "x" * 1000])
def test_what_is_too_short_or_too_long_is_no_time(text: str) -> None:
    assert rfc3339_ms(text) is None
