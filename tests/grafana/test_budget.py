import time
from pathlib import Path

import pytest

from gateway.commands.demo import services
from grafana.tables import DASHBOARDS
from schemas.quantities import DOMAINS
from tests.grafana.answers import Page
from tests.grafana.budget import BARS_S, domain_of, fill, spent
from tests.grafana.known_points import DAY_MS
from tests.grafana.many_points import lines

BUSY = 1.5
"""A busy machine takes as many CPU seconds for the same."""

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("database", ["influxdb", "victoria-metrics"])
def test_3600_meters_are_shown_within_seconds_of_the_database(database: str, domain: str, tmp_path: Path) -> None:
    service = services.influxdb(tmp_path) if database == "influxdb" else services.victoria_metrics(tmp_path)
    now_ms = time.time_ns() // 1_000_000
    with service:
        fill(service, lines(now_ms, domain))
        over = {
            (name, days): took.cpu_s
            for name in (board.name for board in DASHBOARDS)
            if domain_of(name) == domain
            for days, bar_s in BARS_S.items()
            if (took := spent(service, name, Page(now_ms - days * DAY_MS, now_ms))).cpu_s > BUSY * bar_s
        }
    assert over == {}
