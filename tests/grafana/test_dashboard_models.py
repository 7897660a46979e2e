"""Dashboards through the models of grafana-foundation-sdk, and their questions through ours."""

import json
import warnings
from copy import deepcopy

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from pydantic import ValidationError

from tests.grafana.asked_of_grafana import MARKS, TARGETS
from tests.grafana.sdk_types import lost, misfits
from tests.grafana.test_dashboard_files import NAMES, Json, panels, read
from tests.rows import each_row

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the SDK says that it would like its second version to be used
    from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()

NOT_IN_THE_MODELS = {
    ".id",  # null: Grafana gives the number
    # Grafana 10's names for the axes of a map.
    ".panels[].options.seriesMapping",
    ".panels[].options.dims",
    ".panels[].panels[].options.seriesMapping",
    ".panels[].panels[].options.dims",
    # The SDK has no InfluxDB.
    *(f".annotations.list[].{name}" for name in ("query", "rawQuery", "fromAnnotations", "textColumn")),
}


def modelled(dashboard: Json) -> Dashboard:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Dashboard.from_json(dashboard)


def through_the_models(dashboard: Json) -> Json:
    kept: Json = json.loads(json.dumps(modelled(dashboard), cls=JSONEncoder))
    return kept


@each_row("name", NAMES)
def test_grafanas_models_know_everything_that_a_dashboard_says(name: str) -> None:
    dashboard = read(name)
    assert set(lost(dashboard, through_the_models(dashboard))) <= NOT_IN_THE_MODELS
    assert list(misfits(modelled(dashboard))) == []


def test_a_misspelt_name_and_a_wrong_value_are_found() -> None:
    dashboard = read("influxdb/water")
    wrong = deepcopy(dashboard)
    panel = next(panel for panel in wrong["panels"] if panel["type"] == "timeseries")
    panel["options"]["legend"]["placment"] = "bottom"
    panel["options"]["tooltip"]["mode"] = "several"
    panel["gridPos"]["w"] = "12"
    found = set(lost(wrong, through_the_models(wrong))) - NOT_IN_THE_MODELS
    assert found == {".panels[].options.legend.placment"}
    misfit = {line.partition(":")[0] for line in misfits(modelled(wrong))}
    assert misfit == {".panels[].options.tooltip.mode", ".panels[].grid_pos.w"}


@each_row("name", NAMES)
def test_data_sources_know_everything_that_a_question_says(name: str) -> None:
    dashboard = read(name)
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            TARGETS[target["datasource"]["type"]].model_validate(target)
    for mark in dashboard["annotations"]["list"]:
        MARKS[mark["datasource"]["type"]].model_validate(mark)


@pytest.mark.parametrize(
    ("database", "change"),
    [
        ("influxdb", {"rawQuery": False}),
        ("influxdb", {"resultFormat": "rows"}),
        ("influxdb", {"expr": "up"}),
        ("prometheus", {"range": True, "instant": True}),
        ("prometheus", {"datasource": {"type": "prometheus", "uid": "province-victoriametrics"}}),
    ],
)
def test_a_question_that_a_data_source_does_not_understand_is_found(database: str, change: Json) -> None:
    name = {"influxdb": "influxdb/water", "prometheus": "victoriametrics/water"}[database]
    target = next(panel for panel in panels(read(name)) if "targets" in panel)["targets"][0]
    with pytest.raises(ValidationError):
        TARGETS[database].model_validate(target | change)
