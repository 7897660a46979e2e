import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


@pytest.fixture
def _loggers_stay_as_they_are() -> Iterator[None]:
    """import-linter sets up logging for itself and silences every logger that is there, for all later tests too."""
    before = {name: logging.getLogger(name).disabled for name in logging.root.manager.loggerDict}
    yield
    for name, disabled in before.items():
        logging.getLogger(name).disabled = disabled


@pytest.mark.usefixtures("_loggers_stay_as_they_are")
def test_imports_point_one_way_and_the_core_is_pure(capsys: pytest.CaptureFixture[str]) -> None:
    """The rules are in pyproject.toml; here they hold for those who run only the tests."""
    assert lint_imports(str(PYPROJECT), no_cache=True, no_logo=True) == 0, capsys.readouterr().out
