"""The pages of docs/runbooks: both languages tell the same steps, and each step has commands or is marked as one for hands."""

import re
from pathlib import Path

import pytest

from tests.runbooks.pages import BY_HAND, FOLDER, HEADINGS, PAGES, headings, steps

each_page = pytest.mark.parametrize("page", PAGES)


def test_every_page_stands_in_the_list() -> None:
    listed = re.findall(r"^\| \[(\w+)\]\(\w+\.md\) \|", (FOLDER / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(f"{name}.md" for name in listed) == PAGES


@each_page
def test_every_page_is_followed_by_a_test(page: str) -> None:
    stories = (Path(__file__).parent / "test_runbooks.py").read_text(encoding="utf-8")
    assert f'.act("{page}"' in stories
    assert f'.check("{page}") == set()' in stories, "and its checks hold in the end"


@each_page
def test_a_page_says_in_both_languages_what_it_means_what_to_check_and_what_to_do(page: str) -> None:
    assert headings(page) == HEADINGS


@each_page
@pytest.mark.parametrize(("vi", "en"), [("Kiểm tra", "Check"), ("Xử lý", "Act")])
def test_both_languages_give_the_same_commands_for_the_same_machines(page: str, vi: str, en: str) -> None:
    theirs, ours = steps(page, vi), steps(page, en)
    assert [(step.number, step.machine, step.commands) for step in theirs] == [
        (step.number, step.machine, step.commands) for step in ours
    ]
    assert [step.number for step in ours] == list(range(1, len(ours) + 1))
    assert all(step.text.isascii() for step in ours if not step.text.startswith(BY_HAND))


@each_page
def test_a_step_without_commands_is_marked_as_one_for_hands(page: str) -> None:
    for heading in ("Kiểm tra", "Xử lý", "Check", "Act"):
        for step in steps(page, heading):
            assert step.text.startswith(BY_HAND) == (not step.commands), f"{heading} {step.number}"
