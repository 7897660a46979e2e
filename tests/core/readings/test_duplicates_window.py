"""The window of duplicates at its edges: what it forgets and when, and what of it is stored and taken back."""

import pytest

from gateway.core.readings.duplicates import KEYS_MAX, WINDOW_S, DedupResult, DedupVerdict, Key, MessageKeys, RecentKeys
from gateway.core.readings.line_protocol import SHAPES_MAX, FieldSets, series_key
from tests.core.making import NOW_MS, SECOND_MS

SERIES = series_key("water", ",device=d")
WIDE = tuple(f"field_{number}" for number in range(9))
"""More fields than a word holds fingerprints: a key takes five words."""


class Window:
    """The window of one device, whose readings have these fields."""

    def __init__(self, *fields: str, field_sets: FieldSets | None = None) -> None:
        self.field_sets = field_sets or FieldSets()
        self.fields = fields or ("ph",)
        self.keys = RecentKeys()

    def see(self, time_ms: int, later_s: int = 0, value: float = 7.0) -> DedupVerdict:
        """Judge a reading that comes so much later than the first."""
        field_set, values = self.field_sets.of(self.fields), (value,) * len(self.fields)
        return self.keys.see_key(SERIES, time_ms, values, field_set, 0, NOW_MS + later_s * SECOND_MS, self.field_sets).verdict

    def young(self, later_s: int = 0) -> list[Key]:
        """Return the window as it would be stored then."""
        return list(self.keys.young_keys(NOW_MS + later_s * SECOND_MS, self.field_sets))


@pytest.mark.parametrize("fields", [("ph",), WIDE], ids=["few-fields", "many-fields"])
def test_the_oldest_key_makes_room_for_one_too_many_whatever_room_each_takes(fields: tuple[str, ...]) -> None:
    window = Window(*fields)
    for number in range(KEYS_MAX + 5):
        window.see(NOW_MS + number)
    assert len(window.young()) == KEYS_MAX
    assert [window.see(NOW_MS + number) for number in range(5, KEYS_MAX + 5)] == [DedupVerdict.DUPLICATE] * KEYS_MAX


def test_a_key_that_is_ten_minutes_old_counts_to_the_second() -> None:
    window = Window()
    window.see(NOW_MS)
    assert window.see(NOW_MS + 1, WINDOW_S) is DedupVerdict.NEW
    assert window.see(NOW_MS, WINDOW_S) is DedupVerdict.DUPLICATE


@pytest.mark.parametrize("later_s", [WINDOW_S + 1, 1 << 15, (1 << 16) - WINDOW_S - 1])
def test_a_key_counts_no_more_after_hours(later_s: int) -> None:
    window = Window()
    window.see(NOW_MS)
    assert window.see(NOW_MS, later_s) is DedupVerdict.NEW


def test_a_reading_that_was_forgotten_is_known_again_once_it_came_again() -> None:
    window = Window()
    window.see(NOW_MS)
    window.see(NOW_MS + 1, 1)
    assert window.see(NOW_MS + 1, WINDOW_S + 2, 8.0) is DedupVerdict.NEW
    assert window.see(NOW_MS + 1, WINDOW_S + 2, 8.0) is DedupVerdict.DUPLICATE
    one = Window()
    one.see(NOW_MS)
    assert len(window.keys.window) == len(one.keys.window)


def test_only_keys_that_still_count_are_stored() -> None:
    window = Window()
    for later_s in (0, 1, 300):
        window.see(NOW_MS + later_s, later_s)
    assert [key.age_s for key in window.young(300)] == [300, 299, 0]
    assert [key.age_s for key in window.young(WINDOW_S)] == [600, 599, 300]
    assert [key.age_s for key in window.young(WINDOW_S + 1)] == [600, 301]


def test_a_key_whose_field_set_is_one_too_many_is_not_stored() -> None:
    """Its fields are not known any more."""
    field_sets = FieldSets()
    for number in range(SHAPES_MAX):
        field_sets.of((f"field_{number}",))
    window = Window("one_too_many", field_sets=field_sets)
    window.see(NOW_MS)
    assert (window.young(), window.see(NOW_MS)) == ([], DedupVerdict.DUPLICATE)


@pytest.mark.parametrize(
    ("age_s", "later_s", "verdict"),
    [
        pytest.param(0, 0, DedupVerdict.DUPLICATE, id="new"),
        pytest.param(590, 10, DedupVerdict.DUPLICATE, id="ten-minutes-with-the-time-before"),
        pytest.param(590, 11, DedupVerdict.NEW, id="more-than-ten-minutes-with-the-time-before"),
        pytest.param(600, 0, DedupVerdict.DUPLICATE, id="ten-minutes"),
        pytest.param(601, 0, DedupVerdict.NEW, id="older"),
    ],
)
def test_a_stored_key_is_as_old_as_it_was(age_s: int, later_s: int, verdict: DedupVerdict) -> None:
    window = Window()
    window.see(NOW_MS)
    (key,) = window.young()
    again = Window()
    again.keys.restore_keys(NOW_MS, [key._replace(age_s=age_s)], NOW_MS, again.field_sets)
    assert again.see(NOW_MS, later_s) is verdict


def test_a_stored_key_that_does_not_fit_its_fields_is_left_out() -> None:
    window = Window()
    window.see(NOW_MS)
    (key,) = window.young()
    again = Window()
    again.keys.restore_keys(NOW_MS, [key._replace(fingerprints=(1, 2))], NOW_MS, again.field_sets)
    assert (again.young(), again.see(NOW_MS)) == ([], DedupVerdict.NEW)


def test_readings_of_one_message_for_one_point_join_with_the_quality_of_all() -> None:
    keys = MessageKeys(["here"])
    assert ("here" in keys, "there" in keys) == (True, False)
    assert keys.compare("here", {"ph": 7.0}, 1).verdict is DedupVerdict.NEW
    keys.keep("here", {"ph": 7.0}, 1)
    assert keys.compare("here", {"level_m": 2.0}, 4) == DedupResult(DedupVerdict.JOINS, ("level_m",), 5)
    keys.keep("here", {"level_m": 2.0, "ph": 9.0}, 4)
    assert keys.compare("here", {"ph": 7.0, "level_m": 2.0}, 0).verdict is DedupVerdict.DUPLICATE
    assert keys.compare("here", {"ph": 9.0}, 0) == DedupResult(DedupVerdict.CONFLICT, ("ph",)), "the first stays"
