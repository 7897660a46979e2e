"""One test that goes through all rows of a table, and tells of each row that fails."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import pytest

Test = Callable[..., None]


def each_row(
    names: str | Sequence[str], rows: Iterable[object], *, ids: Callable[[Any], object] = repr
) -> Callable[[Test], Test]:
    """Call the test with each row, and fail with all rows that fail: ``pytest.mark.parametrize``, as one case.

    A case costs more than most rows do. Fixtures are made once, for all rows: where a row changes them, cases are due.
    """
    columns = [names] if isinstance(names, str) else [*names]
    table = [_named(columns, row, ids) for row in rows]
    if not table:
        raise ValueError("a table without rows tests nothing")

    def decorated(test: Test) -> Test:
        @wraps(test)
        def through_all(*, subtests: pytest.Subtests, **given: object) -> None:
            __tracebackhide__ = True
            for name, values in table:
                try:
                    test(**given, **values)
                except (Exception, pytest.fail.Exception):
                    with subtests.test(name):
                        raise

        signature = inspect.signature(test)
        left = [one for name, one in signature.parameters.items() if name not in columns]
        asked = inspect.Parameter("subtests", inspect.Parameter.KEYWORD_ONLY)
        through_all.__signature__ = signature.replace(parameters=[*left, asked])  # type: ignore[attr-defined]
        return through_all

    return decorated


def _named(columns: list[str], row: object, ids: Callable[[Any], object]) -> tuple[str, dict[str, object]]:
    """Return the row's name, and its values by column."""
    name: object = None
    values: Iterable[object] = [row]
    if isinstance(row, pytest.ParameterSet):
        name, values = row.id, row.values
    elif len(columns) > 1 and isinstance(row, Iterable):
        values = row
    return str(name or "-".join(str(ids(value)) for value in values)), dict(zip(columns, values, strict=True))
