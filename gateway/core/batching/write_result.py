"""Meaning of an answer for the batch that was written: a closed set of fates, one function. InfluxDB's answers are judged here.

Sources: what InfluxDB 1.6.7, 2.8 and VictoriaMetrics were seen to answer; the HTTP API references of InfluxDB 1, 2 and 3.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Fate(Enum):
    """The fate of a batch."""

    WRITTEN = "written"
    SPLIT = "split"
    """Something in it is wrong: halve it until the wrong point stands alone."""
    SPLIT_SMALLER = "split_smaller"
    """It is too large: halve it, and remember the size."""
    EXPIRED = "expired"
    """Older than InfluxDB keeps: no retry can help."""
    FAULTY_DATABASE = "faulty_database"
    """The database or our rights are wrong, whatever the batch: keep everything, raise an alarm, try slowly."""
    RETRY = "retry"
    """The same bytes again later."""

    @property
    def is_of_the_batch(self) -> bool:
        """Tell if a working database judged the batch itself; any other answer may come from a wrong server."""
        return self not in {Fate.FAULTY_DATABASE, Fate.RETRY}


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an output, or the failure in its place.

    :ivar status: HTTP status of InfluxDB; 0 when there was no answer.
    :ivar text: at most 64 kB of the body, or the error on the way.
    :ivar retry_after_s: the wait that the server asks for, if any.
    :ivar fate: the fate of the batch, from an output that says it itself; None: status and text are InfluxDB's.
    """

    status: int
    text: str = ""
    retry_after_s: float | None = None
    fate: Fate | None = None

    def describe(self) -> str:
        """One line for people."""
        first = self.text.strip().splitlines()[0][:300] if self.text.strip() else ""
        return f"{self.status} {first}".strip() if self.status else first or "no answer"


_BUSY: Final = frozenset({0, 408, 429, 499, 500, 502, 503, 504})
_REFUSED: Final = frozenset({400, 422})
_RETENTION: Final = ("beyond retention", "outside retention", "older than retention", "retention period", "retention window")
_LIMITS: Final = ("max-series", "max-values", "max series", "limit reached")


def fate_of(answer: Answer) -> Fate:
    """The fate of a batch that got ``answer``."""
    if answer.fate is not None or answer.status == 204:  # noqa: PLR2004 - the one status that means written
        return answer.fate or Fate.WRITTEN
    text = answer.text.lower()
    if "retention policy not found" in text:
        return Fate.FAULTY_DATABASE
    if answer.status in _REFUSED:
        if any(word in text for word in _LIMITS):
            return Fate.FAULTY_DATABASE
        return Fate.EXPIRED if any(word in text for word in _RETENTION) else Fate.SPLIT
    if answer.status == 413:  # noqa: PLR2004
        return Fate.SPLIT_SMALLER
    return Fate.RETRY if answer.status in _BUSY else Fate.FAULTY_DATABASE


def retry_after_s(header: str | None) -> float | None:
    """Seconds of a ``Retry-After``; the form with a date is not used by any InfluxDB and reads as None."""
    if header is None or not (header.isascii() and header.strip().isdigit()):
        return None
    return min(float(header), 3600.0)
