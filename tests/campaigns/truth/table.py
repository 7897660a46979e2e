"""The verdict for people: a table of surfaces, and the first figures that are wrong."""

from collections import Counter
from collections.abc import Iterator

from tests.campaigns.truth.figures import Truth
from tests.campaigns.truth.judge import Answer, Outcome, Verdict

SHOWN = 12
_COLUMNS = tuple(Outcome)


def table(store: str, verdict: Verdict) -> str:
    """The results of a store."""
    heads = [store, *(one.value for one in _COLUMNS)]
    rows = [[surface, *(f"{counts[one]:,}" for one in _COLUMNS)] for surface, counts in verdict.counts.items()]
    total: Counter[Outcome] = Counter()
    for counts in verdict.counts.values():
        total += counts
    rows.append(["all", *(f"{total[one]:,}" for one in _COLUMNS)])
    widths = [max(len(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in [heads, *rows]]
    lines.append(f"right figures that are marked: {verdict.marked_share:.2%}")
    lines += [f"nobody can know: {reason} ({count:,} figures)" for reason, count in sorted(verdict.unknowable.items())]
    same = sum(verdict.compared.values())
    lines.append(f"shown by two surfaces: {same:,} figures, {len(verdict.differing):,} differ")
    return "\n".join([*lines, *verdict.notes, *(f"FAILED {one}" for one in verdict.failures), *_faults(verdict)]) + "\n"


def _faults(verdict: Verdict) -> Iterator[str]:
    yield from _first("WRONG", verdict.faults)
    yield from _first("ABSENT", verdict.missing)
    for one, other in _spread(verdict.differing):
        here, there = f"{one.surface} {one.value:.6f}", f"{other.surface} {other.value:.6f}"
        yield f"  DIFFERS {one.subject} {one.figure} {one.period}: {here}, {there}"


def _first(word: str, found: list[tuple[Answer, Truth]]) -> Iterator[str]:
    """The first of each kind: one line a surface, subject and figure, with the number of its periods."""
    kinds = Counter((answer.surface, answer.subject, answer.figure) for answer, _ in found)
    said: set[tuple[str, str, str]] = set()
    for answer, truth in found:
        kind = answer.surface, answer.subject, answer.figure
        if kind in said:
            continue
        said.add(kind)
        true = "not measured" if truth.value is None else f"{truth.value:.6f} (within {truth.within:.6f})"
        told = answer.cause if answer.value is None else f"{answer.value:.6f}"
        yield f"  {word} {' '.join(kind)} {answer.period}: true {true}, told {told}; {kinds[kind]:,} such"
        if len(said) >= SHOWN * 4:
            yield f"  ... and {len(kinds) - len(said):,} more of other subjects"
            return


def _spread(found: list[tuple[Answer, Answer]]) -> list[tuple[Answer, Answer]]:
    """One of each pair of surfaces and figure."""
    kinds = {(one.surface, other.surface, one.subject, one.figure): (one, other) for one, other in reversed(found)}
    return list(kinds.values())[: SHOWN * 2]
