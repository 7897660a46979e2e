"""Power: load, voltage, power factor, energy, outages."""

from typing import Final

from grafana import influxql
from grafana.influxql import EVERY
from grafana.model import GREEN, HALF, RED, STAT_SIZE, YELLOW, Column, Dashboard, Influx, Kind, Panel, Section
from grafana.tables import common
from grafana.units import COUNT, unit_of

POWER: Final = "power"

LOWEST_V, HIGHEST_V = 198.0, 242.0
"""The band of ±10 % around 220 V, the nominal voltage of the low-voltage grid."""

LOWEST_POWER_FACTOR: Final = 0.9
"""Below it, reactive energy is charged for."""

ENDS: Final = (("min", "thấp nhất"), ("max", "cao nhất"))
VOLTS: Final = unit_of(POWER, "voltage_l1_v")
PHASES: Final = ("voltage_l1_v", "voltage_l2_v", "voltage_l3_v")
OUT_OF_BAND: Final = "({})".format(
    " OR ".join(f'"{phase}" < {LOWEST_V:.1f} OR "{phase}" > {HIGHEST_V:.1f}' for phase in PHASES)
)

ALARMS: Final = (
    Column("alarm_outage", "Mất điện", "Outage"),
    Column("alarm_tamper", "Can thiệp trái phép", "Tampering"),
    Column("alarm_voltage", "Điện áp ngoài giới hạn", "Voltage"),
    Column("alarm_phase", "Mất pha, sai thứ tự pha", "Phase"),
)


def _voltage_band() -> Panel:
    figures = ", ".join(f'min("{phase}") AS "L{n} min", max("{phase}") AS "L{n} max"' for n, phase in enumerate(PHASES, 1))
    return Panel(
        "Điện áp thấp nhất và cao nhất",
        "Lowest and highest voltage",
        Kind.LINES,
        (Influx(influxql.select(figures, POWER, every=EVERY), "$col"),),
        VOLTS,
        HALF,
        "Điện áp pha thấp nhất và cao nhất trong các thiết bị được chọn. Vạch: 220 V ±10 % (198 V và 242 V).",
        "Lowest and highest phase voltage among the chosen devices. Lines: 220 V ±10 % (198 V and 242 V).",
        steps=((None, RED), (LOWEST_V, GREEN), (HIGHEST_V, RED)),
    )


def _out_of_band() -> Panel:
    lowest = ", ".join(f'min("{phase}") AS "L{n}_min", max("{phase}") AS "L{n}_max"' for n, phase in enumerate(PHASES, 1))
    query = influxql.select(f'count("quality") AS "readings", {lowest}', POWER, ("device", "site"), also=OUT_OF_BAND)
    return Panel(
        "Thiết bị ngoài dải điện áp",
        "Devices outside the voltage band",
        Kind.TABLE,
        (Influx(query),),
        VOLTS,
        HALF,
        "Thiết bị có số đo dưới 198 V hoặc trên 242 V ở một pha; điện áp thấp nhất, cao nhất trong các số đo đó.",
        "Devices with readings below 198 V or above 242 V in a phase; of those readings, each phase's extremes.",
        columns=(
            Column("readings", "Số lần đo", "Readings", COUNT),
            *(Column(f"L{n}_{end}", f"L{n} {vi}", f"L{n} {end}") for n in (1, 2, 3) for end, vi in ENDS),
        ),
        sort_by="Số lần đo · Readings",
    )


def _out_of_band_now() -> Panel:
    phases = ", ".join(f'last("{phase}") AS "{phase}"' for phase in PHASES)
    last = influxql.select(f'last("quality") AS "quality", {phases}', POWER, influxql.SERIES)
    return Panel(
        "Ngoài dải điện áp",
        "Outside voltage band",
        Kind.STAT,
        (Influx(influxql.outer('count("quality")', last, also=OUT_OF_BAND)),),
        COUNT,
        STAT_SIZE,
        "Số thiết bị mà điện áp gần nhất của một pha dưới 198 V hoặc trên 242 V.",
        "Devices whose last voltage of a phase is below 198 V or above 242 V.",
        steps=((None, GREEN), (1.0, YELLOW)),
        without_data="0",
    )


