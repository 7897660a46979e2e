"""Answers of ``gateway report``, as its JSON has it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tests.campaigns.truth.calendar import date_of, period_at
from tests.campaigns.truth.judge import Answer, Marks
from tests.campaigns.truth.parts import Gateway
from tests.campaigns.truth.truths import UNITS

Days = Sequence[int]
"""Numbers of days, one after the other."""
GROUPS: Final = ("area", "parent", "domain")
MARKS: Final = ("estimated", "suspect", "measured")
_KINDS: Final = {"area": "area", "parent": "parent", "domain": "whole"}
_MAIN: Final = frozenset({"volume_m3", "energy_import_kwh"})
_FIGURES: Final = ("used", "supplied", "produced", "lost")


def consumption_answers(gateway: Gateway, days: Days, step: str) -> Iterator[Answer]:
    """The rows of devices."""
    for row in _rows(gateway, "consumption", days, step, "device"):
        subject = f"device:{row['device']}"
        period = period_at(step, _seconds(row["from"]))
        yield Answer(f"report {step}", subject, row["counter"], period, _number(row.get("used")), marks_of(row), _cause(row))


def group_answers(gateway: Gateway, days: Days, step: str) -> Iterator[Answer]:
    """The rows of areas, parents and of all."""
    for by in GROUPS:
        for row in _rows(gateway, "consumption", days, step, by):
            unit = UNITS.get(row["domain"])
            if unit is None or not row["group"] or row["counter"] not in _MAIN:
                continue
            period = period_at(step, _seconds(row["from"]))
            for figure in _FIGURES:
                value = row.get(f"{figure}_{unit}", row.get(figure))
                if f"{figure}_{unit}" in row or figure in row:
                    subject = f"{_KINDS[by]}:{row['group']}"
                    name = f"{figure}_{unit}"
                    marks = marks_of(row, figure)
                    yield Answer(f"report by {by} {step}", subject, name, period, _number(value), marks, _cause(row))


def balance_answers(gateway: Gateway, days: Days, step: str) -> Iterator[Answer]:
    """The rows of parents."""
    for row in _rows(gateway, "balance", days, step, "parent"):
        unit = UNITS.get(row["domain"])
        if unit is not None:
            period = period_at(step, _seconds(row["from"]))
            subject, value = f"parent:{row['parent']}", _number(row.get("lost"))
            yield Answer(f"balance {step}", subject, f"lost_{unit}", period, value, marks_of(row), _cause(row))


def completeness_answers(gateway: Gateway, days: Days) -> Iterator[Answer]:
    """The readings received of each device and day."""
    for row in _rows(gateway, "completeness", days, "day", "device"):
        period = period_at("day", _seconds(row["from"]))
        yield Answer("completeness", f"device:{row['device']}", "received", period, _number(row.get("received")))


def _rows(gateway: Gateway, kind: str, days: Days, step: str, by: str) -> Iterator[dict[str, Any]]:
    words = ["report", kind, "--from", date_of(days[0]), "--to", date_of(days[-1]), "--step", step, "--json"]
    words += [] if kind == "balance" else ["--by", by]
    for line in gateway.command(*words).splitlines():
        yield json.loads(line)


def marks_of(row: Mapping[str, Any], figure: str = "") -> Marks:
    """Return the marks of a figure of a row: its own, else those of the whole row; a number of suspect readings is one."""
    own = [row.get(f"{figure}_{mark}") for mark in MARKS]
    return Marks(*map(_number, own if _number(own[-1]) is not None else [row.get(mark) for mark in MARKS]))


def _number(value: float | str | None) -> float | None:
    return None if value is None or value == "" else float(value)


def _cause(row: dict[str, Any]) -> str:
    return str(row.get("cause") or "")


def _seconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp())
