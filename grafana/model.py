"""The parts of a dashboard. The tables hold these rows and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, NamedTuple
from zlib import crc32

from grafana.ask import Ask, Question, column_name, first
from grafana.text import Text, both

PROMETHEUS: Final = "province-prometheus"
"""Identifier of the data source of the gateway's own metrics, as ``provisioning/datasources`` gives it."""

ROWS_MAX: Final = 100
"""Rows of a table of devices."""
MAP_POINTS_MAX: Final = 5000

GOOD, INFO, WARNING, CRITICAL, MISSING = "green", "#3274d9", "#e5a50a", "red", "#9a9a9a"
"""One colour, one meaning, on every dashboard."""
GREEN, YELLOW, ORANGE, RED, GREY = GOOD, WARNING, WARNING, CRITICAL, MISSING

Steps = tuple[tuple[float | None, str], ...]
"""From which value on which colour; the first from None, which means everything below the second."""


class Kind(Enum):
    """The form of a panel."""

    LINES = auto()
    AREAS = auto()
    """Lines stacked on each other."""
    BARS = auto()
    """Bars stacked on each other."""
    STAT = auto()
    """One large number."""
    PEAK = auto()
    """The highest figure of a line as one large number."""
    NEWEST = auto()
    """The newest figure of a line as one large number."""
    WORST = auto()
    """The largest or smallest of many groups as one large number, beside it the name of the group."""
    VALUES = auto()
    """Lines of several units, each with an axis of its own, and beside them their newest, lowest and highest figures."""
    STATES = auto()
    """A coloured band over time per series."""
    TABLE = auto()
    MAP = auto()
    """Points by the columns ``lat`` and ``lon``, without a base layer; in the colour of the last column that is not empty."""
    SCATTER = auto()
    """Points by the two figures of each group and time."""


TABLES: Final = (Kind.TABLE, Kind.MAP, Kind.SCATTER, Kind.WORST)
"""Forms that take the answers to all questions as one table."""
ROWS: Final = (Kind.TABLE, Kind.MAP)
"""Those that have one figure of a kind in a row: the table is put together from lines."""


class Size(NamedTuple):
    """Width in twenty-fourths of the page, height in rows of about 30 pixels."""

    width: int
    height: int


STAT_SIZE = Size(4, 3)
QUARTER = Size(6, 8)
THIRD = Size(8, 8)
HALF = Size(12, 8)
WHOLE = Size(24, 8)


@dataclass(frozen=True, slots=True)
class Prom:
    """A question about the gateway's own metrics. ``name`` is what a series is called: ``{{label}}`` or a text."""

    query: str
    name: str = ""


Target = Question | Prom


class Word(NamedTuple):
    """A word in place of a value, and its colour, if it has one of its own."""

    text: str
    color: str = ""


NULL: Final = "null"
Words = Mapping[str, Word]
"""Value as text (``true``, ``0``) → what is in its place. ``1+`` means one and more, :data:`NULL` that there is none."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the name of its question or tag, its title, its unit, its colours; the pixels its values need."""

    name: str
    vi: str
    en: str
    unit: str = ""
    steps: Steps = ()
    words: Words | None = None
    width: int = 0


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    :ivar about_vi: what it shows and what to do about it, for the operator; ``about_en`` the same in English.
    :ivar unit: Grafana's unit, see :mod:`grafana.units`.
    :ivar least_interval: the shortest interval of a figure.
    :ivar days: shows so many days, whatever time is chosen for the page.
    :ivar days_before: shows a time that lies so many days before.
    :ivar steps: colours of values; drawn as dashed lines where the panel draws lines, whose axis shows them all.
    :ivar sort_by: title of the column that orders a table, the largest first; with ``sort_up`` the smallest.
    :ivar without_data: stands in the panel when nothing was found; it says why it may be empty. Without one it is the reason
        that lies in the question (:mod:`grafana.reasons`).
    :ivar leads_to: the dashboard that says more about its figure.
    :ivar below_zero: its bars may lie below 0; else bars and areas begin there.
    :ivar key: the English title, from which the id comes, once a language is chosen.
    """

    vi: str
    en: str
    kind: Kind
    targets: tuple[Target, ...]
    unit: str
    size: Size
    about_vi: str
    about_en: str
    least_interval: str = "1m"
    days: int = 0
    days_before: int = 0
    columns: tuple[Column, ...] = ()
    steps: Steps = ()
    words: Words | None = None
    sort_by: str = ""
    sort_up: bool = False
    without_data: str = ""
    minimum: float | None = None
    maximum: float | None = None
    leads_to: str = ""
    below_zero: bool = False
    key: str = ""

    @property
    def title(self) -> Text:
        """The text above it."""
        return both(self.vi, self.en)

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions to the database of readings."""
        return tuple(target for target in self.targets if not isinstance(target, Prom))

    def called(self, question: Question) -> str:
        """The name of its lines, behind their tags; a line without either is called as the panel."""
        return question.name or ("" if self.kind in TABLES or first(question).by else self.title)

    def column(self, question: Question) -> str:
        """The name of the column that answers a question."""
        return self.called(question) or column_name(question)


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under a heading. A closed one asks nothing until it is opened."""

    vi: str
    en: str
    panels: tuple[Panel, ...]
    closed: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the head of a dashboard among the values of a tag.

    :ivar measurement: the measurement whose points have the tag.
    :ivar narrower: variables before it, whose choice narrows it.
    :ivar is_single: one value is chosen; else one, several or all.
    :ivar is_hidden: the reader does not see it.
    """

    name: str
    vi: str
    en: str
    measurement: str
    narrower: tuple[str, ...] = ()
    is_single: bool = False
    is_hidden: bool = False


TO_DASHBOARD: Final = "dashboard:"
"""Beginning of a link to another dashboard, whose name follows."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link at the head of a dashboard. ``${gateway_page}`` in it is the address of the gateway's pages."""

    vi: str
    en: str
    url: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """Marks over time in all panels of a dashboard, where the figures of a question are not 0."""

    vi: str
    en: str
    question: Ask
    color: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard; ``name`` is its file and part of its address, ``days`` are shown at first.

    :ivar refresh: how often it asks again. Alarms are written each five minutes and at each change, roll-ups each hour: each
        minute is for those who watch what happens now, whose queries read little.
    """

    name: str
    vi: str
    en: str
    variables: tuple[Variable, ...]
    sections: tuple[Section, ...]
    links: tuple[Link, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    days: int = 1
    refresh: str = "5m"


def panel_id(*names: str) -> int:
    """Number a panel by its dashboard, heading and title, or a heading by its dashboard: links to it survive other changes.

    Grafana wants whole numbers, each once in a dashboard; these have 31 bits.
    """
    return crc32("/".join(names).encode()) >> 1
