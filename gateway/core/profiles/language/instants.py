"""Times in a payload that need not be plausible: the seconds between two of them."""

from collections.abc import Sequence

from gateway.core.profiles.language.calendars import DAY_MS, compile_clock, compile_format, is_clock, of_line
from gateway.core.profiles.language.paths import Node
from gateway.core.profiles.language.sources import Cursor, Fault, Scope, Take, compile_paths, within
from schemas.profile_values import FirstOf, Instant
from schemas.rejects import DropCause


def take_instant(source: Instant, scope: Scope) -> Take:
    """Take the value at the path of a time.

    :raises Fault: it names something that does not exist.
    """
    if source.topic is not None:
        name = source.topic
        if name not in scope.captures:
            raise Fault("topic", f"{name!r} is not a named level of the topics")
        return lambda here: here.captures.get(name)
    if source.property is not None:
        name = source.property
        return lambda here: here.properties.get(name)
    with within("path"):
        return compile_paths(source.path or FirstOf(first_of=["/"]), scope)


def compile_between(instants: Sequence[Instant], scope: Scope) -> Take:
    """The seconds from the first of two times to the second; of two times of day, to the next time the clock shows it.

    :raises Fault: a time cannot be read in this way.
    """
    clocks = [is_clock(instant.format) for instant in instants]
    if len(set(clocks)) > 1:
        raise Fault("between", "one of the times has a date and the other has not")
    takes = []
    for number, instant in enumerate(instants):
        with within(f"between.{number}"):
            takes.append(_compile(instant, scope))
    (start, end), are_clocks = takes, clocks[0]

    def between(here: Cursor) -> Node:
        start_ms, end_ms = start(here), end(here)
        if not isinstance(start_ms, int) or not isinstance(end_ms, int):
            return DropCause.WRONG_TYPE if DropCause.WRONG_TYPE in {start_ms, end_ms} else None
        span_ms = end_ms - start_ms
        return (span_ms % DAY_MS if are_clocks else span_ms) / 1000

    return between


def _compile(instant: Instant, scope: Scope) -> Take:
    """Compile the reader of a time in ms; it gives None for nothing, WRONG_TYPE for a value of another format."""
    take = take_instant(instant, scope)
    with within("format"):
        if is_clock(instant.format):
            parse = compile_clock(instant.format, instant.zone or "UTC")[0]
        else:
            parse = compile_format(instant.format, instant.zone, instant.epoch)
        parse = of_line(parse) if scope.decoder == "obis" else parse

    def time_ms(here: Cursor) -> Node:
        found = take(here)
        if found is None:
            return None
        ms = parse(found)
        return DropCause.WRONG_TYPE if ms is None else ms

    return time_ms
