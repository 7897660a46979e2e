"""docs/security.md tells of every requirement of both standards, once, and names tests and files that are there."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.support.config.model import Config
from tests.rows import each_row

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "security.md").read_text(encoding="utf-8")
POLICY = (CHECKOUT / "SECURITY.md").read_text(encoding="utf-8")
CHAPTERS = {
    1: "22 1111122223 112222222223 222 123",
    2: "122 112 12223 23",
    3: "3 113 12223 11222233 11122333 3 22333",
    4: "12233 23333 22 1222",
    5: "2 112333 113 222",
    6: "122 111111112222 11223333 112233 22222333 2223 33 2222",
    7: "222 1111 22 11222 223 22",
    8: "1233 1123 133 23",
    9: "111 1222",
    10: "22 223 22223 1111122222233333 22222 22 222",
    11: "2233 22233 11233 1222 23 23 33",
    12: "12233 11 22223",
    13: "2333 222223 2233 1222233",
    14: "22 12223333 122",
    15: "12233 12233 1222222 3333",
    16: "2 22222 2222 222 2223",
}
"""Chapter of OWASP ASVS 5.0.0 → of each of its sections the levels of its requirements, in their order."""
IEC = {
    "CCSC": "1 2 3 4",
    "CR 1": "1 3 4 5 7 10 11 12",
    "CR 2": "1 2 5 8 9 10 11 12",
    "CR 3": "1 3 4 5 6 7",
    "CR 4": "1 3",
    "CR 5": "1",
    "CR 6": "1",
    "CR 7": "1 2 3 4 6 7",
    "SAR": "2.4 3.2",
}
"""Foundational requirement of IEC 62443-4-2 → its requirements for a software application that begin at security level 1."""
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


def iec_rows() -> list[list[str]]:
    """The same of the other standard."""
    lines = [line for line in PAGE.splitlines() if re.match(r"\| (CCSC|CR|SAR) ", line)]
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


@each_row("row", [pytest.param(row, id=row[0].partition(",")[0]) for row in rows()])
def test_a_line_has_its_level_a_verdict_and_a_proof_or_a_reason(row: list[str]) -> None:
    ids, level, about, verdict, proof = row
    assert {LEVELS[one] for one in ids.split(", ")} == {int(level)}
    assert about
    assert verdict in VERDICTS
    elsewhere = re.findall(r"\]\([^)]+\.md|`[\w.]+/[\w./@]+`|make check|table below|Below: |As V", proof)
    assert named(proof) or elsewhere or verdict != "met", "what is met is proved"
    assert verdict == "met" or len(re.sub(r"`test_\w+`", "", proof)) >= len("As V9.1.1"), "what is not met has a reason"


def test_every_requirement_of_the_first_security_level_stands_once() -> None:
    separators = dict.fromkeys(IEC, ".") | {"CCSC": " ", "SAR": " "}
    wanted = [f"{start}{separators[start]}{number}" for start, numbers in IEC.items() for number in numbers.split()]
    assert sorted(row[0] for row in iec_rows()) == sorted(wanted)


@each_row("row", [pytest.param(row, id=row[0]) for row in iec_rows()])
def test_a_line_of_iec_62443_has_a_verdict_and_a_pointer_or_a_reason(row: list[str]) -> None:
    _, about, verdict, proof = row
    assert about
    assert verdict in VERDICTS
    pointers = named(proof) or re.findall(r"\]\([^)]+\.md|`[\w.]+/[\w./@]+`", proof)
    assert pointers or verdict != "met", "what is met points at its proof"
    assert verdict == "met" or len(proof) > len("As CR 1.1"), "what is not met has a reason"


def test_every_test_that_is_named_is_there() -> None:
    assert len(named(PAGE)) > 50
    assert named(PAGE) - defined() == set(), "docs/security.md names tests that are gone, or go by another name"


def test_every_address_of_the_configuration_is_told() -> None:
    assert {"mqtt.url", "influxdb.url", "http.host"} <= set(addresses(Config))
    assert [key for key in addresses(Config) if f"`{key}`" not in POLICY] == []
