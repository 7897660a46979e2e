"""Water: what leaves the works, what arrives, what is lost on the way."""

from typing import Final

from grafana.ask import Ask, Each, Over, Step
from grafana.model import GREEN, HALF, RED, THIRD, Column, Dashboard, Kind, Panel, Section, Size, Steps
from grafana.tables import balances, common, flows
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import unit_of

WATER: Final = "water"
VOLUME: Final = unit_of(WATER, "volume_m3")
FLOW: Final = unit_of(WATER, "flow_m3_h")

LOWEST_PRESSURE_KPA, HIGHEST_PRESSURE_KPA = 100.0, 700.0
"""The limits of the alarms ``pressure_low`` (ten metres of water, TCVN 13606:2023) and ``pressure_high``."""
LOW_PRESSURE: Final = ((None, RED), (LOWEST_PRESSURE_KPA, GREEN))

TANK_STEPS: Final = ((None, RED), (15.0, GREEN), (97.0, RED))
"""The limits of the alarms ``tank_low`` and ``tank_overflow``."""


def _lowest(field: str, tag: str, vi: str, en: str, about_vi: str, about_en: str, steps: Steps) -> Panel:
    """The lowest of the newest values, with the name of its zone or device."""
    lowest = Ask(WATER, field, Each.LAST, Step.NOW, Over.MIN, (tag,), within="3h", limit=-1)
    return Panel(
        *(vi, en, Kind.WORST, (lowest,), unit_of(WATER, field), Size(6, 3)),
        f"{about_vi} Chỉ những số đo của 3 giờ cuối.",
        f"{about_en} Readings of the last 3 hours only.",
        steps=steps,
    )


def _pressure(vi: str, en: str, each: Each, steps: Steps, size: Size) -> Panel:
    """The pressure of each zone, which is an area of the registry."""
    return common.by_site(
        *(WATER, "pressure_kpa", f"Áp lực {vi} theo khu vực", f"{en} pressure by zone"),
        f"Áp lực {vi} trong mỗi khu vực (area). Vạch: {steps[1][0]:g} kPa, giới hạn của cảnh báo.",
        f"{en} pressure in each zone (area). Line: {steps[1][0]:g} kPa, the limit of the alarm.",
        each=each,
        steps=steps,
        by="area",
        size=size,
    )


def _tanks() -> Panel:
    return common.by_site(
        WATER,
        "fill_pct",
        "Mức đầy của bể vơi nhất",
        "Filling of the lowest tank",
        each=Each.MIN,
        steps=TANK_STEPS,
        about_vi="Bể vơi nhất tại mỗi địa điểm. Vạch: 15 % (gần cạn) và 97 % (sắp tràn).",
        about_en="The lowest tank of each site. Lines: 15 % (nearly empty) and 97 % (about to overflow).",
    )


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
        HALF,
        "Giờ có ít nước chảy nhất trong đêm gần nhất, những đồng hồ cao nhất trước. Ban đêm gần như không ai dùng nước: nước "
        "vẫn chảy thì phần lớn là rò rỉ.",
        "The hour of the last night with the least flow, the highest meters first. At night hardly anybody uses water: most of "
        "what still flows leaks.",
        columns=(Column("flow_night_min_m3_h", "Lưu lượng", "Flow", FLOW, width=110), *flows.MARK_COLUMNS),
        sort_by=both("Lưu lượng", "Flow"),
        without_data=both("Chưa có đêm trọn vẹn", "No whole night yet"),
    )


