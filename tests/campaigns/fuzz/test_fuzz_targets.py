"""Every target in short: what its inputs should be, and those that once hit a fault. ``make fuzz`` makes more of them."""

import random
import tempfile
from pathlib import Path

import pytest

from tests.campaigns.fuzz.target import FOUND, Target, TooSlow, judged
from tests.campaigns.fuzz.targets import NAMES, target_of
from tests.campaigns.fuzz.ways import Ways

SPOILED = 20
SEEDS_MAX = 25


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the MQTT codec's, at text that is not UTF-8
@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in NAMES])
def test_a_target_takes_its_seeds_the_found_cases_and_some_that_are_spoiled(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where some targets write what is to be read
    target = target_of(name)
    run, seeds = judged(target), list(target.seeds())
    assert seeds
    ways = Ways(seeds, random.Random(name))  # noqa: S311 - the same every time
    spoiled = [ways.spoiled(ways.chance.choice(seeds))[: target.longest_bytes] for _ in range(SPOILED)]
    for data in [*seeds[:: 1 + len(seeds) // SEEDS_MAX], *target.found(), *spoiled]:
        run(data)


def test_every_found_case_belongs_to_a_target() -> None:
    assert {folder.name for folder in FOUND.iterdir()} <= set(NAMES)


def test_an_input_that_takes_too_long_is_found() -> None:
    def slow(data: bytes) -> None:
        for _ in range(len(data) ** 2):
            pass

    run = judged(Target("slow", lambda: slow, lambda: [b""], slowest_s=0.01))
    run(b"short")
    with pytest.raises(TooSlow, match="for 2000 bytes"):
        run(b"x" * 2000)
