"""Urban: parking, air, noise, light, people, weather."""

from typing import Final

from grafana import influxql
from grafana.influxql import EVERY, HOUR
from grafana.model import GREEN, HALF, RED, STAT_SIZE, THIRD, YELLOW, Column, Dashboard, Influx, Kind, Panel, Section, Steps
from grafana.tables import common
from grafana.units import COUNT, unit_of

URBAN: Final = "urban"

PM2_5_STEPS: Final[Steps] = ((None, GREEN), (25.0, YELLOW), (50.0, RED))
PM10_STEPS: Final[Steps] = ((None, GREEN), (50.0, YELLOW), (100.0, RED))
NOISE_STEPS: Final[Steps] = ((None, GREEN), (55.0, YELLOW), (70.0, RED))

ADJUST_VI: Final = "Vạch là mốc tham khảo; quy chuẩn hiện hành mới là căn cứ."
ADJUST_EN: Final = "The lines are for orientation; the regulation that currently applies decides."


def _stat(vi: str, en: str, query: str, unit: str, about_vi: str, about_en: str, steps: Steps = ()) -> Panel:
    none = "0" if unit == COUNT else "-"
    target = (Influx(query),)
    return Panel(vi, en, Kind.STAT, target, unit, STAT_SIZE, about_vi, about_en, steps=steps, without_data=none)


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
    last = influxql.select(f'last("{field}") AS "value"', URBAN, influxql.SERIES)
    about = ("Trung bình số đo gần nhất của các thiết bị.", "Mean of the devices' last readings.")
    return _stat(vi, en, influxql.outer('mean("value")', last), unit_of(URBAN, field), *about, steps)


def _held(state: str, vi: str, en: str, about_vi: str, about_en: str) -> Panel:
    query = influxql.holding_true(URBAN, state)
    target = (Influx(query, common.BY_SITE),)
    return Panel(vi, en, Kind.LINES, target, COUNT, THIRD, about_vi, about_en, least_interval="5m", minimum=0.0)


def _parking_table() -> Panel:
    spaces = influxql.last_states(URBAN, "parking_occupied", ("site",))
    return Panel(
        "Chỗ đỗ theo địa điểm",
        "Parking by site",
        Kind.TABLE,
        (
            Influx(influxql.outer('count("state") AS "spaces"', spaces, ("site",))),
            Influx(influxql.outer('count("state") AS "occupied"', spaces, ("site",), also='"state" = true')),
        ),
        COUNT,
        THIRD,
        "Số chỗ có cảm biến đã gửi số liệu trong khoảng thời gian đang xem, và số chỗ đang có xe.",
        "Spaces whose sensor sent data in the time shown, and how many are occupied now.",
        columns=(Column("spaces", "Số chỗ", "Spaces"), Column("occupied", "Có xe", "Occupied")),
        sort_by="Có xe · Occupied",
    )


def _people(field: str, vi: str, en: str) -> Panel:
    return common.growth_by_site(URBAN, field, vi, en, "Trong mỗi giờ, cộng theo địa điểm.", "In each hour, added up by site.")


def _people_of_intervals(field: str, vi: str, en: str) -> Panel:
    query = influxql.select(f'sum("{field}")', URBAN, ("site",), EVERY)
    about = ("Trong mỗi giờ, cộng theo địa điểm.", "In each hour, added up by site.")
    return Panel(vi, en, Kind.BARS, (Influx(query, common.BY_SITE),), COUNT, HALF, *about, least_interval=HOUR)


def _rain(field: str, vi: str, en: str, query: str) -> Panel:
    about = ("Trong mỗi giờ, từng máy đo mưa.", "In each hour, each gauge by itself.")
    return Panel(vi, en, Kind.BARS, (Influx(query, "$tag_device"),), unit_of(URBAN, field), HALF, *about, least_interval=HOUR)


OVERVIEW: Final = Section(
    "Tổng quan",
    "Overview",
    (
        common.devices_stat(URBAN),
        _stat(
            "Chỗ đỗ có xe",
            "Spaces occupied",
            influxql.true_now(URBAN, "parking_occupied"),
            COUNT,
            "Số chỗ đỗ mà cảm biến báo gần nhất là có xe.",
            "Spaces whose sensor last said occupied.",
        ),
        _mean_now("pm2_5_ug_m3", "Bụi PM2.5", "PM2.5", PM2_5_STEPS),
        _mean_now("noise_laeq_db", "Tiếng ồn", "Noise", NOISE_STEPS),
        _stat(
            "Đèn đang sáng",
            "Lights on",
            influxql.true_now(URBAN, "light_on"),
            COUNT,
            "Số đèn mà số đo gần nhất báo đang sáng.",
            "Lights whose last reading says on.",
        ),
        common.flagged_stat(URBAN),
    ),
)

PARKING: Final = Section(
    "Đỗ xe và chiếu sáng",
    "Parking and lighting",
    (
        _held(
            "parking_occupied",
            "Chỗ đỗ có xe",
            "Spaces occupied",
            "Trạng thái được giữ đến khi cảm biến báo khác; trước lần báo đầu tiên thì chưa tính.",
            "A state holds until the sensor says otherwise; before its first report a space is not counted.",
        ),
        _parking_table(),
        _held(
            "light_on",
            "Đèn đang sáng",
            "Lights on",
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
        _people_of_intervals("people_in", "Người vào (từng đợt)", "People in (per report)"),
        _people_of_intervals("people_out", "Người ra (từng đợt)", "People out (per report)"),
        _rain("rain_mm", "Lượng mưa (bộ đếm)", "Rain (counter)", influxql.growth(URBAN, "rain_mm", ("device",))),
        _rain(
            "rain_interval_mm",
            "Lượng mưa (từng đợt)",
            "Rain (per report)",
            influxql.select('sum("rain_interval_mm")', URBAN, ("device",), EVERY),
        ),
        _mean("people_count", "Số người có mặt", "People present"),
        _mean("air_temperature_c", "Nhiệt độ không khí", "Air temperature"),
        _mean("relative_humidity_pct", "Độ ẩm", "Relative humidity"),
        _mean("air_pressure_hpa", "Áp suất không khí", "Air pressure"),
    ),
)

DASHBOARD: Final = Dashboard(
    URBAN,
    *common.DOMAIN_NAMES[URBAN],
    common.domain_variables(URBAN),
    (
        OVERVIEW,
        PARKING,
        AIR,
        PEOPLE_AND_WEATHER,
        common.data_section(URBAN),
        common.device_section(
            common.each_device(URBAN, "pm2_5_ug_m3", "Bụi PM2.5", "PM2.5"),
            common.each_device(URBAN, "noise_laeq_db", "Tiếng ồn", "Noise"),
        ),
    ),
)
