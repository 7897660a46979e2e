"""Codes that stand in tags, in words: alarms, severities, domains. A severity has one colour, wherever it stands.

The alarms are the rules that the gateway is shipped with; one of a utility's own keeps its code.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from grafana.model import ORANGE, RED
from grafana.text import Text, both

BLUE: Final = "#3274d9"


class Called(NamedTuple):
    """A code in words, and its colour, if it has one of its own."""

    text: Text
    color: str = ""


SEVERITIES: Final[Mapping[str, Called]] = {
    "critical": Called(both("nghiêm trọng", "critical"), RED),
    "warning": Called(both("cảnh báo", "warning"), ORANGE),
    "info": Called(both("thông tin", "information"), BLUE),
}
DOMAINS: Final[Mapping[str, Called]] = {
    "water": Called(both("Nước", "Water")),
    "power": Called(both("Điện", "Power")),
    "traffic": Called(both("Giao thông", "Traffic")),
    "urban": Called(both("Đô thị", "Urban")),
}
ALARMS: Final[Mapping[str, Called]] = {
    "device_silent": Called(both("thiết bị im lặng", "device is silent")),
    "site_silent": Called(both("cả địa điểm im lặng", "site is silent")),
    "battery_low": Called(both("pin yếu", "battery is low")),
    "leak": Called(both("nghi rò rỉ", "leak suspected")),
    "burst": Called(both("nghi vỡ ống", "burst pipe suspected")),
    "backflow": Called(both("nước chảy ngược", "water runs backwards")),
    "tamper": Called(both("thiết bị bị tác động", "device tampered with")),
    "pressure_low": Called(both("áp lực nước thấp", "water pressure is low")),
    "pressure_high": Called(both("áp lực nước cao", "water pressure is high")),
    "tank_low": Called(both("bể sắp cạn", "tank nearly empty")),
    "tank_overflow": Called(both("bể sắp tràn", "tank about to overflow")),
    "water_quality": Called(both("nước không đạt chuẩn", "water out of limits")),
    "voltage_low": Called(both("điện áp thấp", "voltage is low")),
    "voltage_high": Called(both("điện áp cao", "voltage is high")),
    "phase_lost": Called(both("mất một pha", "phase is missing")),
    "outage": Called(both("mất điện", "power failure")),
    "overload": Called(both("quá tải", "overload")),
    "congestion": Called(both("ùn tắc", "congestion")),
    "lamp_failed": Called(both("đèn đường hỏng", "street light failed")),
    "air_quality": Called(both("không khí ô nhiễm", "air is polluted")),
    "counter_step": Called(both("chỉ số nhảy", "register jumped")),
    "register_stuck": Called(both("chỉ số đứng yên", "register stands still")),
    "no_flow": Called(both("không có nước chảy", "no water flows")),
    "losses_high": Called(both("thất thoát cao", "losses are high")),
    "clock_wrong": Called(both("giờ thiết bị sai", "device's clock is wrong")),
    "completeness_low": Called(both("thiếu nhiều số đo", "many readings missing")),
}
OF_TAGS: Final[Mapping[str, Mapping[str, Called]]] = {"alarm": ALARMS, "severity": SEVERITIES, "domain": DOMAINS}
"""Tag → its values in words."""
