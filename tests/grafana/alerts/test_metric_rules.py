"""The rules over metrics, judged by the programs that Prometheus and VictoriaMetrics have for it."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.commands.demo.services import ProgramMissing, find_program
from grafana.alerts.render import prometheus_rules
from grafana.alerts.table import ALERTS
from tests.grafana.alerts.metric_stories import GOOD, STORIES, MetricStory

DEPLOY = Path(__file__).parents[3] / "deploy" / "prometheus"
GROUP = yaml.safe_load(prometheus_rules())["groups"][0]
RULES = {rule["alert"]: rule for rule in GROUP["rules"]}
LABEL = re.compile(r"{{ with \$labels\.(\w+) }} {{ \. }}{{ end }}")

pytestmark = pytest.mark.real


def series(name: str, instance: str) -> str:
    metric, _, labels = name.partition("{")
    return f'{metric}{{job="gateway",instance="{instance}"{"," + labels if labels else "}"}'


def told(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """The alert as it must be told, words included."""
    rule = RULES[name]
    words = {
        key: LABEL.sub(lambda m: f" {labels[m[1]]}" if m[1] in labels else "", text)
        for key, text in rule["annotations"].items()
    }
    return {"exp_labels": dict(labels) | rule["labels"], "exp_annotations": words}


def at(minute: int, name: str, *alerts: dict[str, Any]) -> dict[str, Any]:
    return {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": [*alerts]}


def alert_test(name: str, inputs: Mapping[str, str], checks: list[dict[str, Any]]) -> dict[str, Any]:
    found = [{"series": name, "values": values} for name, values in inputs.items()]
    return {"name": name, "interval": "1m", "input_series": found, "alert_rule_test": checks}


def troubles(stories: Iterable[MetricStory]) -> dict[str, Any]:
    """A gateway for each story: one alert from the time on at which people must be told, and none when it is over."""
    inputs: dict[str, str] = {}
    checks = []
    for story in stories:
        instance = f"pi-{story.alert}"
        alert = told(story.alert, {"job": "gateway", "instance": instance, **story.labels})
        inputs |= {series("up", instance): "1x150"} | {series(story.series, instance): story.values}
        checks += [at(max(0, story.told_min - 2), story.alert), at(story.told_min, story.alert, alert)]
        if story.over_min:
            checks += [at(max(story.told_min, story.over_min - 6), story.alert, alert), at(story.over_min, story.alert)]
    return alert_test("troubles", inputs, checks)


def quiet_hours() -> dict[str, Any]:
    minutes = [30, 62, 64, 82, 84, 92, 95, 108, 127, 130, 150, 180]
    inputs = {series(name, "pi"): values for name, values in GOOD.items()}
    return alert_test("quiet hours", inputs, [at(minute, name) for minute in minutes for name in RULES])


def no_target() -> dict[str, Any]:
    """Nobody collects metrics of any gateway."""
    return alert_test("no target", {}, [at(10, "GatewayAbsent", told("GatewayAbsent", {"job": "gateway"}))])


def written(folder: Path) -> Path:
    """The rules and their test."""
    (folder / "rules.yaml").write_text(prometheus_rules(), encoding="utf-8")
    first = {story.alert: story for story in STORIES}
    others = [story for story in STORIES if story is not first[story.alert]]  # an alert about one gateway at a time
    tests = [troubles(first.values()), troubles(others), quiet_hours(), no_target()]
    document = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return file


def run(program: str, *arguments: str, folder: Path) -> None:
    try:
        path = find_program(program)
    except ProgramMissing as missing:
        pytest.skip(str(missing))
    own = {"TMPDIR": str(folder)}  # vmalert-tool has a database of one name there
    done = subprocess.run([path, *arguments], cwd=folder, env=own, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_is_told_of_and_ends_in_prometheus(tmp_path: Path) -> None:
    run("promtool", "check", "rules", "rules.yaml", folder=written(tmp_path).parent)
    run("promtool", "test", "rules", "test.yaml", folder=tmp_path)


def test_every_rule_is_told_of_and_ends_in_vmalert(tmp_path: Path) -> None:
    file = written(tmp_path)
    run("vmalert-tool", "unittest", "--disableAlertgroupLabel", f"--files={file}", folder=tmp_path)


def test_the_settings_for_prometheus_are_valid() -> None:
    run("promtool", "check", "config", "prometheus.yaml", folder=DEPLOY)
    (job,) = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text(encoding="utf-8"))["scrape_configs"]
    assert f'job="{job["job_name"]}"' in RULES["GatewayAbsent"]["expr"]


def test_every_rule_over_metrics_has_a_story() -> None:
    assert Counter(story.alert for story in STORIES).keys() == {alert.name for alert in ALERTS if alert.metrics}
