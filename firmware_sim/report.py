"""The report of a verification: what was sent and what stands, sums and alarms, the first faults, a verdict."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from heapq import nsmallest
from typing import Final

from firmware_sim.alarm_check import ALARM, MOST_FALSE, AlarmsOutcome
from firmware_sim.compare import Comparison, Counts, Discrepancy, utc
from firmware_sim.sum_check import SumCounts, SumsOutcome

SHOWN: Final = 20
"""Faults of each kind that are told one by one."""
COLUMNS: Final = ("sent", "found", "missing", "different", "duplicate", "repeated", "refused", "accepted", "unexpected")


@dataclass(slots=True)
class Report:
    """The outcome: per domain, the first faults, and what to know beside them.

    :ivar sums: where the ledger tells what was consumed.
    :ivar alarms: where the ledger tells what happened.
    """

    domains: dict[str, Counts] = field(default_factory=dict)
    findings: list[Discrepancy] = field(default_factory=list)
    is_cut_short: bool = False
    sums: SumCounts = field(default_factory=SumCounts)
    sum_findings: list[Discrepancy] = field(default_factory=list)
    alarms: AlarmsOutcome | None = None

    @property
    def total(self) -> Counts:
        """All domains together."""
        total = Counts()
        for counts in self.domains.values():
            total.add(counts)
        return total

    @property
    def faults(self) -> int:
        """Faults of readings, sums and alarms."""
        return self.total.faults + self.sums.faults + (self.alarms.faults if self.alarms is not None else 0)

    @property
    def ok(self) -> bool:
        """True if everything is accounted for."""
        return not self.faults

    def add(self, domain: str, comparison: Comparison) -> None:
        """Take in the outcome of a group."""
        self.domains.setdefault(domain, Counts()).add(comparison.counts)
        self.findings = _first([*self.findings, *comparison.findings])

    def add_sums(self, outcome: SumsOutcome) -> None:
        """Take in the sums of a group."""
        self.sums.add(outcome.counts)
        self.sum_findings = _first([*self.sum_findings, *outcome.findings])

    def add_alarms(self, outcome: AlarmsOutcome) -> None:
        """Take in the alarms."""
        self.alarms = outcome

    def as_json(self) -> str:
        """One JSON object."""
        found = [*self.findings, *self.sum_findings, *(self.alarms.findings if self.alarms is not None else ())]
        document = {
            "ok": self.ok,
            "domains": {domain: asdict(counts) for domain, counts in self.domains.items()},
            "total": asdict(self.total),
            "first": [asdict(finding) for finding in found],
        }
        if self.sums.days:
            document["sums"] = asdict(self.sums)
        if self.alarms is not None:
            document["alarms"] = {key: value for key, value in asdict(self.alarms).items() if key != "findings"}
        return json.dumps(document)

    def as_text(self) -> str:
        """A table, the first faults, the verdict."""
        lines = [f"{'':8}" + "".join(f"{name:>11}" for name in COLUMNS)]
        for domain, counts in [*self.domains.items(), ("total", self.total)]:
            lines.append(f"{domain:8}" + "".join(f"{getattr(counts, name):>11,}" for name in COLUMNS))
        lines += _listed(self.findings, self.total.faults)
        if self.is_cut_short:
            lines.append("the last line of the ledger is cut short and was left out")
        if self.total.unexpected:
            lines.append(
                f"{self.total.unexpected:,} points without a row: taken by the broker, their PUBACK was never seen; no fault"
            )
        if self.sums.days:
            lines.append(_of_sums(self.sums))
            lines += _listed(self.sum_findings, self.sums.faults)
        if self.alarms is not None:
            lines.append(_of_alarms(self.alarms))
            lines += _listed(self.alarms.findings[:SHOWN], len(self.alarms.findings))
        lines.append("all accounted for" if self.ok else self._not_ok())
        return "\n".join(lines)

    def _not_ok(self) -> str:
        faults = [f"{self.total.faults:,} of {self.total.sent:,} readings"] if self.total.faults else []
        if self.sums.faults:
            faults.append(f"{self.sums.faults:,} of {self.sums.days:,} device-days")
        if self.alarms is not None and self.alarms.faults:
            faults.append(f"{self.alarms.faults:,} alarms")
        return f"NOT accounted for: {', '.join(faults)}"


def _first(findings: Sequence[Discrepancy]) -> list[Discrepancy]:
    """Return the earliest of each kind."""
    kinds = dict.fromkeys(finding.kind for finding in findings)
    return [
        finding
        for kind in kinds
        for finding in nsmallest(SHOWN, (one for one in findings if one.kind == kind), key=lambda one: one.time_ms)
    ]


def _of_sums(counts: SumCounts) -> str:
    share = 100 * counts.marked / counts.days
    return (
        f"consumption of {counts.days:,} device-days: {counts.exact:,} exact, {counts.marked:,} marked ({share:.1f} %, "
        f"{counts.marked_off:,} of them off), {counts.wrong:,} wrong, {counts.uncovered:,} without sums"
    )


def _of_alarms(outcome: AlarmsOutcome) -> str:
    allowed = outcome.device_days * MOST_FALSE
    return (
        f"alarms: {outcome.raised:,} raised in time, {outcome.late:,} late, {outcome.missing:,} missing, {outcome.open:,} not "
        f"due yet, {outcome.doubled:,} doubled; {outcome.false:,} false in {outcome.device_days:,.0f} device-days, "
        f"{allowed:.1f} allowed"
    )


def _listed(findings: list[Discrepancy], faults: int) -> list[str]:
    """The first faults, and how many more there are."""
    more = [f"... and {faults - len(findings):,} more"] if faults > len(findings) else []
    return [*map(_sentence, findings), *more]


def _sentence(finding: Discrepancy) -> str:
    seq = "" if finding.domain == ALARM or finding.domain.startswith("sum") else f" seq {finding.seq}"
    where = f"{finding.device} {utc(finding.time_ms)}{seq} ({finding.domain})"
    return f"{finding.kind:9} {where} {finding.detail}".rstrip()
