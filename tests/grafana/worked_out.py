"""Questions of panels, answered in Python from a list of points: the figures that both databases must give."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Final

from grafana.ask import Ask, Compare, Each, Mark, Over, Question, Step, Where, first
from tests.grafana.answers import Figures, Labels, Page, within
from tests.grafana.as_documented import duration_ms
from tests.grafana.known_points import DAY_MS, HOUR_MS, ZONE_MS, KnownPoint, Value

KnownPoints = Mapping[str, Sequence[KnownPoint]]
"""Measurement → its points in order of time."""

_EACH: Final[Mapping[Each, Callable[[Sequence[float]], float]]] = {
    Each.LAST: lambda values: values[-1],
    Each.MEAN: fmean,
    Each.MIN: min,
    Each.MAX: max,
    Each.SUM: sum,
    Each.COUNT: len,
}
_OVER: Final[Mapping[Over, Callable[[Sequence[float]], float]]] = {
    Over.SUM: sum,
    Over.MEAN: fmean,
    Over.MIN: min,
    Over.MAX: max,
    Over.COUNT: len,
}


def shows(page: Page, point: KnownPoint) -> bool:
    """Tell if the device of a point is chosen."""
    chosen = all(point.tags.get(tag, "") in values for tag, values in page.choice.items() if tag in point.tags)
    names = (point.tags.get("device", ""), "" if "device" in point.tags else point.tags.get("area", "").lower())
    return chosen and (page.shows_simulated or not any(name.startswith("sim-") for name in names))


def figures(points: KnownPoints, question: Question, page: Page) -> Figures:
    """Answer a question."""
    rows = within(_combined(points, question, page), page)
    limit = first(question).limit
    if limit:
        ranked = sorted(rows.items(), key=lambda row: row[1], reverse=limit > 0)
        return dict(ranked[: abs(limit)])
    return rows


def _combined(points: KnownPoints, question: Question, page: Page) -> Figures:
    if isinstance(question, Ask):
        return _of_groups(points, question, page)
    left, right = _combined(points, question.left, page), _of_groups(points, question.right, page)
    operate: Callable[[float, float], float] = (lambda a, b: a - b) if question.operator == "-" else (lambda a, b: a / b)
    return {key: operate(left[key], right[key]) / question.per for key in left if key in right}


def _of_groups(points: KnownPoints, ask: Ask, page: Page) -> Figures:
    if page.length_ms <= ask.above_days * DAY_MS or 0 < ask.up_to_days * DAY_MS < page.length_ms:
        return {}
    if ask.of_areas is not None and ask.of_areas == any(tag in page.choice for tag in ("site", "device")):
        return {}
    if ask.days_before or ask.last_hours:
        return _of_other_time(points, replace(ask, above_days=0, up_to_days=0), page)
    if ask.mark:
        return (_of_highest if ask.over is Over.MAX else _marks)(points, ask, page)
    groups = defaultdict[tuple[Labels, int], list[float]](list)
    devices = defaultdict[tuple[Labels, int], set[str]](set)
    for (tags, time_ms), value in _of_series(points, ask, page):
        key = tuple(tags.get(tag, "") for tag in ask.by), time_ms
        groups[key].append(value)
        devices[key].add(tags.get("device", ""))
    if ask.over is Over.DEVICES:
        return {key: len(names) for key, names in devices.items()}
    has_none = ask.or_none and not groups and any(_of_series(points, replace(ask, field=ask.points.always, where=()), page))
    return {((), 0): 0.0} if has_none else {key: _OVER[ask.over](values) for key, values in groups.items()}


def _of_other_time(points: KnownPoints, ask: Ask, page: Page) -> Figures:
    """The figures of days before, of whole hours alone, or of the last hours."""
    moved_ms = ask.days_before * DAY_MS
    is_of_hours = moved_ms and ask.measurement.startswith("hourly") and ask.step is Step.HOUR
    begin_ms = max(page.begin_ms, page.end_ms - ask.last_hours * HOUR_MS) if ask.last_hours else page.begin_ms
    end_ms = page.end_ms - (HOUR_MS if is_of_hours else 0)
    that_time = replace(page, begin_ms=begin_ms - moved_ms, end_ms=end_ms - moved_ms)
    rows = _of_groups(points, replace(ask, days_before=0, last_hours=0), that_time)
    return {(tags, time_ms and time_ms + moved_ms): figure for (tags, time_ms), figure in rows.items()}


def _marks(points: KnownPoints, ask: Ask, page: Page) -> Figures:
    """The marks of points, each weighed by its part of the figure; in doubt is what is not sure."""
    sums, told = defaultdict[tuple[Labels, int], list[float]](lambda: [0.0, 0.0]), set[tuple[Labels, int]]()
    for point in points.get(ask.points.name or ask.measurement, ()):
        values = {name: float(value) for name, value in point.fields.items() if not isinstance(value, bool)}
        weighing = next((name for name in ask.weighs or (ask.field,) if name in values), None)
        is_shown = page.begin_ms <= point.time_ms <= page.end_ms and _is_asked(point, replace(ask, beside=""), page)
        if is_shown and weighing and values[weighing] >= 0 and "measured" in values:
            own = ask.field.partition("_")[0] + "_" if ask.measurement.endswith("_area") else ""
            own = own if own in ("used_", "supplied_") and ask.field in values else ""
            estimated, suspect, measured = (values[own + name] for name in ("estimated", "suspect", "measured"))
            sure = measured * (1 - suspect) * (1 - estimated / 100)
            mark = {"estimated": estimated, "suspect": suspect, "measured": measured, "doubt": sure}[str(ask.mark)]
            weight = values[weighing] + 1e-6
            key = tuple(point.tags.get(tag, "") for tag in ask.by), _step_ms(point, ask, page)
            added = sums[key]
            added[1] += weight
            if ask.field in values:
                added[0] += mark * weight
                told.add(key)
    shares = {key: part / whole for key, (part, whole) in sums.items() if key in told}
    return {key: 1 - share if ask.mark is Mark.DOUBT else share for key, share in shares.items()}


def _of_highest(points: KnownPoints, ask: Ask, page: Page) -> Figures:
    """The doubt of the highest point of each group, where that is above 0."""
    found: dict[tuple[Labels, int], KnownPoint] = {}
    for point in points.get(ask.measurement, ()):
        if page.begin_ms <= point.time_ms <= page.end_ms and _is_asked(point, ask, page) and ask.field in point.fields:
            key = tuple(point.tags.get(tag, "") for tag in ask.by), _step_ms(point, ask, page)
            if point.fields[ask.field] > (found[key].fields[ask.field] if key in found else 0.0):
                found[key] = point
    marked = {key: point.fields for key, point in found.items() if "measured" in point.fields}
    return {
        key: 1 - fields["measured"] * (1 - fields["suspect"]) * (1 - fields["estimated"] / 100)
        for key, fields in marked.items()
    }


def _of_series(points: KnownPoints, ask: Ask, page: Page) -> Iterator[tuple[tuple[Mapping[str, str], int], float]]:
    begin_ms = _begin_ms(ask, page)
    chosen = defaultdict[tuple[Labels, int], list[KnownPoint]](list)
    for point in points.get(ask.points.name or ask.measurement, ()):
        if begin_ms <= point.time_ms <= page.end_ms and _is_asked(point, ask, page):
            chosen[tuple(point.tags.get(tag, "") for tag in ask.series), _step_ms(point, ask, page)].append(point)
    for (_, time_ms), found in chosen.items():
        values = [(point.time_ms, point.fields[ask.field]) for point in found if ask.field in point.fields]
        figure = _each(ask, values, page)
        if figure is not None and all(_meets(found, where, page) for where in ask.where):
            yield (found[0].tags, time_ms), figure


def _begin_ms(ask: Ask, page: Page) -> int:
    if ask.step is Step.NOW:
        return page.end_ms - duration_ms(ask.within)
    return page.begin_ms - (2 * DAY_MS + page.length_ms if ask.each is Each.USED else 0)


def _is_asked(point: KnownPoint, ask: Ask, page: Page) -> bool:
    wanted = (*ask.points.tags, *ask.tags)
    if ask.beside and ask.beside not in point.fields:
        return False
    return all(point.tags.get(tag) == value for tag, value in wanted) and shows(page, point)


def _step_ms(point: KnownPoint, ask: Ask, page: Page) -> int:
    if not ask.is_over_time:
        return 0
    length_ms = page.step_ms(ask)
    return (point.time_ms + ZONE_MS) // length_ms * length_ms - ZONE_MS


def _each(ask: Ask, values: Sequence[tuple[int, Value]], page: Page) -> float | None:
    if ask.each is Each.TRUE:
        return sum(1 for _, value in values if value is True) or None
    if ask.each is Each.USED:
        before = [value for time_ms, value in values if time_ms < page.begin_ms]
        after = [value for time_ms, value in values if time_ms >= page.begin_ms]
        return after[-1] - before[-1] if before and after else None
    return float(_EACH[ask.each]([float(value) for _, value in values])) if values else None


def _meets(found: Sequence[KnownPoint], where: Where, page: Page) -> bool:
    limit = page.end_ms - where.value if where.is_age else where.value
    states = [point.fields[where.field] for point in found if where.field in point.fields]
    return bool(states) and _holds(where.compare, states[-1], limit)


def _holds(compare: Compare, value: float, limit: float) -> bool:
    if compare is Compare.IS:
        return value == limit
    return value > limit if compare is Compare.ABOVE else value < limit
