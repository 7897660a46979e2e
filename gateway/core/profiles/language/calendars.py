"""Formats of times: a value of a payload → milliseconds since 1970 in UTC, or None if it is not a time.

Times in a payload need not be plausible: the seconds between two of them are a value too.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.core.profiles.language.numbers import number_in
from gateway.core.profiles.language.paths import Node
from gateway.core.profiles.language.sources import Cursor, Fault, Scope, Take, compile_paths, of_property, within
from gateway.core.readings.clock_trust import epoch_ms, rfc3339_ms
from schemas.profile_times import PART_NAMES
from schemas.profile_values import Instant
from schemas.rejects import DropCause

Parse = Callable[[Any], int | None]

_OFFSET = re.compile(r"([+-])([01]\d|2[0-3]):?([0-5]\d)")
_WALL = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_EPOCHS: Final = {"unix_s": (1000, 1), "unix_ms": (1, 1), "unix_us": (1, 1000), "unix_ns": (1, 1_000_000)}
"""Format → factor and divisor to get ms."""

DAY_MS: Final = 86_400_000
_FARTHEST_MS: Final = 1 << 53
_LONGEST: Final = 64
_CENTURY: Final = 2000
_SHORT_YEARS: Final = 100
_YEAR_MAX: Final = 9999


def parse_zone(text: str) -> tzinfo:
    """The time zone that a profile names."""
    match = _OFFSET.fullmatch(text)
    if match is not None:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-offset if match[1] == "-" else offset)
    if text in {"Z", "UTC"}:
        return UTC
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'{text!r} is not a time zone; write for example "+07:00" or Asia/Ho_Chi_Minh') from None


def compile_format(name: str, zone: str | None, epoch: str | None) -> Parse:
    """The function that reads a format."""
    tz = None if zone is None else parse_zone(zone)
    if epoch is not None and name not in _EPOCHS:
        raise ValueError(f"epoch belongs to {', '.join(_EPOCHS)}")
    if name in _EPOCHS:
        return _counted(*_EPOCHS[name], epoch)
    if name == "rfc3339":
        return _text(tz)
    if name in {"auto", "senml"}:
        return _any(tz)
    if name == "parts":
        return _of_parts(_needed(tz, name))
    if "%" in name:
        return _pattern(name, tz if "%z" in name else _needed(tz, name))
    formats = ", ".join(("rfc3339", *_EPOCHS, "auto", "parts", "senml"))
    raise ValueError(f"{name!r} is not a time format; the formats are {formats} and patterns such as %d.%m.%Y %H:%M")


_DIRECTIVE = re.compile(r"%(.)")
_OF_CLOCKS: Final = frozenset("HIX")
_OF_DATES: Final = frozenset("dbBmyYjUWGVcx")


def is_clock(name: str) -> bool:
    """Tell if a format is a pattern of a time of day, without a date."""
    told = set(_DIRECTIVE.findall(name))
    return bool(told & _OF_CLOCKS) and not told & _OF_DATES


def compile_clock(name: str, zone: str | None) -> tuple[Parse, tzinfo]:
    """The function that reads a time of day, in ms since midnight, and the zone of that midnight."""
    tz = UTC if "%z" in name else _needed(None if zone is None else parse_zone(zone), name)
    read = _pattern(name, UTC)

    def parse(value: Node) -> int | None:
        ms = read(value)
        return None if ms is None else ms % DAY_MS

    return parse, tz


def on_last_day(clock_ms: int, tz: tzinfo, latest_ms: int) -> int | None:
    """The last instant not after ``latest_ms`` at which clocks of a zone showed a time of day."""
    clock = (_EPOCH + timedelta(milliseconds=clock_ms)).time()
    try:
        day = (_EPOCH + timedelta(milliseconds=latest_ms)).astimezone(tz).date()
        found = _ms(datetime.combine(day, clock), tz)
        return found if found <= latest_ms else _ms(datetime.combine(day - timedelta(days=1), clock), tz)
    except OverflowError:
        return None


def _needed(tz: tzinfo | None, name: str) -> tzinfo:
    if tz is None:
        raise ValueError(f'{name!r} has no zone in it; give zone, for example "+07:00"')
    return tz


def _counted(times: int, by: int, epoch: str | None) -> Parse:
    start_ms = 0 if epoch is None else rfc3339_ms(epoch)
    if start_ms is None:
        raise ValueError(f"{epoch!r} is not an RFC 3339 time; write for example 2015-01-01T00:00:00Z")

    def parse(value: Node) -> int | None:
        number = number_in(value) if isinstance(value, str) else value
        if isinstance(number, bool) or not isinstance(number, int | float):
            return None
        ms = number * times / by if isinstance(number, float) else number * times // by
        return round(ms) + start_ms if abs(ms) < _FARTHEST_MS else None  # false for NaN too

    return parse


def _text(tz: tzinfo | None) -> Parse:
    def parse(value: Node) -> int | None:
        ms = rfc3339_ms(value) if isinstance(value, str) else None
        if ms is not None or tz is None or not isinstance(value, str) or not _WALL.fullmatch(value.strip()):
            return ms
        try:
            return _ms(datetime.fromisoformat(value.strip().replace(",", ".")), tz)
        except (ValueError, OverflowError):
            return None

    return parse


def _ms(instant: datetime, tz: tzinfo | None) -> int:
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=tz)
    return (instant - _EPOCH) // _MS


def _any(tz: tzinfo | None) -> Parse:
    text = _text(tz)

    def parse(value: Node) -> int | None:
        if isinstance(value, str):
            ms = text(value)
            number = number_in(value) if ms is None else None
            return ms if number is None else epoch_ms(number)
        return epoch_ms(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    return parse


def _pattern(pattern: str, tz: tzinfo | None) -> Parse:
    try:
        datetime.strptime(datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC).strftime(pattern), pattern)  # noqa: DTZ007 - a trial
    except (ValueError, re.error, OverflowError) as error:
        raise ValueError(f"{pattern!r} is not a strptime pattern: {error}") from None

    def parse(value: Node) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or len(value) > _LONGEST:
            return None
        try:
            return _ms(datetime.strptime(value.strip(), pattern), tz)  # noqa: DTZ007 - the zone is the profile's
        except (ValueError, OverflowError):
            return None

    return parse


def _of_parts(tz: tzinfo) -> Parse:
    def parse(value: Node) -> int | None:
        if isinstance(value, dict):
            return from_parts([value.get(name) for name in PART_NAMES], tz)
        return from_parts(value, tz) if isinstance(value, list) and len(value) <= len(PART_NAMES) else None

    return parse


def clock_from_parts(hour: Node, minute: Node, second: Node) -> int | None:
    """The ms since midnight that hour, minute and second make; the minute and the second may be missing."""
    ms = from_parts([1970, 1, 1, hour, minute, second], UTC) if hour is not None else None
    return ms if ms is not None and ms < DAY_MS else None


def from_parts(parts: Sequence[Node], tz: tzinfo) -> int | None:
    """The time that year, month, day and so on make; the hour and what is below it may be missing."""
    numbers = []
    for name, part in zip(PART_NAMES, [*parts, None, None, None, None, None, None], strict=False):
        number = number_in(part) if isinstance(part, str) else part
        if number is None and name in PART_NAMES[3:]:
            number = 0
        if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) <= _YEAR_MAX:
            return None
        numbers.append(number)
    year, month, day, hour, minute = (int(number) for number in numbers[:5])
    try:
        start = datetime(year + _CENTURY if year < _SHORT_YEARS else year, month, day, hour, minute, tzinfo=tz)
        return (start + timedelta(seconds=float(numbers[5])) - _EPOCH) // _MS
    except (ValueError, OverflowError):
        return None


def take_instant(source: Instant, scope: Scope) -> Take:
    """Take the value at the path of a time."""
    if source.path is not None:
        with within("path"):
            return compile_paths(source.path, scope)
    if source.property is not None:
        return of_property(source.property)
    name = str(source.topic)
    if name not in scope.captures:
        raise Fault("topic", f"{name!r} is not a named level of the topics")
    return lambda here: here.captures.get(name)


def format_of(source: Instant, scope: Scope) -> Parse:
    """Compile the format of a time; a line of an OBIS telegram has its time beside its value."""
    with within("format"):
        if is_clock(source.format):
            parse, _ = compile_clock(source.format, source.zone or "UTC")
        else:
            parse = compile_format(source.format, source.zone, source.epoch)
    return (lambda value: parse(value.get("time") if type(value) is dict else value)) if scope.decoder == "obis" else parse


def compile_between(instants: Sequence[Instant], scope: Scope) -> Take:
    """The seconds from the first of two times to the second; of two times of day, to the next time the clock shows it."""
    are_clocks, end_is_clock = (is_clock(instant.format) for instant in instants)
    if are_clocks is not end_is_clock:
        raise Fault("between", "one of the times has a date and the other has not")
    readers = []
    for number, instant in enumerate(instants):
        with within(f"between.{number}"):
            readers.append((take_instant(instant, scope), format_of(instant, scope)))

    def between(here: Cursor) -> Node:
        values = [take(here) for take, _ in readers]
        times = [None if value is None else parse(value) for value, (_, parse) in zip(values, readers, strict=True)]
        if any(ms is None and value is not None for ms, value in zip(times, values, strict=True)):
            return DropCause.WRONG_TYPE
        start_ms, end_ms = times
        if start_ms is None or end_ms is None:
            return None
        span_ms = end_ms - start_ms
        return (span_ms % DAY_MS if are_clocks else span_ms) / 1000

    return between
