"""A text that nobody has put into Vietnamese yet is shown in English, told, and kept out of a release."""

import subprocess
from pathlib import Path

import pytest

from gateway import __version__
from gateway.admin.installation.bundle import main

TABLES = {
    "gateway/texts.py": """\
from schemas.glossary import Words, todo

WORDS = {
    "flow": Words(todo("Flow"), "Flow"),
    "level": {
        "vi": todo(
            "Level of the water"
        ),
        "en": "Level of the water",
    },
    "wells": Words(todo(f"{MOST} wells"), f"{MOST} wells"),
    "done": Words("Xong", "Done"),
}
""",
    "grafana/tables/wells.py": """\
from schemas import glossary

WELLS = Panel(about_vi=glossary.todo("All wells."), about_en="All wells.")
""",
    "tests/test_words.py": 'todo("Not shown to anybody")\n',
}
TOLD = """\
gateway/texts.py:4: no Vietnamese yet: Flow
gateway/texts.py:6: no Vietnamese yet: Level of the water
gateway/texts.py:11: no Vietnamese yet: f'{MOST} wells'
grafana/tables/wells.py:3: no Vietnamese yet: All wells.
"""


def git(checkout: Path, *words: str) -> None:
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=checkout, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkout of a program that cannot be built, as nothing says how, with four texts in English."""
    folder = tmp_path / "checkout"
    for name, source in TABLES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(source, encoding="utf-8")
    git(tmp_path, "init", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "-m", "Wells")
    monkeypatch.setattr("gateway.admin.installation.bundle._CHECKOUT", folder)
    return folder


@pytest.mark.usefixtures("checkout")
def test_texts_without_vietnamese_are_told_by_file_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--untranslated"]) == 0
    assert capsys.readouterr().out == TOLD


def test_a_release_with_texts_without_vietnamese_is_refused(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "tag", "-a", f"v{__version__}", "-m", "the release")
    with pytest.raises(SystemExit) as refused:
        main(["--out", str(tmp_path / "dist")])
    assert refused.value.code == (
        "A release has all texts in Vietnamese; write each in place of its todo(…): "
        "gateway/texts.py:4, gateway/texts.py:6, gateway/texts.py:11, grafana/tables/wells.py:3"
    )
    assert list((tmp_path / "dist").iterdir()) == []


def test_a_release_that_lacks_no_text_and_a_bundle_to_try_something_are_built(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError, match="hatchling"):
        main(["--out", str(tmp_path / "dist")])
    git(checkout, "rm", "-r", "gateway", "grafana")
    git(checkout, "commit", "-m", "No wells")
    git(checkout, "tag", "-a", f"v{__version__}", "-m", "the release")
    with pytest.raises(subprocess.CalledProcessError, match="hatchling"):
        main(["--out", str(tmp_path / "dist")])
