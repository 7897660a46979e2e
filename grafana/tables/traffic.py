"""Traffic: how many, of which kind, how fast, where it is still."""

from dataclasses import replace
from typing import Final

from grafana.ask import DAYS_BY_HOUR, Ask, Each, Over, Step
from grafana.model import HALF, QUARTER, Column, Dashboard, Kind, Panel, Section
from grafana.tables import common
from grafana.tables.flows import MARK_COLUMNS, mark_columns
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import COUNT, unit_of
from schemas.quantities import SPREAD_OF

TRAFFIC: Final = "traffic"
SPEED: Final = unit_of(TRAFFIC, "mean_speed_km_h")

SHORT_TIME_ONLY: Final = both(
    "Không thiết bị nào gửi, hoặc đang xem hơn 3 ngày", "No device sends this, or over 3 days are shown"
)


def _vehicles(by: tuple[str, ...] = (), step: Step = Step.HOUR, limit: int = 0) -> Ask:
    return Ask(TRAFFIC, "vehicle_count", Each.SUM, step, Over.SUM, by, limit=limit, up_to_days=DAYS_BY_HOUR)


def _counted(vi: str, en: str, by: tuple[str, ...], about_vi: str, about_en: str) -> Panel:
    return Panel(
        vi,
        en,
        Kind.BARS,
        (_vehicles(by),),
        COUNT,
        HALF,
        about_vi,
        about_en,
        least_interval="1h",
        without_data=SHORT_TIME_ONLY,
    )


def _busiest() -> Panel:
    return Panel(
        "Điểm đo đông xe nhất",
        "Busiest counting points",
        Kind.TABLE,
        (_vehicles(("device", "site", "direction", "lane"), Step.RANGE, common.ROWS),),
        COUNT,
        HALF,
        "Điểm đo, hướng và làn có nhiều xe nhất trong khoảng thời gian đang xem.",
        "Counting points, directions and lanes with the most vehicles in the time shown.",
        columns=(
            Column("direction", "Hướng", "Direction"),
            Column("lane", "Làn", "Lane"),
            Column("vehicle_count", "Số xe", "Vehicles", COUNT),
        ),
        sort_by=both("Số xe", "Vehicles"),
        without_data=SHORT_TIME_ONLY,
    )


def _worst(vi: str, en: str, field: str, each: Each, limit: int) -> Panel:
    """The counting points with the highest or lowest value of the last hour or so."""
    latest = Ask(TRAFFIC, field, each, Step.NOW, Over(each.value), ("device", "site"), within="1h", limit=limit)
    return Panel(
        vi,
        en,
        Kind.TABLE,
        (latest,),
        unit_of(TRAFFIC, field),
        QUARTER,
        "Trong giờ cuối của khoảng thời gian đang xem.",
        "In the last hour of the time shown.",
        columns=(Column(field, vi, en, unit_of(TRAFFIC, field)),),
        sort_by=both(vi, en),
        sort_up=limit < 0,
    )


OVERVIEW: Final = Section(
    "Tổng quan",
    "Overview",
    (
        common.devices_stat(TRAFFIC),
        common.stat(
            "Số xe",
            "Vehicles",
            _vehicles(step=Step.RANGE),
            COUNT,
            "Tổng số xe đếm được trong khoảng thời gian đang xem, tối đa 3 ngày.",
            "Vehicles counted in the time shown, three days at most.",
        ),
        common.now_stat(
            "Đang ùn tắc",
            "Congested now",
            TRAFFIC,
            "congested",
            "Số điểm đo (hoặc làn) mà số đo gần nhất báo ùn tắc.",
            "Counting points (or lanes) whose last reading says congested.",
        ),
        common.stat(
            "Tốc độ trung bình",
            "Mean speed",
            Ask(TRAFFIC, "mean_speed_km_h", Each.LAST, Step.NOW, Over.MEAN, within="1h"),
            SPEED,
            "Trung bình số đo gần nhất của các điểm đo trong giờ cuối (không tính theo số xe).",
            "Mean of the counting points' last readings in the last hour (not weighted by vehicles).",
        ),
        common.stat(
            "Hàng chờ dài nhất",
            "Longest queue",
            Ask(TRAFFIC, "queue_length_m", Each.LAST, Step.NOW, Over.MAX, within="1h"),
            unit_of(TRAFFIC, "queue_length_m"),
            "Hàng chờ dài nhất theo số đo gần nhất trong giờ cuối.",
            "The longest queue of the last readings in the last hour.",
        ),
        common.completeness_stat(TRAFFIC),
        _counted(
            "Số xe mỗi giờ theo loại",
            "Vehicles per hour by class",
            ("vehicle_class",),
            "Số xe trong mỗi giờ, theo loại xe mà thiết bị phân biệt được.",
            "Vehicles in each hour, by the classes the device can tell apart.",
        ),
        _counted(
            "Số xe mỗi giờ theo hướng",
            "Vehicles per hour by direction",
            ("site", "direction"),
            "Số xe trong mỗi giờ, theo địa điểm và hướng đi.",
            "Vehicles in each hour, by site and direction.",
        ),
    ),
)


def _peak(domain: str, field: str, over: Over) -> Ask:
    return Ask("hour_of_day", field, Each.MEAN, Step.RANGE, over, ("hour",), (("domain", domain),))


