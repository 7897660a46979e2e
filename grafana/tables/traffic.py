"""Traffic: how many, of which kind, how fast, where it is still."""

from typing import Final

from grafana import influxql
from grafana.influxql import EVERY, HOUR
from grafana.model import HALF, STAT_SIZE, WHOLE, Column, Dashboard, Influx, Kind, Panel, Section
from grafana.tables import common
from grafana.units import COUNT, unit_of
from schemas.quantities import VEHICLE_CLASSES

TRAFFIC: Final = "traffic"
SPEED: Final = unit_of(TRAFFIC, "mean_speed_km_h")

_VI: Final = {
    "motorcycle": "Xe máy",
    "bicycle": "Xe đạp",
    "pedestrian": "Người đi bộ",
    "car": "Ô tô con",
    "van": "Xe van",
    "bus": "Xe khách",
    "truck_light": "Xe tải nhẹ",
    "truck_heavy": "Xe tải nặng",
    "trailer": "Xe kéo moóc",
    "other": "Loại khác",
    "unknown": "Không rõ",
}
CLASSES: Final = tuple(Column(name, _VI[name], name.replace("_", " ").capitalize()) for name in VEHICLE_CLASSES)
CONGESTED: Final = (Column("congested", "Ùn tắc", "Congested"),)


def _counted(vi: str, en: str, by: tuple[str, ...], name: str, about_vi: str, about_en: str) -> Panel:
    query = influxql.select('sum("vehicle_count")', TRAFFIC, by, EVERY)
    return Panel(
        vi, en, Kind.BARS, (Influx(query, name),), COUNT, HALF, about_vi, about_en, least_interval=HOUR, columns=CLASSES
    )


def _per_device() -> Panel:
    figures = (
        'sum("vehicle_count") AS "vehicles", mean("mean_speed_km_h") AS "speed", '
        'max("speed_p85_km_h") AS "p85", max("occupancy_pct") AS "occupancy", max("queue_length_m") AS "queue"'
    )
    return Panel(
        "Theo điểm đo",
        "By counting point",
        Kind.TABLE,
        (Influx(influxql.select(figures, TRAFFIC, ("device", "site", "direction", "lane"))),),
        COUNT,
        WHOLE,
        "Từng điểm đo, hướng và làn trong khoảng thời gian đang xem.",
        "Each counting point, direction and lane in the time shown.",
        columns=(
            Column("direction", "Hướng", "Direction"),
            Column("lane", "Làn", "Lane"),
            Column("vehicles", "Số xe", "Vehicles", COUNT),
            Column("speed", "Tốc độ trung bình", "Mean speed", SPEED),
            Column("p85", "Tốc độ 85 % cao nhất", "Highest 85th percentile", SPEED),
            Column("occupancy", "Độ chiếm dụng cao nhất", "Highest occupancy", unit_of(TRAFFIC, "occupancy_pct")),
            Column("queue", "Hàng chờ dài nhất", "Longest queue", unit_of(TRAFFIC, "queue_length_m")),
        ),
        sort_by="Số xe · Vehicles",
    )


OVERVIEW: Final = Section(
    "Tổng quan",
    "Overview",
    (
        common.devices_stat(TRAFFIC),
        Panel(
            "Số xe",
            "Vehicles",
            Kind.STAT,
            (Influx(influxql.select('sum("vehicle_count")', TRAFFIC)),),
            COUNT,
            STAT_SIZE,
            "Tổng số xe đếm được trong khoảng thời gian đang xem.",
            "Vehicles counted in the time shown.",
            without_data="0",
        ),
        common.now_stat(
            "Đang ùn tắc",
            "Congested now",
            TRAFFIC,
            "congested",
            "Số điểm đo (hoặc làn) mà số đo gần nhất báo ùn tắc.",
            "Counting points (or lanes) whose last reading says congested.",
        ),
        Panel(
            "Tốc độ trung bình",
            "Mean speed",
            Kind.STAT,
            (Influx(influxql.select('mean("mean_speed_km_h")', TRAFFIC)),),
            SPEED,
            STAT_SIZE,
            "Trung bình của các số đo trong khoảng thời gian đang xem (không tính theo số xe).",
            "Mean of the readings in the time shown (not weighted by vehicles).",
        ),
        Panel(
            "Hàng chờ dài nhất",
            "Longest queue",
            Kind.STAT,
            (Influx(influxql.select('max("queue_length_m")', TRAFFIC)),),
            unit_of(TRAFFIC, "queue_length_m"),
            STAT_SIZE,
            "Hàng chờ dài nhất trong khoảng thời gian đang xem.",
            "The longest queue in the time shown.",
        ),
        common.flagged_stat(TRAFFIC),
        _counted(
            "Số xe mỗi giờ theo loại",
            "Vehicles per hour by class",
            ("vehicle_class",),
            "$tag_vehicle_class",
            "Số xe trong mỗi giờ, theo loại xe mà thiết bị phân biệt được.",
            "Vehicles in each hour, by the classes the device can tell apart.",
        ),
        _counted(
            "Số xe mỗi giờ theo hướng",
            "Vehicles per hour by direction",
            ("site", "direction"),
            "$tag_site $tag_direction",
            "Số xe trong mỗi giờ, theo địa điểm và hướng đi.",
            "Vehicles in each hour, by site and direction.",
        ),
    ),
)

FLOW: Final = Section(
    "Tốc độ và mật độ",
    "Speed and density",
    (
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
            function="max",
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
            function="max",
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
    common.domain_variables(TRAFFIC),
    (
        OVERVIEW,
        FLOW,
        Section("Ùn tắc", "Congestion", common.alarm_panels(TRAFFIC, CONGESTED)),
        Section("Điểm đo", "Counting points", (_per_device(),)),
        common.data_section(TRAFFIC),
        common.device_section(
            common.each_device(TRAFFIC, "vehicle_count", "Số xe mỗi lần báo", "Vehicles per report"),
            common.each_device(TRAFFIC, "mean_speed_km_h", "Tốc độ", "Speed"),
            common.growth_by_site(
                TRAFFIC,
                "vehicle_count_total",
                "Bộ đếm tích lũy mỗi giờ",
                "Running totals per hour",
                "Cho thiết bị chỉ có bộ đếm tích lũy; không cộng với số xe ở trên.",
                "For devices that only have a running total; not to be added to the counts above.",
            ),
            common.each_device(TRAFFIC, "occupancy_pct", "Độ chiếm dụng", "Occupancy"),
        ),
    ),
)
