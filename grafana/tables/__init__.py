"""The dashboards, one table each."""

from typing import Final

from grafana.model import Dashboard
from grafana.tables import (
    alarms,
    completeness,
    device,
    environment,
    gateway,
    metrics,
    power,
    province,
    traffic,
    urban,
    values,
    water,
)

DASHBOARDS: Final[tuple[Dashboard, ...]] = (
    province.DASHBOARD,
    water.DASHBOARD,
    power.DASHBOARD,
    traffic.DASHBOARD,
    urban.DASHBOARD,
    environment.DASHBOARD,
    alarms.DASHBOARD,
    completeness.DASHBOARD,
    device.DASHBOARD,
    *values.DASHBOARDS,
    gateway.DASHBOARD,
    metrics.DASHBOARD,
)
