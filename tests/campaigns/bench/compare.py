"""Two commits in one run: what a change costs, on a machine that others use too.

The old commit is unpacked into a temporary folder. Brokers, databases, publishers and messages are those of the checkout; the
gateway alone runs from one tree or the other. The two take turns, and so does the one that begins, so that a machine that grows
slower meets both. CPU is compared, not time: others may use the machine too.

Each round gives one ratio of new to old, and their median is the change. The interval beside it holds the true one with 95 %
certainty; it is made of the ranks of the ratios alone, so it assumes nothing about the noise.
"""

import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import comb
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Final

from gateway.commands.demo.services import CHECKOUT
from tests.campaigns.bench import chirpstack, core, saturation, start, wakes
from tests.campaigns.bench.children import BenchFault, Plan
from tests.campaigns.bench.figures import aligned, number

PARTS: Final[Mapping[str, Callable[[Plan], Mapping[str, float]]]] = MappingProxyType(
    {
        "core": core.once,
        "saturation": saturation.once,
        "uplinks": chirpstack.once,
        "start": start.once,
        "wakes": wakes.once,
        "many": core.in_no_order,
        "shares": core.shares,
    }
)
"""Part → a function that measures once the gateway of ``Plan.tree``; name of a figure → µs."""

ROUNDS_MIN: Final = 6
"""Fewer tell nothing with certainty: six that all point one way happen by chance once in 32 runs."""

LIMIT: Final = 0.03
"""A change that is dearer by more is a fault."""

_DOUBT: Final = 0.025
"""The chance that the true change lies below the interval; as much for above."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of both trees, round by round."""

    part: str
    name: str
    old: list[float] = field(default_factory=list)
    new: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """New by old of each round, the least first."""
        return sorted(new / old for old, new in zip(self.old, self.new, strict=True))

    @property
    def change(self) -> float:
        """The median change: 0.03 is three per cent dearer."""
        return median(self.ratios) - 1

    @property
    def interval(self) -> tuple[float, float]:
        """The change at least and at most, with 95 % certainty; of fewer than six rounds, all there were."""
        ratios, chance, skipped = self.ratios, 0.0, -1
        while (chance := chance + comb(len(ratios), skipped + 1) / 2 ** len(ratios)) <= _DOUBT:
            skipped += 1
        skipped = max(skipped, 0)
        return ratios[skipped] - 1, ratios[-1 - skipped] - 1

    @property
    def verdict(self) -> str:
        """``dearer`` or ``cheaper`` where the interval leaves no doubt, ``over`` where it is dearer by more than the limit."""
        low, high = self.interval
        if low > LIMIT:
            return "over"
        return "dearer" if low > 0 else "cheaper" if high < 0 else "no difference seen"

    def document(self) -> dict[str, object]:
        """The figure as JSON."""
        low, high = self.interval
        return {
            "part": self.part,
            "name": self.name,
            "unit": "µs",
            "old": self.old,
            "new": self.new,
            "change": self.change,
            "interval": [low, high],
            "verdict": self.verdict,
        }


def unpack(commit: str, folder: Path) -> Path:
    """Lay the files of a commit into a new folder.

    :raises BenchFault: there is no such commit, or no git.
    """
    asked = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    if asked.returncode:
        why = asked.stderr.strip() or "git log --oneline lists those there are"
        raise BenchFault(f"{commit!r} is not a commit of {CHECKOUT}: {why}")
    tree, packed = folder / "tree", folder / "tree.tar"
    tree.mkdir(parents=True)
    packing = _git("archive", "--output", str(packed), asked.stdout.strip())
    if packing.returncode:
        raise BenchFault(f"git could not pack {commit}: {packing.stderr.strip()}")
    subprocess.run(["tar", "-xf", packed, "-C", tree], check=True)
    packed.unlink()
    return tree


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["git", "-C", str(CHECKOUT), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BenchFault("git is missing; without it there is no old commit to compare with") from None


def compare(plan: Plan, old_tree: Path, parts: Iterable[str], rounds: int) -> list[Change]:
    """Measure both trees in turns, part by part."""
    sides = {"old": _side(plan, "old", old_tree), "new": _side(plan, "new", CHECKOUT)}
    changes: list[Change] = []
    for part in parts:
        found: dict[str, Change] = {}
        for turn in range(rounds):
            order = ("old", "new") if turn % 2 == 0 else ("new", "old")
            measured = {side: PARTS[part](sides[side]) for side in order}
            for name in measured["new"]:
                change = found.setdefault(name, Change(part, name))
                change.old.append(measured["old"][name])
                change.new.append(measured["new"][name])
                text = f"{name}: old {number(change.old[-1])}, new {number(change.new[-1])} µs"
                plan.say(f"{part}, round {turn + 1} of {rounds}: {text}")
        changes += found.values()
    return changes


def _side(plan: Plan, name: str, tree: Path) -> Plan:
    folder = plan.folder / name
    folder.mkdir(exist_ok=True)
    return replace(plan, folder=folder, tree=tree)


_HEADER = ("figure", "old, median", "least", "new, median", "least", "unit", "change", "95 % sure it lies in", "")


def table(changes: Iterable[Change]) -> str:
    """The figures for people, a line each."""
    rows: list[tuple[str, ...]] = [_HEADER]
    for each in changes:
        low, high = each.interval
        figures = (median(each.old), min(each.old), median(each.new), min(each.new))
        between = f"{low:+.1%} … {high:+.1%}"
        rows.append((f"{each.part}: {each.name}", *map(number, figures), "µs", f"{each.change:+.1%}", between, each.verdict))
    return "\n".join(aligned(rows, right={1, 2, 3, 4, 6, 7}))
