"""Power: load, voltage, power factor, energy, outages."""

from typing import Final

from grafana.ask import Ask, Each, Over, Step, by_time_shown
from grafana.model import GREEN, RED, THIRD, Dashboard, Kind, Panel, Section, Size, Steps
from grafana.tables import balances, common, reliability
from grafana.tables.marks import marks
from grafana.units import unit_of
from schemas.quantities import SPREAD_OF

POWER: Final = "power"

LOWEST_V, HIGHEST_V = 209.0, 231.0
"""The band of ±5 % around 220 V, the nominal voltage of the low-voltage grid: the limits of the alarms."""

HIGHEST_UNBALANCE_PCT: Final = 5.0
"""As much of the voltage of another sequence is allowed in grids of low and medium voltage (Circular 39/2015/TT-BCT)."""

LOWEST_POWER_FACTOR: Final = 0.9
"""Below it, reactive energy is charged for."""

VOLTS: Final = unit_of(POWER, "voltage_l1_v")
PHASES: Final = ("l1", "l2", "l3")


def _of_areas(gauge: str, end: Each, name: str) -> tuple[Ask, ...]:
    """The lowest or highest value of a gauge in all areas, which read twenty series where their meters read thousands."""
    lowest, _, highest = SPREAD_OF[POWER][gauge]
    field = lowest if end is Each.MIN else highest
    return by_time_shown(Ask("hourly_area", field, end, Step.HOUR, Over(end.value), tags=(("domain", POWER),), name=name))


def _voltage_band() -> Panel:
    ends = ((Each.MIN, "thấp nhất", "lowest"), (Each.MAX, "cao nhất", "highest"))
    questions = tuple(
        question
        for phase in PHASES
        for each, vi, en in ends
        for question in _of_areas(f"voltage_{phase}_v", each, f"{phase.upper()} {vi} · {en}")
    )
    return Panel(
        "Điện áp thấp nhất và cao nhất",
        "Lowest and highest voltage",
        Kind.LINES,
        questions,
        VOLTS,
        THIRD,
        "Điện áp pha thấp nhất và cao nhất trong cả khu vực (area), của mọi thiết bị. Vạch: 220 V ±5 % (209 V và 231 V).",
        "Lowest and highest phase voltage of whole areas, whatever site or device. Lines: 220 V ±5 % (209 V and 231 V).",
        least_interval="1h",
        steps=((None, RED), (LOWEST_V, GREEN), (HIGHEST_V, RED)),
    )


def _by_phase(vi: str, en: str, field: str) -> Panel:
    """The means of all devices, added up for each phase."""
    questions = tuple(
        question
        for phase in PHASES
        for question in common.gauge(POWER, field.format(phase), over=Over.SUM, by=(), name=phase.upper())
    )
    return Panel(
        f"{vi} theo pha",
        f"{en} by phase",
        Kind.LINES,
        questions,
        unit_of(POWER, field.format("l1")),
        THIRD,
        "Trung bình mỗi giờ của từng thiết bị, cộng theo pha. Một pha cao hơn hẳn: san tải.",
        "Mean of each device in each hour, added up by phase. One phase well above the others: share the load out.",
        least_interval="1h",
    )


def _unbalance(vi: str, en: str, field: str, steps: Steps = ()) -> Panel:
    highest = by_time_shown(Ask("hourly", field, Each.MAX, Step.HOUR, Over.MAX, ("site",)))
    line = (" Vạch: 5 %.", " Line: 5 %.") if steps else ("", "")
    return Panel(
        f"Lệch pha {vi}",
        f"Unbalance of {en}",
        Kind.LINES,
        highest,
        unit_of("hourly", field),
        THIRD,
        f"Pha lệch xa trung bình ba pha nhất, của thiết bị lệch nhiều nhất tại mỗi địa điểm, trung bình giờ.{line[0]}",
        f"How far a phase is from the mean of all three, of the worst device at each site, means of hours.{line[1]}",
        least_interval="1h",
        steps=steps,
        minimum=0.0,
        without_data="Chưa có giờ trọn vẹn, hoặc không có công tơ ba pha · No whole hour yet, or no meter of three phases",
    )


def _load(kind: Kind, size: Size, vi: str, en: str, about_vi: str, about_en: str) -> Panel:
    questions = common.gauge(POWER, "active_power_w", over=Over.SUM, by=(), name="phụ tải · load")
    watts = unit_of(POWER, "active_power_w")
    return Panel(vi, en, kind, questions, watts, size, about_vi, about_en, least_interval="1h")


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
        _load(
            Kind.PEAK,
            Size(4, 8),
            "Đỉnh phụ tải",
            "Peak load",
            "Giờ cao nhất trong thời gian đang xem: trung bình giờ của từng thiết bị, cộng lại (trên 3 ngày: trung bình ngày).",
            "The highest hour of the time shown: the mean of each device, added up (for more than 3 days, of a day).",
        ),
        _load(
            Kind.LINES,
            Size(20, 8),
            "Đồ thị phụ tải",
            "Load curve",
            "Công suất tác dụng trung bình mỗi giờ, cộng tất cả thiết bị được chọn; trên 3 ngày: mỗi ngày.",
            "Active power, the hourly means of all chosen devices added up; for more than 3 days, the daily means.",
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
        balances.lost(
            POWER,
            unit_of(POWER, "energy_import_kwh"),
            "Điện năng tổn thất",
            "Energy lost",
            "Điện năng qua công tơ tổng của trạm biến áp trừ điện năng qua các công tơ bên dưới",
            "Energy that a transformer's meter measured less what the meters behind it did",
        ),
        balances.losing(
            POWER,
            "Tổn thất theo trạm biến áp",
            "Losses by transformer",
            "Phần điện năng qua công tơ tổng mà các công tơ bên dưới không đo được",
            "Share of a transformer's energy that the meters behind it did not measure",
        ),
        common.used_by_site(
            POWER,
            "energy_export_kwh",
            "Điện năng phát lên lưới",
            "Energy exported",
            "Điện năng phát ngược lên lưới trong mỗi giờ, cộng theo địa điểm: điện mặt trời mái nhà.",
            "Energy fed into the grid in each hour, added up by site: solar roofs.",
            THIRD,
        ),
    ),
)

LOAD: Final = Section(
    "Điện áp, hệ số công suất và tần số",
    "Voltage, power factor and frequency",
    (
        _voltage_band(),
        _by_phase("Dòng điện", "Current", "current_{}_a"),
        _by_phase("Công suất", "Power", "active_power_{}_w"),
        _unbalance("điện áp", "voltages", "voltage_unbalance_pct", ((None, GREEN), (HIGHEST_UNBALANCE_PCT, RED))),
        _unbalance("dòng điện", "currents", "current_unbalance_pct"),
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
