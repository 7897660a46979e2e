"""Traffic: how many, of which kind, how fast, where it is still."""

from dataclasses import replace
from typing import Final

from grafana.ask import DAYS_BY_HOUR, Ask, Each, Over, Step
from grafana.model import HALF, THIRD, WHOLE, Column, Dashboard, Kind, Panel, Section, Size
from grafana.tables import common
from grafana.tables.flows import MARK_COLUMNS, mark_columns
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import COUNT, unit_of
from grafana.words import DIRECTIONS
from schemas.quantities import SPREAD_OF

TRAFFIC: Final = "traffic"
SPEED: Final = unit_of(TRAFFIC, "mean_speed_km_h")


def _vehicles(by: tuple[str, ...] = (), step: Step = Step.HOUR, limit: int = 0) -> Ask:
    return Ask(TRAFFIC, "vehicle_count", Each.SUM, step, Over.SUM, by, limit=limit, up_to_days=DAYS_BY_HOUR)


def _by_class_and_direction() -> Panel:
    return Panel(
        *("Số xe mỗi giờ theo loại và hướng", "Vehicles per hour by class and direction", Kind.BARS),
        *((_vehicles(("vehicle_class", "direction")),), COUNT, common.BESIDE_ALARMS),
        "Số xe trong mỗi giờ, theo loại xe và hướng mà thiết bị phân biệt được.",
        "Vehicles in each hour, by the classes and directions that the device can tell apart.",
        least_interval="1h",
        without_data=common.SHORT_TIME_ONLY,
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
            Column("direction", "Hướng", "Direction", words=DIRECTIONS),
            Column("lane", "Làn", "Lane"),
            Column("vehicle_count", "Số xe", "Vehicles", COUNT),
        ),
        sort_by=both("Số xe", "Vehicles"),
        without_data=common.SHORT_TIME_ONLY,
    )


def _latest(field: str, each: Each, by: tuple[str, ...], limit: int) -> Ask:
    """The highest or lowest values of the last hour."""
    return Ask(TRAFFIC, field, each, Step.NOW, Over(each.value), by, within="1h", limit=limit)


def _most(vi: str, en: str, field: str, each: Each, limit: int) -> Panel:
    """The counting points with the highest or lowest values of the last hour or so."""
    return Panel(
        vi,
        en,
        Kind.TABLE,
        (_latest(field, each, ("device", "site"), limit),),
        unit_of(TRAFFIC, field),
        THIRD,
        "Trong giờ cuối của khoảng thời gian đang xem.",
        "In the last hour of the time shown.",
        columns=(Column(field, vi, en, unit_of(TRAFFIC, field)),),
        sort_by=both(vi, en),
        sort_up=limit < 0,
    )


def _worst(vi: str, en: str, field: str, each: Each, limit: int, about: tuple[str, str]) -> Panel:
    """The highest or lowest value of the last hour, with its counting point."""
    return Panel(
        *(vi, en, Kind.WORST, (_latest(field, each, ("device",), limit),), unit_of(TRAFFIC, field), Size(8, 3)),
        f"{about[0]} trong giờ cuối.",
        f"{about[1]} of the last hour.",
    )


def _congested_by_hour() -> Panel:
    said = Ask(TRAFFIC, "congested", Each.TRUE, Step.HOUR, Over.COUNT, ("site",), up_to_days=DAYS_BY_HOUR)
    return Panel(
        "Điểm đo báo ùn tắc mỗi giờ",
        "Congested points by hour",
        Kind.BARS,
        (said,),
        COUNT,
        HALF,
        "Số điểm đo (hoặc làn) có ít nhất một lần báo ùn tắc trong mỗi giờ, theo địa điểm.",
        "Counting points (or lanes) that said congested at least once in the hour, by site.",
        least_interval="1h",
        without_data=both("Không có ùn tắc (hãy chọn tối đa 3 ngày)", "No congestion (choose 3 days at most)"),
    )


