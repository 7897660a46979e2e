"""``gateway setup influxdb`` where nothing answers, or an option is wrong: nothing is written."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.admin.databases.commanding import configure, setup
from tests.admin.databases.stubs import ADMIN, influxdb2, influxdb3
from tests.commands.typed import offered, written


def test_a_database_that_does_not_answer_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    config = configure(tmp_path, url="http://127.0.0.1:9", api="v1")
    said = setup(config)
    assert (said.status, said.out) == (3, "")
    assert "http://127.0.0.1:9" in said.err
    assert list(tmp_path.iterdir()) == [config]


@pytest.mark.parametrize(
    ("rollups", "words", "fault"),
    [
        (None, ["--keep", "30d"], "--keep: at least "),
        ({"bucket": "years"}, ["--keep", "800d", "--keep-rollups", "799d"], "--keep-rollups: roll-ups are what is kept longer"),
        ({"bucket": "years"}, ["--keep", "forever", "--keep-rollups", "800d"], "--keep-rollups: roll-ups are what is kept"),
    ],
)
def test_what_is_still_needed_is_not_deleted(tmp_path: Path, rollups: object, words: list[str], fault: str) -> None:
    config = configure(tmp_path, url="http://127.0.0.1:9", api="v1", **({"rollups": rollups} if rollups else {}))
    said = setup(config, *words)
    assert (said.status, said.out) == (2, "")
    assert fault in said.err


def test_a_place_may_keep_as_long_as_the_other(tmp_path: Path) -> None:
    config = configure(tmp_path, url="http://127.0.0.1:9", api="v1", rollups={"bucket": "years"})
    assert setup(config, "--keep", "800d", "--keep-rollups", "800d").status == 3, "it goes as far as to ask"
    assert setup(config, "--keep", "forever").status == 3


@pytest.mark.parametrize(("server", "name"), [(influxdb2, "InfluxDB 2."), (influxdb3, "InfluxDB 3.")])
def test_each_kind_of_database_is_recognised_and_a_dry_run_makes_nothing(
    tmp_path: Path, server: Callable[[], AbstractContextManager[tuple[str, Any]]], name: str
) -> None:
    (tmp_path / "token").write_text(ADMIN)
    with server() as (url, _):
        said = setup(configure(tmp_path, url=url), "--admin-token-file", tmp_path / "token", "--dry-run")
    assert said.status == 0, said.err
    assert name in said.out.splitlines()[0]
    assert "would do: " in said.out
    assert {path.name for path in tmp_path.iterdir()} == {"gateway.yaml", "token"}


def test_what_people_type_is_what_they_know() -> None:
    assert offered("setup") == written("setup")
