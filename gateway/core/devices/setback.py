"""Setbacks: what kept the newest message of a device from becoming readings in full. Most devices have none."""

from typing import Final, NamedTuple

from gateway.core.message import Outcome
from schemas.rejects import DropCause

DROPPED: Final = "dropped"
"""Code of a setback: values of the message were dropped, the others became a reading."""
DUPLICATE: Final = "duplicate"
"""Code of a setback: the message only repeats what is known."""
WAITS: Final = "waits_"
"""With the cause of waiting behind it, the code of a message in quarantine."""

_VALUES_MAX: Final = 8
_PATH_MAX: Final = 64
_DETAIL_MAX: Final = 300


class Setback(NamedTuple):
    """The fault of the newest message, small enough to keep for every device and over a restart."""

    code: str  # the reason of a reject, :data:`WAITS` with a cause, :data:`DROPPED` or :data:`DUPLICATE`
    since_ms: int  # arrival of the first message with this code since the last one without it
    detail: str = ""  # a sentence of the reject, or the key that the message waits for
    values: tuple[tuple[str, str], ...] = ()  # the values that were dropped, each with its cause; the first few

    @property
    def stops(self) -> bool:
        """True if the message gave no reading, or not all of its readings."""
        return self.code not in {DROPPED, DUPLICATE}


def setback_after(outcome: Outcome, arrival_ms: int, before: Setback | None) -> Setback | None:
    """Return the setback of a device after a message, that had ``before`` until then; None: it became readings in full."""
    effects = outcome.side_effects
    if outcome.ignored is not None or (effects is not None and effects.ask is not None):
        return before  # the message tells nothing, or its codec has not answered yet
    values = tuple([(_text(path[:_PATH_MAX]), str(cause)) for path, cause in outcome.dropped[:_VALUES_MAX]])
    if effects is not None and effects.waiting:
        code, detail = WAITS + effects.waiting[0].cause, effects.waiting[0].key
    elif outcome.refusals:
        code, detail = outcome.refusals[-1].reason.value, outcome.refusals[-1].detail
    elif values:
        code, detail = DROPPED, ""
    elif outcome.duplicates and not outcome.readings:
        code, detail = DUPLICATE, ""
    else:
        return None
    since_ms = before.since_ms if before is not None and before.code == code else arrival_ms
    return Setback(code, since_ms, _text(detail[:_DETAIL_MAX]), values)


def _text(given: str) -> str:
    """Replace what JSON can name and UTF-8 cannot: half of a pair of surrogates."""
    return given.encode(errors="replace").decode()


def unknown_keys(setback: Setback) -> list[str]:
    """Keys of the message that name no quantity."""
    return [path for path, cause in setback.values if cause == DropCause.UNKNOWN_KEY]