IS_ALL_WELL: Final = Section(
    "Mọi việc có ổn không?",
    "Is all well?",
    (
        *common.health(TRAFFIC),
        common.now_stat(
            *("Đang ùn tắc", "Congested now", TRAFFIC, "congested"),
            "Số điểm đo mà số đo gần nhất báo ùn tắc.",
            "Counting points whose last reading says congested.",
            common.NONE_IS_BEST,
        ),
        common.stat(
            "Số xe đếm được",
            "Vehicles counted",
            _vehicles(step=Step.RANGE),
            COUNT,
            "Tổng số xe đếm được trong khoảng thời gian đang xem, tối đa 3 ngày.",
            "Vehicles counted in the time shown, three days at most.",
        ),
        _worst(
            *("Chậm nhất bây giờ", "Slowest now", "mean_speed_km_h", Each.MIN, -1),
            ("Điểm đo có tốc độ trung bình thấp nhất", "The counting point with the lowest mean speed"),
        ),
        _worst(
            *("Hàng chờ dài nhất bây giờ", "Longest queue now", "queue_length_m", Each.MAX, 1),
            ("Điểm đo có hàng chờ dài nhất", "The counting point with the longest queue"),
        ),
        _worst(
            *("Kín đường nhất bây giờ", "Most occupied now", "occupancy_pct", Each.MAX, 1),
            ("Điểm đo bị xe chiếm chỗ nhiều nhất", "The counting point at which vehicles stand most of the time"),
        ),
        common.open_alarms(TRAFFIC),
        _by_class_and_direction(),
        common.by_site(
            *(TRAFFIC, "mean_speed_km_h", "Tốc độ trung bình", "Mean speed"),
            "Trung bình tại mỗi địa điểm (không tính theo số xe).",
            "Mean at each site (not weighted by vehicles).",
            size=HALF,
        ),
        _congested_by_hour(),
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
    WHOLE,
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
    """From the points of areas: those of the readings of all devices are by far the dearest of the page."""
    vehicles, speed = (
        Ask("hourly_area", SPREAD_OF[TRAFFIC][gauge][1], Each.MEAN, Step.HOUR, Over.MEAN, ("area",), (("domain", TRAFFIC),))
        for gauge in ("vehicle_count", "mean_speed_km_h")
    )
    few_days = (replace(ask, up_to_days=DAYS_BY_HOUR) for ask in (vehicles, speed))
    return Panel(
        "Tốc độ theo lưu lượng",
        "Speed against flow",
        Kind.SCATTER,
        tuple(few_days),
        SPEED,
        HALF,
        "Mỗi điểm là một giờ của một khu vực (area): ngang là số xe trung bình của một lần đếm, dọc là tốc độ trung bình. "
        "Ít xe mà chậm: đường bị nghẽn.",
        "A dot for each hour of an area: vehicles of a count on average across, mean speed upwards. Few vehicles and slow: the "
        "road is blocked.",
        columns=(
            Column(vehicles.field, "Số xe mỗi lần đếm", "Vehicles per count", COUNT),
            Column(speed.field, "Tốc độ trung bình", "Mean speed", SPEED),
        ),
        least_interval="1h",
        without_data=common.SHORT_TIME_ONLY,
    )


FLOW: Final = Section(
    "Tốc độ và mật độ",
    "Speed and density",
    (
        _speed_against_flow(),
        common.by_site(
            *(TRAFFIC, "speed_p85_km_h", "Tốc độ 85 %", "85th percentile speed"),
            "85 % số xe chạy không nhanh hơn tốc độ này; cao nhất tại mỗi địa điểm.",
            "85 % of the vehicles are no faster than this; highest at each site.",
            each=Each.MAX,
        ),
        common.by_site(
            *(TRAFFIC, "occupancy_pct", "Độ chiếm dụng mặt đường", "Occupancy"),
            "Phần thời gian có xe trên điểm đo, trung bình tại mỗi địa điểm.",
            "Share of the time a vehicle stands on the detector, mean at each site.",
        ),
        common.by_site(
            *(TRAFFIC, "queue_length_m", "Hàng chờ", "Queue"),
            "Hàng chờ dài nhất tại mỗi địa điểm.",
            "Longest queue at each site.",
            each=Each.MAX,
        ),
        common.by_site(TRAFFIC, "mean_headway_s", "Giãn cách thời gian giữa hai xe", "Headway"),
        common.by_site(TRAFFIC, "mean_gap_m", "Khoảng cách giữa hai xe", "Gap"),
        common.alarms_over_time(TRAFFIC),
    ),
    closed=True,
)

POINTS: Final = Section(
    "Điểm đo và giờ cao điểm",
    "Counting points and peak hours",
    (
        _busiest(),
        common.counted_by_site(
            TRAFFIC,
            "vehicle_count_total",
            "Bộ đếm tích lũy mỗi giờ",
            "Running totals per hour",
            "Đếm được bởi thiết bị chỉ có bộ đếm tích lũy; không cộng với số xe ở trên.",
            "Counted by devices that only have a running total; not to be added to the counts above.",
        ),
        _most("Tốc độ thấp nhất", "Lowest speed", "mean_speed_km_h", Each.MIN, -common.ROWS),
        _most("Hàng chờ dài nhất", "Longest queue", "queue_length_m", Each.MAX, common.ROWS),
        _most("Độ chiếm dụng cao nhất", "Highest occupancy", "occupancy_pct", Each.MAX, common.ROWS),
        PEAKS,
    ),
    closed=True,
)

DASHBOARD: Final = Dashboard(
    TRAFFIC, *common.DOMAIN_NAMES[TRAFFIC], common.variables(TRAFFIC), (IS_ALL_WELL, FLOW, POINTS), annotations=marks(TRAFFIC)
)
