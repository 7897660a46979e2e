"""The dashboards, one table each."""

from typing import Final

from grafana.model import Dashboard
from grafana.tables import alarms, device, gateway, power, traffic, urban, water

DASHBOARDS: Final[tuple[Dashboard, ...]] = (
    water.DASHBOARD,
    power.DASHBOARD,
    traffic.DASHBOARD,
    urban.DASHBOARD,
    alarms.DASHBOARD,
    device.DASHBOARD,
    gateway.DASHBOARD,
)
