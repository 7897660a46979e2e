"""The parts of an alert. The table holds these rows and nothing else."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from grafana.text import both


class AlertGroup(Enum):
    """The subject of an alert, in Vietnamese and English."""

    GATEWAY = both("Cổng thu thập", "Gateway")
    DEVICES = both("Thiết bị", "Devices")


class Bound(NamedTuple):
    """The numbers that people are told of: those above or below a limit."""

    word: str
    limit: float


def above(limit: float) -> Bound:
    """Numbers above a limit."""
    return Bound("gt", limit)


def below(limit: float) -> Bound:
    """Numbers below a limit."""
    return Bound("lt", limit)


class Condition(NamedTuple):
    """A query that gives a number for each gateway or device.

    :ivar range_s: the time that an InfluxQL query looks back.
    """

    query: str
    bound: Bound
    range_s: int = 300


class StoreConditions(NamedTuple):
    """The same question to the points in InfluxDB and in VictoriaMetrics.

    :ivar labels: labels of a number that name what it is about.
    """

    influxql: Condition
    metricsql: Condition
    labels: tuple[str, ...] = ("gateway",)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    :ivar name: name of the alert, of its runbook unless ``runbook`` says another.
    :ivar about_vi: what it means and where to begin; ``about_en`` the same in English.
    :ivar for_s: time that the condition must stand before people are told.
    :ivar metrics: the condition over the gateway's own metrics, in PromQL; empty: there is none.
    :ivar label: label of the metric, beside ``instance``, that names what the alert is about.
    :ivar stored: the condition over points; None: they cannot tell.
    :ivar if_absent: True: people are told as well when there is no data, or no answer.
    """

    name: str
    group: AlertGroup
    severity: str
    vi: str
    en: str
    about_vi: str
    about_en: str
    for_s: int
    metrics: str = ""
    stored: StoreConditions | None = None
    label: str = ""
    if_absent: bool = False
    runbook: str = ""

    @property
    def title(self) -> str:
        """Vietnamese, then English."""
        return both(self.vi, self.en)

    @property
    def page(self) -> str:
        """The file of its runbook."""
        return f"{self.runbook or self.name}.md"
