"""``make near`` finds the tests of a change by where files lie and who imports them."""

import subprocess
from pathlib import Path

import pytest

from tests.house.near import CHECKOUT, OF_DATA, Tree, changed, run, told

FILES = {
    "gateway/a/one.py": "",
    "gateway/a/two.py": "from gateway.a.one import x",
    "gateway/a/inner/three.py": "",
    "gateway/b/four.py": "from gateway.a import (\n    five,\n    one,\n)",
    "gateway/c/templates/page.html": "",
    "gateway/c/six.py": "",
    "gateway/profiles/make.yaml": "",
    "docs/page.md": "",
    "tests/house/test_all.py": 'ROOT.rglob("*.md")',
    "tests/a/test_one.py": "",
    "tests/a/cases/test_two.py": "",
    "tests/a/inner/test_three.py": "",
    "tests/b/test_four.py": "",
    "tests/c/test_six.py": "",
    "tests/firmware_sim/test_makers.py": "",
    "tests/rig.py": "import gateway.a.one",
    "tests/z/test_far.py": "from tests.rig import gateway",
    "tests/z/test_names.py": 'monkeypatch.setattr("gateway.a.one.x", 1)',
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def near(root: Path, *names: str) -> list[str]:
    return [str(path.relative_to("tests")) for path in Tree(root).near(map(Path, names))]


def test_the_own_room_comes_first_then_those_that_name_a_module_the_whole_tree_and_rooms_that_import_it(root: Path) -> None:
    in_order = [
        "a/cases/test_two.py",
        "a/test_one.py",
        "z/test_names.py",
        "house/test_all.py",
        "z/test_far.py",
        "b/test_four.py",
    ]
    assert near(root, "gateway/a/one.py") == in_order


def test_of_the_own_room_those_that_are_changed_come_first_then_those_that_name_what_is_changed(root: Path) -> None:
    (root / "tests/a/test_zero.py").write_text("import gateway.a.one")
    own = ["tests/b/test_four.py", "tests/a/test_zero.py", "tests/a/cases/test_two.py", "tests/a/test_one.py"]
    found = Tree(root).own(map(Path, ("gateway/a/one.py", "tests/b/test_four.py")))
    assert list(map(str, found)) == own


def test_a_file_that_a_program_wrote_has_no_room_of_its_own_but_tests_near_it(root: Path) -> None:
    (root / ".gitattributes").write_text("gateway/c/*.json linguist-generated\n")
    (root / "gateway/c/made.json").touch()
    assert Tree(root).own([Path("gateway/c/made.json")]) == []
    assert near(root, "gateway/c/made.json", "gateway/a/inner/three.py")[:2] == ["a/inner/test_three.py", "c/test_six.py"]


def test_what_was_not_reached_is_counted_and_that_of_the_own_room_is_named() -> None:
    tests = ["tests/a/test_one.py", "tests/a/test_two.py", "tests/b/test_four.py"]
    assert told(tests, set(tests[:2]), set()) == "0 of 3 files were not reached; of your own room: none"
    assert told(tests, set(tests[:2]), set(tests[2:])) == "1 of 3 files were not reached; of your own room: none"
    missed = "2 of 3 files were not reached; of your own room: tests/a/test_two.py"
    assert told(tests, set(tests[:2]), set(tests[1:])) == missed


def test_a_room_within_a_room_has_tests_of_its_own_and_a_folder_without_has_those_of_the_one_above(root: Path) -> None:
    assert near(root, "gateway/a/inner/three.py") == ["a/inner/test_three.py", "house/test_all.py"]
    assert near(root, "gateway/c/templates/page.html") == ["c/test_six.py", "house/test_all.py"]


def test_a_file_of_data_has_the_tests_of_its_folder_wherever_they_lie(root: Path) -> None:
    assert near(root, "gateway/profiles/make.yaml") == ["firmware_sim/test_makers.py", "house/test_all.py"]
    assert all((CHECKOUT / path).exists() for folder, tests in OF_DATA.items() for path in (folder, *tests))
    (root / "tests/deploy").mkdir()
    (root / "tests/deploy/test_documented.py").touch()
    assert near(root, "gateway/web/rooms/page.py")[0] == "deploy/test_documented.py", "wherever in the folder it lies"


def test_a_page_leads_to_those_that_look_at_all_pages_and_a_test_that_is_gone_to_none(root: Path) -> None:
    assert near(root, "docs/page.md") == ["house/test_all.py"]
    assert near(root, "tests/c/test_gone.py") == ["c/test_six.py", "house/test_all.py"]


def test_what_changed_is_what_the_branch_and_the_folder_have_and_on_main_the_last_commit(root: Path) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)

    def commit() -> None:
        git("add", ".")
        git("commit", "--no-verify", "--no-gpg-sign", "--message", "more")

    git("init", "--initial-branch", "main")
    commit()
    (root / "docs" / "page.md").write_text("more")
    commit()
    assert changed(None, root) == [Path("docs/page.md")]
    (root / "new.py").touch()
    assert changed(None, root) == [Path("new.py")]
    git("switch", "--create", "branch")
    commit()
    (root / "gateway" / "a" / "one.py").write_text("more")
    assert changed(None, root) == [Path("gateway/a/one.py"), Path("new.py")]
    assert changed("HEAD", root) == [Path("gateway/a/one.py")]


def test_late_the_own_room_is_run_all_the_same_and_of_the_others_not_even_a_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time begins when it is collected, however long that takes."""
    monkeypatch.delenv("NEAR_FROM_COLLECTED", raising=False)  # there in `make near` itself
    own = tmp_path / "test_own.py"
    own.write_text("def test_good():\n    assert True\n")
    other = tmp_path / "test_other.py"
    other.write_text("raise OSError\n")
    late = {"NEAR_ENDS_AT": "0", "PYTHONPATH": str(CHECKOUT)}
    assert run([own.name], late | {"NEAR_FROM_COLLECTED": "1"}, tmp_path) == (False, set())
    assert run([other.name], late, tmp_path) == (False, {other.name})
    assert run([other.name], late | {"NEAR_FROM_COLLECTED": "1"}, tmp_path)[0], "it is read, and fails"