OVERVIEW: Final = Section(
    "Tổng quan",
    "Overview",
    (
        common.devices_stat(POWER),
        common.now_stat(
            "Đang mất điện",
            "Outages now",
            POWER,
            "alarm_outage",
            "Số thiết bị mà số đo gần nhất báo mất điện.",
            "Devices whose last reading says outage.",
        ),
        _out_of_band_now(),
        Panel(
            "Công suất hiện tại",
            "Power now",
            Kind.STAT,
            (Influx(influxql.added_up_now(POWER, "active_power_w")),),
            unit_of(POWER, "active_power_w"),
            STAT_SIZE,
            "Tổng công suất tác dụng gần nhất của các thiết bị được chọn. Dương là nhận điện từ lưới.",
            "The last active power of the chosen devices, added up. Positive is import.",
        ),
        Panel(
            "Điện năng nhận",
            "Energy imported",
            Kind.STAT,
            (Influx(influxql.growth_in_all(POWER, "energy_import_kwh")),),
            unit_of(POWER, "energy_import_kwh"),
            STAT_SIZE,
            "Tổng điện năng nhận trong khoảng thời gian đang xem.",
            "Energy imported in the time shown.",
        ),
        common.flagged_stat(POWER),
        common.sum_by_site(
            POWER,
            "active_power_w",
            "Công suất tác dụng theo địa điểm",
            "Active power by site",
            "Trung bình 30 phút của từng thiết bị, cộng theo địa điểm. Chọn thiết bị để xem riêng từng lộ.",
            "Half-hour mean of each device, added up by site. Choose devices to see single feeders.",
        ),
        common.growth_by_site(
            POWER,
            "energy_import_kwh",
            "Điện năng mỗi giờ",
            "Energy per hour",
            "Chỉ số công tơ tăng thêm trong mỗi giờ, cộng theo địa điểm.",
            "What the meters' registers grew by in each hour, added up by site.",
        ),
    ),
)

VOLTAGE: Final = Section("Điện áp", "Voltage", (_voltage_band(), _out_of_band()))

LOAD: Final = Section(
    "Hệ số công suất và tần số",
    "Power factor and frequency",
    (
        common.by_site(
            POWER,
            "power_factor",
            "Hệ số công suất",
            "Power factor",
            steps=((None, RED), (LOWEST_POWER_FACTOR, GREEN)),
            about_vi="Trung bình tại mỗi địa điểm. Vạch: 0,9; thấp hơn thì phải trả tiền điện năng phản kháng.",
            about_en="Mean at each site. Line: 0.9; below it reactive energy is charged for.",
        ),
        common.by_site(
            POWER,
            "frequency_hz",
            "Tần số",
            "Frequency",
            about_vi="Trung bình tại mỗi địa điểm.",
            about_en="Mean at each site.",
        ),
        common.by_site(
            POWER,
            "current_n_a",
            "Dòng trung tính lớn nhất",
            "Highest neutral current",
            function="max",
            about_vi="Dòng trung tính lớn nhất tại mỗi địa điểm. Cao: tải lệch pha hoặc nhiều sóng hài.",
            about_en="Highest neutral current at each site. High: unbalanced phases or harmonics.",
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    POWER,
    *common.DOMAIN_NAMES[POWER],
    common.domain_variables(POWER),
    (
        OVERVIEW,
        VOLTAGE,
        LOAD,
        Section("Mất điện và báo động", "Outages and alarms", common.alarm_panels(POWER, ALARMS)),
        common.data_section(POWER),
        common.device_section(
            common.each_device(POWER, "active_power_w", "Công suất tác dụng từng lộ", "Active power per feeder"),
            common.each_device(POWER, "power_factor", "Hệ số công suất", "Power factor"),
            common.each_device(POWER, "voltage_l1_v", "Điện áp L1", "Voltage L1"),
            common.each_device(POWER, "voltage_l2_v", "Điện áp L2", "Voltage L2"),
            common.each_device(POWER, "voltage_l3_v", "Điện áp L3", "Voltage L3"),
            common.each_device(POWER, "current_l1_a", "Dòng điện L1", "Current L1"),
        ),
    ),
)
