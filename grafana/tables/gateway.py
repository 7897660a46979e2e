"""The gateway itself and all registered devices.

The first sections stand on points that the gateway writes to InfluxDB each minute. The last one needs a Prometheus data
source that collects the gateway's ``/metrics``; it is closed, and asks nothing until it is opened.
"""

from typing import Final

from grafana.ask import Ask, Each, Over, Step, false, true
from grafana.model import (
    GREEN,
    HALF,
    RED,
    THIRD,
    YELLOW,
    Column,
    Dashboard,
    Kind,
    Panel,
    Section,
    Size,
    Steps,
    Variable,
)
from grafana.tables import common, metrics
from grafana.units import COUNT, DURATION, unit_of
from schemas.quantities import DOMAINS, HEALTH

GATEWAY: Final = "gateway"
MINUTES: Final = "10m"
"""The gateway writes about itself and its devices each minute."""

BATTERY_STEPS: Final = ((None, RED), (20.0, YELLOW), (40.0, GREEN))
SIGNAL_STEPS: Final = ((None, RED), (-115.0, YELLOW), (-100.0, GREEN))


def _own_over_time(field: str, vi: str, en: str, unit: str, about_vi: str, about_en: str) -> Panel:
    question = Ask(GATEWAY, field, Each.MAX, Step.INTERVAL, Over.MAX, ("gateway",))
    return Panel(vi, en, Kind.LINES, (question,), unit, HALF, about_vi, about_en, minimum=0.0)


def _state() -> Panel:
    fields = ("pending", "journal")
    return Panel(
        "Cổng thu thập",
        "Gateways",
        Kind.TABLE,
        tuple(Ask(GATEWAY, field, Each.LAST, Step.NOW, Over.MAX, ("gateway",), within=MINUTES) for field in fields),
        COUNT,
        Size(16, 4),
        "Trạng thái mà từng cổng thu thập ghi trong 10 phút cuối. Cổng không có trong bảng thì đã dừng.",
        "What each gateway last wrote about itself, in the last 10 minutes. One that is not listed has stopped.",
        columns=(
            Column("pending", "Số đo đang chờ", "Readings pending", COUNT),
            Column("journal", "Trong đó trên đĩa", "Of these in the journal", COUNT),
        ),
    )


def _clock_doubted() -> Panel:
    return common.stat(
        "Đồng hồ bị nghi ngờ",
        "Clock doubted",
        Ask(GATEWAY, "clock", Each.LAST, Step.NOW, Over.COUNT, where=(false("clock"),), within=MINUTES),
        COUNT,
        "Số cổng thu thập không tin đồng hồ của mình.",
        "Gateways that do not trust their own clock.",
        common.NONE_IS_GOOD,
    )


def _device_stat(vi: str, en: str, *, up: bool, about_vi: str, about_en: str) -> Panel:
    state = true("up") if up else false("up")
    counted = Ask(HEALTH, "up", Each.LAST, Step.NOW, Over.COUNT, where=(state,), within=MINUTES)
    return common.stat(vi, en, counted, COUNT, about_vi, about_en, () if up else common.NONE_IS_GOOD)


def _silent_over_time() -> Panel:
    silent = Ask(
        *("alarm", "active", Each.TRUE, Step.HOUR, Over.COUNT, ("site",)),
        tags=(("alarm", "device_silent"),),
    )
    return Panel(
        "Số thiết bị im lặng",
        "Silent devices",
        Kind.BARS,
        (silent,),
        COUNT,
        HALF,
        "Số thiết bị im lặng trong mỗi giờ. Nhiều thiết bị cùng địa điểm im lặng cùng lúc: mất điện hoặc mất mạng tại đó, "
        "không phải hỏng thiết bị.",
        "Devices that were silent in each hour. Many of one site at once: supply or network of the site, not the devices.",
        least_interval="1h",
        minimum=0.0,
    )


def _readings() -> Panel:
    return Panel(
        "Số đo theo lĩnh vực, mỗi ngày",
        "Readings by domain, per day",
        Kind.BARS,
        (Ask("completeness", "received", Each.SUM, Step.DAY, Over.SUM, ("domain",)),),
        COUNT,
        HALF,
        "Số đo nhận được mỗi ngày trong 31 ngày qua (theo thời điểm đo).",
        "Readings received on each of the last 31 days (by the time they were taken).",
        least_interval="1d",
        days=31,
        without_data="Chưa có ngày trọn vẹn · No whole day yet",
    )