_PEOPLE_IN: Final = _peak("urban", "people_in_used", Over.SUM)
PEAKS: Final = Panel(
    "Giờ cao điểm",
    "Peak hours",
    Kind.TABLE,
    (
        _peak(TRAFFIC, "vehicle_count_mean", Over.MEAN),
        _PEOPLE_IN,
        _peak("urban", "people_out_used", Over.SUM),
        *mark_columns(_PEOPLE_IN),
    ),
    COUNT,
    HALF,
    "14 ngày qua: trung bình của mỗi giờ trong ngày, của thiết bị có khu vực. Người: theo bộ đếm tích lũy; ước tính, đáng ngờ, "
    "đo được là của người vào. Đông nhất ở trên.",
    "The last 14 days: the mean of each hour of the day, of devices that have an area; people by running totals, and the marks "
    "are those of people in. Most first.",
    days=14,
    columns=(
        Column("hour", "Giờ", "Hour"),
        Column("vehicle_count_mean", "Xe mỗi lần đếm", "Vehicles per count", COUNT),
        Column("people_in_used", "Người vào", "People in", COUNT),
        Column("people_out_used", "Người ra", "People out", COUNT),
        *MARK_COLUMNS,
    ),
    sort_by=both("Người vào", "People in"),
    without_data=both("Chưa có giờ trọn vẹn của một khu vực", "No whole hour of an area yet"),
)


def _speed_against_flow() -> Panel:
    speed = Ask("hourly", SPREAD_OF[TRAFFIC]["mean_speed_km_h"][1], Each.MEAN, Step.HOUR, Over.MEAN, ("site",))
    return Panel(
        "Tốc độ theo lưu lượng",
        "Speed against flow",
        Kind.SCATTER,
        (_vehicles(("site",)), replace(speed, up_to_days=DAYS_BY_HOUR)),
        SPEED,
        HALF,
        "Mỗi điểm là một giờ của một địa điểm: ngang là số xe, dọc là tốc độ trung bình. Ít xe mà chậm: đường bị nghẽn.",
        "A dot for each hour of a site: vehicles across, mean speed upwards. Few vehicles and slow: the road is blocked.",
        columns=(
            Column("vehicle_count", "Số xe mỗi giờ", "Vehicles per hour", COUNT),
            Column(speed.field, "Tốc độ trung bình", "Mean speed", SPEED),
        ),
        least_interval="1h",
        without_data=SHORT_TIME_ONLY,
    )


def _congested() -> Panel:
    said = Ask(TRAFFIC, "congested", Each.TRUE, Step.HOUR, Over.SUM, ("site",), up_to_days=DAYS_BY_HOUR)
    return Panel(
        "Số lần báo ùn tắc",
        "Reports of congestion",
        Kind.BARS,
        (said,),
        COUNT,
        HALF,
        "Số lần điểm đo báo ùn tắc trong mỗi giờ, theo địa điểm.",
        "Reports in each hour that said congested, by site.",
        least_interval="1h",
        without_data=both("Không có ùn tắc (hãy chọn tối đa 3 ngày)", "No congestion (choose 3 days at most)"),
    )


FLOW: Final = Section(
    "Tốc độ và mật độ",
    "Speed and density",
    (
        _speed_against_flow(),
        _congested(),
        common.by_site(
            TRAFFIC,
            "mean_speed_km_h",
            "Tốc độ trung bình",
            "Mean speed",
            about_vi="Trung bình tại mỗi địa điểm.",
            about_en="Mean at each site.",
        ),
        common.by_site(
            TRAFFIC,
            "speed_p85_km_h",
            "Tốc độ 85 %",
            "85th percentile speed",
            each=Each.MAX,
            about_vi="85 % số xe chạy không nhanh hơn tốc độ này; cao nhất tại mỗi địa điểm.",
            about_en="85 % of the vehicles are no faster than this; highest at each site.",
        ),
        common.by_site(
            TRAFFIC,
            "occupancy_pct",
            "Độ chiếm dụng mặt đường",
            "Occupancy",
            about_vi="Phần thời gian có xe trên điểm đo, trung bình tại mỗi địa điểm.",
            about_en="Share of the time a vehicle stands on the detector, mean at each site.",
        ),
        common.by_site(
            TRAFFIC,
            "queue_length_m",
            "Hàng chờ",
            "Queue",
            each=Each.MAX,
            about_vi="Hàng chờ dài nhất tại mỗi địa điểm.",
            about_en="Longest queue at each site.",
        ),
        common.by_site(
            TRAFFIC,
            "mean_headway_s",
            "Giãn cách thời gian giữa hai xe",
            "Headway",
            about_vi="Trung bình tại mỗi địa điểm.",
            about_en="Mean at each site.",
        ),
        common.by_site(
            TRAFFIC,
            "mean_gap_m",
            "Khoảng cách giữa hai xe",
            "Gap",
            about_vi="Trung bình tại mỗi địa điểm.",
            about_en="Mean at each site.",
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    TRAFFIC,
    *common.DOMAIN_NAMES[TRAFFIC],
    common.variables(TRAFFIC),
    (
        OVERVIEW,
        FLOW,
        Section("Ùn tắc và cảnh báo", "Congestion and alarms", common.alarm_panels(TRAFFIC)),
        Section(
            "Điểm đo",
            "Counting points",
            (
                _busiest(),
                _worst("Chậm nhất", "Slowest", "mean_speed_km_h", Each.MIN, -common.ROWS),
                _worst("Kín đường nhất", "Most occupied", "occupancy_pct", Each.MAX, common.ROWS),
                common.counted_by_site(
                    TRAFFIC,
                    "vehicle_count_total",
                    "Bộ đếm tích lũy mỗi giờ",
                    "Running totals per hour",
                    "Đếm được bởi thiết bị chỉ có bộ đếm tích lũy; không cộng với số xe ở trên.",
                    "Counted by devices that only have a running total; not to be added to the counts above.",
                ),
                PEAKS,
            ),
        ),
        common.data_section(TRAFFIC),
    ),
    annotations=marks(TRAFFIC),
)
