"""The findings of the page, for people: a line for each dashboard, and a line for each fault."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.campaigns.grafana.boards import Json

IN_SIGHT_MAX: Final = 20
QUERIES_MAX: Final = 40
EMPTY_SHARE_MAX: Final = 0.1
_CUT: Final = 160
_NOTHING_SAID: Final = re.compile(r"\d+ ?%?|Không có cảnh báo|No alarms?")
"""Words of an empty panel that are a figure: no answer is none, as of alarms."""
_COLUMNS: Final = ("dashboard", "panels", "right", "empty", "faulty", "in sight", "empty there", "queries", "seconds", "faults")


@dataclass(frozen=True)
class Verdict:
    """A dashboard, as it was judged once, with its rows open.

    :ivar board: its name; ``case`` says what was chosen, empty: all.
    :ivar complaints: errors in the browser's console.
    :ivar is_measured: it is held against the bars of a dashboard as it opens.
    """

    store: str
    language: str
    board: str
    case: str
    report: Json
    complaints: Sequence[str] = ()
    is_measured: bool = True

    @property
    def panels(self) -> list[Json]:
        """Its panels, without the headings of rows."""
        return [panel for panel in self.report["panels"] if panel["type"] not in {"row", "text"}]

    @property
    def in_sight(self) -> list[Json]:
        """Those that a reader sees without opening a row."""
        return [panel for panel in self.panels if panel["inSight"]]

    @property
    def faulty(self) -> list[Json]:
        """Those with a fault, or empty without a word."""
        return [panel for panel in self.panels if list(_of_panel(panel))]

    @property
    def queries_at_open(self) -> int:
        """The queries that a browser sends before anybody opens a row."""
        heads = [*self.report["variables"], *({"queries": [one]} for one in self.report.get("annotations", ()))]
        return sum(len(one["queries"]) for one in [*self.in_sight, *heads])

    @property
    def empty_in_sight(self) -> list[Json]:
        """Panels in sight that have nothing to show."""
        return [panel for panel in self.in_sight if _is_empty(panel)]

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """Yield kind, place, and what is wrong."""
        for panel in self.panels:
            for kind, text in _of_panel(panel):
                yield kind, f"{panel['id']} {panel['title']}", text
        for fault in self.report["faults"]:
            yield fault["kind"], "", fault["text"]
        yield from (("console", "", text) for text in self.complaints)
        if self.is_measured:
            yield from (("bar", "", text) for text in self._over())

    def _over(self) -> Iterator[str]:
        if len(self.in_sight) > IN_SIGHT_MAX:
            yield f"{len(self.in_sight)} panels in sight at open: more than {IN_SIGHT_MAX}"
        if self.queries_at_open > QUERIES_MAX:
            yield f"{self.queries_at_open} queries at open: more than {QUERIES_MAX}"
        empty = self.empty_in_sight
        if len(empty) > EMPTY_SHARE_MAX * len(self.in_sight):
            names = "; ".join(panel["title"] for panel in empty)
            yield f"{len(empty)} of {len(self.in_sight)} panels in sight show nothing: more than a tenth ({names})"

    def as_json(self) -> dict[str, Any]:
        """For the file of a run: all that the page told, and what was made of it."""
        return {
            "store": self.store,
            "language": self.language,
            "board": self.board,
            "case": self.case,
            "faults": [dict(zip(("kind", "place", "text"), fault, strict=True)) for fault in self.faults()],
            "report": self.report,
        }

    def row(self) -> tuple[str, ...]:
        """Its line in the table."""
        empty = sum(map(_is_empty, self.panels))
        figures = (
            len(self.panels),
            len(self.panels) - len(self.faulty),
            empty,
            len(self.faulty),
            len(self.in_sight),
            len(self.empty_in_sight),
            self.queries_at_open,
        )
        name = f"{self.board} ({self.case})" if self.case else self.board
        return name, *map(str, figures), f"{self.report['seconds']:.1f}", str(len(list(self.faults())))


def _is_empty(panel: Json) -> bool:
    """Tell if it has nothing to show: where "0" or "no alarms" stands for no answer it has."""
    return panel["isEmpty"] and not _NOTHING_SAID.fullmatch(panel["noValue"])


def _of_panel(panel: Json) -> Iterator[tuple[str, str]]:
    yield from ((fault["kind"], fault["text"]) for fault in panel["faults"])
    if panel["isEmpty"] and not panel["noValue"] and not panel["faults"]:
        yield "silent", "it is empty and does not say why"


def table(verdicts: Sequence[Verdict]) -> str:
    """A line for each dashboard, and their sums."""
    rows = [_COLUMNS, *(one.row() for one in verdicts)]
    sums = [sum(float(row[column]) for row in rows[1:]) for column in range(1, len(_COLUMNS))]
    rows.append(("all", *(f"{number:.{int(name == 'seconds')}f}" for name, number in zip(_COLUMNS[1:], sums, strict=True))))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return "".join(f"{_line(row, widths)}\n" for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    (name, *figures), (first, *others) = row, widths
    return "  ".join([name.ljust(first), *(text.rjust(width) for text, width in zip(figures, others, strict=True))])


def told(verdict: Verdict) -> str:
    """The faults of a dashboard."""
    head = f"{verdict.store} {verdict.language} {verdict.board}" + (f" ({verdict.case})" if verdict.case else "")
    lines = [
        f"  {kind}: {place + ': ' if place else ''}{' '.join(text.split())[:_CUT]}" for kind, place, text in verdict.faults()
    ]
    return "\n".join([head, *lines, ""]) if lines else ""
