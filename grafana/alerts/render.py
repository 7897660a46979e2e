"""From the table to the files that Grafana, Prometheus and vmalert read: Grafana's rules in one language, the others in both.

A rule of Grafana is three steps: A asks, B takes the newest number of each series, C compares it with the bound.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from grafana.alerts.model import Alert, AlertGroup, Condition, StoreConditions
from grafana.alerts.table import ALERTS
from grafana.provisioning import FOLDER
from grafana.stores import INFLUXDB, Database
from grafana.text import Language, chosen, said_in

RUNBOOKS: Final = "https://example.vn/runbooks"
"""Where the pages of ``grafana/runbooks`` are shown; a site puts its own address in its place."""
EVALUATED: Final = "1m"

_HEAD: Final = "# Written by `python -m grafana.build` from grafana/alerts/table.py; grafana/README.md says how to use it.\n"
_EXPRESSION: Final = "__expr__"

Document = dict[str, Any]


def grafana_rules(database: Database, language: Language, runbooks: str = RUNBOOKS) -> str:
    """The provisioning file for a kind of database. Every rule is paused."""
    groups = [
        {
            "orgId": 1,
            "name": chosen(group.value, language),
            "folder": chosen(FOLDER, language),
            "interval": EVALUATED,
            "rules": [
                _grafana_rule(said_in(alert, language), alert.stored, database, runbooks)
                for alert in ALERTS
                if alert.group is group and alert.stored is not None
            ],
        }
        for group in AlertGroup
    ]
    return _yaml({"apiVersion": 1, "groups": groups})


def prometheus_rules() -> str:
    """The rules file of Prometheus and vmalert, over the gateway's own metrics."""
    rules = [_metric_rule(alert) for alert in ALERTS if alert.metrics]
    return _HEAD + _yaml({"groups": [{"name": "gateway", "rules": rules}]})


def _grafana_rule(alert: Alert, stored: StoreConditions, database: Database, runbooks: str) -> Document:
    condition = stored.influxql if database is INFLUXDB else stored.metricsql
    return {
        "uid": f"{alert.name}-{database.folder}",
        "title": f"{alert.title}",
        "condition": "C",
        "data": [
            _step("A", database.source["uid"], _asked(condition.query, database), condition.range_s),
            _step("B", _EXPRESSION, {"type": "reduce", "expression": "A", "reducer": "last"}),
            _step("C", _EXPRESSION, {"type": "threshold", "expression": "B", "conditions": [_compared(condition)]}),
        ],
        # While the database is away all rules fail. One of them tells of it.
        "noDataState": "Alerting" if alert.if_absent else "OK",
        "execErrState": "Alerting" if alert.if_absent else "OK",
        "for": f"{alert.for_s}s",
        "annotations": _annotations(alert, stored.labels, runbooks),
        "labels": {"severity": alert.severity},
        "isPaused": True,
    }


def _step(ref: str, source: str, model: Document, range_s: int = 0) -> Document:
    return {
        "refId": ref,
        "relativeTimeRange": {"from": range_s, "to": 0},
        "datasourceUid": source,
        "model": {"refId": ref, **model},
    }


def _asked(query: str, database: Database) -> Document:
    if database is INFLUXDB:
        return {"query": query, "rawQuery": True, "resultFormat": "time_series"}
    return {"expr": query, "instant": True, "range": False}


def _compared(condition: Condition) -> Document:
    return {"evaluator": {"type": condition.bound.word, "params": [condition.bound.limit]}}


def _metric_rule(alert: Alert) -> Document:
    waits = {"for": f"{alert.for_s}s"} if alert.for_s else {}
    return {
        "alert": alert.name,
        "expr": alert.metrics,
        **waits,
        "labels": {"severity": alert.severity},
        "annotations": _annotations(alert, ("instance", alert.label), RUNBOOKS),
    }


def _annotations(alert: Alert, labels: Iterable[str], runbooks: str) -> Mapping[str, str]:
    """The words. A label that is missing, as in an alert about no data at all, leaves no gap."""
    where = "".join(f"{{{{ with $labels.{label} }}}} {{{{ . }}}}{{{{ end }}}}" for label in labels if label)
    return {
        "summary": f"{alert.title}{where}",
        "description": "\n".join(dict.fromkeys((alert.about_vi, alert.about_en))),
        "runbook_url": f"{runbooks}/{alert.page}",
    }


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as a block, as people write it."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Represent a text."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _Dumper.represent_text)


def _yaml(document: Document) -> str:
    text: str = yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1000)
    return text
