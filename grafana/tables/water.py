"""Water: what leaves the works, what arrives, what is lost on the way."""

from dataclasses import replace
from typing import Final

from grafana.ask import Ask, Each, Over, Step
from grafana.model import GREEN, HALF, RED, STAT_SIZE, THIRD, Column, Dashboard, Kind, Panel, Section, Steps
from grafana.tables import balances, common, flows
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import unit_of

WATER: Final = "water"
VOLUME: Final = unit_of(WATER, "volume_m3")
FLOW: Final = unit_of(WATER, "flow_m3_h")

LOWEST_PRESSURE_KPA, HIGHEST_PRESSURE_KPA = 100.0, 700.0
"""The limits of the alarms ``pressure_low`` (ten metres of water, TCVN 13606:2023) and ``pressure_high``."""

TANK_STEPS: Final = ((None, RED), (15.0, GREEN), (97.0, RED))
"""The limits of the alarms ``tank_low`` and ``tank_overflow``."""


def _pressure(vi: str, en: str, each: Each, steps: Steps) -> Panel:
    """The pressure of each zone, which is an area of the registry."""
    panel = common.by_zone(
        WATER,
        "pressure_kpa",
        f"Áp lực {vi} theo khu vực",
        f"{en} pressure by zone",
        each=each,
        steps=steps,
        about_vi=f"Áp lực {vi} trong mỗi khu vực (area). Vạch: {steps[1][0]:g} kPa, giới hạn của cảnh báo.",
        about_en=f"{en} pressure in each zone (area). Line: {steps[1][0]:g} kPa, the limit of the alarm.",
    )
    return replace(panel, size=HALF)


def _night_minimum() -> Panel:
    lowest = Ask(
        *("daily", "flow_night_min_m3_h", Each.LAST, Step.NOW, Over.MAX, ("device", "site")),
        within=common.NEWEST_DAY,
        limit=common.ROWS,
    )
    return Panel(
        "Lưu lượng đêm nhỏ nhất",
        "Night minimum flow",
        Kind.TABLE,
        (lowest, *flows.newest_marks(lowest)),
        FLOW,
        THIRD,
        "Giờ có ít nước chảy nhất trong đêm gần nhất, những đồng hồ cao nhất trước. Ban đêm gần như không ai dùng nước: nước "
        "vẫn chảy thì phần lớn là rò rỉ.",
        "The hour of the last night with the least flow, the highest meters first. At night hardly anybody uses water: most of "
        "what still flows leaks.",
        columns=(
            Column("flow_night_min_m3_h", "Thấp nhất trong đêm", "Lowest of the night", FLOW),
            *flows.MARK_COLUMNS,
        ),
        sort_by=both("Thấp nhất trong đêm", "Lowest of the night"),
        without_data=both("Chưa có đêm trọn vẹn", "No whole night yet"),
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
        flows.newest(WATER, FLOW, STAT_SIZE),
        flows.in_all(WATER, flows.USED, STAT_SIZE),
        common.completeness_stat(WATER),
        flows.each_hour(WATER, flows.SUPPLIED, "Nước qua các đồng hồ đầu nguồn", "Water of the first meters on the way"),
        flows.each_hour(WATER, flows.USED, "Nước qua các đồng hồ cuối", "Water of the last meters on the way"),
        flows.each_period(WATER, flows.USED, "ngày", "day", "daily_area", 31, THIRD),
        flows.each_period(WATER, flows.USED, "tháng", "month", "monthly_area", 400, THIRD),
        common.counted_by_site(
            WATER,
            "volume_reverse_m3",
            "Chảy ngược mỗi giờ",
            "Reverse volume per hour",
            "Chảy ngược trong mỗi giờ, đồng hồ nhiều nhất của mỗi địa điểm. Khác 0: van một chiều hỏng hoặc đồng hồ lắp ngược.",
            "What ran backwards in each hour, the worst meter of each site. Not 0: a check valve is defective or a meter is "
            "mounted the wrong way.",
            over=Over.MAX,
            size=THIRD,
        ),
    ),
)

PRESSURE_AND_LEVEL: Final = Section(
    "Áp lực và mực nước",
    "Pressure and level",
    (
        _pressure("thấp nhất", "Lowest", Each.MIN, ((None, RED), (LOWEST_PRESSURE_KPA, GREEN))),
        _pressure("cao nhất", "Highest", Each.MAX, ((None, GREEN), (HIGHEST_PRESSURE_KPA, RED))),
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
            steps=TANK_STEPS,
            about_vi="Phần trăm dung tích bể chứa. Vạch: 15 % (gần cạn) và 97 % (sắp tràn).",
            about_en="Filling of the tanks. Lines: 15 % (nearly empty) and 97 % (about to overflow).",
        ),
        common.by_site(
            WATER,
            "ambient_temperature_c",
            "Nhiệt độ xung quanh",
            "Ambient temperature",
            about_vi="Nhiệt độ quanh đồng hồ, trung bình tại mỗi địa điểm.",
            about_en="Temperature around the meters, mean at each site.",
        ),
    ),
)


LOSSES: Final = Section(
    "Thất thoát và cảnh báo",
    "Losses and alarms",
    (
        balances.lost(
            WATER,
            VOLUME,
            "Nước không sinh doanh thu",
            "Water that earns nothing",
            "Nước cấp vào trừ nước tiêu thụ",
            "Water supplied less water used",
        ),
        balances.losing(
            WATER,
            "Thất thoát theo đồng hồ tổng",
            "Losses by bulk meter",
            "Phần nước qua đồng hồ tổng mà các đồng hồ bên dưới không đo được",
            "Share of a bulk meter's water that the meters behind it did not measure",
        ),
        balances.by_area(WATER),
        _night_minimum(),
        *common.alarm_panels(WATER),
    ),
)

WATER_QUALITY: Final = Section(
    "Chất lượng nước",
    "Water quality",
    tuple(
        common.by_site(
            WATER,
            field,
            vi,
            en,
            steps=steps,
            about_vi="Trung bình tại mỗi địa điểm." + (" Vạch: QCVN 01-1:2018/BYT." if steps else ""),
            about_en="Mean at each site." + (" Lines: QCVN 01-1:2018/BYT." if steps else ""),
        )
        for field, vi, en, steps in (
            ("ph", "Độ pH", "pH", ((None, RED), (6.0, GREEN), (8.5, RED))),
            ("chlorine_mg_l", "Clo dư", "Residual chlorine", ((None, RED), (0.2, GREEN), (1.0, RED))),
            ("turbidity_ntu", "Độ đục", "Turbidity", ((None, GREEN), (2.0, RED))),
            ("conductivity_us_cm", "Độ dẫn điện", "Conductivity", ()),
            ("dissolved_oxygen_mg_l", "Oxy hòa tan", "Dissolved oxygen", ()),
            ("temperature_c", "Nhiệt độ nước", "Water temperature", ()),
        )
    ),
)

DASHBOARD: Final = Dashboard(
    WATER,
    *common.DOMAIN_NAMES[WATER],
    common.variables(WATER),
    (OVERVIEW, PRESSURE_AND_LEVEL, LOSSES, WATER_QUALITY, common.data_section(WATER)),
    annotations=marks(WATER),
)
