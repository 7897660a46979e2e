"""``python -m schemas`` and ``python -m schemas --check``."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.__main__ import PACKAGE, main

TOPICS = ("water", "power", "traffic", "urban", "status")
NAMES = {
    *(f"json/{name}.json" for name in (*TOPICS, "registry", "profile", "alarms", "scenario", "shares")),
    "json/open-data.jsonld",
    "asyncapi.yaml",
    "quantities.md",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """Copy the package's folder, up to date, and make it the command's working directory."""
    shutil.copytree(PACKAGE / "examples", tmp_path / "schemas" / "examples")
    monkeypatch.chdir(tmp_path)
    assert main([], tmp_path / "schemas") == 0
    capsys.readouterr()
    return tmp_path / "schemas"


def test_what_is_committed_agrees_with_the_tables() -> None:
    done = subprocess.run([sys.executable, "-m", "schemas", "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "13 documents agree with the tables\n", ""), done.stderr


def test_it_writes_every_document_and_the_same_as_committed(folder: Path) -> None:
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - NAMES == {
        f"examples/{path.name}" for path in (PACKAGE / "examples").iterdir()
    }
    for name in NAMES:
        assert (folder / name).read_bytes() == (PACKAGE / name).read_bytes()


def test_it_writes_only_what_differs_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "json/power.json").write_text("{}\n")
    untouched = {name: (folder / name).stat().st_mtime_ns for name in NAMES - {"json/power.json"}}
    assert main([], folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "schemas/json/power.json: written" in lines
    assert sorted(line for line in lines if line.endswith(": left as it is")) == sorted(
        f"schemas/{name}: left as it is" for name in untouched
    )
    assert {name: (folder / name).stat().st_mtime_ns for name in untouched} == untouched


def test_check_names_each_file_that_drifted_and_changes_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = folder / "json/water.json"
    changed.write_bytes(changed.read_bytes().replace(b"4000", b"5000"))
    spoiled = changed.read_bytes()
    (folder / "asyncapi.yaml").unlink()
    assert main(["--check"], folder) == 1
    assert capsys.readouterr().err.splitlines() == [
        "schemas/json/water.json: differs from the tables; run `python -m schemas` and commit what it writes",
        "schemas/asyncapi.yaml: is missing; run `python -m schemas` and commit what it writes",
    ]
    assert changed.read_bytes() == spoiled
    assert not (folder / "asyncapi.yaml").exists()


def test_check_sees_line_ends_another_system_made(folder: Path) -> None:
    path = folder / "json/status.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert main(["--check"], folder) == 1


def test_a_changed_example_is_drift(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "examples/urban-parking-space.json").write_text('{"parking_occupied": false}\n')
    assert main(["--check"], folder) == 1
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()] == [
        "schemas/json/urban.json",
        "schemas/asyncapi.yaml",
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("water-torn.json", b'{"ph": ', "not JSON in UTF-8", id="torn"),
        pytest.param("water-latin.json", b'{"ph": "\xe9"}', "not JSON in UTF-8", id="not-utf-8"),
        pytest.param("tank.json", b'{"level_m": 2}', "its name must begin with one of", id="named-for-no-topic"),
    ],
)
def test_a_bad_example_is_named_and_nothing_written(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, says: str
) -> None:
    (folder / "examples" / name).write_bytes(content)
    (folder / "asyncapi.yaml").unlink()
    assert main([], folder) == 1
    error = capsys.readouterr().err
    assert name.removesuffix(".json") in error
    assert says in error
    assert not (folder / "asyncapi.yaml").exists()


def test_a_file_that_cannot_be_written_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "asyncapi.yaml").unlink()
    (folder / "asyncapi.yaml").mkdir()
    assert main([], folder) == 1
    assert capsys.readouterr().err.endswith("asyncapi.yaml: Is a directory\n")
