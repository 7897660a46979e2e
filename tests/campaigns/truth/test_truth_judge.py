"""The judge finds a figure that is wrong; its world shares nothing with what it judges."""

import ast
from pathlib import Path

import pytest

from tests.campaigns.truth.calendar import Period, day
from tests.campaigns.truth.figures import Truth
from tests.campaigns.truth.judge import Answer, Marks, Outcome, judge, outcome
from tests.campaigns.truth.table import table
from tests.campaigns.truth.truths import Truths
from tests.campaigns.truth.world import World

FOREIGN = {"gateway", "schemas", "firmware_sim", "grafana"}
OF_PANELS = tuple(f"tests.campaigns.grafana.{name}" for name in ("boards", "driver", "server"))
"""A browser with Grafana's own parts."""
DAY = day(0)
KNOWN = Truth(10.0, 0.001)
UNMARKED = Marks()


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("*.py")), ids=lambda path: path.name)
def test_nothing_of_what_is_judged_is_imported(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        roots = {name.partition(".")[0] for name in names}
        assert not roots & FOREIGN, names
        assert all(
            name.startswith("tests.campaigns.truth") or name in OF_PANELS for name in names if name.startswith("tests")
        ), names


def _answer(value: float | None, marks: Marks = UNMARKED, surface: str = "page") -> Answer:
    return Answer(surface, "device:w02", "volume_m3", DAY, value, marks)


@pytest.mark.parametrize(
    ("answer", "truth", "expected"),
    [
        (_answer(10.0005), KNOWN, Outcome.RIGHT),
        (_answer(10.0, Marks(suspect=1.0)), KNOWN, Outcome.RIGHT_MARKED),
        (_answer(10.0, Marks(0.005, 0.0, 0.995)), KNOWN, Outcome.RIGHT),
        (_answer(10.0, Marks(measured=0.9)), KNOWN._replace(is_part=True), Outcome.NOT_MEASURED),
        (_answer(10.0), KNOWN._replace(is_part=True), Outcome.RIGHT),
        (_answer(12.0, Marks(measured=0.9)), KNOWN, Outcome.WRONG_MARKED),
        (_answer(12.0, Marks(0.0, 0.0, 1.0)), KNOWN, Outcome.WRONG),
        (_answer(12.0, Marks(suspect=1.0)), KNOWN._replace(is_most=True), Outcome.WRONG),
        (_answer(9.0, Marks(suspect=1.0)), KNOWN._replace(is_most=True), Outcome.WRONG_MARKED),
        (_answer(12.0), KNOWN._replace(unknowable="stuck"), Outcome.UNKNOWABLE),
        (_answer(None), KNOWN, Outcome.ABSENT),
        (_answer(None), Truth(None), Outcome.NOT_MEASURED),
        (_answer(3.0), Truth(None), Outcome.WRONG),
        (_answer(3.0), None, Outcome.UNJUDGED),
    ],
)
def test_a_figure_is_right_marked_or_wrong(answer: Answer, truth: Truth | None, expected: Outcome) -> None:
    assert outcome(answer, truth) is expected


def test_a_planted_figure_is_found_and_named() -> None:
    truths = Truths(World(2, 1, is_small=True))
    true = truths.figure("device:w02", "volume_m3", DAY)
    assert true is not None
    assert true.value is not None
    good, planted = _answer(true.value), _answer(true.value + 0.01, surface="file")
    verdict = judge([good, planted], truths.figure)
    assert [answer for answer, _ in verdict.faults] == [planted]
    assert verdict.differing == [(good, planted)]
    assert "WRONG file device:w02 volume_m3 2026-10-01" in table("store", verdict)


def _value(truths: Truths, subject: str, figure: str, period: Period = DAY) -> float | None:
    truth = truths.figure(subject, figure, period)
    assert truth is not None
    return truth.value


def test_losses_of_areas_add_up_to_what_leaks_in_the_town() -> None:
    """By hand: 0.4 + 0.2 + 0.15 + 0.1 m3/h of zones without strangers, a day long."""
    truths = Truths(World(2, 1))
    lost = [_value(truths, f"area:{area}", "lost_m3") for area in ("A00", "A01", "A02", "A04")]
    assert sum(one or 0.0 for one in lost) == pytest.approx((0.4 + 0.2 + 0.15 + 0.1) * 24, abs=1e-3)
    assert lost[1] == pytest.approx(0.2 * 24, abs=1e-3)
    assert _value(truths, "area:A03", "lost_m3") is None
    assert _value(truths, "area:A05", "supplied_m3") is None


def test_submeters_of_a_customer_take_nothing_out_of_their_zone() -> None:
    """By hand: all that passes the meter of the first district is supplied to it, and 0.2 m3 an hour leak there."""
    truths = Truths(World(2, 1))
    assert _value(truths, "parent:wb-1", "supplied_m3") == _value(truths, "device:wb-1", "volume_m3")
    assert _value(truths, "parent:wb-1", "lost_m3") == pytest.approx(0.2 * 24, abs=1e-3)


def test_energy_of_a_roof_is_produced_and_supplied() -> None:
    """By hand: the feeder loses 0.5, the transformers 0.15 and 0.12 kWh an hour."""
    truths = Truths(World(2, 1))
    used, produced = _value(truths, "whole:power", "used_kwh"), _value(truths, "whole:power", "produced_kwh")
    supplied, lost = _value(truths, "whole:power", "supplied_kwh"), _value(truths, "whole:power", "lost_kwh")
    assert used is not None
    assert supplied is not None
    assert lost == pytest.approx(supplied - used)
    assert produced is not None
    assert produced > 10
    assert lost == pytest.approx((0.5 + 0.15 + 0.12) * 24, abs=1e-3)
