from pathlib import Path

import pytest
from importlinter.cli import lint_imports

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def test_imports_point_one_way_and_the_core_is_pure(capsys: pytest.CaptureFixture[str]) -> None:
    """The rules stand in pyproject.toml; here they hold for whoever runs the tests only."""
    assert lint_imports(str(PYPROJECT), no_cache=True, no_logo=True) == 0, capsys.readouterr().out
