"""Files that Grafana reads at its start: where the dashboards lie, and the data sources that they ask."""

import json
from typing import Final

from grafana.model import PROMETHEUS
from grafana.stores import INFLUXDB, VICTORIA_METRICS, Database
from grafana.text import Text

FOLDER: Final = Text("Tỉnh", "Province")
"""The folder of the dashboards and of the rules of alerts."""

INFLUXDB_VERSIONS: Final = ("1", "2", "3")

PROVIDER: Final = """\
# Where grafana-server finds the dashboards: the files of the folder "dashboards" lie there.
apiVersion: 1
providers:
  - name: province
    type: file
    folder: {folder}
    folderUid: province
    allowUiUpdates: false
    disableDeletion: true
    updateIntervalSeconds: 60
    options:
      path: {path}
"""

_SOURCE: Final = """\
{head}
apiVersion: 1
datasources:
  - name: {name}
    uid: {uid}
    type: {type}
    access: proxy
    editable: false
    url: ${{{variable}_URL}}
{body}"""

_INFLUXDB_HEADS: Final = {
    "1": """\
#   INFLUXDB_USER       a user that may read
#   INFLUXDB_PASSWORD   its password
# An InfluxDB without users ignores the last two. Points must stand in the database's default retention policy.""",
    "2": """\
#   INFLUXDB_TOKEN      a token that may read the bucket, which answers InfluxQL by itself
# A token without that right gives empty panels, and no error.""",
    "3": """\
#   INFLUXDB_TOKEN      a token
# No query was ever asked of an InfluxDB 3. 3 Core refuses a time range of more than about three days.""",
}
_INFLUXDB_DATABASES: Final = {"1": "database", "2": "bucket", "3": "database"}
_BASIC: Final = """\
    basicAuth: true
    basicAuthUser: ${INFLUXDB_USER}
"""
_LOGIN: Final = """\
    secureJsonData:
      basicAuthPassword: ${INFLUXDB_PASSWORD}
"""
_HEADER: Final = """\
      httpHeaderName1: Authorization
    secureJsonData:
      httpHeaderValue1: SCHEME ${INFLUXDB_TOKEN}
"""
_INFLUXQL: Final = """\
    jsonData:
      version: InfluxQL
      dbName: ${INFLUXDB_DATABASE}
      httpMode: POST # a choice of many devices is too long for an address
      maxSeries: 10000 # a table of devices has one series per device
"""
_METRICSQL: Final = """\
    jsonData:
      httpMethod: POST # a choice of many devices is too long for an address
      customQueryParameters: nocache=1 # otherwise late readings are left out, and long ranges moved to whole days of UTC
      timeInterval: 1m
      cacheLevel: None
"""
_DEFAULT: Final = "    isDefault: true\n"
_ENVIRONMENT: Final = "From the environment of grafana-server:"


def provider(folder: str, path: str) -> str:
    """Say where the dashboards lie, and which folder shows them."""
    return PROVIDER.format(folder=folder, path=json.dumps(path, ensure_ascii=False))


def data_sources(database: Database, influxdb: str) -> dict[str, str]:
    """The file of the readings' data source, by its name; ``influxdb`` is the version of an InfluxDB."""
    own = _influxdb(influxdb) if database is INFLUXDB else _victoria_metrics()
    return {f"{database.folder}.yaml": own}


def further_sources(database: Database, influxdb: str) -> dict[str, str]:
    """Files of data sources that only some have: the second place of roll-ups, and a Prometheus."""
    rollups = _influxdb_rollups(influxdb) if database is INFLUXDB else _victoria_metrics_rollups()
    return {f"{database.folder}-rollups.yaml": rollups, "prometheus.yaml": _prometheus()}


def environment(database: Database, influxdb: str) -> tuple[str, ...]:
    """The variables that grafana-server needs."""
    if database is not INFLUXDB:
        return ("VICTORIAMETRICS_URL",)
    secrets = ("INFLUXDB_USER", "INFLUXDB_PASSWORD") if influxdb == "1" else ("INFLUXDB_TOKEN",)
    return ("INFLUXDB_URL", "INFLUXDB_DATABASE", *secrets)


def _influxdb(version: str) -> str:
    what = _INFLUXDB_DATABASES[version]
    head = f"""\
# InfluxDB {version}, asked in InfluxQL. {_ENVIRONMENT}
#   INFLUXDB_URL        http://127.0.0.1:8086
#   INFLUXDB_DATABASE   the {what} that gateway.yaml calls influxdb.bucket
{_INFLUXDB_HEADS[version]}"""
    return _source(head, "InfluxDB", INFLUXDB, "INFLUXDB", _DEFAULT + _influxql(version))


def _influxdb_rollups(version: str) -> str:
    head = f"""\
# Optional: the second place of roll-ups (influxdb.rollups in gateway.yaml), for years whose readings are not kept any more.
# Choose it as "Data source" at the head of a dashboard. {_ENVIRONMENT.removesuffix(":")}, beside what influxdb.yaml needs:
#   INFLUXDB_ROLLUPS_DATABASE   the {_INFLUXDB_DATABASES[version]} that gateway.yaml calls influxdb.rollups.bucket"""
    body = _influxql(version).replace("INFLUXDB_DATABASE", "INFLUXDB_ROLLUPS_DATABASE")
    return _source(head, "InfluxDB, roll-ups", INFLUXDB, "INFLUXDB", body, "-rollups")


def _influxql(version: str) -> str:
    if version == "1":
        return _BASIC + _INFLUXQL + _LOGIN
    return _INFLUXQL + _HEADER.replace("SCHEME", "Token" if version == "2" else "Bearer")


def _victoria_metrics() -> str:
    head = f"""\
# VictoriaMetrics, where the gateway writes to it. Grafana takes it for a Prometheus. {_ENVIRONMENT}
#   VICTORIAMETRICS_URL   http://127.0.0.1:8428
# VictoriaMetrics keeps one month unless -retentionPeriod says more."""
    return _source(head, "VictoriaMetrics", VICTORIA_METRICS, "VICTORIAMETRICS", _DEFAULT + _METRICSQL)


def _victoria_metrics_rollups() -> str:
    head = f"""\
# Optional: the second VictoriaMetrics, which keeps roll-ups longer (influxdb.rollups in gateway.yaml), for years whose readings
# are not kept any more. Choose it as "Data source" at the head of a dashboard. {_ENVIRONMENT}
#   VICTORIAMETRICS_ROLLUPS_URL   http://127.0.0.1:8429"""
    return _source(head, "VictoriaMetrics, roll-ups", VICTORIA_METRICS, "VICTORIAMETRICS_ROLLUPS", _METRICSQL, "-rollups")


def _source(head: str, name: str, database: Database, variable: str, body: str, which: str = "") -> str:
    uid, kind = f"{database.source['uid']}{which}", database.source["type"]
    return _SOURCE.format(head=head, name=name, uid=uid, type=kind, variable=variable, body=body)


def _prometheus() -> str:
    head = f"""\
# Optional: a Prometheus or VictoriaMetrics that collects the gateway's /metrics, for the panels about its own counters.
# Leave this file out where there is none. {_ENVIRONMENT}
#   PROMETHEUS_URL      http://127.0.0.1:9090 (Prometheus), http://127.0.0.1:8428 (VictoriaMetrics)"""
    body = "    jsonData:\n      httpMethod: POST\n"
    return _SOURCE.format(head=head, name="Prometheus", uid=PROMETHEUS, type="prometheus", variable="PROMETHEUS", body=body)
