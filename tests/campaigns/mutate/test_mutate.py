"""The mutation run itself: it sees a weak test, and a list that is not true."""

from pathlib import Path

import pytest

from tests.campaigns.mutate.__main__ import main
from tests.campaigns.mutate.changes import changes

TOY = '''"""A toy."""

LIMIT = 10


def takes(amount: int, *, closed: bool) -> bool:
    """Whether there is room."""
    return amount <= LIMIT and not closed
'''
HEAD = "from house.room import toy\n\ndef test_takes() -> None:\n    assert toy.takes(1, closed=False)\n"
WEAK = HEAD + "    assert not toy.takes(1, closed=True)\n"
STRONG = WEAK + "    assert toy.takes(10, closed=False)\n    assert not toy.takes(11, closed=False)\n"
UNNOTICED = (
    "3: toy: LIMIT = 10 → LIMIT = 11",
    "3: toy: LIMIT = 10 → LIMIT = 9",
    "8: toy.takes: amount <= LIMIT and not closed → ((not closed))",
    "8: toy.takes: amount <= LIMIT → amount < LIMIT",
)


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A module in a room, its tests to be written."""
    for folder in ("house/room/nook", "tests/room"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "house/room/toy.py").write_text(TOY)
    return tmp_path


def run(root: Path, test: str, *listed: str, rooms: tuple[str, ...] = ("house",)) -> int:
    """Try all changes of the toy."""
    (root / "tests/room/test_toy.py").write_text(test)
    table = root / "table.toml"
    table.write_text(f'[[survivors]]\nchanges = {list(listed)}\nreason = "for a test"\n')
    return main([*rooms, "--root", str(root), "--table", str(table)])


def test_a_weak_test_is_seen_and_what_it_does_not_notice_is_named(toy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(toy, WEAK) == 1
    said = [line for line in capfd.readouterr().out.splitlines() if line.endswith("no test notices")]
    assert said == [f"house/room/toy.py:{change}: no test notices" for change in UNNOTICED]


def test_a_test_that_notices_every_change_is_enough(toy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(toy, STRONG) == 0
    assert "no change survived" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("test", "listed", "said"),
    [
        pytest.param(STRONG, "toy.takes: amount <= LIMIT → amount < LIMIT", "listed, and a test notices it", id="noticed"),
        pytest.param(STRONG, "toy.takes: amount < 5 → amount <= 5", "listed, and there is no such change", id="not-there"),
        pytest.param(HEAD + "    assert False\n", "", "test_takes: fails without a change", id="fails-as-it-is"),
        pytest.param("", "", "toy.takes: amount <= LIMIT → amount < LIMIT: no test runs it", id="no-test"),
    ],
)
def test_a_list_or_a_test_that_is_not_true_is_a_fault(
    toy: Path, capfd: pytest.CaptureFixture[str], test: str, listed: str, said: str
) -> None:
    assert run(toy, test, listed) == 1
    assert said in capfd.readouterr().out


def test_only_tests_that_reach_the_changed_line_are_run_the_quickest_first_and_all_where_it_is_run_at_the_import(
    toy: Path,
) -> None:
    """Else each change that survives would take the time of all tests of the room."""
    told = toy / "told"
    elsewhere = f"""
def test_elsewhere() -> None:
    time.sleep(0.2)
    with open({str(told)!r}, "a") as file:
        file.write("ran ")

"""
    unsure_of_ten = STRONG.replace("takes(10", "takes(9")  # LIMIT = 9 survives, which no test reaches, and amount < LIMIT
    assert run(toy, f"import time\n{elsewhere}{unsure_of_ten}") == 1
    assert told.read_text() == "ran ran ", "without a change, and with that of the constant that no other test notices"


def test_what_is_listed_with_a_reason_may_survive(toy: Path) -> None:
    weaker = STRONG.replace("    assert toy.takes(10, closed=False)\n", "").replace("takes(11", "takes(12")
    assert run(toy, weaker) == 1
    of_the_limit = "toy: LIMIT = 10 → LIMIT = 11", "toy: LIMIT = 10 → LIMIT = 9"
    assert run(toy, weaker, "toy.takes: amount <= LIMIT → amount < LIMIT", *of_the_limit) == 0


def test_a_room_without_tests_is_looked_at_by_those_of_the_room_around_it(toy: Path) -> None:
    (toy / "house/room/toy.py").rename(toy / "house/room/nook/toy.py")
    (toy / "tests/room/below").mkdir()
    (toy / "tests/room/below/test_of_another_room.py").write_text("def test_fails() -> None:\n    assert False\n")
    in_the_nook = STRONG.replace("house.room", "house.room.nook")
    assert run(toy, in_the_nook, rooms=("house/room/nook",)) == 0
    assert run(toy, in_the_nook, rooms=("house/room/nook/toy.py",)) == 0


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
        pytest.param("return f(a, b, *l)", ["f(a, b, *l): a ⇄ b"], id="arguments"),
        pytest.param("return f(a, a)", [], id="the-same-argument-twice"),
        pytest.param("f()\n    b.c = n", ["f() dropped", "f() ⇄ b.c = n", "b.c = n dropped"], id="statements"),
        pytest.param("a = b()\n    l = n(a)", [], id="statements-of-which-one-needs-the-other"),
        pytest.param("b.c = n\n    b.d = l", ["b.c = n dropped", "b.d = l dropped"], id="statements-in-either-order"),
    ],
)
def test_every_kind_of_change_is_found_and_keeps_the_lines_of_the_file(source: str, expected: list[str]) -> None:
    module = f"def f(a, b, l, n):\n    {source}\n"
    found = changes(module)
    assert [change.text for change in found] == expected
    assert {change.function for change in found} <= {"f"}
    for change in found:
        compile(change.made_in(module), "f.py", "exec")
        assert change.made_in(module).count("\n") == module.count("\n")
