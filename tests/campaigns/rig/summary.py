"""The results of a campaign as text for people. Pure."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.campaigns.rig.trial import Trial
from tests.campaigns.rig.verdict import Verdict


def summary(trial: Trial[Any], verdicts: Sequence[Verdict], seconds: float, folder: Path) -> str:
    """The faults that came, the worlds they came in, the account of the readings, and what failed."""
    came = Counter(deed.fault for verdict in verdicts for deed in trial.deeds(verdict.number, seconds))
    settings = Counter(verdict.setting for verdict in verdicts)
    failed = [verdict for verdict in verdicts if not verdict.is_green]
    account = {
        "readings the broker acknowledged": sum(verdict.readings for verdict in verdicts),
        "lost by the gateway": sum(verdict.lost_by_gateway for verdict in verdicts),
        "altered, or standing twice": sum(verdict.altered for verdict in verdicts),
        "given up as the configuration says, each counted as expired": sum(verdict.expired for verdict in verdicts),
        f"lost by {trial.breaks}": sum(verdict.lost_by_broker for verdict in verdicts),
        "looks at the gateway's ledger": sum(verdict.looks for verdict in verdicts),
    }
    lines = [
        "",
        *_table("faults", {name: came[name] for name in trial.faults}),
        *_table("schedules", settings),
        *_table("", account),
        *(f"schedule {verdict.number} FAILED: {fault.splitlines()[0]}" for verdict in failed for fault in verdict.faults),
        f"{len(verdicts) - len(failed)} of {len(verdicts)} schedules of {seconds:g} s are green"
        + (f"; the rest is in {folder}" if failed else ""),
    ]
    return "\n".join(lines) + "\n"


def _table(head: str, counts: dict[str, int]) -> list[str]:
    return [head, *(f"  {count:>9,}  {name}" for name, count in counts.items()), ""]
