"""Power: load, voltage, power factor, energy, outages."""

from dataclasses import replace
from typing import Final

from grafana.ask import Ask, Each, Over, Step, by_time_shown, first
from grafana.model import GREEN, RED, THIRD, Dashboard, Kind, Panel, Section, Size, Steps
from grafana.tables import balances, common, flows, reliability
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import KILOWATT, unit_of
from schemas.quantities import SPREAD_OF

POWER: Final = "power"

LOWEST_V, HIGHEST_V = 209.0, 231.0
"""The band of ±5 % around 220 V, the nominal voltage of the low-voltage grid: the limits of the alarms."""

SHOWN_V: Final = (190.0, 250.0)
"""The voltages that are shown: with the 0 V of an outage nobody would see what is near the limits."""

HIGHEST_UNBALANCE_PCT: Final = 5.0
"""As much of the voltage of another sequence is allowed in grids of low and medium voltage (Circular 39/2015/TT-BCT)."""

FREQUENCY_HZ: Final = 0.2
"""As much the frequency may differ in normal operation (Circular 39/2015/TT-BCT)."""

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
        "Điện áp pha thấp nhất và cao nhất trong cả khu vực (area), của mọi thiết bị. Vạch: 220 V ±5 % (209 V và 231 V). Khi "
        "mất điện, đường đi xuống dưới hình.",
        "Lowest and highest phase voltage of whole areas, whatever site or device. Lines: 220 V ±5 % (209 V and 231 V). In an "
        "outage a line leaves the picture at its bottom.",
        least_interval="1h",
        minimum=SHOWN_V[0],
        maximum=SHOWN_V[1],
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
    of_sites = Ask("hourly", field, Each.MAX, Step.HOUR, Over.MAX, ("site",))
    of_areas = replace(of_sites, by=("area",), of_areas=True)
    asked = (*by_time_shown(of_areas), *by_time_shown(replace(of_sites, of_areas=False)))
    # One that has a limit is worth the days of all meters for a month, which are many points.
    highest = asked if steps else tuple(ask for ask in asked if ask.up_to_days)
    line = (" Vạch: 5 %.", " Line: 5 %.") if steps else ("", "")
    return Panel(
        f"Lệch pha {vi}",
        f"Unbalance of {en}",
        Kind.LINES,
        highest,
        unit_of("hourly", field),
        THIRD,
        f"Pha lệch xa trung bình ba pha nhất, của thiết bị lệch nhiều nhất tại mỗi địa điểm, trung bình giờ.{line[0]} "
        f"{common.BY_AREA[0]}",
        f"How far a phase is from the mean of all three, of the worst device at each site, means of hours.{line[1]} "
        f"{common.BY_AREA[1]}",
        least_interval="1h",
        steps=steps,
        minimum=0.0,
        without_data=both(
            f"Chưa có giờ trọn vẹn, hoặc không có công tơ ba pha{'' if steps else ', hoặc đang xem hơn 3 ngày'}",
            f"No whole hour yet, or no meter of three phases{'' if steps else ', or over 3 days are shown'}",
        ),
    )


def _voltage_alarms() -> Panel:
    low, high = (
        common.alarms_stat(
            *(POWER, "alarm", rule, "Điện áp ngoài giới hạn", "Voltage out of limits"),
            "Số thiết bị đang có cảnh báo điện áp quá thấp hoặc quá cao (220 V ±5 %).",
            "Devices with an open alarm of voltage too low or too high (220 V ±5 %).",
            steps=common.NONE_IS_BEST,
        )
        for rule in ("voltage_low", "voltage_high")
    )
    (lows,), (highs,) = low.questions, high.questions
    named = (replace(first(lows), name=both("thấp", "low")), replace(first(highs), name=both("cao", "high")))
    return replace(low, targets=named)


IS_ALL_WELL: Final = Section(
    "Mọi việc có ổn không?",
    "Is all well?",
    (
        *common.health(POWER),
        common.now_stat(
            *("Đang mất điện", "Outages now", POWER, "alarm_outage"),
            "Số thiết bị mà số đo gần nhất báo mất điện.",
            "Devices whose last reading says outage.",
        ),
        _voltage_alarms(),
        flows.newest(POWER, KILOWATT, "Phụ tải, giờ mới nhất", "Load, newest hour"),
        flows.peak("Đỉnh phụ tải", "Peak load"),
        reliability.SAIDI,
        balances.yesterday(POWER),
        common.open_alarms(POWER),
        flows.load(POWER, KILOWATT, "Đồ thị phụ tải", "Load curve", flows.SUPPLIED, flows.USED),
        _voltage_band(),
        _unbalance("điện áp", "voltages", "voltage_unbalance_pct", ((None, GREEN), (HIGHEST_UNBALANCE_PCT, RED))),
        balances.lost(
            POWER,
            unit_of(POWER, "energy_import_kwh"),
            "Điện năng thất thoát",
            "Energy lost",
            "Điện năng cấp vào trừ điện năng tiêu thụ",
            "Energy supplied less energy used",
        ),
    ),
)

LOSSES: Final = Section(
    "Điện thất thoát ở đâu?",
    "Where is energy lost?",
    (
        balances.by_area(POWER),
        balances.losing(
            POWER,
            "Thất thoát theo trạm biến áp",
            "Losses by transformer",
            "Phần điện năng qua công tơ tổng mà các công tơ bên dưới không đo được",
            "Share of a transformer's energy that the meters behind it did not measure",
        ),
    ),
    closed=True,
)

FLOWS: Final = Section(
    "Cấp vào, tiêu thụ, phát lên bao nhiêu?",
    "How much is supplied, used, produced?",
    (
        flows.in_all(POWER, flows.USED, Size(4, 8)),
        flows.each_hour(
            *(POWER, flows.SUPPLIED, "Điện năng qua các công tơ đầu nguồn", "Energy of the first meters on the way"),
            Size(10, 8),
        ),
        flows.each_hour(
            *(POWER, flows.USED, "Điện năng qua các công tơ cuối", "Energy of the last meters on the way", Size(10, 8))
        ),
        flows.each_hour(
            POWER,
            flows.PRODUCED,
            "Điện năng phát ngược lên lưới (điện mặt trời mái nhà)",
            "Energy fed into the grid (solar roofs)",
        ),
    ),
    closed=True,
)

PHASES_AND_QUALITY: Final = Section(
    "Các pha và chất lượng điện năng",
    "Phases and quality of supply",
    (
        _by_phase("Dòng điện", "Current", "current_{}_a"),
        _by_phase("Công suất", "Power", "active_power_{}_w"),
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
            steps=((None, RED), (50.0 - FREQUENCY_HZ, GREEN), (50.0 + FREQUENCY_HZ, RED)),
            about_vi="Trung bình tại mỗi địa điểm. Vạch: 50 ± 0,2 Hz.",
            about_en="Mean at each site. Lines: 50 ± 0.2 Hz.",
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
    closed=True,
)

DASHBOARD: Final = Dashboard(
    POWER,
    *common.DOMAIN_NAMES[POWER],
    common.variables(POWER),
    (IS_ALL_WELL, reliability.SECTION, LOSSES, FLOWS, PHASES_AND_QUALITY),
    annotations=marks(POWER),
)
