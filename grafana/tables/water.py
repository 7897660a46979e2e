"""Water: what leaves the works, what arrives, what is lost on the way."""

from typing import Final

from grafana import influxql
from grafana.model import GREEN, HALF, RED, STAT_SIZE, YELLOW, Column, Dashboard, Influx, Kind, Panel, Section
from grafana.tables import common
from grafana.units import SHARE, unit_of

WATER: Final = "water"

LOWEST_SUPPLY_PRESSURE_KPA: Final = 98.0
"""Ten metres of water."""

ALARMS: Final = (
    Column("alarm_leak", "Rò rỉ", "Leak"),
    Column("alarm_burst", "Vỡ ống", "Burst"),
    Column("alarm_backflow", "Chảy ngược", "Backflow"),
    Column("alarm_empty_pipe", "Ống rỗng", "Empty pipe"),
    Column("alarm_blocked", "Kẹt đồng hồ", "Blocked"),
    Column("alarm_tamper", "Can thiệp trái phép", "Tampering"),
    Column("alarm_no_flow", "Không có nước chảy", "No flow"),
    Column("alarm_freeze", "Đóng băng", "Freezing"),
)


def _night_minimum() -> Panel:
    hourly = influxql.select('mean("flow_m3_h") AS "flow"', WATER, ("device", "site"), influxql.HOUR)
    figures = 'min("flow") AS "lowest", mean("flow") AS "average", min("flow") / mean("flow") AS "share"'
    flow = unit_of(WATER, "flow_m3_h")
    return Panel(
        "Lưu lượng đêm nhỏ nhất",
        "Night minimum flow",
        Kind.TABLE,
        (Influx(influxql.outer(figures, hourly, ("device", "site"))),),
        flow,
        HALF,
        "Giờ có lưu lượng trung bình thấp nhất trong 24 giờ thường là ban đêm. Phần này so với trung bình càng cao thì rò rỉ "
        "càng đáng ngờ. Đổi khoảng thời gian thì giờ thấp nhất cũng đổi.",
        "The hour with the lowest mean flow of 24 hours is usually at night. The larger its share of the average, the more "
        "likely a leak. It is the lowest hour of the time shown, whatever that is.",
        columns=(
            Column("lowest", "Giờ thấp nhất", "Lowest hour", flow),
            Column("average", "Trung bình", "Average", flow),
            Column("share", "Tỉ lệ", "Share", SHARE, steps=((None, GREEN), (0.3, YELLOW), (0.5, RED))),
        ),
        sort_by="Tỉ lệ · Share",
    )


OVERVIEW: Final = Section(
    "Tổng quan",
    "Overview",
    (
        common.devices_stat(WATER),
        common.now_stat(
            "Đang báo rò rỉ",
            "Leaks now",
            WATER,
            "alarm_leak",
            "Số thiết bị mà số đo gần nhất báo rò rỉ.",
            "Devices whose last reading says leak.",
        ),
        common.now_stat(
            "Đang báo vỡ ống",
            "Bursts now",
            WATER,
            "alarm_burst",
            "Số thiết bị mà số đo gần nhất báo vỡ ống.",
            "Devices whose last reading says burst.",
        ),
        Panel(
            "Lưu lượng hiện tại",
            "Flow now",
            Kind.STAT,
            (Influx(influxql.added_up_now(WATER, "flow_m3_h")),),
            unit_of(WATER, "flow_m3_h"),
            STAT_SIZE,
            "Tổng lưu lượng gần nhất của các thiết bị được chọn.",
            "The last flow of the chosen devices, added up.",
        ),
        Panel(
            "Tiêu thụ",
            "Consumption",
            Kind.STAT,
            (Influx(influxql.growth_in_all(WATER, "volume_m3")),),
            unit_of(WATER, "volume_m3"),
            STAT_SIZE,
            "Tổng thể tích đo được trong khoảng thời gian đang xem.",
            "Volume metered in the time shown.",
        ),
        common.flagged_stat(WATER),
        common.sum_by_site(
            WATER,
            "flow_m3_h",
            "Lưu lượng nước theo địa điểm",
            "Water flow by site",
            "Trung bình 30 phút của từng đồng hồ, cộng theo địa điểm. Đồng hồ gửi thưa hơn 30 phút không có mặt ở mọi điểm.",
            "Half-hour mean of each meter, added up by site. Meters that report more rarely are not in every point.",
        ),
        common.growth_by_site(
            WATER,
            "volume_m3",
            "Tiêu thụ mỗi giờ",
            "Consumption per hour",
            "Chỉ số đồng hồ tăng thêm trong mỗi giờ, cộng theo địa điểm.",
            "What the meters' registers grew by in each hour, added up by site.",
        ),
    ),
)

