"""The files of the rules, their words and runbooks; and that the gateway writes what they ask for."""

import asyncio
import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from gateway.core.status.verdict import Fleet
from gateway.ingest.storage.database import Database
from gateway.monitoring.status.metrics import exposition
from gateway.runtime.jobs.own_points import self_figures
from gateway.runtime.pipeline.build import Parts
from grafana.alerts.render import RUNBOOKS, grafana_rules, prometheus_rules
from grafana.alerts.table import ALERTS, GATEWAY_ALERTS
from grafana.build import ROOT
from grafana.stores import DATABASES
from grafana.text import LANGUAGES
from tests.clocks import SetClock
from tests.core.making import NOW_MS
from tests.rows import each_row
from tests.runtime.jobs.closing_rig import config_of
from tests.web.pages.languages import is_todo

PAGES = ROOT / "grafana" / "runbooks"
HEADINGS = ["Tiếng Việt", "Ý nghĩa", "Kiểm tra", "Xử lý", "English", "Meaning", "Check", "Act"]
Rule = dict[str, Any]


def rules_in(text: str) -> list[Rule]:
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


OF_PROMETHEUS = rules_in(prometheus_rules())
OF_GRAFANA = {
    language: [rule for one in DATABASES for rule in rules_in(grafana_rules(one, language))] for language in LANGUAGES
}


def name_of(rule: Rule) -> str:
    return str(rule.get("uid") or rule["alert"])


@each_row("rule", OF_PROMETHEUS, ids=name_of)
def test_an_alert_of_prometheus_has_a_summary_and_a_description_in_both_languages(rule: Rule) -> None:
    words = rule["annotations"]
    vi, _, en = words["summary"].partition(" · ")
    assert is_todo(vi.partition("{{")[0]) or (en and not vi.isascii())
    assert en.partition("{{")[0].isascii()
    about_vi, _, about_en = words["description"].partition("\n")
    assert is_todo(about_vi) or (about_en and not about_vi.isascii())
    assert about_en.isascii()
    assert "\n" not in about_en


def test_grafanas_alerts_are_of_one_language_and_otherwise_the_same() -> None:
    for vi, en in zip(OF_GRAFANA["vi"], OF_GRAFANA["en"], strict=True):
        for words in (en["title"], en["annotations"]["summary"], en["annotations"]["description"]):
            assert words.isascii()
        assert is_todo(vi["title"]) or not vi["title"].isascii()
        assert vi["annotations"]["summary"].startswith(vi["title"])
        spoken = ("title", "annotations")
        assert [part for name, part in vi.items() if name not in spoken] == [
            part for name, part in en.items() if name not in spoken
        ]


@each_row("rule", [*OF_PROMETHEUS, *OF_GRAFANA["en"]], ids=name_of)
def test_an_alert_links_a_runbook_that_says_what_it_means_and_what_to_do(rule: Rule) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    base, _, page = rule["annotations"]["runbook_url"].rpartition("/")
    assert base == RUNBOOKS
    headings = re.findall(r"^##+ (.+)$", (PAGES / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == HEADINGS


def test_every_runbook_belongs_to_an_alert_and_stands_in_their_list() -> None:
    pages = {path.name for path in PAGES.glob("*.md")} - {"README.md"}
    assert pages == {alert.page for alert in ALERTS}
    listed = re.findall(r"\]\((\w+\.md)\)", (PAGES / "README.md").read_text(encoding="utf-8"))
    assert Counter(listed) == Counter(pages)


def test_rules_of_grafana_are_paused_and_have_their_own_names() -> None:
    assert all(rule["isPaused"] for rule in OF_GRAFANA["vi"])
    ids = [rule["uid"] for rule in OF_GRAFANA["vi"]]
    assert len(ids) == len(set(ids))
    assert max(map(len, ids)) <= 40, "Grafana's limit"
    for database in DATABASES:
        titles = [rule["title"] for rule in OF_GRAFANA["vi"] if rule["data"][0]["datasourceUid"] == database.source["uid"]]
        assert len(titles) == len(set(titles)) > 10


async def written_by_the_gateway(folder: Path) -> tuple[set[str], set[str]]:
    """The fields of its own point, and its metrics."""
    (folder / "devices.yaml").write_text("devices: []\n")
    database = Database(folder / "journal.db")
    database.open()
    try:
        parts = Parts(config_of(folder, "http://127.0.0.1:1", "Asia/Ho_Chi_Minh"), database, SetClock(NOW_MS))
        status = parts.watching.status
        status.journal.room_bytes, status.certificates = 0, {"http.tls.cert": NOW_MS}
        metrics = re.findall(r"^# TYPE (\w+)", exposition(status, Fleet()).decode(), re.MULTILINE)
        return {"pending", "journal", "clock", *self_figures(status)}, set(metrics)
    finally:
        database.close()


def test_the_gateway_writes_every_field_and_metric_that_a_rule_about_it_asks_for(tmp_path: Path) -> None:
    fields, metrics = asyncio.run(written_by_the_gateway(tmp_path))
    for alert in GATEWAY_ALERTS:
        assert set(re.findall(r"gateway_\w+", alert.metrics)) <= metrics, alert.name
        if alert.stored is not None and "completeness" not in alert.stored.metricsql.query:
            assert set(re.findall(r"gateway_(\w+)", alert.stored.metricsql.query)) <= fields, alert.name
            asked = re.findall(r'(?:last|count|difference)\("(\w+)"\)', alert.stored.influxql.query)
            assert set(asked) - {"points", "state"} <= fields, alert.name
