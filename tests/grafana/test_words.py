"""Codes of tags read as words in every table and legend, in the words of the gateway's own pages."""

from gateway.core.alarms.alarm import Severity
from gateway.core.alarms.wording import WORDING
from gateway.support.i18n.alarm_words import ALARM_WORDS
from grafana.ask import first
from grafana.model import Dashboard, Panel
from grafana.render import dashboard
from grafana.stores import DATABASES
from grafana.tables import DASHBOARDS
from grafana.text import chosen
from grafana.words import ALARMS, DOMAINS, OF_TAGS, SEVERITIES
from schemas import quantities
from tests.grafana.test_dashboard_files import Json, panels
from tests.rows import each_row


def test_every_shipped_alarm_severity_and_domain_has_words() -> None:
    assert ALARMS.keys() == WORDING.keys()
    assert set(SEVERITIES) == {severity.value for severity in Severity}
    assert set(DOMAINS) == set(quantities.DOMAINS)


@each_row("code", sorted(SEVERITIES))
def test_a_severity_is_called_as_on_the_gateways_pages(code: str) -> None:
    said = ALARM_WORDS[code]
    assert (chosen(SEVERITIES[code].text, "vi"), chosen(SEVERITIES[code].text, "en")) == (said.vi, said.en)


def said(panel: Json) -> set[str]:
    """The words that stand in place of a value, or that a line is called by."""
    found = set()
    for override in panel["fieldConfig"]["overrides"]:
        for row in override["properties"]:
            if row["id"] == "displayName":
                found.add(row["value"])
            if row["id"] == "mappings":
                found |= {word["text"] for one in row["value"] if one["type"] == "value" for word in one["options"].values()}
    return found


def coded(panel: Panel) -> set[str]:
    """The tags with codes that the panel shows."""
    return {tag for question in panel.questions for tag in first(question).by} & OF_TAGS.keys()


@each_row("board", DASHBOARDS)
def test_a_panel_says_alarms_severities_and_domains_in_words(board: Dashboard) -> None:
    tables = {panel.title.vi: coded(panel) for section in board.sections for panel in section.panels}
    for database in DATABASES:
        for panel in panels(dashboard(board, database, "vi")):
            for tag in tables.get(panel["title"], ()):
                assert {chosen(word.text, "vi") for word in OF_TAGS[tag].values()} <= said(panel), f"{panel['title']}: {tag}"
