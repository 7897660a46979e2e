"""Files that a program writes are marked in .gitattributes, so that code hosts fold them in a review."""

from pathlib import Path, PurePath

import pytest

from grafana.build import rendered
from schemas.documents import documents

CHECKOUT = Path(__file__).parents[2]
PATTERNS = [
    line.split()[0]
    for line in (CHECKOUT / ".gitattributes").read_text(encoding="utf-8").splitlines()
    if line.endswith(" linguist-generated")
]


def test_every_generated_file_is_marked() -> None:
    written = [
        *rendered(),
        *(f"schemas/{name}" for name in documents({})),
    ]
    unmarked = [name for name in written if not any(PurePath(name).match(pattern) for pattern in PATTERNS)]
    assert unmarked == [], "mark them in .gitattributes as linguist-generated"


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_mark_is_about_files_that_are_there(pattern: str) -> None:
    assert any(CHECKOUT.glob(pattern))
