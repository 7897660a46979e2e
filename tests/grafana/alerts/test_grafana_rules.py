"""Grafana's rules on real databases: told once, over once, and never of a good gateway, planned work or a simulated device."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.alerts.render import grafana_rules
from grafana.stores import INFLUXDB, VICTORIA_METRICS, Database
from tests.grafana.alerts.evaluator import Evaluator, Labels, Numbers, ask_influxdb, ask_victoria_metrics
from tests.grafana.alerts.stored_stories import ALARMS, STORIES, TOLD, days, own_points
from tests.monitoring.reports.conftest import started
from tests.monitoring.reports.stores import Filled

Asking = Callable[[str, Mapping[str, Any], int, int], Numbers]
EVALUATED_MIN = (*range(0, 90, 2), *range(1446, 1464, 2))
STORES: dict[str, tuple[Database, Asking]] = {
    "influxdb": (INFLUXDB, ask_influxdb),
    "victoria-metrics": (VICTORIA_METRICS, ask_victoria_metrics),
}

pytestmark = pytest.mark.real


def rules(source: Database) -> dict[str, dict[str, Any]]:
    """Name → rule."""
    groups = yaml.safe_load(grafana_rules(source, "en"))["groups"]
    return {rule["uid"].partition("-")[0]: rule for group in groups for rule in group["rules"]}


@pytest.fixture(scope="module")
def begin_ms() -> int:
    """Two days ago, at the middle of an interval."""
    return int(time.time()) // 300 * 300_000 - 2 * 86_400_000 + 130_000


@pytest.fixture(scope="module", params=STORES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, begin_ms: int) -> Iterator[Filled]:
    """Each database with all stories in it."""
    with started(request.param, tmp_path_factory.mktemp("database")) as filled:
        filled.write([*own_points(begin_ms), *days(begin_ms), *(point for alarm in ALARMS for point in alarm.points(begin_ms))])
        yield filled


def told(
    store: Filled, name: str, begin_ms: int, until_min: int = 90, evaluated_min: Sequence[int] = EVALUATED_MIN
) -> dict[Labels, list[tuple[int, str]]]:
    """Labels → what people are told, and at which minutes."""
    source, ask = STORES[store.service.name]
    evaluator = Evaluator(rules(source)[name], partial(ask, store.service.url))
    for minute in evaluated_min:
        if minute <= until_min:
            evaluator.evaluate(begin_ms, minute)
    found: dict[Labels, list[tuple[int, str]]] = {}
    for minute, what, labels in evaluator.told:
        found.setdefault(labels, []).append((minute, what))
    return found


def assert_once(found: list[tuple[int, str]], told_min: int, over_min: int) -> None:
    """Told once and over once, in time."""
    assert [what for _, what in found] == ["firing", "resolved"], found
    (firing_min, _), (resolved_min, _) = found
    assert told_min <= firing_min <= told_min + 4
    assert over_min <= resolved_min <= over_min + 7


STORIES_OF_ALERTS = [story for story in STORIES if story.alert]


@pytest.mark.parametrize("story", STORIES_OF_ALERTS, ids=lambda story: story.alert)
def test_an_alert_about_a_gateway_comes_once_and_of_no_other(store: Filled, story: Any, begin_ms: int) -> None:  # noqa: ANN401
    found = told(store, story.alert, begin_ms, story.over_min + 8)
    assert [*found] == [(("gateway", story.gateway),)]
    assert_once(found[("gateway", story.gateway),], story.told_min, story.over_min)


def test_a_gateway_that_pauses_for_less_than_five_minutes_is_heard(store: Filled, begin_ms: int) -> None:
    found = told(store, "GatewayAbsent", begin_ms, 70, range(80))
    assert [dict(labels).get("gateway") for labels in found] == ["dead"]


def test_a_domain_whose_day_is_incomplete_is_told_once(store: Filled, begin_ms: int) -> None:
    found = told(store, "GatewayCompletenessLow", begin_ms)
    assert [*found] == [(("domain", "power"),)]
    assert_once(found[("domain", "power"),], 60, 80)


@pytest.mark.parametrize("name", TOLD)
def test_an_alarm_of_a_device_is_told_once_and_not_during_planned_work(store: Filled, name: str, begin_ms: int) -> None:
    found = {dict(labels).get("device", dict(labels)["site"]): what for labels, what in told(store, name, begin_ms).items()}
    assert found.keys() == TOLD[name].keys()
    for place, (told_min, over_min) in TOLD[name].items():
        assert_once(found[place], told_min, over_min)


@pytest.mark.parametrize("name", STORES)
def test_in_an_empty_or_dead_database_one_rule_tells_of_it(tmp_path: Path, name: str) -> None:
    source, ask = STORES[name]
    telling: dict[str, list[str]] = {"empty": [], "dead": []}
    with started(name, tmp_path) as filled:
        for alert, rule in rules(source).items():
            for state, model in (("empty", None), ("dead", {"query": "SELECT", "expr": "(", "instant": True})):
                changed = rule if model is None else rule | {"data": [rule["data"][0] | {"model": model}, *rule["data"][1:]]}
                evaluator = Evaluator(changed, partial(ask, filled.service.url))
                for minute in (0, 5):
                    evaluator.evaluate(int(time.time() * 1000), minute)
                telling[state] += [alert for _ in evaluator.told]
    assert telling == {"empty": ["GatewayAbsent"], "dead": ["GatewayAbsent"]}


def test_every_rule_over_points_has_a_story() -> None:
    stories = {story.alert for story in STORIES_OF_ALERTS} | TOLD.keys() | {"GatewayCompletenessLow"}
    assert all(rules(source).keys() == stories for source, _ in STORES.values())