def _worst(  # noqa: PLR0913 - one row of a table
    field: str, vi: str, en: str, about_vi: str, about_en: str, *, limit: int, steps: Steps = (), within: str = MINUTES
) -> Panel:
    """The devices with the highest or lowest last value of their health."""
    unit = DURATION if unit_of(HEALTH, field) == "s" else unit_of(HEALTH, field)
    return Panel(
        vi,
        en,
        Kind.TABLE,
        (Ask(HEALTH, field, Each.LAST, Step.NOW, Over.MAX, ("device", "site"), within=within, limit=limit),),
        COUNT,
        THIRD,
        about_vi,
        about_en,
        columns=(Column(field, vi, en, unit, steps=steps),),
        sort_by=f"{vi} · {en}",
        sort_up=limit < 0,
    )


HEALTH_TABLES: Final = (
    _worst(
        "silence_s",
        "Im lặng lâu nhất",
        "Longest silent",
        "Thời gian từ số đo gần nhất của từng thiết bị.",
        "Time since each device was last heard.",
        limit=common.ROWS,
    ),
    _worst(
        "seq_missing",
        "Thiếu bản tin nhiều nhất",
        "Most messages missing",
        "Số bản tin thiếu theo số thứ tự mà thiết bị đánh.",
        "Messages missing by the devices' own sequence numbers.",
        limit=common.ROWS,
    ),
    _worst(
        "clock_offset_s",
        "Đồng hồ chạy nhanh nhất",
        "Clocks farthest ahead",
        "Đồng hồ của thiết bị chạy trước đồng hồ của cổng thu thập. Lệch nhiều: kiểm tra múi giờ.",
        "The devices' clocks against the gateway's. Hours off: look at the time zone.",
        limit=common.ROWS,
    ),
    _worst(
        "battery_pct",
        "Pin yếu nhất",
        "Weakest batteries",
        "Trong 25 giờ cuối của khoảng thời gian đang xem.",
        "In the last 25 hours of the time shown.",
        limit=-common.ROWS,
        steps=BATTERY_STEPS,
        within="25h",
    ),
    _worst(
        "battery_v",
        "Điện áp pin thấp nhất",
        "Lowest battery voltage",
        "Trong 25 giờ cuối của khoảng thời gian đang xem.",
        "In the last 25 hours of the time shown.",
        limit=-common.ROWS,
        within="25h",
    ),
    _worst(
        "rssi_dbm",
        "Sóng yếu nhất",
        "Weakest signals",
        "Trong 25 giờ cuối của khoảng thời gian đang xem.",
        "In the last 25 hours of the time shown.",
        limit=-common.ROWS,
        steps=SIGNAL_STEPS,
        within="25h",
    ),
)

DASHBOARD: Final = Dashboard(
    GATEWAY,
    "Cổng thu thập và thiết bị",
    "Gateway and devices",
    (Variable("gateway", "Cổng thu thập", "Gateway", GATEWAY), *common.variables(HEALTH)),
    (
        Section(
            "Cổng thu thập",
            "Gateway",
            (
                _state(),
                _clock_doubted(),
                _own_over_time(
                    "pending",
                    "Số đo đang chờ ghi",
                    "Readings pending",
                    COUNT,
                    "Tăng mãi: InfluxDB không nhận kịp hoặc đã dừng.",
                    "Growing without end: InfluxDB is too slow or down.",
                ),
                _own_over_time(
                    "journal",
                    "Số đo chờ trong nhật ký tạm",
                    "Readings in the journal",
                    COUNT,
                    "Số đo chờ trên đĩa vì InfluxDB không nhận. Bình thường là 0.",
                    "Readings that wait on disk because InfluxDB did not take them. Normally none.",
                ),
            ),
        ),
        Section(
            "Thiết bị",
            "Devices",
            (
                _device_stat(
                    "Có tín hiệu", "Heard", up=True, about_vi="Thiết bị gửi đúng hạn.", about_en="Devices that report in time."
                ),
                _device_stat(
                    "Im lặng", "Silent", up=False, about_vi="Thiết bị quá hạn chưa gửi.", about_en="Devices that are overdue."
                ),
                *(common.completeness_stat(domain, named=True) for domain in DOMAINS),
                _silent_over_time(),
                _readings(),
                *HEALTH_TABLES,
            ),
        ),
        metrics.SECTION,
    ),
)