IS_ALL_WELL: Final = Section(
    "Mọi việc có ổn không?",
    "Is all well?",
    (
        *common.health(WATER),
        common.now_stat(
            *("Đang báo vỡ ống", "Bursts now", WATER, "alarm_burst"),
            "Số thiết bị mà số đo gần nhất báo vỡ ống.",
            "Devices whose last reading says burst.",
        ),
        common.now_stat(
            *("Đang báo rò rỉ", "Leaks now", WATER, "alarm_leak"),
            "Số thiết bị mà số đo gần nhất báo rò rỉ.",
            "Devices whose last reading says leak.",
        ),
        flows.newest(WATER, FLOW, "Cấp vào, giờ mới nhất", "Supplied, newest hour"),
        _lowest(
            *("pressure_kpa", "area", "Áp lực thấp nhất bây giờ", "Lowest pressure now"),
            "Khu vực (area) có áp lực thấp nhất; đỏ: dưới 100 kPa.",
            "The zone (area) with the lowest pressure; red: below 100 kPa.",
            LOW_PRESSURE,
        ),
        _lowest(
            *("fill_pct", "device", "Bể vơi nhất bây giờ", "Lowest tank now"),
            "Bể chứa có ít nước nhất; đỏ: dưới 15 %.",
            "The tank with the least water; red: below 15 %.",
            TANK_STEPS,
        ),
        balances.yesterday(WATER),
        common.open_alarms(WATER),
        flows.load(WATER, FLOW, "Cấp vào và tiêu thụ", "Supplied and used", flows.SUPPLIED, flows.USED),
        _pressure("thấp nhất", "Lowest", Each.MIN, LOW_PRESSURE, THIRD),
        _tanks(),
        balances.lost(
            WATER,
            VOLUME,
            "Nước không sinh doanh thu",
            "Water that earns nothing",
            "Nước cấp vào trừ nước tiêu thụ",
            "Water supplied less water used",
        ),
    ),
)

LOSSES: Final = Section(
    "Nước thất thoát ở đâu?",
    "Where is water lost?",
    (
        balances.by_area(WATER),
        balances.losing(
            WATER,
            "Thất thoát theo đồng hồ tổng",
            "Losses by bulk meter",
            "Phần nước qua đồng hồ tổng mà các đồng hồ bên dưới không đo được",
            "Share of a bulk meter's water that the meters behind it did not measure",
        ),
        _night_minimum(),
        common.counted_by_site(
            WATER,
            "volume_reverse_m3",
            "Chảy ngược mỗi giờ",
            "Reverse volume per hour",
            "Chảy ngược trong mỗi giờ, của cả khu vực; chọn địa điểm hoặc thiết bị: đồng hồ nhiều nhất của mỗi địa điểm. "
            "Khác 0: van một chiều hỏng hoặc đồng hồ lắp ngược.",
            "What ran backwards in each hour, in each area; with sites or devices chosen, the worst meter of each site. "
            "Not 0: a check valve is defective or a meter is mounted the wrong way.",
            over=Over.MAX,
        ),
    ),
    closed=True,
)

FLOWS: Final = Section(
    "Cấp vào và tiêu thụ bao nhiêu?",
    "How much is supplied and used?",
    (
        flows.in_all(WATER, flows.USED, Size(4, 8)),
        flows.each_hour(
            *(WATER, flows.SUPPLIED, "Nước qua các đồng hồ đầu nguồn", "Water of the first meters on the way", Size(10, 8))
        ),
        flows.each_hour(*(WATER, flows.USED, "Nước qua các đồng hồ cuối", "Water of the last meters on the way", Size(10, 8))),
        flows.each_period(WATER, flows.USED, "ngày", "day", "daily_area", 31, HALF),
        flows.each_period(WATER, flows.USED, "tháng", "month", "monthly_area", 400, HALF),
    ),
    closed=True,
)

PRESSURE_AND_LEVEL: Final = Section(
    "Áp lực và mực nước",
    "Pressure and level",
    (
        _pressure("cao nhất", "Highest", Each.MAX, ((None, GREEN), (HIGHEST_PRESSURE_KPA, RED)), HALF),
        common.by_site(
            *(WATER, "level_m", "Mực nước", "Water level"),
            "Mực nước trung bình tại mỗi địa điểm.",
            "Mean level at each site.",
            size=HALF,
        ),
    ),
    closed=True,
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
            about_vi="Trung bình tại mỗi địa điểm." + (" Vạch: giới hạn của cảnh báo (QCVN 01-1)." if steps else ""),
            about_en="Mean at each site." + (" Lines: the limits of the alarm (QCVN 01-1)." if steps else ""),
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
    closed=True,
)

DASHBOARD: Final = Dashboard(
    WATER,
    *common.DOMAIN_NAMES[WATER],
    common.variables(WATER),
    (IS_ALL_WELL, LOSSES, FLOWS, PRESSURE_AND_LEVEL, WATER_QUALITY),
    annotations=marks(WATER),
)
