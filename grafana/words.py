"""Codes that stand in tags, in words: alarms, severities, domains. A severity has one colour, wherever it stands.

The alarms are the rules that the gateway is shipped with; one of a utility's own keeps its code.
"""

from collections.abc import Mapping
from typing import Final

from grafana.model import CRITICAL, GOOD, INFO, MISSING, WARNING, Word, Words
from grafana.text import both
from schemas.glossary import DROPS, REASONS

SEVERITIES: Final[Words] = {
    "critical": Word(both("nghiêm trọng", "critical"), CRITICAL),
    "warning": Word(both("cảnh báo", "warning"), WARNING),
    "info": Word(both("thông tin", "information"), INFO),
}
DOMAINS: Final[Words] = {
    "water": Word(both("Nước", "Water"), "#1f60c4"),
    "power": Word(both("Điện", "Power"), "#8f3bb8"),
    "traffic": Word(both("Giao thông", "Traffic"), "#0e9f9f"),
    "urban": Word(both("Đô thị", "Urban"), "#8a6d3b"),
}
ALARMS: Final[Words] = {
    "device_silent": Word(both("thiết bị im lặng", "device is silent")),
    "site_silent": Word(both("cả địa điểm im lặng", "site is silent")),
    "battery_low": Word(both("pin yếu", "battery is low")),
    "leak": Word(both("nghi rò rỉ", "leak suspected")),
    "burst": Word(both("nghi vỡ ống", "burst pipe suspected")),
    "backflow": Word(both("nước chảy ngược", "water runs backwards")),
    "tamper": Word(both("thiết bị bị tác động", "device tampered with")),
    "pressure_low": Word(both("áp lực nước thấp", "water pressure is low")),
    "pressure_high": Word(both("áp lực nước cao", "water pressure is high")),
    "tank_low": Word(both("bể sắp cạn", "tank nearly empty")),
    "tank_overflow": Word(both("bể sắp tràn", "tank about to overflow")),
    "water_quality": Word(both("nước không đạt chuẩn", "water out of limits")),
    "voltage_low": Word(both("điện áp thấp", "voltage is low")),
    "voltage_high": Word(both("điện áp cao", "voltage is high")),
    "phase_lost": Word(both("mất một pha", "phase is missing")),
    "outage": Word(both("mất điện", "power failure")),
    "overload": Word(both("quá tải", "overload")),
    "congestion": Word(both("ùn tắc", "congestion")),
    "lamp_failed": Word(both("đèn đường hỏng", "street light failed")),
    "air_quality": Word(both("không khí ô nhiễm", "air is polluted")),
    "counter_step": Word(both("chỉ số nhảy", "register jumped")),
    "register_stuck": Word(both("chỉ số đứng yên", "register stands still")),
    "no_flow": Word(both("không có nước chảy", "no water flows")),
    "losses_high": Word(both("thất thoát cao", "losses are high")),
    "clock_wrong": Word(both("giờ thiết bị sai", "device's clock is wrong")),
    "completeness_low": Word(both("thiếu nhiều số đo", "many readings missing")),
}
DIRECTIONS: Final[Words] = {"in": Word(both("vào", "in")), "out": Word(both("ra", "out"))}
VEHICLES: Final[Words] = {
    "motorcycle": Word(both("xe máy", "motorcycle")),
    "bicycle": Word(both("xe đạp", "bicycle")),
    "pedestrian": Word(both("người đi bộ", "pedestrian")),
    "car": Word(both("ô tô con", "car")),
    "van": Word(both("xe van", "van")),
    "bus": Word(both("xe buýt", "bus")),
    "truck_light": Word(both("xe tải nhẹ", "light truck")),
    "truck_heavy": Word(both("xe tải nặng", "heavy truck")),
    "trailer": Word(both("xe kéo", "trailer")),
    "other": Word(both("xe khác", "other")),
    "unknown": Word(both("không rõ loại", "unknown")),
}
_OUTCOMES: Final[Words] = {
    "written": Word(both("đã ghi", "written"), GOOD),
    "duplicate": Word(both("trùng", "duplicate"), INFO),
    "rejected": Word(both("bị từ chối", "rejected"), WARNING),
    "expired": Word(both("quá hạn", "expired"), WARNING),
    "lost": Word(both("mất", "lost"), CRITICAL),
    "split": Word(both("phải chia nhỏ", "to be split")),
    "split_smaller": Word(both("quá lớn", "too large")),
    "faulty_database": Word(both("cơ sở dữ liệu sai", "database at fault"), CRITICAL),
    "retry": Word(both("phải ghi lại", "to be tried again"), WARNING),
}
"""What became of readings, and of a write."""
_PLACES: Final[Words] = {
    "memory": Word(both("trong bộ nhớ", "in memory")),
    "journal": Word(both("trong nhật ký tạm", "in the journal")),
    "quarantine": Word(both("chờ đăng ký", "in quarantine")),
}
_PRESENCES: Final[Words] = {
    "online": Word(both("có tín hiệu", "heard"), GOOD),
    "silent": Word(both("im lặng", "silent"), WARNING),
    "new": Word(both("mới", "new"), INFO),
    "unknown": Word(both("chưa từng nghe", "never heard"), MISSING),
}
OF_TAGS: Final[Mapping[str, Words]] = {"alarm": ALARMS, "severity": SEVERITIES, "domain": DOMAINS}
"""Tag → its values in words."""
OF_LINES: Final[Mapping[str, Words]] = {
    **OF_TAGS,
    "direction": DIRECTIONS,
    "vehicle_class": VEHICLES,
    "outcome": _OUTCOMES,
    "where": _PLACES,
    "state": _PRESENCES,
    "reason": {reason.value: Word(both(said.vi, said.en)) for reason, (said, _) in REASONS.items()},
    "cause": {cause.value: Word(both(said.vi, said.en)) for cause, said in DROPS.items()},
}
"""Tag, or label of the gateway's metrics → what lines are called that are told apart by it alone."""
