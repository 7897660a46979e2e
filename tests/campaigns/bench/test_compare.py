"""The comparison of two commits: it must see what there is, claim nothing that there is not, and measure the right tree."""

import random
from pathlib import Path

import pytest

from gateway.commands.demo.services import CHECKOUT, ServiceFailed
from tests.campaigns.bench import __main__ as bench
from tests.campaigns.bench import compare, core
from tests.campaigns.bench.children import BenchFault, Plan, gateway
from tests.campaigns.bench.compare import Change

needs_git = pytest.mark.skipif(not (CHECKOUT / ".git").exists(), reason="this checkout has no history")


def _plan(folder: Path) -> Plan:
    return Plan(folder, quick=True, long=False, say=lambda _: None)


def _noisy(by: float, rounds: int = 12) -> Change:
    """Rounds on a machine that grows slower by half meanwhile, where each measurement is up to 4 % too dear."""
    noise = random.Random(7)  # noqa: S311 - the same noise each time
    change = Change("part", "name")
    for turn in range(rounds):
        cost_us = 10 * (1 + turn / rounds / 2)
        change.old.append(cost_us * (1 + 0.04 * noise.random()))
        change.new.append(cost_us * by * (1 + 0.04 * noise.random()))
    return change


def test_three_per_cent_are_seen_on_a_noisy_machine() -> None:
    assert _noisy(1.03).verdict == "dearer"
    assert _noisy(0.97).verdict == "cheaper"
    assert _noisy(1.08).verdict == "over"


def test_noise_alone_is_no_difference() -> None:
    assert _noisy(1.0).verdict == "no difference seen"


@pytest.mark.parametrize(("rounds", "skipped"), [(6, 0), (8, 0), (9, 1), (12, 2), (15, 3), (20, 5)], ids=str)
def test_the_interval_leaves_out_as_many_ratios_as_the_sign_test_allows(rounds: int, skipped: int) -> None:
    change = Change("part", "name", [1.0] * rounds, [float(at) for at in range(1, rounds + 1)])
    assert change.interval == (skipped, rounds - 1 - skipped)


def test_the_trees_take_turns_and_so_does_the_one_that_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def once(plan: Plan) -> dict[str, float]:
        measured.append(plan.tree)
        return {"cost": 2.0 if plan.tree == CHECKOUT else 1.0}

    monkeypatch.setattr(compare, "PARTS", {"part": once})
    (change,) = compare.compare(_plan(tmp_path), tmp_path, ["part"], rounds=3)
    assert measured == [tmp_path, CHECKOUT, CHECKOUT, tmp_path, tmp_path, CHECKOUT]
    assert (change.old, change.new) == ([1.0] * 3, [2.0] * 3)


def test_a_commit_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--compare", "no-such-commit", "--dir", str(tmp_path)]) == 1
    assert "'no-such-commit' is not a commit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--compare", "HEAD", "disk"], "no such part: disk; there are core, saturation", id="part"),
        pytest.param(["--compare", "HEAD", "--rounds", "5"], "fewer than 6 tell nothing", id="rounds"),
    ],
)
def test_what_cannot_be_compared_is_said_at_once(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(arguments)
    assert said in capsys.readouterr().err


@needs_git
def test_a_commit_is_laid_out_as_it_was(tmp_path: Path) -> None:
    tree = compare.unpack("HEAD", tmp_path / "old")
    assert (tree / "gateway" / "__main__.py").is_file()
    assert not (tree / ".git").exists()


@pytest.fixture
def other_tree(tmp_path: Path) -> Path:
    """A tree whose gateway only says that it is another."""
    package = tmp_path / "tree" / "gateway"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('the other tree was here')\n")
    return package.parent


def test_the_core_of_the_tree_is_measured(tmp_path: Path, other_tree: Path) -> None:
    plan = Plan(tmp_path, quick=True, long=False, say=lambda _: None, tree=other_tree)
    with pytest.raises(BenchFault, match="the other tree was here"):
        core.once(plan)


def test_the_gateway_of_the_tree_is_started(tmp_path: Path, other_tree: Path) -> None:
    service = gateway(tmp_path, "mqtt://127.0.0.1:9", "http://127.0.0.1:9", tree=other_tree)
    with pytest.raises(ServiceFailed, match="the other tree was here"), service:
        pass


def test_the_core_alone_takes_every_message_of_the_bench(tmp_path: Path) -> None:
    costs = core.once(_plan(tmp_path))
    assert set(costs) == {
        "CPU of a native reading",
        "CPU of a native reading, its device's clock an hour behind",
        "CPU of a native reading of a lane",
        "CPU of a decoded uplink",
    }
    assert all(0 < cost_us < 1000 for cost_us in costs.values())
