"""Dashboards held against a ledger: what panels show is what the ledger says, within the doubt of each figure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.commands.demo.services import Service
from grafana.ask import Ask, Each, Mark, Over, Question, asks, column_name, first
from grafana.tables import DASHBOARDS
from tests.grafana.answers import Figures, Page, asked, with_marks
from tests.grafana.ledger_points import LedgerPoints
from tests.grafana.worked_out import figures

_OF_COMPLETENESS: Final = frozenset(
    {"expected", "received", "missing", "on_time", "estimated", "longest_gap_s", "interruption_s", "interruptions", "momentary"}
)
_OF_AREAS: Final = frozenset(f"{word}_{unit}" for word in ("used", "supplied", "produced", "lost") for unit in ("m3", "kwh"))
TOLD: Final[Mapping[str, frozenset[str]]] = {
    "device_health": frozenset({"battery_low", "battery_pct", "battery_v", "rssi_dbm", "snr_db"}),
    "balance": frozenset({"in", "out", "lost_m3", "lost_kwh"}),
    **dict.fromkeys(("hourly_area", "daily_area", "monthly_area"), _OF_AREAS),
    "completeness": _OF_COMPLETENESS | {"interval_s"},
    **dict.fromkeys(("daily_completeness", "monthly_completeness"), _OF_COMPLETENESS | {"customers", "devices"}),
}
"""Measurement → its fields that a ledger tells, where it does not tell all."""
NOT_TOLD: Final = frozenset({"alarm", "event", "gateway", "build", "registry"})
"""Measurements that a ledger of readings says nothing of. (``firmware-sim verify`` holds alarms against events.)"""
RELATIVE: Final = 1e-9


@dataclass
class Holding:
    """The outcome.

    :ivar questions: those of which at least one figure was compared.
    :ivar figures: compared; ``equal``: those equal to nine digits.
    :ivar worst: the greatest difference within its doubt, by figure.
    :ivar wrong: sentences.
    """

    questions: int = 0
    figures: int = 0
    equal: int = 0
    worst: tuple[float, str] = (0.0, "")
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Holding") -> None:
        """Add another outcome."""
        self.questions += other.questions
        self.figures += other.figures
        self.equal += other.equal
        self.worst = max(self.worst, other.worst)
        self.wrong += other.wrong

    def told(self) -> str:
        """All in all, and the first wrong figures."""
        return "\n".join([str(self), *self.wrong[:40]])

    def __str__(self) -> str:
        worst = f"worst difference {self.worst[0]:.3g} ({self.worst[1]})"
        return f"{self.questions} questions, {self.figures} figures, {self.equal} equal, {len(self.wrong)} wrong, {worst}"


def is_told(question: Question) -> bool:
    """Tell if a ledger can answer a question."""
    return all(_is_told(ask) for ask in asks(question))


def _is_told(ask: Ask) -> bool:
    measurement = ask.points.name or ask.measurement
    fields = {ask.field, *(where.field for where in ask.where)}
    if ask.field == "quality" and ask.over not in (Over.DEVICES, Over.SUM):  # its bits are what the gateway thinks of a reading
        return False
    if ask.mark or (ask.beside and ask.field in set(Mark)):
        return False
    return measurement not in NOT_TOLD and fields <= TOLD.get(measurement, fields)


def hold(
    truth: LedgerPoints, service: Service, pages: Sequence[Page], boards: Collection[str] = (), since_ms: int = 0
) -> Holding:
    """Hold all panels of dashboards against the ledger.

    :param boards: their names; without any, all that choose several devices.
    :param since_ms: hours before are not compared.
    """
    holding = Holding()
    for board in DASHBOARDS:
        is_asked = board.name in boards if boards else not any(variable.is_single for variable in board.variables)
        for panel, question in with_marks(board) if is_asked else ():
            for page in pages if is_told(question) else ():
                what = f"{service.name}, {board.name}: {panel.title} ({column_name(question)})"
                shown = page.of(panel)
                if _has_earlier_hours(question, shown, since_ms):
                    continue
                got = {key: value for key, value in asked(service).answer(question, shown).items() if not 0 < key[1] < since_ms}
                _compare(truth, question, shown, got, what, holding, since_ms)
    return holding


def _has_earlier_hours(question: Question, page: Page, since_ms: int) -> bool:
    """Tell if one figure is made of hours before a time too."""
    ask = first(question)
    return not ask.is_over_time and ask.points.period == "1h" and page.begin_ms < since_ms


def _compare(
    truth: LedgerPoints, question: Question, page: Page, got: Figures, what: str, holding: Holding, since_ms: int
) -> None:
    wanted = {key: value for key, value in figures(truth.points, question, page).items() if not 0 < key[1] < since_ms}
    doubts = _doubts(truth, question, page)
    holding.questions += bool(wanted)
    for key in sorted(wanted.keys() | got.keys()):
        if key not in wanted or key not in got:
            holding.wrong.append(f"{what}: {key}: the panel says {got.get(key)}, the ledger {wanted.get(key)}")
            continue
        off = abs(got[key] - wanted[key])
        holding.figures += 1
        holding.equal += off <= RELATIVE * max(1.0, abs(wanted[key]))
        if off > RELATIVE * max(1.0, abs(wanted[key])) + doubts.get(key, 0.0):
            holding.wrong.append(f"{what}: {key}: the panel says {got[key]}, the ledger {wanted[key]} ± {doubts.get(key, 0)}")
        elif off > holding.worst[0]:
            holding.worst = off, f"{what}: {key}, may be off {doubts.get(key, 0):.3g}"


def _doubts(truth: LedgerPoints, question: Question, page: Page) -> Figures:
    """The doubt of each figure: doubts add up, and the greatest counts where one value is picked."""
    if not isinstance(question, Ask):
        left, right = _doubts(truth, question.left, page), _doubts(truth, question.right, page)
        if question.operator == "-":
            return {key: left.get(key, 0.0) + right.get(key, 0.0) for key in left.keys() | right.keys()}
        share, part = figures(truth.points, question, page), figures(truth.points, question.right, page)
        return {
            key: (left.get(key, 0.0) + abs(share[key]) * right.get(key, 0.0)) / abs(part[key]) for key in share if part.get(key)
        }
    if question.each in (Each.COUNT, Each.TRUE) or question.over in (Over.COUNT, Over.DEVICES):
        return {}
    each = question.each if question.each in (Each.SUM, Each.LAST) else Each.MAX
    over = Over.SUM if question.over is Over.SUM else Over.MAX
    return figures(truth.doubts, replace(question, each=each, over=over, where=(), limit=0), page)
