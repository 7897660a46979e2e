"""No cell of an exported CSV is a formula, and what is exported comes in again as it was."""

import csv
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.commands.devices.devices import coverage_csv
from gateway.core.status.coverage import Count, Coverage, CoverageGroup
from schemas.spreadsheet import as_cell, of_cell
from tests.rows import each_row


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-x", "@SUM(A1)", "\t=1", "\r=1", "'=1", "-5-3", "=HYPERLINK(1)"])
def test_a_formula_is_text_and_comes_back(text: str) -> None:
    assert as_cell(text) == f"'{text}"
    assert of_cell(f"'{text}") == text


@each_row("value", [-5, -5.5, None, "-5", "+84", "-5,5", "-1e3", "Huế", "", "'quoted'"])
def test_numbers_and_other_texts_stay(value: object) -> None:
    assert as_cell(value) == value


@given(st.text(st.sampled_from("'=+-@\t\r5.a"), max_size=6))
def test_every_text_comes_back(text: str) -> None:
    cell: Any = as_cell(text)
    assert of_cell(cell) == text


def test_the_name_of_an_area_is_no_formula_in_the_coverage() -> None:
    group = CoverageGroup("a", "water")
    found = Coverage({group: Count(1)}, {}, Count(1))
    (row,) = csv.DictReader(StringIO(coverage_csv(found, {"a": '=HYPERLINK("http://x")'})))
    assert row["name"] == '\'=HYPERLINK("http://x")'
