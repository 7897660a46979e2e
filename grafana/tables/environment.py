"""Environment: dust, gases, noise, weather, rain."""

from dataclasses import replace
from typing import Final

from grafana.ask import DAYS_BY_HOUR, Ask, Each, Over, Step
from grafana.model import CRITICAL, GOOD, HALF, QUARTER, THIRD, WARNING, Dashboard, Kind, Panel, Section, Size, Steps
from grafana.tables import common
from grafana.tables.marks import marks
from grafana.tables.urban import SHORT_TIME_ONLY, URBAN
from grafana.units import unit_of

PM2_5_STEPS: Final[Steps] = ((None, GOOD), (25.0, WARNING), (50.0, CRITICAL))
PM10_STEPS: Final[Steps] = ((None, GOOD), (50.0, WARNING), (100.0, CRITICAL))
NOISE_STEPS: Final[Steps] = ((None, GOOD), (55.0, WARNING), (70.0, CRITICAL))

_ADJUST: Final = (
    "Vạch là mốc tham khảo; quy chuẩn hiện hành mới là căn cứ.",
    "The lines are for orientation; the regulation that currently applies decides.",
)
_MEAN: Final = ("Trung bình tại mỗi địa điểm.", "Mean at each site.")


def _by_site(field: str, vi: str, en: str, steps: Steps = (), size: Size = THIRD) -> Panel:
    about = (f"{_MEAN[0]} {_ADJUST[0]}", f"{_MEAN[1]} {_ADJUST[1]}") if steps else _MEAN
    panel = common.by_site(URBAN, field, vi, en, steps=steps, about_vi=about[0], about_en=about[1])
    return replace(panel, size=size)


def _highest(field: str, vi: str, en: str, steps: Steps) -> Panel:
    """The highest of the newest values, with its station."""
    highest = Ask(URBAN, field, Each.LAST, Step.NOW, Over.MAX, ("device",), within="3h", limit=1)
    return Panel(
        *(vi, en, Kind.WORST, (highest,), unit_of(URBAN, field), Size(6, 3)),
        f"Trạm có số đo gần nhất cao nhất, trong 3 giờ cuối. {_ADJUST[0]}",
        f"The station with the highest newest value of the last 3 hours. {_ADJUST[1]}",
        steps=steps,
    )


def _rain_of_reports() -> Panel:
    reported = Ask(URBAN, "rain_interval_mm", Each.SUM, Step.HOUR, Over.MEAN, ("site",), up_to_days=DAYS_BY_HOUR)
    return Panel(
        "Lượng mưa, cộng từng đợt",
        "Rain, sum of reports",
        Kind.LINES,
        (reported,),
        unit_of(URBAN, "rain_interval_mm"),
        HALF,
        "Trong mỗi giờ, trung bình các máy đo mưa của mỗi địa điểm.",
        "In each hour, the mean of each site's gauges.",
        least_interval="1h",
        minimum=0.0,
        without_data=SHORT_TIME_ONLY,
    )


def _polluted() -> Panel:
    panel = common.alarms_stat(
        *(URBAN, "alarm", "air_quality", "Trạm báo ô nhiễm", "Polluted stations"),
        "Trạm có cảnh báo không khí chưa kết thúc, trừ nơi đang có việc theo kế hoạch.",
        "Stations with an alarm of the air that has not ended, without those under planned work.",
    )
    return replace(panel, size=Size(6, 3), steps=common.NONE_IS_BEST)


def _rain() -> Panel:
    """The mean of gauges, which are not stacked: areas do not add up."""
    panel = common.counted_by_site(
        *(URBAN, "rain_mm", "Lượng mưa mỗi giờ", "Rain by hour"),
        "Trong mỗi giờ, trung bình các máy đo mưa của mỗi khu vực.",
        "In each hour, the mean of the gauges of each area.",
        over=Over.MEAN,
    )
    return replace(panel, kind=Kind.LINES, minimum=0.0)


IS_ALL_WELL: Final = Section(
    "Không khí có sạch không?",
    "Is the air clean?",
    (
        _polluted(),
        _highest("pm2_5_ug_m3", "Bụi PM2.5 cao nhất bây giờ", "Highest PM2.5 now", PM2_5_STEPS),
        _highest("pm10_ug_m3", "Bụi PM10 cao nhất bây giờ", "Highest PM10 now", PM10_STEPS),
        _highest("noise_laeq_db", "Nơi ồn nhất bây giờ", "Loudest place now", NOISE_STEPS),
        _by_site("pm2_5_ug_m3", "Bụi PM2.5", "PM2.5", PM2_5_STEPS),
        _by_site("pm10_ug_m3", "Bụi PM10", "PM10", PM10_STEPS),
        _by_site("noise_laeq_db", "Mức ồn tương đương", "Equivalent noise level", NOISE_STEPS),
        _rain(),
        _by_site("air_temperature_c", "Nhiệt độ không khí", "Air temperature", size=HALF),
    ),
)

GASES: Final = Section(
    "Các chất khí và bụi mịn",
    "Gases and fine dust",
    (
        *(
            _by_site(field, vi, en, size=QUARTER)
            for field, vi, en in (
                ("no2_ug_m3", "NO₂", "NO₂"),
                ("so2_ug_m3", "SO₂", "SO₂"),
                ("o3_ug_m3", "O₃", "O₃"),
                ("co_ug_m3", "CO", "CO"),
            )
        ),
        _by_site("co2_ppm", "CO₂", "CO₂"),
        _by_site("tvoc_ppb", "Hợp chất hữu cơ bay hơi", "Volatile organics"),
        _by_site("pm1_ug_m3", "Bụi PM1", "PM1"),
    ),
    closed=True,
)

WEATHER: Final = Section(
    "Thời tiết",
    "Weather",
    (
        _by_site("relative_humidity_pct", "Độ ẩm", "Relative humidity", size=HALF),
        _by_site("air_pressure_hpa", "Áp suất không khí", "Air pressure", size=HALF),
        _by_site("illuminance_lx", "Độ rọi", "Illuminance", size=HALF),
        _rain_of_reports(),
    ),
    closed=True,
)

DASHBOARD: Final = Dashboard(
    "environment",
    "Môi trường",
    "Environment",
    common.variables(URBAN),
    (IS_ALL_WELL, GASES, WEATHER),
    annotations=marks(URBAN),
)
