"""SECURITY.md tells of every requirement of the standard, once, and names tests that are there."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.config.model import Config

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "SECURITY.md").read_text(encoding="utf-8")
CHAPTERS = {
    3: "3 113 12223 11222233 11122333 3 22333",
    4: "12233 23333 22 1222",
    6: "122 111111112222 11223333 112233 22222333 2223 33 2222",
    7: "222 1111 22 11222 223 22",
    8: "1233 1123 133 23",
    9: "111 1222",
    10: "22 223 22223 1111122222233333 22222 22 222",
    12: "12233 11 22223",
    13: "2333 222223 2233 1222233",
    14: "22 12223333 122",
}
"""Chapter of OWASP ASVS 5.0.0 → of each of its sections the levels of its requirements, in their order."""
LEVELS = {
    f"V{chapter}.{section}.{number}": int(level)
    for chapter, sections in CHAPTERS.items()
    for section, levels in enumerate(sections.split(), start=1)
    for number, level in enumerate(levels, start=1)
}
VERDICTS = {"met", "not met", "n/a"}


def rows() -> list[list[str]]:
    """The cells of the rows that tell of requirements."""
    lines = [line for line in PAGE.splitlines() if re.match(r"\| V\d", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def named(text: str) -> set[str]:
    """Names of tests in a text."""
    return set(re.findall(r"`(test_\w+)`", text))


def defined() -> set[str]:
    """Names of all tests."""
    found: set[str] = set()
    for path in (CHECKOUT / "tests").rglob("test_*.py"):
        found |= set(re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))
    return found


def addresses(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Settings that hold an address of another machine, or one of ours."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from addresses(field.annotation, f"{prefix}{name}.")
        elif name in {"url", "host", "alertmanager", "webhook"}:
            yield f"{prefix}{name}"


def test_every_requirement_of_levels_1_and_2_stands_once() -> None:
    told = Counter(one for ids, *_ in rows() for one in ids.split(", "))
    assert {one: times for one, times in told.items() if times > 1} == {}
    assert set(told) == {one for one, level in LEVELS.items() if level <= 2}


@pytest.mark.parametrize("row", [pytest.param(row, id=row[0].partition(",")[0]) for row in rows()])
def test_a_line_has_its_level_a_verdict_and_a_proof_or_a_reason(row: list[str]) -> None:
    ids, level, about, verdict, proof = row
    assert {LEVELS[one] for one in ids.split(", ")} == {int(level)}
    assert about
    assert verdict in VERDICTS
    assert named(proof) or verdict != "met", "what is met is proved"
    assert verdict == "met" or len(re.sub(r"`test_\w+`", "", proof)) >= len("As V9.1.1"), "what is not met has a reason"


def test_every_test_that_is_named_is_there() -> None:
    assert len(named(PAGE)) > 50
    assert named(PAGE) - defined() == set()


def test_every_address_of_the_configuration_is_told() -> None:
    assert {"mqtt.url", "influxdb.url", "http.host"} <= set(addresses(Config))
    assert [key for key in addresses(Config) if f"`{key}`" not in PAGE] == []
