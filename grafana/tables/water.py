"""Water: what leaves the works, what arrives, what is lost on the way."""

from dataclasses import replace
from typing import Final

from grafana.ask import Ask, Each, Over, Step
from grafana.model import GREEN, HALF, RED, THIRD, Column, Dashboard, Kind, Panel, Section, Steps
from grafana.tables import balances, common
from grafana.tables.marks import marks
from grafana.units import unit_of
from schemas.quantities import USED_OF

WATER: Final = "water"
VOLUME: Final = unit_of(WATER, "volume_m3")
FLOW: Final = unit_of(WATER, "flow_m3_h")

LOWEST_PRESSURE_KPA, HIGHEST_PRESSURE_KPA = 100.0, 700.0
"""The limits of the alarms ``pressure_low`` (ten metres of water, TCVN 13606:2023) and ``pressure_high``."""

TANK_STEPS: Final = ((None, RED), (15.0, GREEN), (97.0, RED))
"""The limits of the alarms ``tank_low`` and ``tank_overflow``."""


def _consumption(vi: str, en: str, measurement: str, days: int) -> Panel:
    """All the water that the meters of each area measured, by day or month: months of all meters would cost seconds."""
    by_area = Ask(measurement, USED_OF["volume_m3"], Each.SUM, Step.DAY, Over.SUM, ("area",), (("domain", WATER),))
    return Panel(
        f"Tiêu thụ mỗi {vi}",
        f"Consumption per {en}",
        Kind.BARS,
        (by_area,),
        VOLUME,
        THIRD,
        f"Nước đã chảy qua đồng hồ trong mỗi {vi}, theo khu vực, {days} ngày qua. "
        "Của cả khu vực: không lọc theo địa điểm và thiết bị.",
        f"Water that passed the meters in each {en}, by area, in {days} days. Of whole areas, not of a site or device.",
        least_interval="1d",
        days=days,
        without_data=f"Chưa có {vi} trọn vẹn của một khu vực (area) · No whole {en} of an area yet",
    )


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
        (lowest,),
        FLOW,
        THIRD,
        "Giờ có ít nước chảy nhất trong đêm gần nhất, những đồng hồ cao nhất trước. Ban đêm gần như không ai dùng nước: nước "
        "vẫn chảy thì phần lớn là rò rỉ.",
        "The hour of the last night with the least flow, the highest meters first. At night hardly anybody uses water: most of "
        "what still flows leaks.",
        columns=(Column("flow_night_min_m3_h", "Thấp nhất trong đêm", "Lowest of the night", FLOW),),
        sort_by="Thấp nhất trong đêm · Lowest of the night",
        without_data="Chưa có đêm trọn vẹn · No whole night yet",
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
        common.stat(
            "Lưu lượng hiện tại",
            "Flow now",
            common.sum_now(WATER, "flow_m3_h"),
            FLOW,
            "Tổng lưu lượng gần nhất của các thiết bị được chọn.",
            "The last flow of the chosen devices, added up.",
        ),
        common.stat(
            "Tiêu thụ",
            "Consumption",
            common.used_in_all("volume_m3"),
            VOLUME,
            "Nước đã chảy qua đồng hồ trong những giờ trọn vẹn đang xem (trên 3 ngày: những ngày trọn vẹn).",
            "Water that passed the meters in the whole hours of the time shown (more than 3 days: in the whole days).",
        ),
        common.completeness_stat(WATER),
        common.sum_by_site(
            WATER,
            "flow_m3_h",
            "Lưu lượng nước theo địa điểm",
            "Water flow by site",
            "Trung bình mỗi giờ của từng đồng hồ, cộng theo địa điểm; trên 3 ngày: trung bình mỗi ngày.",
            "Mean of each meter in each hour, added up by site; for more than 3 days, in each day.",
        ),
        common.used_by_site(
            WATER,
            "volume_m3",
            "Tiêu thụ mỗi giờ",
            "Consumption per hour",
            "Nước đã chảy qua đồng hồ trong mỗi giờ, cộng theo địa điểm; trên 3 ngày: trong mỗi ngày.",
            "Water that passed the meters in each hour, added up by site; for more than 3 days, in each day.",
        ),
        _consumption("ngày", "day", "daily_area", 31),
        _consumption("tháng", "month", "monthly_area", 400),
        common.used_by_site(
            WATER,
            "volume_reverse_m3",
            "Chảy ngược mỗi giờ",
            "Reverse volume per hour",
            "Thể tích chảy ngược trong mỗi giờ. Khác 0: van một chiều hỏng hoặc đồng hồ lắp ngược.",
            "Volume that ran backwards in each hour. Not 0: a check valve is defective or a meter is mounted the wrong way.",
            THIRD,
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
            "Nước qua đồng hồ tổng trừ nước qua các đồng hồ bên dưới",
            "Water that bulk meters measured less what the meters behind them did",
        ),
        balances.losing(
            WATER,
            "Thất thoát theo đồng hồ tổng",
            "Losses by bulk meter",
            "Phần nước qua đồng hồ tổng mà các đồng hồ bên dưới không đo được",
            "Share of a bulk meter's water that the meters behind it did not measure",
        ),
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
