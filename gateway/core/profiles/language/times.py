"""The time of a point: ordered sources, the first plausible one is used."""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any, Final, NamedTuple

from gateway.core.profiles.language import calendars
from gateway.core.profiles.language.paths import Node, Nothing, nothing
from gateway.core.profiles.language.sources import (
    Cursor,
    Fault,
    Scope,
    Take,
    compile_end,
    compile_path,
    compile_paths,
    document_path,
    within,
)
from gateway.core.profiles.language.texts import compile_text
from gateway.core.profiles.language.values import compile_operand
from gateway.core.profiles.mapped import MappingContext, Window
from gateway.core.readings.clock_trust import rfc3339_ms
from schemas.profile_times import PART_NAMES, LastResort, TimeSource
from schemas.profile_values import TextSource, ValueSpec
from schemas.quantities import QUANTITIES, Quality

Stamp = tuple[int | None, int]
"""The time of a point, None for the gateway's at arrival, and the quality bit of a time that was counted back from arrival."""

ReadTime = Callable[[Cursor, MappingContext], int | None]

ARRIVAL: Final[Stamp] = (None, 0)
_OF_SERVER: Final = ("/time", "/raw")
"""Times around a device's frame."""
_FOR_EVER_MS: Final = 1 << 62
_SPAN_MAX_S: Final = 1 << 38
_SECONDS: Final = QUANTITIES["device_health"]["uptime_s"]
"""A quantity with the unit of a span."""


class CompiledSource(NamedTuple):
    """One source, compiled.

    :ivar otherwise: the action if its time is not believed; None: try the next source.
    :ivar is_own: the device's clock tells it, so it is corrected as was said of that; not the network server's, nor arrival.
    """

    origin: str
    read: ReadTime
    window: Window = Window()
    quality: int = 0
    otherwise: LastResort | None = None
    why_not: Callable[[Cursor], Nothing | None] = nothing
    is_own: bool = False

    def time_ms(self, here: Cursor, context: MappingContext) -> int | None:
        """The time that it tells; of a clock that shows too much, less by that."""
        time_ms = self.read(here, context)
        return time_ms - context.clock_offset_ms if self.is_own and time_ms is not None else time_ms


class Times:
    """The sources of a time in their order; ``of_items``: it depends on the item of ``each``."""

    def __init__(self, sources: Sequence[TimeSource], scope: Scope) -> None:
        """Compile the sources; faults go to the scope's list."""
        self.of_items = scope.in_each or any(source.base is not None for source in sources)
        self.sources: list[CompiledSource] = []
        self._last: Stamp | None = ARRIVAL
        for number, source in enumerate(sources):
            with scope.gather(str(number)):
                if source.last is None:
                    self.sources += _compile(source, scope)
                elif number + 1 < len(sources):
                    raise Fault("", f"{source.last} is the last resort; sources behind it are never used")
                elif source.last == "skip":
                    self._last = None

    def __call__(self, here: Cursor, context: MappingContext) -> Stamp | None:
        """The time of a point; None if no point may be made."""
        believes = context.believes
        for source in self.sources:
            time_ms = source.time_ms(here, context)
            if time_ms is not None and believes(time_ms, source.window):
                return time_ms, source.quality
            if source.otherwise is not None:
                return ARRIVAL if source.otherwise == "arrival" else None
        return self._last

    def explain(self, here: Cursor, context: MappingContext) -> list[tuple[str, Node]]:
        """Each source that is tried, with its time in ms."""
        steps: list[tuple[str, Any]] = []
        for source in self.sources:
            time_ms = source.time_ms(here, context)
            believed = time_ms is not None and context.believes(time_ms, source.window)
            found = source.why_not(here) if time_ms is None else time_ms
            steps.append((f"time from {source.origin}" + ("" if believed or time_ms is None else ", not believed"), found))
            if believed or source.otherwise is not None:
                break
        return steps


def times_of_envelope() -> Times:
    """The time of the network server, then arrival."""
    times = Times((), Scope())
    parse = calendars.compile_format("auto", None, None)

    def read(_: Cursor, context: MappingContext) -> int | None:
        value = context.document.get("time")
        time_ms = rfc3339_ms(value) if type(value) is str else None
        return parse(value) if time_ms is None else time_ms

    times.sources.append(CompiledSource("/time", read))
    return times


def _compile(source: TimeSource, scope: Scope) -> list[CompiledSource]:
    """A source; two for a time of SenML, which may be told in seconds since 1970 or from now (RFC 8428, 4.5.3)."""
    if scope.decoder.startswith("senml") and source.format in {"auto", "senml"}:
        seconds = source.model_copy(update={"format": "unix_s"})
        return [_one(seconds, scope)._replace(otherwise=None), _from_now(source, scope)]
    return [_one(source, scope)]


def _from_now(source: TimeSource, scope: Scope) -> CompiledSource:
    seconds_from_now = compile_path("t_rel", scope)

    def read(here: Cursor, context: MappingContext) -> int | None:
        seconds = seconds_from_now(here)
        span_ms = _in_ms(seconds)
        return None if not seconds or span_ms is None else context.now_ms + span_ms

    return CompiledSource("t_rel", read, _window(source), Quality.GATEWAY_TIME, source.else_)


def _window(source: TimeSource) -> Window:
    return Window(source.max_past, source.max_future)


