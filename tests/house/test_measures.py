"""Ceilings: a change that lets the house grow says so here, and why it is worth it."""

import pytest

from tests.house.measures import Measures, measure


@pytest.fixture(scope="module")
def house() -> Measures:
    return measure()


def test_the_house_has_few_names_at_its_top(house: Measures) -> None:
    assert house.names <= 12


def test_the_house_stays_small(house: Measures) -> None:
    """Meant are at most 515 modules and 65,000 lines."""
    assert house.modules <= 490
    assert house.small <= 25
    assert house.lines <= 68_800


def test_no_chain_of_imports_is_long(house: Measures) -> None:
    assert len(house.chain) <= 36, " > ".join(house.chain)


def test_a_running_gateway_imports_little(house: Measures) -> None:
    assert house.loaded <= 340
