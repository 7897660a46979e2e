"""Invariants of every outcome of the core."""

import json
from functools import cache

from gateway.core.message import Outcome
from gateway.onboarding.explain.dry_run import Trace, result_document
from gateway.onboarding.explain.steps import explain
from gateway.support.i18n.glossary import closed_lists
from schemas.quantities import QUANTITIES
from schemas.rejects import RejectReason
from tests.core.line_protocol import parse

DETAIL_MAX = 8000


def assert_lines(lines: str) -> None:
    """Every point is one that all servers read, of quantities that can be."""
    for line in lines.split("\n"):
        point = parse(line)
        for name, value in point.values.items():
            quantity = QUANTITIES[point.measurement][name]
            assert quantity.minimum <= value <= quantity.maximum, line


def assert_outcome(outcome: Outcome) -> None:
    """No bug, an end that has a name, points that are sound, refusals that can be stored."""
    for refusal in outcome.refusals:
        assert refusal.reason is not RejectReason.INTERNAL_ERROR, refusal.detail
        assert 0 < len(refusal.detail.encode()) <= DETAIL_MAX, refusal.detail
        refusal.topic.encode()
        refusal.device.encode()
    for reading in outcome.readings:
        assert_lines(reading.lines)
    side_effects = outcome.side_effects
    has_end = outcome.readings or outcome.refusals or outcome.duplicates or outcome.ignored is not None
    assert has_end or (
        side_effects is not None
        and (side_effects.ask or side_effects.waiting or side_effects.publish or side_effects.keep or side_effects.released)
    ), "no end"
    for text in side_effects.keep.values() if side_effects is not None else ():
        assert text is None or text.encode()


def assert_shown(seen: Trace) -> None:
    """It can be told to people and to programs."""
    document = result_document(seen)
    json.dumps(document, ensure_ascii=False, default=repr).encode(errors="backslashreplace")
    assert explain(seen, document, _words())


@cache
def _words() -> dict[str, str]:
    return closed_lists("en")
