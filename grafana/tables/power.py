"""Power: load, voltage, power factor, energy, outages."""

from typing import Final

from grafana.ask import Each, Over
from grafana.model import GREEN, HALF, RED, Dashboard, Kind, Panel, Section
from grafana.tables import common, reliability
from grafana.tables.marks import marks
from grafana.units import unit_of

POWER: Final = "power"

LOWEST_V, HIGHEST_V = 198.0, 242.0
"""The band of ±10 % around 220 V, the nominal voltage of the low-voltage grid."""

LOWEST_POWER_FACTOR: Final = 0.9
"""Below it, reactive energy is charged for."""

VOLTS: Final = unit_of(POWER, "voltage_l1_v")
PHASES: Final = {"L1": "voltage_l1_v", "L2": "voltage_l2_v", "L3": "voltage_l3_v"}


def _voltage_band() -> Panel:
    ends = ((Each.MIN, "thấp nhất", "lowest"), (Each.MAX, "cao nhất", "highest"))
    questions = tuple(
        question
        for phase, field in PHASES.items()
        for each, vi, en in ends
        for question in common.gauge(POWER, field, each, Over(each.value), (), name=f"{phase} {vi} · {en}")
    )
    return Panel(
        "Điện áp thấp nhất và cao nhất",
        "Lowest and highest voltage",
        Kind.LINES,
        questions,
        VOLTS,
        HALF,
        "Điện áp pha thấp nhất và cao nhất trong các thiết bị được chọn. Vạch: 220 V ±10 % (198 V và 242 V).",
        "Lowest and highest phase voltage among the chosen devices. Lines: 220 V ±10 % (198 V and 242 V).",
        least_interval="1h",
        steps=((None, RED), (LOWEST_V, GREEN), (HIGHEST_V, RED)),
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
        *(
            common.alarms_stat(
                POWER,
                rule,
                f"Điện áp quá {vi}",
                f"Voltage too {en}",
                f"Số thiết bị có cảnh báo {rule} chưa kết thúc.",
                f"Devices with an open alarm {rule}.",
            )
            for rule, vi, en in (("voltage_low", "thấp", "low"), ("voltage_high", "cao", "high"))
        ),
        common.stat(
            "Công suất hiện tại",
            "Power now",
            common.sum_now(POWER, "active_power_w"),
            unit_of(POWER, "active_power_w"),
            "Tổng công suất tác dụng gần nhất của các thiết bị được chọn. Dương là nhận điện từ lưới.",
            "The last active power of the chosen devices, added up. Positive is import.",
        ),
        common.stat(
            "Điện năng nhận",
            "Energy imported",
            common.used_in_all("energy_import_kwh"),
            unit_of(POWER, "energy_import_kwh"),
            "Điện năng nhận trong những giờ trọn vẹn đang xem (trên 3 ngày: những ngày trọn vẹn).",
            "Energy imported in the whole hours of the time shown (more than 3 days: in the whole days).",
        ),
        common.sum_by_site(
            POWER,
            "active_power_w",
            "Công suất tác dụng theo địa điểm",
            "Active power by site",
            "Trung bình mỗi giờ của từng thiết bị, cộng theo địa điểm; trên 3 ngày: trung bình mỗi ngày.",
            "Mean of each device in each hour, added up by site; for more than 3 days, in each day.",
        ),
        common.used_by_site(
            POWER,
            "energy_import_kwh",
            "Điện năng mỗi giờ",
            "Energy per hour",
            "Điện năng nhận trong mỗi giờ, cộng theo địa điểm; trên 3 ngày: trong mỗi ngày.",
            "Energy imported in each hour, added up by site; for more than 3 days, in each day.",
        ),
    ),
)

LOAD: Final = Section(
    "Điện áp, hệ số công suất và tần số",
    "Voltage, power factor and frequency",
    (
        _voltage_band(),
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
            each=Each.MAX,
            about_vi="Dòng trung tính lớn nhất tại mỗi địa điểm. Cao: tải lệch pha hoặc nhiều sóng hài.",
            about_en="Highest neutral current at each site. High: unbalanced phases or harmonics.",
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    POWER,
    *common.DOMAIN_NAMES[POWER],
    common.variables(POWER),
    (
        OVERVIEW,
        LOAD,
        Section("Mất điện và cảnh báo", "Outages and alarms", common.alarm_panels(POWER)),
        reliability.SECTION,
        common.data_section(POWER),
    ),
    annotations=marks(POWER),
)
