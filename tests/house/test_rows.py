"""Rows of a table in one test: each is tried, and each that fails is told by its name and its fault."""

import pytest

from tests.rows import each_row

pytest_plugins = ["pytester"]

FAILING = """
    import pytest
    from tests.rows import each_row

    @pytest.mark.parametrize("sign", [1, -1])
    @each_row(("number", "root"), [(4, 2), pytest.param(9, 4, id="nine"), (16, 4), (25, 6)])
    def test_a_root(number, root, sign, tmp_path):
        assert tmp_path.is_dir()
        assert (sign * root) ** 2 == number

    @each_row("text", ["1", "x", "2"])
    def test_what_is_no_number_is_refused(text):
        with pytest.raises(ValueError):
            int(text)
"""


def test_each_row_that_fails_is_told_by_its_name_and_fault_and_all_are_tried(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FAILING)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    said = result.stdout.str()
    for told in ("[1] [nine] _", "[1] [25-6] _", "[-1] [nine] _", "[-1] [25-6] _", "refused ['1'] _", "refused ['2'] _"):
        assert told in said
    assert "E       assert ((1 * 4) ** 2) == 9" in said
    assert said.count("E       Failed: DID NOT RAISE") == 2
    assert said.count("\ncontains 2 failed subtests") == 3
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_table_without_rows_is_a_fault() -> None:
    with pytest.raises(ValueError, match="without rows"):
        each_row("text", [])
