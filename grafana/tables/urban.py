"""Urban: parking, air, noise, light, people, weather."""

from typing import Final

from grafana.ask import DAYS_BY_HOUR, Ask, Each, Over, Step, true
from grafana.model import GREEN, HALF, RED, THIRD, YELLOW, Column, Dashboard, Kind, Panel, Section, Steps
from grafana.tables import common
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import COUNT, unit_of

URBAN: Final = "urban"

PM2_5_STEPS: Final[Steps] = ((None, GREEN), (25.0, YELLOW), (50.0, RED))
PM10_STEPS: Final[Steps] = ((None, GREEN), (50.0, YELLOW), (100.0, RED))
NOISE_STEPS: Final[Steps] = ((None, GREEN), (55.0, YELLOW), (70.0, RED))

ADJUST_VI: Final = "Vạch là mốc tham khảo; quy chuẩn hiện hành mới là căn cứ."
ADJUST_EN: Final = "The lines are for orientation; the regulation that currently applies decides."


_COUNTED: Final = ("Đếm được trong mỗi giờ, cộng theo địa điểm.", "Counted in each hour, added up by site.")
_COUNTED_BY_AREA: Final = ("Đếm được trong mỗi giờ, cộng theo khu vực.", "Counted in each hour, added up by area.")
_RAIN_BY_AREA: Final = (
    "Trong mỗi giờ, trung bình các máy đo mưa của mỗi khu vực.",
    "In each hour, the mean of the gauges of each area.",
)
_RAIN: Final = (
    "Trong mỗi giờ, trung bình các máy đo mưa của mỗi địa điểm.",
    "In each hour, the mean of each site's gauges.",
)


def _mean(field: str, vi: str, en: str, steps: Steps = ()) -> Panel:
    vi_lines, en_lines = (f" {ADJUST_VI}", f" {ADJUST_EN}") if steps else ("", "")
    return common.by_site(
        URBAN,
        field,
        vi,
        en,
        steps=steps,
        about_vi=f"Trung bình tại mỗi địa điểm.{vi_lines}",
        about_en=f"Mean at each site.{en_lines}",
    )


def _mean_now(field: str, vi: str, en: str, steps: Steps) -> Panel:
    about = ("Trung bình số đo gần nhất của các thiết bị.", "Mean of the devices' last readings.")
    last = Ask(URBAN, field, Each.LAST, Step.NOW, Over.MEAN, within="3h")
    return common.stat(vi, en, last, unit_of(URBAN, field), *about, steps)


def _true_now(state: str, by: tuple[str, ...] = (), name: str = "") -> Ask:
    return Ask(URBAN, state, Each.LAST, Step.NOW, Over.COUNT, by, where=(true(state),), name=name)


def _said(state: str, vi: str, en: str, about_vi: str, about_en: str) -> Panel:
    """The reports of a state in each hour that said it is so."""
    said = Ask(URBAN, state, Each.TRUE, Step.HOUR, Over.SUM, ("site",), up_to_days=DAYS_BY_HOUR)
    return Panel(
        *(vi, en, Kind.BARS, (said,), COUNT, THIRD, about_vi, about_en),
        least_interval="1h",
        without_data=both("Không thiết bị nào gửi, hoặc đang xem hơn 3 ngày", "No device sends this, or over 3 days are shown"),
    )


def _parking_table() -> Panel:
    spaces = Ask(URBAN, "parking_occupied", Each.LAST, Step.NOW, Over.COUNT, ("site",), name="spaces")
    return Panel(
        "Chỗ đỗ theo địa điểm",
        "Parking by site",
        Kind.TABLE,
        (spaces, _true_now("parking_occupied", ("site",), "occupied")),
        COUNT,
        THIRD,
        "Số chỗ có cảm biến đã gửi số liệu trong 25 giờ qua, và số chỗ đang có xe.",
        "Spaces whose sensor sent data in the last 25 hours, and how many are occupied now.",
        columns=(Column("spaces", "Số chỗ", "Spaces"), Column("occupied", "Có xe", "Occupied")),
        sort_by=both("Có xe", "Occupied"),
    )


def _people(field: str, vi: str, en: str) -> Panel:
    return common.counted_by_site(URBAN, field, vi, en, *_COUNTED_BY_AREA)


def _of_reports(field: str, vi: str, en: str, about_vi: str, about_en: str, over: Over = Over.SUM) -> Panel:
    """Counts or amounts of the reports of each hour."""
    reported = Ask(URBAN, field, Each.SUM, Step.HOUR, over, ("site",), up_to_days=DAYS_BY_HOUR)
    return Panel(
        *(vi, en, Kind.BARS, (reported,), unit_of(URBAN, field), HALF, about_vi, about_en),
        least_interval="1h",
        without_data=both("Không thiết bị nào gửi, hoặc đang xem hơn 3 ngày", "No device sends this, or over 3 days are shown"),
    )


