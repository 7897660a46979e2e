"""Marks over time that all dashboards share: restarts and outages of gateways, exchanges of meters, alarms."""

from typing import Final

from grafana.ask import Ask, Each, Over, Step
from grafana.model import CRITICAL, GOOD, GREY, INFO, WARNING, Annotation

OF_GATEWAYS: Final = 2
"""So many of the marks, the first, are of gateways and not of devices."""


def marks(domain: str = "") -> tuple[Annotation, ...]:
    """The marks of a dashboard; of a domain, those of its own alarms only."""
    own = (("domain", domain),) if domain else ()
    began = Ask("alarm_event", "value", Each.COUNT, Step.INTERVAL, Over.SUM, ("alarm", "device"), own)
    ended = Ask("alarm", "duration_s", Each.COUNT, Step.INTERVAL, Over.SUM, ("alarm", "device"), own)
    exchanged = Ask("device_event", "value", Each.COUNT, Step.INTERVAL, Over.SUM, ("device",), (("kind", "exchange"),))
    return (
        Annotation("Cổng thu thập khởi động lại", "Gateway restarted", _of_gateways("restart"), GREY),
        Annotation("Máy chủ MQTT hoặc cơ sở dữ liệu ngừng", "Broker or database away", _of_gateways("outage"), CRITICAL),
        Annotation("Thay đồng hồ", "Meter exchanged", exchanged, INFO),
        Annotation("Cảnh báo bắt đầu", "Alarm began", began, WARNING),
        Annotation("Cảnh báo kết thúc", "Alarm ended", ended, GOOD),
    )


def _of_gateways(kind: str) -> Ask:
    return Ask("event", "value", Each.COUNT, Step.INTERVAL, Over.SUM, ("gateway",), (("kind", kind),))
