"""The forms in which Grafana's data sources take questions. The SDK has none for InfluxDB, and takes anything."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

Text = Annotated[str, StringConstraints(min_length=1)]


class _Exact(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class InfluxdbSource(_Exact):
    """The InfluxDB that the reader chose."""

    type: Literal["influxdb"]
    uid: Literal["${datasource}"]


class PrometheusSource(_Exact):
    """The Prometheus or VictoriaMetrics that the reader chose."""

    type: Literal["prometheus"]
    uid: Literal["${datasource}", "${prometheus}"]


class InfluxqlTarget(_Exact):
    """A query of a panel, as InfluxDB's data source takes it in InfluxQL."""

    refId: Annotated[str, StringConstraints(pattern="^[A-Z]$")]  # noqa: N815 - Grafana's name
    datasource: InfluxdbSource
    query: Annotated[str, StringConstraints(pattern="^SELECT ")]
    rawQuery: Literal[True]  # noqa: N815 - Grafana's name
    resultFormat: Literal["time_series", "table"]  # noqa: N815 - Grafana's name
    alias: str


class PrometheusTarget(_Exact):
    """A query of a panel, as Prometheus's data source takes it."""

    refId: Annotated[str, StringConstraints(pattern="^[A-Z]$")]  # noqa: N815 - Grafana's name
    datasource: PrometheusSource
    expr: Text
    legendFormat: str  # noqa: N815 - Grafana's name
    editorMode: Literal["code"]  # noqa: N815 - Grafana's name
    range: bool
    instant: bool
    format: Literal["time_series", "table"] = "time_series"
    interval: Literal["", "1h", "1d"] = ""

    @model_validator(mode="after")
    def _one_kind(self) -> "PrometheusTarget":
        if self.range == self.instant:
            raise ValueError("a query is over time, or of one instant")
        return self


class _Mark(_Exact):
    name: Text
    enable: Literal[True]
    hide: Literal[False]
    iconColor: Text  # noqa: N815 - Grafana's name


class InfluxqlMark(_Mark):
    """An annotation, as InfluxDB's data source takes it."""

    datasource: InfluxdbSource
    query: Annotated[str, StringConstraints(pattern="^SELECT .* AS ")]
    rawQuery: Literal[True]  # noqa: N815 - Grafana's name
    fromAnnotations: Literal[True]  # noqa: N815 - Grafana's name
    textColumn: Text  # noqa: N815 - Grafana's name


class PrometheusMark(_Mark):
    """An annotation, as Prometheus's data source takes it."""

    datasource: PrometheusSource
    expr: Text
    step: str
    titleFormat: Text  # noqa: N815 - Grafana's name
    textFormat: str  # noqa: N815 - Grafana's name
    useValueForTime: Literal[False]  # noqa: N815 - Grafana's name


TARGETS: Mapping[str, type[BaseModel]] = {"influxdb": InfluxqlTarget, "prometheus": PrometheusTarget}
MARKS: Mapping[str, type[BaseModel]] = {"influxdb": InfluxqlMark, "prometheus": PrometheusMark}
