"""The controls of a played device as tables: knobs, conditions that last, actions that happen once."""

from dataclasses import dataclass
from typing import Final

from schemas.glossary import Words


@dataclass(frozen=True, slots=True)
class Knob:
    """A value that a person sets.

    :ivar name: its name in scripts.
    :ivar field: the quantity that shows it; a device without the quantity has no such knob.
    :ivar span: the most that its slider reaches, in multiples of the value at the start.
    :ivar reaches: the least that it reaches.
    """

    name: str
    words: Words
    unit: str
    field: str
    span: float = 4.0
    reaches: float = 0.0


@dataclass(frozen=True, slots=True)
class Control:
    """A condition or an action.

    :ivar name: its name in scripts.
    :ivar key: its key on the screen.
    :ivar domains: where it makes sense; empty: everywhere.
    :ivar lasts: True for a condition.
    """

    name: str
    key: str
    words: Words
    domains: tuple[str, ...] = ()
    lasts: bool = False


KNOBS: Final = {
    "water": (
        Knob("flow", Words("Lưu lượng", "Flow"), "m³/h", "flow_m3_h"),
        Knob("pressure", Words("Áp suất", "Pressure"), "kPa", "pressure_kpa", 2.0, 500.0),
        Knob("level", Words("Mực nước", "Level"), "m", "level_m", 2.0),
    ),
    "power": (
        Knob("load", Words("Phụ tải", "Load"), "W", "active_power_w", reaches=5000.0),
        Knob("voltage", Words("Điện áp", "Voltage"), "V", "voltage_l1_v", 1.5),
    ),
    "traffic": (Knob("traffic", Words("Mật độ xe", "Traffic"), "/h", "vehicle_count", reaches=5000.0),),
    "urban": (
        Knob("dust", Words("Bụi PM2.5", "PM2.5"), "µg/m³", "pm2_5_ug_m3", reaches=200.0),
        Knob("noise", Words("Mức ồn", "Noise"), "dB", "noise_laeq_db", 1.0, 120.0),
        Knob("light", Words("Độ sáng đèn", "Lamp"), "%", "light_level_pct", 1.0, 100.0),
        Knob("people", Words("Số người", "People"), "", "people_count", reaches=100.0),
    ),
}
"""Domain → its knobs."""

LEAK: Final = "leak"
BURST: Final = "burst"
REVERSE: Final = "reverse"
PHASE_LOST: Final = "phase"
CLOCK_STOPPED: Final = "clock_stopped"
DAY_AHEAD: Final = "day_ahead"
DAY_BEHIND: Final = "day_behind"
BATTERY: Final = "battery"
NETWORK: Final = "network"

CONDITIONS: Final = (
    Control(LEAK, "l", Words("rò rỉ", "leak"), ("water",), lasts=True),
    Control(BURST, "b", Words("vỡ ống", "burst"), ("water",), lasts=True),
    Control(REVERSE, "v", Words("chảy ngược", "reverse"), ("water", "power"), lasts=True),
    Control(PHASE_LOST, "p", Words("mất pha", "phase lost"), ("power",), lasts=True),
    Control(CLOCK_STOPPED, "c", Words("đồng hồ đứng", "clock stopped"), lasts=True),
    Control(DAY_AHEAD, "d", Words("nhanh một ngày", "a day ahead"), lasts=True),
    Control(DAY_BEHIND, "y", Words("chậm một ngày", "a day behind"), lasts=True),
    Control(BATTERY, "t", Words("pin cạn dần", "battery drains"), lasts=True),
    Control(NETWORK, "n", Words("mất mạng", "no network"), lasts=True),
)
EXCLUDED: Final = {
    CLOCK_STOPPED: {DAY_AHEAD, DAY_BEHIND},
    DAY_AHEAD: {CLOCK_STOPPED, DAY_BEHIND},
    DAY_BEHIND: {CLOCK_STOPPED, DAY_AHEAD},
}
"""Condition → those that it ends: a device has one clock."""

SEND: Final = "send"
TEN: Final = "ten"
GARBAGE: Final = "garbage"
BAD_VALUE: Final = "bad_value"
REPEAT: Final = "repeat"
REBOOT: Final = "reboot"

ACTIONS: Final = (
    Control(SEND, "s", Words("gửi ngay", "send now")),
    Control(TEN, "x", Words("gửi mười", "send ten")),
    Control(GARBAGE, "g", Words("tin hỏng", "garbage")),
    Control(BAD_VALUE, "w", Words("giá trị sai", "bad value")),
    Control(REPEAT, "r", Words("gửi lại", "repeat")),
    Control(REBOOT, "o", Words("khởi động lại", "reboot")),
)
FIXED_ONLY: Final = {NETWORK, SEND, TEN, GARBAGE, REPEAT, REBOOT}
"""The controls of a device that sends fixed values."""