def _rain() -> Panel:
    return common.counted_by_site(URBAN, "rain_mm", "Lượng mưa (bộ đếm)", "Rain (counter)", *_RAIN_BY_AREA, over=Over.MEAN)


OVERVIEW: Final = Section(
    "Tổng quan",
    "Overview",
    (
        common.devices_stat(URBAN),
        common.stat(
            "Chỗ đỗ có xe",
            "Spaces occupied",
            _true_now("parking_occupied"),
            COUNT,
            "Số chỗ đỗ mà cảm biến báo gần nhất là có xe.",
            "Spaces whose sensor last said occupied.",
        ),
        _mean_now("pm2_5_ug_m3", "Bụi PM2.5", "PM2.5", PM2_5_STEPS),
        _mean_now("noise_laeq_db", "Tiếng ồn", "Noise", NOISE_STEPS),
        common.stat(
            "Đèn đang sáng",
            "Lights on",
            _true_now("light_on"),
            COUNT,
            "Số đèn mà số đo gần nhất báo đang sáng.",
            "Lights whose last reading says on.",
        ),
        common.completeness_stat(URBAN),
    ),
)

PARKING: Final = Section(
    "Đỗ xe và chiếu sáng",
    "Parking and lighting",
    (
        _said(
            "parking_occupied",
            "Số lần báo có xe",
            "Reports of an occupied space",
            "Số lần cảm biến báo có xe trong mỗi giờ, theo địa điểm.",
            "Reports in each hour that said occupied, by site.",
        ),
        _parking_table(),
        _said(
            "light_on",
            "Số lần báo đèn sáng",
            "Reports of a light that is on",
            "Sáng ban ngày hoặc tắt ban đêm: kiểm tra tủ điều khiển.",
            "On by day or off by night: check the controller.",
        ),
    ),
)

AIR: Final = Section(
    "Không khí và tiếng ồn",
    "Air and noise",
    (
        _mean("pm2_5_ug_m3", "Bụi PM2.5", "PM2.5", PM2_5_STEPS),
        _mean("pm10_ug_m3", "Bụi PM10", "PM10", PM10_STEPS),
        _mean("noise_laeq_db", "Mức ồn tương đương", "Equivalent noise level", NOISE_STEPS),
        _mean("no2_ug_m3", "NO₂", "NO₂"),
        _mean("so2_ug_m3", "SO₂", "SO₂"),
        _mean("o3_ug_m3", "O₃", "O₃"),
        _mean("co_ug_m3", "CO", "CO"),
        _mean("co2_ppm", "CO₂", "CO₂"),
        _mean("tvoc_ppb", "Hợp chất hữu cơ bay hơi", "Volatile organics"),
        _mean("pm1_ug_m3", "Bụi PM1", "PM1"),
        _mean("illuminance_lx", "Độ rọi", "Illuminance"),
        _mean("light_level_pct", "Mức sáng của đèn", "Light level"),
    ),
)

PEOPLE_AND_WEATHER: Final = Section(
    "Người và thời tiết",
    "People and weather",
    (
        _people("people_in_total", "Người vào (bộ đếm)", "People in (counter)"),
        _people("people_out_total", "Người ra (bộ đếm)", "People out (counter)"),
        *(
            _of_reports(field, vi, en, *_COUNTED)
            for field, vi, en in (
                ("people_in", "Người vào (từng đợt)", "People in (per report)"),
                ("people_out", "Người ra (từng đợt)", "People out (per report)"),
            )
        ),
        _of_reports("rain_interval_mm", "Lượng mưa (từng đợt)", "Rain (per report)", *_RAIN, Over.MEAN),
        _rain(),
        _mean("people_count", "Số người có mặt", "People present"),
        _mean("air_temperature_c", "Nhiệt độ không khí", "Air temperature"),
        _mean("relative_humidity_pct", "Độ ẩm", "Relative humidity"),
        _mean("air_pressure_hpa", "Áp suất không khí", "Air pressure"),
    ),
)

DASHBOARD: Final = Dashboard(
    URBAN,
    *common.DOMAIN_NAMES[URBAN],
    common.variables(URBAN),
    (
        OVERVIEW,
        PARKING,
        AIR,
        PEOPLE_AND_WEATHER,
        Section("Cảnh báo", "Alarms", common.alarm_panels(URBAN)),
        common.data_section(URBAN),
    ),
    annotations=marks(URBAN),
)