PRESSURE_AND_LEVEL: Final = Section(
    "Áp lực và mực nước",
    "Pressure and level",
    (
        common.by_site(
            WATER,
            "pressure_kpa",
            "Áp lực thấp nhất",
            "Lowest pressure",
            function="min",
            steps=((None, RED), (LOWEST_SUPPLY_PRESSURE_KPA, GREEN)),
            about_vi="Áp lực thấp nhất tại mỗi địa điểm. Vạch: 98 kPa, bằng 10 m cột nước.",
            about_en="The lowest pressure at each site. Line: 98 kPa, ten metres of water.",
        ),
        common.by_site(
            WATER,
            "level_m",
            "Mực nước",
            "Water level",
            about_vi="Mực nước trung bình tại mỗi địa điểm.",
            about_en="Mean level at each site.",
        ),
        common.by_site(
            WATER,
            "fill_pct",
            "Mức đầy bể",
            "Tank filling",
            about_vi="Phần trăm dung tích bể chứa.",
            about_en="Filling of the tanks.",
        ),
    ),
)

LOSSES: Final = Section(
    "Rò rỉ và báo động",
    "Leaks and alarms",
    (
        _night_minimum(),
        common.growth_by_site(
            WATER,
            "volume_reverse_m3",
            "Chảy ngược mỗi giờ",
            "Reverse volume per hour",
            "Thể tích chảy ngược trong mỗi giờ. Khác 0: van một chiều hỏng hoặc đồng hồ lắp ngược.",
            "Volume that ran backwards in each hour. Not 0: a check valve is defective or a meter is mounted the wrong way.",
        ),
        *common.alarm_panels(WATER, ALARMS),
    ),
)

WATER_QUALITY: Final = Section(
    "Chất lượng nước",
    "Water quality",
    tuple(
        common.by_site(WATER, field, vi, en, about_vi="Trung bình tại mỗi địa điểm.", about_en="Mean at each site.")
        for field, vi, en in (
            ("ph", "Độ pH", "pH"),
            ("chlorine_mg_l", "Clo dư", "Residual chlorine"),
            ("turbidity_ntu", "Độ đục", "Turbidity"),
            ("conductivity_us_cm", "Độ dẫn điện", "Conductivity"),
            ("dissolved_oxygen_mg_l", "Oxy hòa tan", "Dissolved oxygen"),
            ("temperature_c", "Nhiệt độ nước", "Water temperature"),
            ("ambient_temperature_c", "Nhiệt độ xung quanh", "Ambient temperature"),
        )
    ),
)

DASHBOARD: Final = Dashboard(
    WATER,
    *common.DOMAIN_NAMES[WATER],
    common.domain_variables(WATER),
    (
        OVERVIEW,
        PRESSURE_AND_LEVEL,
        LOSSES,
        WATER_QUALITY,
        common.data_section(WATER),
        common.device_section(
            common.each_device(WATER, "flow_m3_h", "Lưu lượng", "Flow"),
            common.each_device(WATER, "pressure_kpa", "Áp lực", "Pressure"),
            common.each_device(WATER, "level_m", "Mực nước", "Level"),
            common.each_device(WATER, "volume_m3", "Chỉ số đồng hồ", "Register"),
        ),
    ),
)
