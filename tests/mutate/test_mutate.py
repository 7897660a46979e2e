"""The mutation run itself: it sees a weak test, and a list that is not true."""

import tomllib
from pathlib import Path

import pytest

from tests.mutate.__main__ import TABLE, main
from tests.mutate.changes import changes

TOY = '''"""A toy."""

LIMIT = 10


def takes(amount: int, *, closed: bool) -> bool:
    """Whether there is room."""
    return amount <= LIMIT and not closed
'''
HEAD = "import toy\n\ndef test_takes() -> None:\n    assert toy.takes(1, closed=False)\n"
WEAK = HEAD + "    assert not toy.takes(1, closed=True)\n"
STRONG = WEAK + "    assert toy.takes(10, closed=False)\n    assert not toy.takes(11, closed=False)\n"
UNNOTICED = (
    "3: LIMIT = 10 → LIMIT = 11",
    "3: LIMIT = 10 → LIMIT = 9",
    "8: takes: amount <= LIMIT and not closed → ((not closed))",
    "8: takes: amount <= LIMIT → amount < LIMIT",
)


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A module, its tests to be written."""
    (tmp_path / "toy.py").write_text(TOY)
    return tmp_path


def run(folder: Path, test: str, listed: str = "") -> int:
    """Try all changes of the toy."""
    (folder / "test_toy.py").write_text(test)
    (folder / "table.toml").write_text(f'["toy.py"]\ntests = ["test_toy.py"]\n{listed}')
    return main(["--table", str(folder / "table.toml")])


def survivor(text: str) -> str:
    """Return the list of survivors with a change of the toy's function."""
    return f'[["toy.py".survivors]]\nchanges = ["{text}"]\nreason = "for a test"\n'


def test_a_weak_test_is_seen_and_what_it_does_not_notice_is_named(toy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(toy, WEAK) == 1
    said = [line for line in capfd.readouterr().out.splitlines() if line.endswith("no test notices")]
    assert said == [f"toy.py:{change}: no test notices" for change in UNNOTICED]


def test_a_test_that_notices_every_change_is_enough(toy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(toy, STRONG) == 0
    assert "no change survived" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("test", "listed", "said"),
    [
        pytest.param(
            STRONG, survivor("takes: amount <= LIMIT → amount < LIMIT"), "listed, and a test notices it", id="noticed"
        ),
        pytest.param(
            STRONG, survivor("takes: amount < 5 → amount <= 5"), "listed, and there is no such change", id="not-there"
        ),
        pytest.param(HEAD + "    assert False\n", "", "its tests fail without a change", id="fails-as-it-is"),
        pytest.param("", "", "its tests fail without a change, or there are none", id="no-test"),
    ],
)
def test_a_list_or_a_test_that_is_not_true_is_a_fault(
    toy: Path, capfd: pytest.CaptureFixture[str], test: str, listed: str, said: str
) -> None:
    assert run(toy, test, listed) == 1
    assert said in capfd.readouterr().out


def test_only_tests_that_reach_the_changed_line_are_run_and_all_where_none_does(toy: Path) -> None:
    """Else each change that survives would take the time of all tests of the table."""
    told = toy / "told"
    elsewhere = f"\n\ndef test_elsewhere() -> None:\n    with open({str(told)!r}, 'a') as file:\n        file.write('ran ')\n"
    unsure_of_ten = STRONG.replace("takes(10", "takes(9")  # LIMIT = 9 survives, which no test reaches, and amount < LIMIT
    assert run(toy, unsure_of_ten + elsewhere) == 1
    assert told.read_text() == "ran ran ", "without a change, and with that of the constant"


def test_what_is_listed_with_a_reason_may_survive(toy: Path) -> None:
    weaker = STRONG.replace("    assert toy.takes(10, closed=False)\n", "").replace("takes(11", "takes(12")
    assert run(toy, weaker) == 1
    of_the_limit = '[["toy.py".survivors]]\nchanges = ["LIMIT = 10 → LIMIT = 11", "LIMIT = 10 → LIMIT = 9"]\nreason = "x"\n'
    assert run(toy, weaker, survivor("takes: amount <= LIMIT → amount < LIMIT") + of_the_limit) == 0


def test_the_modules_and_the_tests_of_the_table_exist() -> None:
    root = TABLE.parents[2]
    table = tomllib.loads(TABLE.read_text())
    named = [*table, *(test for about in table.values() for test in about["tests"])]
    assert [path for path in named if not (root / path).is_file()] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("if a < b:\n        pass", ["a < b → not (a < b)", "a < b → a <= b"], id="condition"),
        pytest.param("f(a)", ["f(a) dropped"], id="call"),
        pytest.param("x = a or b", ["a or b → ((a) and (b))", "a or b → ((b))", "a or b → ((a))"], id="either"),
        pytest.param("x = l[:n]", ["l[:n] without n"], id="slice"),
        pytest.param("log.info('x')", [], id="what-is-said"),
        pytest.param("x = 'SELECT a FROM t ORDER BY a'", ["ORDER BY a → ORDER BY -a"], id="order-of-rows"),
        pytest.param("x = min(a, b)", ["min(a, b) → max"], id="least"),
    ],
)
def test_every_kind_of_change_is_found_and_keeps_the_lines_of_the_file(source: str, expected: list[str]) -> None:
    module = f"def f(a, b, l, n):\n    {source}\n"
    found = changes(module)
    assert [change.text for change in found] == expected
    assert {change.function for change in found} <= {"f"}
    for change in found:
        compile(change.source, "f.py", "exec")
        assert change.source.count("\n") == module.count("\n")
