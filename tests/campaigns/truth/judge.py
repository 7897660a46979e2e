"""Holds answers against the truth, and answers of two surfaces against each other. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from tests.campaigns.truth.calendar import Period
from tests.campaigns.truth.figures import Truth

LEAST_MARK: Final = 0.01
LEAST_MEASURED: Final = 0.99
"""A figure of which less is measured, or at least a hundredth is estimated or suspect, is marked."""
MARKED_MOST: Final = 0.02
"""At most so much of what is right in a month is marked, or marks are looked at no more. Its first days have most faults."""
SAME_WITHIN: Final = 2e-6
SAME_COUNTED: Final = 1.0
"""Vehicles and people stay whole where they are reported, between two points they need not."""


class Marks(NamedTuple):
    """Words of a surface on how far a figure stands; None where it says nothing."""

    estimated: float | None = None
    suspect: float | None = None
    measured: float | None = None

    @property
    def is_marked(self) -> bool:
        """Whoever reads the figure is warned."""
        is_doubted = max(self.estimated or 0.0, self.suspect or 0.0) >= LEAST_MARK
        return is_doubted or (1.0 if self.measured is None else self.measured) < LEAST_MEASURED

    @property
    def hidden(self) -> float:
        """The share that is told to be doubted, and is too small to be shown."""
        shares = (self.estimated or 0.0, self.suspect or 0.0, 1.0 - (1.0 if self.measured is None else self.measured))
        return 0.0 if self.is_marked else max(shares)


class Answer(NamedTuple):
    """A figure as a surface shows it.

    :ivar value: None: the surface says that there is none.
    :ivar cause: why.
    :ivar rounded: how far its last digit may be off.
    """

    surface: str
    subject: str
    figure: str
    period: Period
    value: float | None
    marks: Marks = Marks()
    cause: str = ""
    rounded: float = 0.0


class Outcome(Enum):
    """The fate of a figure."""

    RIGHT = "right"
    RIGHT_MARKED = "right, marked"
    WRONG_MARKED = "wrong, marked"
    WRONG = "WRONG, unmarked"
    ABSENT = "absent"
    NOT_MEASURED = "not measured, rightly"
    UNKNOWABLE = "unknowable"
    UNJUDGED = "not judged"


@dataclass
class Verdict:
    """All that was found.

    :ivar counts: surface → outcome → figures.
    :ivar faults: the figures that are wrong and not marked.
    :ivar differing: figures that two surfaces show differently.
    :ivar compared: pairs of surfaces → figures that both show.
    :ivar notes: lines about what is no figure.
    :ivar failures: what else is wrong: alarms, questions that nobody could ask.
    """

    counts: dict[str, Counter[Outcome]] = field(default_factory=lambda: defaultdict(Counter))
    faults: list[tuple[Answer, Truth]] = field(default_factory=list)
    missing: list[tuple[Answer, Truth]] = field(default_factory=list)
    unknowable: Counter[str] = field(default_factory=Counter)
    differing: list[tuple[Answer, Answer]] = field(default_factory=list)
    compared: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Nothing is wrong without a mark, nothing told in two ways, no alarm missing, nothing left unasked."""
        return not (self.faults or self.differing or self.failures)

    @property
    def marked_share(self) -> float:
        """The share of right figures that are marked."""
        marked = sum(counts[Outcome.RIGHT_MARKED] for counts in self.counts.values())
        right = marked + sum(counts[Outcome.RIGHT] for counts in self.counts.values())
        return marked / right if right else 0.0


def outcome(answer: Answer, truth: Truth | None) -> Outcome:
    """Tell what became of a figure."""
    if truth is None:
        return Outcome.UNJUDGED
    if truth.value is None:
        return Outcome.NOT_MEASURED if answer.value is None else Outcome.WRONG
    if answer.value is None:
        return Outcome.NOT_MEASURED if truth.may_be_absent else Outcome.ABSENT
    is_right = abs(answer.value - truth.value) <= truth.within + answer.rounded + answer.marks.hidden * abs(answer.value)
    if is_right:
        marked = Outcome.NOT_MEASURED if truth.is_part else Outcome.RIGHT_MARKED
        return marked if answer.marks.is_marked else Outcome.RIGHT
    if answer.marks.is_marked and not (truth.is_most and answer.value > truth.value + truth.within):
        return Outcome.WRONG_MARKED
    return Outcome.UNKNOWABLE if truth.unknowable else Outcome.WRONG


def judge(answers: Iterable[Answer], figure: Callable[[str, str, Period], Truth | None]) -> Verdict:
    """Judge all answers of one store."""
    found = Verdict()
    shown: dict[tuple[str, str, Period], list[Answer]] = defaultdict(list)
    for answer in answers:
        truth = figure(answer.subject, answer.figure, answer.period)
        what = outcome(answer, truth)
        found.counts[answer.surface][what] += 1
        if truth is not None:
            _keep(found, what, answer, truth)
        if answer.value is not None:
            shown[answer.subject, answer.figure, answer.period].append(answer)
    for first, *others in shown.values():
        _compare(found, first, others)
    return found


def _keep(found: Verdict, what: Outcome, answer: Answer, truth: Truth) -> None:
    if what is Outcome.WRONG:
        found.faults.append((answer, truth))
    elif what is Outcome.ABSENT:
        found.missing.append((answer, truth))
    elif what is Outcome.UNKNOWABLE:
        found.unknowable[truth.unknowable] += 1


def _compare(found: Verdict, first: Answer, others: Iterable[Answer]) -> None:
    for other in others:
        if other.surface != first.surface and other.value is not None and first.value is not None:
            found.compared[first.surface, other.surface] += 1
            within = SAME_COUNTED if first.figure.endswith("_total") else SAME_WITHIN
            if abs(other.value - first.value) > within + first.rounded + other.rounded:
                found.differing.append((first, other))
