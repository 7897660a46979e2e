"""Refuses panels that would read too much, that a query language cannot ask, or that do not fit their page.

An operator's page refreshes each minute or five, and is 1440 pixels wide.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from grafana.ask import DAYS_BY_HOUR, Ask, CannotAsk, Each, Over, Step, asks, first
from grafana.columns import too_wide
from grafana.layout import cut_off, lines
from grafana.model import MAP_POINTS_MAX, ROWS_MAX, Dashboard, Kind, Panel, panel_id
from grafana.stores import DATABASES
from grafana.text import LANGUAGES, said_in

IN_SIGHT_MAX: Final = 20
"""Panels that a dashboard opens with; the rest stands in closed rows."""
QUERIES_MAX: Final = 40
_OF_ONE_TIME: Final = (Kind.STAT, Kind.TABLE, Kind.MAP, Kind.WORST)


def faults(board: Dashboard) -> list[str]:
    """Return one sentence for each question of a dashboard that is refused."""
    is_of_one_device = any(variable.name == "device" and variable.is_single for variable in board.variables)
    own = [
        f"Dashboard '{board.name}', panel '{panel.title}': {sentence}"
        for section in board.sections
        for panel in section.panels
        for sentence in (*_unaskable(panel), *_unbounded(panel, is_of_one_device=is_of_one_device))
    ]
    return [*own, *_of_one_id(board)]


def twice(boards: Iterable[Dashboard]) -> list[str]:
    """Return one sentence for each row that stands on two dashboards."""
    met: dict[tuple[str, ...], str] = {}
    rows = [(board.name, section) for board in boards for section in board.sections]
    return [
        f"'{section.en}' of '{name}' stands on '{met[titles]}' too."
        for name, section in rows
        if met.setdefault(titles := tuple(panel.en for panel in section.panels), name) != name
    ]


def misfits(board: Dashboard) -> Iterator[str]:
    """Yield one sentence for each thing that does not fit the page of an operator."""
    open_panels = [panel for section in board.sections if not section.closed for panel in section.panels]
    if len(open_panels) > IN_SIGHT_MAX:
        yield f"Dashboard '{board.name}' opens with {len(open_panels)} panels, of at most {IN_SIGHT_MAX}. Close some rows."
    for language in LANGUAGES:
        said: Dashboard = said_in(board, language)
        for place in (place for section in said.sections for line in lines(section.panels) for place in line):
            cut, beyond = cut_off(place.panel.title, place.width), too_wide(place.panel)
            if cut:
                yield f"Dashboard '{board.name}': the title '{place.panel.title}' is {cut:.0f} pixels wider than its panel."
            if beyond:
                yield f"Dashboard '{board.name}': the table '{place.panel.title}' is {beyond:.0f} pixels wider than its panel."
    for database in DATABASES:
        asked = sum(len(database.targets(panel)) for panel in open_panels)
        if asked > QUERIES_MAX:
            yield f"Dashboard '{board.name}' opens with {asked} questions in {database.language}, of at most {QUERIES_MAX}."


def _of_one_id(board: Dashboard) -> Iterator[str]:
    met: dict[int, str] = {}
    for section in board.sections:
        for names in ((section.en,), *((section.en, panel.en) for panel in section.panels)):
            number, name = panel_id(board.name, *names), " / ".join(names)
            if number in met:
                yield f"Dashboard '{board.name}': '{met[number]}' and '{name}' have one id. Give one of them another title."
            met[number] = name


def _unaskable(panel: Panel) -> Iterator[str]:
    for database in DATABASES:
        for question in panel.questions:
            try:
                text = database.query(question)
            except CannotAsk as error:
                yield str(error)
                continue
            if (panel.days or panel.days_before) and "${__" in text:
                yield f"{database.language} would ask about the time of the page and not about that of the panel."


def _unbounded(panel: Panel, *, is_of_one_device: bool) -> Iterator[str]:
    first_limit = next((first(question).limit for question in panel.questions), 0)
    for question in panel.questions:
        for ask in asks(question):
            if ask.is_over_time == (panel.kind in _OF_ONE_TIME):
                yield f"{ask.measurement}.{ask.field}: a table or a single figure is not over time, all else is."
            if is_of_one_device:
                continue
            if ask.points.is_raw and ask.step is not Step.NOW and not _is_few_days(ask):
                yield f"{ask.measurement}.{ask.field}: reads all readings of all devices. Ask the roll-ups, or set up_to_days."
            rows_max = MAP_POINTS_MAX if panel.kind is Kind.MAP else ROWS_MAX
            if "device" in ask.by and not 0 < abs(ask.limit or first_limit) <= rows_max:
                yield f"{ask.measurement}.{ask.field}: has a row or line for each device. Set a limit of at most {rows_max}."


def _is_few_days(ask: Ask) -> bool:
    """Tell if it reads the points of few days and adds or counts them, or takes the mean of what few devices send."""
    is_added = ask.each in (Each.SUM, Each.COUNT, Each.TRUE) and ask.over in (Over.SUM, Over.MEAN, Over.COUNT)
    return is_added and 0 < ask.up_to_days <= DAYS_BY_HOUR
