"""One device: its state. The values that it measured stand on the dashboard of its domain (:mod:`grafana.tables.values`).

A dashboard cannot open the rows of the domain that a device has: a row that is repeated for nothing still stands there. So each
domain has its own, and a hidden choice here, the device's domain, leads to it.
"""

from typing import Final

from grafana.ask import Ask, Each, Over, Step, true
from grafana.model import HALF, STAT_SIZE, THIRD, TO_DASHBOARD, Column, Dashboard, Kind, Link, Panel, Section, Steps, Variable
from grafana.tables import common
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import AGO, COUNT, DURATION, SHARE, unit_of
from schemas.quantities import HEALTH

NO_BATTERY: Final = both("Thiết bị không báo pin hay sóng", "The device tells of no battery or radio")
VALUES: Final = Link(
    "Số đo của thiết bị này", "Values of this device", f"{TO_DASHBOARD}device-${{domain}}?var-device=${{device}}"
)
ON_THE_GATEWAY: Final = Link(
    "Trang của cổng thu thập: bản tin gốc, từng bước",
    "The gateway's page: raw message, step by step",
    "${gateway_page}/devices/${device}",
)


def _health(field: str, vi: str, en: str, about_vi: str, about_en: str, *, steps: Steps = (), within: str = "25h") -> Panel:
    last = Ask(HEALTH, field, Each.LAST, Step.NOW, within=within)
    unit = DURATION if field == "silence_s" else unit_of(HEALTH, field)
    return common.stat(vi, en, last, unit, about_vi, about_en, steps)


def heard() -> Panel:
    """The time since its last reading."""
    return _health(
        "silence_s",
        "Nghe cách đây",
        "Last heard before",
        "Thời gian từ số đo gần nhất, theo cổng thu thập. Im lặng: quá silent_after của nó, thường là ba chu kỳ gửi. "
        "Trống: chưa từng gửi.",
        "Time since the last reading, as the gateway knows it. Silent: over its silent_after, which is three of its intervals "
        "unless devices.yaml says otherwise. Empty: it was never heard.",
        within="10m",
    )


def alarms() -> Panel:
    """The number of its open alarms."""
    return common.stat(
        "Cảnh báo đang mở",
        "Open alarms",
        Ask("alarm", "active", Each.LAST, Step.NOW, Over.COUNT, where=(true("active"),), within=common.ALARM_EVERY),
        COUNT,
        "Số cảnh báo chưa kết thúc của thiết bị.",
        "Alarms of the device that have not ended.",
        common.NONE_IS_BEST,
    )


def _completeness_yesterday() -> Panel:
    return Panel(
        "Mức đầy đủ hôm qua",
        "Completeness",
        Kind.STAT,
        (common.completeness("", "received", Step.RANGE, name="share"),),
        SHARE,
        STAT_SIZE,
        "Số đo nhận được so với số đo phải có của ngày hôm qua.",
        "Readings received of those expected yesterday.",
        steps=common.COMPLETE,
        days=common.YESTERDAY,
    )


def _gaps() -> Panel:
    return Panel(
        "Khoảng trống dài nhất mỗi ngày",
        "Longest gap of each day",
        Kind.BARS,
        (Ask("completeness", "longest_gap_s", Each.MAX, Step.DAY),),
        DURATION,
        HALF,
        "Thời gian dài nhất không có số đo, 31 ngày qua.",
        "The longest time without a reading, in the last 31 days.",
        least_interval="1d",
        days=31,
        without_data=common.NO_WHOLE_DAY,
    )


def _by_day() -> Panel:
    return Panel(
        "Mức đầy đủ mỗi ngày",
        "Completeness of each day",
        Kind.LINES,
        tuple(
            common.completeness("", field, Step.DAY, name=both(vi, en))
            for field, vi, en in (
                ("received", "nhận được", "received"),
                ("on_time", "đúng hạn", "on time"),
                ("suspect", "chỉ số nhảy bất thường", "counter step suspect"),
                ("estimated", "thiết bị ước tính", "estimated"),
            )
        ),
        SHARE,
        HALF,
        "Phần số đo nhận được, đúng hạn, bị nghi ngờ và ước tính, so với số đo phải có, 31 ngày qua.",
        "Readings received, on time, suspect and estimated, as shares of those expected, in the last 31 days.",
        least_interval="1d",
        days=31,
        minimum=0.0,
        maximum=common.ALL,
        without_data=common.NO_WHOLE_DAY,
    )


def _alarms_over_time() -> Panel:
    return Panel(
        "Cảnh báo theo thời gian",
        "Alarms over time",
        Kind.BARS,
        (Ask("alarm", "active", Each.TRUE, Step.HOUR, Over.COUNT, ("alarm",)),),
        COUNT,
        HALF,
        "Những cảnh báo đang diễn ra trong mỗi giờ.",
        "Alarms that were active in each hour.",
        least_interval="1h",
        without_data=common.NO_ALARM,
    )


def _open_alarms() -> Panel:
    return Panel(
        "Cảnh báo đang mở, từ lúc",
        "Open alarms, since",
        Kind.TABLE,
        (
            Ask(
                *("alarm", "since_ms", Each.LAST, Step.NOW, Over.MAX, ("alarm", "severity", "domain")),
                where=(true("active"),),
                within=common.ALARM_EVERY,
            ),
        ),
        COUNT,
        HALF,
        "Các cảnh báo chưa kết thúc.",
        "Alarms that have not ended.",
        columns=(Column("since_ms", "Từ", "Since", AGO),),
        without_data=common.NO_ALARM,
    )


def _over_time(field: str, vi: str, en: str, steps: Steps) -> Panel:
    return Panel(
        vi,
        en,
        Kind.LINES,
        (Ask(HEALTH, field, Each.MEAN, Step.INTERVAL, Over.MEAN),),
        unit_of(HEALTH, field),
        THIRD,
        "Trung bình trong mỗi khoảng.",
        "Mean of each interval.",
        steps=steps,
        without_data=NO_BATTERY,
    )


DASHBOARD: Final = Dashboard(
    "device",
    "Một thiết bị",
    "One device",
    (
        *common.variables("registry", single=True),
        Variable("domain", "Lĩnh vực", "Domain", "completeness", ("device",), is_single=True, is_hidden=True),
    ),
    (
        Section(
            "Thiết bị có ổn không?",
            "Is the device well?",
            (
                heard(),
                alarms(),
                _completeness_yesterday(),
                _health(
                    "seq_missing",
                    "Bản tin bị thiếu",
                    "Messages missing",
                    "Theo số thứ tự mà thiết bị đánh.",
                    "By the device's own sequence numbers.",
                ),
                _health(
                    "clock_offset_s",
                    "Đồng hồ chạy nhanh",
                    "Clock ahead by",
                    "So với đồng hồ của cổng thu thập. Lệch nhiều: kiểm tra múi giờ.",
                    "Against the gateway's clock. Hours off: look at the time zone.",
                ),
            ),
        ),
        Section("Cảnh báo và số liệu", "Alarms and data", (_alarms_over_time(), _open_alarms(), _by_day(), _gaps())),
        Section(
            "Pin và sóng",
            "Battery and radio",
            tuple(
                _over_time(*row)
                for row in (
                    ("battery_pct", "Pin", "Battery", common.BATTERY_STEPS),
                    ("battery_v", "Điện áp pin", "Battery voltage", ()),
                    ("rssi_dbm", "Sóng", "Signal", common.SIGNAL_STEPS),
                )
            ),
            closed=True,
        ),
    ),
    links=(VALUES, ON_THE_GATEWAY),
    refresh="1m",
    annotations=marks(),
)
