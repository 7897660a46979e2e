"""Environment: dust, gases, noise, weather, rain."""

from dataclasses import replace
from typing import Final

from grafana.ask import DAYS_BY_HOUR, Ask, Each, Over, Step
from grafana.model import CRITICAL, GOOD, HALF, QUARTER, THIRD, WARNING, Dashboard, Kind, Panel, Section, Size, Steps
from grafana.tables import common
from grafana.tables.marks import marks
from grafana.tables.urban import URBAN
from grafana.units import unit_of

PM2_5_STEPS: Final[Steps] = ((None, GOOD), (25.0, WARNING), (50.0, CRITICAL))
PM10_STEPS: Final[Steps] = ((None, GOOD), (50.0, WARNING), (100.0, CRITICAL))
NOISE_STEPS: Final[Steps] = ((None, GOOD), (70.0, WARNING), (85.0, CRITICAL))
RAIN_STEPS: Final[Steps] = ((None, GOOD), (25.0, WARNING), (50.0, CRITICAL))

TILE: Final = Size(5, 3)
_ADJUST: Final = (
    "Vạch là mốc tham khảo; quy chuẩn hiện hành mới là căn cứ.",
    "The lines are for orientation; the regulation that currently applies decides.",
)
_OF_NOISE: Final = (
    "Từ 70 dB (ban ngày, khu vực thông thường: QCVN 26:2010/BTNMT): vàng, từ 85 dB: đỏ.",
    "Amber from 70 dB, the limit of ordinary areas by day (QCVN 26:2010/BTNMT), red from 85 dB.",
)
_OF_RAIN: Final = (
    "Từ 25 mm trong một giờ: vàng, từ 50 mm: đỏ, mưa mà WMO gọi là dữ dội (violent).",
    "Amber from 25 mm in an hour, red from 50 mm, above which the WMO calls rain violent.",
)


def _by_site(field: str, vi: str, en: str, steps: Steps = (), size: Size = THIRD) -> Panel:
    more = _OF_NOISE if steps is NOISE_STEPS else _ADJUST
    about = tuple(" ".join(said) for said in zip(common.MEAN_OF_SITE, more, strict=True)) if steps else ()
    return common.by_site(URBAN, field, vi, en, *about, steps=steps, size=size)


def _highest(field: str, vi: str, en: str, steps: Steps, about: tuple[str, str] = _ADJUST) -> Panel:
    """The highest of the newest values, with its station."""
    highest = Ask(URBAN, field, Each.LAST, Step.NOW, Over.MAX, ("device",), within="3h", limit=1)
    return Panel(
        *(vi, en, Kind.WORST, (highest,), unit_of(URBAN, field), TILE),
        f"Trạm có số đo gần nhất cao nhất, trong 3 giờ cuối. {about[0]}",
        f"The station with the highest newest value of the last 3 hours. {about[1]}",
        steps=steps,
    )


def _heaviest_rain() -> Panel:
    """The most rain of the newest whole hour, with its gauge."""
    most = Ask("hourly", "rain_used_mm", Each.LAST, Step.NOW, Over.MAX, ("device",), within="3h", limit=1)
    return Panel(
        *("Mưa to nhất, giờ gần nhất", "Heaviest rain, newest hour", Kind.WORST, (most,), unit_of(URBAN, "rain_mm"), TILE),
        f"Máy đo mưa có lượng mưa lớn nhất trong giờ trọn vẹn gần nhất. {_OF_RAIN[0]}",
        f"The gauge with the most rain in the newest whole hour. {_OF_RAIN[1]}",
        steps=RAIN_STEPS,
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
        without_data=common.SHORT_TIME_ONLY,
    )


def _polluted() -> Panel:
    return common.alarms_stat(
        *(URBAN, "alarm", "air_quality", "Trạm báo ô nhiễm", "Polluted stations"),
        "Trạm có cảnh báo không khí chưa kết thúc, trừ nơi đang có việc theo kế hoạch. Mức ô nhiễm: bên cạnh.",
        "Stations with an alarm of the air that has not ended, without those under planned work. How bad it is stands beside.",
        steps=common.NONE_IS_BEST,
    )


def _rain() -> Panel:
    """The mean of gauges, which are not stacked: areas do not add up."""
    panel = common.counted_by_site(
        *(URBAN, "rain_mm", "Lượng mưa mỗi giờ", "Rain by hour"),
        f"Trong mỗi giờ, trung bình các máy đo mưa của mỗi khu vực. {_OF_RAIN[0]}",
        f"In each hour, the mean of the gauges of each area. {_OF_RAIN[1]}",
        over=Over.MEAN,
    )
    return replace(panel, kind=Kind.LINES, minimum=0.0, steps=RAIN_STEPS)


IS_ALL_WELL: Final = Section(
    "Không khí có sạch không?",
    "Is the air clean?",
    (
        _polluted(),
        _highest("pm2_5_ug_m3", "Bụi PM2.5 cao nhất bây giờ", "Highest PM2.5 now", PM2_5_STEPS),
        _highest("pm10_ug_m3", "Bụi PM10 cao nhất bây giờ", "Highest PM10 now", PM10_STEPS),
        _highest("noise_laeq_db", "Nơi ồn nhất bây giờ", "Loudest place now", NOISE_STEPS, _OF_NOISE),
        _heaviest_rain(),
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
    "environment", "Môi trường", "Environment", common.variables(URBAN), (IS_ALL_WELL, GASES, WEATHER), annotations=marks(URBAN)
)
