"""Numbers, times and lengths of time as the readers of a language write them."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from math import isfinite
from typing import Final, NamedTuple


class _Writing(NamedTuple):
    """Habits of a language: forms as ``strftime`` has them, and ``spans`` of days to seconds, one and several."""

    decimal: str
    group: str
    month: str
    short_day: str
    date: str
    moment: str
    spans: tuple[tuple[str, str], ...]


_WRITING: Final = {
    "vi": _Writing(
        ",", ".", "%m/%Y", "%d/%m", "%d/%m/%Y", "%H:%M:%S %d/%m/%Y", (("ngày",) * 2, ("giờ",) * 2, ("phút",) * 2, ("giây",) * 2)
    ),
    "en": _Writing(
        ".",
        ",",
        "%b %Y",
        "%d %b",
        "%d %b %Y",
        "%d %b %Y, %H:%M:%S",
        (("day", "days"), ("hour", "hours"), ("minute", "minutes"), ("second", "seconds")),
    ),
}
_SPANS_S: Final = (86_400, 3600, 60, 1)
_NO_BREAK: Final = "\u00a0"
_NOTHING: Final = "\u2013"
_STEP: Final = 1024.0
_VIETNAMESE: Final = str.maketrans(",.", ".,")


def localized(number: str, language: str) -> str:
    """A number in the English form, as the readers of a language write it."""
    return number.translate(_VIETNAMESE) if language == "vi" else number


@dataclass(frozen=True, slots=True)
class Formats:
    """The ways of writing of one language, ``vi`` or ``en``; times and days are those of the zone."""

    language: str
    zone: tzinfo

    def number(self, value: float, decimals: int = 4) -> str:
        """A number with at most so many decimals, its thousands in groups."""
        if not isfinite(value):
            return _NOTHING
        text = f"{value:,.{0 if isinstance(value, int) else decimals}f}"
        whole, _, rest = text.partition(".")
        rest = rest.rstrip("0")
        if whole.strip("-0,") == rest == "":
            whole = "0"  # never -0
        writing = _WRITING[self.language]
        whole = whole.replace(",", writing.group)
        return f"{whole}{writing.decimal}{rest}" if rest else whole

    def with_unit(self, value: float, unit: str, decimals: int = 4) -> str:
        """A number and its unit, which stay on one line."""
        return f"{self.number(value, decimals)}{_NO_BREAK}{unit}" if unit else self.number(value, decimals)

    def share(self, part: float, whole: float) -> str:
        """A part of a whole in per cent, rounded down so that only all of them is 100 %; a dash where there is no whole."""
        return self.with_unit(int(1000 * part / whole) / 10, "%", 1) if whole else _NOTHING

    def size(self, size_bytes: float) -> str:
        """A number of bytes in the unit that suits it."""
        units = iter(("B", "KiB", "MiB"))
        for unit in units:
            if size_bytes < _STEP:
                return self.with_unit(size_bytes, unit, 1)
            size_bytes /= _STEP
        return self.with_unit(size_bytes, "GiB", 1)

    def moment(self, ms: float) -> str:
        """A date and the time of day."""
        return self._time(ms).strftime(_WRITING[self.language].moment)

    def short_day(self, ms: float) -> str:
        """A date without its year."""
        return self._time(ms).strftime(_WRITING[self.language].short_day)

    def midnight_ms(self, day: date) -> int:
        """The beginning of a day, in ms since 1970."""
        return round(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp()) * 1000

    def day(self, ms: float) -> str:
        """A date."""
        return self._time(ms).strftime(_WRITING[self.language].date)

    def month(self, ms: float) -> str:
        """A month."""
        return self._time(ms).strftime(_WRITING[self.language].month)

    def time_of_day(self, ms: float) -> str:
        """The time of day, to the minute."""
        return self._time(ms).strftime("%H:%M")

    def span(self, seconds: float) -> str:
        """A length of time in its largest unit, rounded down."""
        of_unit = zip(_SPANS_S, _WRITING[self.language].spans, strict=True)
        length_s, (one, several) = next(
            (row for row in of_unit if abs(seconds) >= row[0]), (1, _WRITING[self.language].spans[-1])
        )
        count = int(seconds / length_s)
        return f"{self.number(count)}{_NO_BREAK}{one if abs(count) == 1 else several}"

    def _time(self, ms: float) -> datetime:
        return datetime.fromtimestamp(ms / 1000, self.zone)


_UNITS_MS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms"))


def written_span(span_ms: int) -> str:
    """A span as files of settings write it: in the largest unit that divides it."""
    length_ms, unit = next((row for row in _UNITS_MS if span_ms >= row[0] and span_ms % row[0] == 0), (1000, "s"))
    return f"{span_ms // length_ms} {unit}"
