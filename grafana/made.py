"""All files that a Grafana needs, for one store, in one language: dashboards, data sources, rules of alerts."""

import json
from dataclasses import dataclass
from typing import Final

from grafana.alerts.render import RUNBOOKS, grafana_rules
from grafana.ask import CannotAsk
from grafana.guard import faults, misfits, twice
from grafana.head import NO_PAGES, Head
from grafana.pressure import PRESSURES, in_unit
from grafana.provisioning import FOLDER, data_sources, environment, further_sources, provider
from grafana.render import dashboard
from grafana.stores import INFLUXDB, Database, Json
from grafana.tables import DASHBOARDS
from grafana.text import Language, chosen

INSTALLED_AT: Final = "/var/lib/grafana/dashboards/province"
DRAWN: Final = (
    "No dashboard and no rule of alerts was ever loaded into a Grafana server. Grafana's published packages of 13.2 and 11.6\n"
    "draw the dashboards for our tests. Grafana 10.4 does not know `insertNulls`, and joins lines over gaps."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The choices of a site.

    :ivar influxdb: version of an InfluxDB.
    :ivar pressure: a word of :data:`~grafana.pressure.PRESSURES`.
    :ivar pages: address of the gateway's pages; ``runbooks`` that of the runbooks.
    :ivar installed_at: the folder in which Grafana finds the dashboards.
    """

    database: Database
    language: Language
    influxdb: str = "1"
    pressure: str = "kPa"
    pages: str = NO_PAGES
    runbooks: str = RUNBOOKS
    installed_at: str = INSTALLED_AT
    shows_simulated: bool = False


def made(wanted: Wanted) -> dict[str, str]:
    """Path → content.

    :raises CannotAsk: a panel asks what a query language has no words for, or too much.
    """
    refused = [sentence for board in DASHBOARDS for sentence in faults(board)]
    refused += [] if refused else [*(sentence for board in DASHBOARDS for sentence in misfits(board)), *twice(DASHBOARDS)]
    if refused:
        raise CannotAsk("\n".join(refused))
    database, folder = wanted.database, chosen(FOLDER, wanted.language)
    sources = data_sources(database, wanted.influxdb)
    rules = grafana_rules(database, wanted.language, wanted.runbooks)
    head, unit = Head(wanted.pages, wanted.shows_simulated), PRESSURES[wanted.pressure]
    return {
        **{
            f"dashboards/{board.name}.json": file_text(dashboard(in_unit(board, unit), database, wanted.language, head))
            for board in DASHBOARDS
        },
        "provisioning/dashboards/province.yaml": provider(folder, wanted.installed_at),
        f"provisioning/alerting/{database.folder}.yaml": rules,
        **{f"provisioning/datasources/{name}": text for name, text in sources.items()},
        **{f"optional/{name}": text for name, text in further_sources(database, wanted.influxdb).items()},
    }


def file_text(board: Json) -> str:
    """Write a dashboard as JSON with a line for each panel, so that people can compare two."""
    head, _, end = json.dumps({**board, "panels": []}, ensure_ascii=False, indent=1).rpartition("[]")
    return head + _lines(board["panels"]) + end + "\n"


def _lines(panels: list[Json]) -> str:
    return "[\n" + ",\n".join(map(_line, panels)) + "\n]"


def _line(panel: Json) -> str:
    """A panel, or a heading; those below a closed heading have lines of their own."""
    if not panel.get("panels"):
        return json.dumps(panel, ensure_ascii=False)
    head, _, end = json.dumps({**panel, "panels": []}, ensure_ascii=False).rpartition("[]")
    return head + _lines(panel["panels"]) + end


def next_steps(wanted: Wanted, folder: str) -> str:
    """Say what to do with the files in a folder."""
    variables = ", ".join(environment(wanted.database, wanted.influxdb))
    lines = [
        "Next, on the machine with Grafana:",
        f"  1. sudo install -D -m 0644 -t {wanted.installed_at} {folder}/dashboards/*.json",
        *(
            f"     sudo install -D -m {mode} -t /etc/grafana/provisioning/{kind} {folder}/provisioning/{kind}/*.yaml"
            for kind, mode in (("dashboards", "0644"), ("alerting", "0644"), ("datasources", "0640 -g grafana"))
        ),
        f"  2. in /etc/default/grafana-server: {variables}",
        f"     ({folder}/provisioning/datasources/{wanted.database.folder}.yaml explains them)",
        f"  3. {folder}/optional/*.yaml: data sources for those who have roll-ups of their own or a Prometheus;",
        "     each file says whom it is for",
        "  4. sudo systemctl restart grafana-server",
        "  5. the rules of alerts are paused: start one under Alerting, look at it, then the others",
    ]
    if wanted.runbooks == RUNBOOKS:
        lines.append(f"     their pages lie at {RUNBOOKS} until another address stands in its place")
    if wanted.pages == NO_PAGES:
        lines.append(f"  6. the gateway's pages lie at {NO_PAGES} until another address stands in its place")
    if wanted.database is INFLUXDB and wanted.influxdb == "3":
        lines.append("\nNo query was ever asked of an InfluxDB 3.")
    return "\n".join([*lines, "", DRAWN, ""])
