"""Power: load, voltage, power factor, energy, outages."""

from typing import Final

from grafana.ask import Ask, Each, Over, Step, by_time_shown
from grafana.model import GREEN, RED, STAT_SIZE, THIRD, Dashboard, Kind, Panel, Section, Size, Steps
from grafana.tables import balances, common, flows, reliability
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import KILOWATT, unit_of
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
        for question in _of_areas(f"voltage_{phase}_v", each, both(f"{phase.upper()} {vi}", f"{phase.upper()} {en}"))
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
    """The mean of all devices for each phase: a sum would count what passes two meters twice."""
    questions = tuple(
        question for phase in PHASES for question in common.gauge(POWER, field.format(phase), by=(), name=phase.upper())
    )
    return Panel(
        f"{vi} theo pha",
        f"{en} by phase",
        Kind.LINES,
        questions,
        unit_of(POWER, field.format("l1")),
        THIRD,
        "Trung bình mỗi giờ của các thiết bị, theo pha. Một pha cao hơn hẳn: san tải.",
        "Mean of the devices in each hour, by phase. One phase well above the others: share the load out.",
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
        without_data=both(
            "Chưa có giờ trọn vẹn, hoặc không có công tơ ba pha", "No whole hour yet, or no meter of three phases"
        ),
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
        flows.newest(POWER, KILOWATT, STAT_SIZE),
        flows.in_all(POWER, flows.USED, STAT_SIZE),
        flows.load(
            Kind.PEAK,
            Size(4, 8),
            "Đỉnh phụ tải",
            "Peak load",
            "Giờ cao nhất trong thời gian đang xem, trung bình của giờ, của các công tơ đầu nguồn.",
            "The highest hour of the time shown, on average, of the first meters on the way.",
            flows.SUPPLIED,
        ),
        flows.load(
            Kind.LINES,
            Size(20, 8),
            "Đồ thị phụ tải",
            "Load curve",
            "Công suất trung bình của mỗi giờ: cấp vào qua các công tơ đầu nguồn, tiêu thụ qua các công tơ cuối.",
            "The mean power of each hour: supplied by the first meters on the way, used by the last ones.",
            *(flows.SUPPLIED, flows.USED),
        ),
        flows.each_hour(POWER, flows.SUPPLIED, "Điện năng qua các công tơ đầu nguồn", "Energy of the first meters on the way"),
        flows.each_hour(POWER, flows.USED, "Điện năng qua các công tơ cuối", "Energy of the last meters on the way"),
        balances.lost(
            POWER,
            unit_of(POWER, "energy_import_kwh"),
            "Điện năng thất thoát",
            "Energy lost",
            "Điện năng cấp vào trừ điện năng tiêu thụ",
            "Energy supplied less energy used",
        ),
        balances.losing(
            POWER,
            "Thất thoát theo trạm biến áp",
            "Losses by transformer",
            "Phần điện năng qua công tơ tổng mà các công tơ bên dưới không đo được",
            "Share of a transformer's energy that the meters behind it did not measure",
        ),
        balances.by_area(POWER),
        flows.each_hour(
            POWER,
            flows.PRODUCED,
            "Điện năng phát ngược lên lưới (điện mặt trời mái nhà)",
            "Energy fed into the grid (solar roofs)",
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