def _one(source: TimeSource, scope: Scope) -> CompiledSource:
    read, quality = _reader(source, scope)
    if source.minus is not None:
        with within("minus"):
            read = _less(read, _span_ms(source.minus, scope))
    if source.base is not None and source.step is not None:
        with within("step"):
            read = _stepped(read, source, _span_ms(source.step, scope))
    origin = _origin(source)
    is_own = origin != "arrival" and not (scope.is_frame and origin.startswith(_OF_SERVER))
    return CompiledSource(origin, read, _window(source), quality, source.else_, _why_not(source, scope), is_own)


def _why_not(source: TimeSource, scope: Scope) -> Callable[[Cursor], Nothing | None]:
    """Compile the message that says why there is no time: an empty path, or a value of another format."""
    paths = source.path or source.base
    if paths is None or paths.first_of == ["arrival"]:
        return nothing
    take, end = compile_paths(paths, scope), compile_end(paths, scope)

    def why_not(here: Cursor) -> Nothing:
        found = take(here)
        return end(here) if found is None else Nothing(f"{str(found)[:40]!r} is not {source.format}")

    return why_not


def _origin(source: TimeSource) -> str:
    paths = source.path or source.base
    without = next((name for name in ("parts", "join") if getattr(source, name)), "arrival")
    return paths.first_of[0] if paths else source.topic or source.property or without


def _reader(source: TimeSource, scope: Scope) -> tuple[ReadTime, int]:
    """Compile the reader of the time, with the quality bit of its result."""
    if source.parts is not None:
        return _from_parts(source, scope), 0
    if _origin(source) == "arrival":
        return (lambda _, context: context.now_ms), Quality.GATEWAY_TIME
    if calendars.is_clock(source.format):
        return _of_clock(source, scope), 0
    parse = calendars.format_of(source, scope)
    take = _take(source, scope)
    if source.path is not None and (get := document_path(source.path, scope)) is not None:
        return (lambda here, _: parse(get(here.document))), 0
    return (lambda here, _: parse(take(here))), 0


def _take(source: TimeSource, scope: Scope) -> Take:
    if source.join is not None:
        return compile_text(TextSource(join=source.join, by=source.by), scope)
    if source.base is None:
        return calendars.take_instant(source, scope)
    with within("base"):
        return compile_paths(source.base, scope)


def _of_clock(source: TimeSource, scope: Scope) -> ReadTime:
    """A time of day, on the last day on which it may have been read."""
    with within("format"):
        if source.epoch is not None:
            raise Fault("", "a time of day has no epoch")
        parse, tz = calendars.compile_clock(source.format, source.zone)
    take = _take(source, scope)
    return _on_last_day(lambda here: parse(take(here)), tz, source)


def _on_last_day(clock: Take, tz: tzinfo, source: TimeSource) -> ReadTime:
    window = _window(source)

    def read(here: Cursor, context: MappingContext) -> int | None:
        clock_ms = clock(here)
        latest_ms = context.believes.latest_ms(window) + context.clock_offset_ms
        return None if clock_ms is None else calendars.on_last_day(clock_ms, tz, latest_ms)

    return read


def _from_parts(source: TimeSource, scope: Scope) -> ReadTime:
    with within("zone"):
        if source.zone is None:
            raise Fault("", 'parts have no zone in them; give one, for example "+07:00"')
        tz = calendars.parse_zone(source.zone)
    takes: list[Take] = []
    given = source.parts or {}
    has_date = any(name in given for name in PART_NAMES[:3])
    for name in PART_NAMES:
        part = given.get(name)
        with within(f"parts.{name}"):
            if part is None and name in PART_NAMES[:3] and has_date:
                raise Fault("", "a time needs year, month and day, or a time of day none of them")
            if part is None and name == "hour" and not has_date:
                raise Fault("", "a time of day needs its hour")
            takes.append(nothing if part is None else compile_operand(part, scope))
    if not has_date:
        return _on_last_day(lambda here: calendars.clock_from_parts(*(take(here) for take in takes[3:])), tz, source)
    return lambda here, _: calendars.from_parts([take(here) for take in takes], tz)


def _span_ms(span: ValueSpec, scope: Scope) -> Callable[[Cursor], int | None]:
    """A span of time in ms; without a unit it is in seconds."""
    take = compile_operand(span, scope, _SECONDS)
    return lambda here: _in_ms(take(here))


def _in_ms(seconds: Node) -> int | None:
    return round(seconds * 1000) if isinstance(seconds, int | float) and abs(seconds) < _SPAN_MAX_S else None


def _less(read: ReadTime, span_ms: Callable[[Cursor], int | None]) -> ReadTime:
    def less(here: Cursor, context: MappingContext) -> int | None:
        time_ms, age_ms = read(here, context), span_ms(here)
        return None if time_ms is None or age_ms is None else time_ms - age_ms

    return less


def _stepped(read: ReadTime, source: TimeSource, step_ms: Callable[[Cursor], int | None]) -> ReadTime:
    """The time of an item, counted from its base. A base ahead of now would make all items before it wrong."""
    sign, first, base_window = source.sign, source.first, Window(_FOR_EVER_MS, source.max_future)

    def stepped(here: Cursor, context: MappingContext) -> int | None:
        base_ms, one_ms = read(here, context), step_ms(here)
        if base_ms is None or one_ms is None or (sign < 0 and not context.believes(base_ms, base_window)):
            return None
        return base_ms + sign * (first + here.number) * one_ms

    return stepped
