"""Thousands of makes on one gateway: nobody is blamed for what others took, and the child stays within its memory."""

import os
from pathlib import Path

import pytest

from gateway.ingest.codecs.confinement import DATA_BYTES
from tests.catalogues.many import COUNT, SHIPPED, Outcome, run

CATALOGUES = "CODEC_CATALOGUES"
CPU_MS = 5.0
"""On a machine with much other work; the figure of a quiet one is in profiles/CODECS.md."""


def holds(found: Outcome) -> None:
    assert found.faults == []
    assert found.restarts == 0
    assert found.peak_bytes <= DATA_BYTES
    assert max(found.cpu_ms) < CPU_MS


@pytest.mark.slow
def test_more_codecs_than_have_room_answer_in_three_rounds_as_they_do_alone() -> None:
    holds(run([SHIPPED], 700))


@pytest.mark.slow
def test_three_thousand_codecs_of_catalogues_answer_in_three_rounds_as_they_do_alone() -> None:
    folders = [Path(folder) for folder in os.environ.get(CATALOGUES, "").split(os.pathsep) if folder]
    if not folders:
        pytest.skip(f"no catalogues: give the folders of checkouts in {CATALOGUES}, as a path list")
    found = run(folders)
    assert found.codecs >= COUNT
    holds(found)
