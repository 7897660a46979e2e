"""Urban: parking, street lights, people. What is in the air has a dashboard of its own."""

from dataclasses import replace
from typing import Final

from grafana.ask import DAYS_BY_HOUR, Ask, Each, Over, Step, true
from grafana.model import HALF, THIRD, Column, Dashboard, Kind, Panel, Section
from grafana.tables import common
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import COUNT, unit_of

URBAN: Final = "urban"


def _true_now(state: str, by: tuple[str, ...] = (), name: str = "") -> Ask:
    return Ask(URBAN, state, Each.LAST, Step.NOW, Over.COUNT, by, where=(true(state),), name=name)


def _told_in_hour(state: str, vi: str, en: str, about_vi: str, about_en: str) -> Panel:
    """The number of sensors that said in an hour that it is so: the same however often they report."""
    said = Ask(URBAN, state, Each.TRUE, Step.HOUR, Over.COUNT, ("site",), up_to_days=DAYS_BY_HOUR)
    return Panel(
        *(vi, en, Kind.BARS, (said,), COUNT, HALF, about_vi, about_en), least_interval="1h", without_data=common.SHORT_TIME_ONLY
    )


def _parking_table() -> Panel:
    spaces = Ask(URBAN, "parking_occupied", Each.LAST, Step.NOW, Over.COUNT, ("site",), name="spaces")
    return Panel(
        "Chỗ đỗ theo địa điểm",
        "Parking by site",
        Kind.TABLE,
        (spaces, _true_now("parking_occupied", ("site",), "occupied")),
        COUNT,
        common.BESIDE_ALARMS,
        "Số chỗ có cảm biến đã gửi số liệu trong 25 giờ qua, và số chỗ đang có xe.",
        "Spaces whose sensor sent data in the last 25 hours, and how many are occupied now.",
        columns=(Column("spaces", "Số chỗ", "Spaces"), Column("occupied", "Có xe", "Occupied")),
        sort_by=both("Có xe", "Occupied"),
    )


def _people(field: str, vi: str, en: str) -> Panel:
    about = ("Đếm được trong mỗi giờ, cộng theo khu vực.", "Counted in each hour, added up by area.")
    return common.counted_by_site(URBAN, field, vi, en, *about)


def _of_reports(field: str, vi: str, en: str) -> Panel:
    """The counts of the reports of each hour."""
    reported = Ask(URBAN, field, Each.SUM, Step.HOUR, Over.SUM, ("site",), up_to_days=DAYS_BY_HOUR)
    return Panel(
        *(vi, en, Kind.BARS, (reported,), unit_of(URBAN, field), HALF),
        "Đếm được trong mỗi giờ, cộng theo địa điểm.",
        "Counted in each hour, added up by site.",
        least_interval="1h",
        without_data=common.SHORT_TIME_ONLY,
    )


IS_ALL_WELL: Final = Section(
    "Mọi việc có ổn không?",
    "Is all well?",
    (
        *common.health(URBAN),
        common.alarms_stat(
            *(URBAN, "alarm", "lamp_failed", "Đèn đường hỏng", "Failed street lights"),
            "Đèn được bật mà không sáng: kiểm tra đèn và bộ nguồn.",
            "Lamps that are switched on and give no light: check lamp and driver.",
            steps=common.NONE_IS_BEST,
        ),
        common.stat(
            "Chỗ đỗ đang có xe",
            "Spaces occupied",
            _true_now("parking_occupied"),
            COUNT,
            "Số chỗ đỗ mà cảm biến báo gần nhất là có xe.",
            "Spaces whose sensor last said occupied.",
        ),
        common.open_alarms(URBAN),
        _parking_table(),
        _told_in_hour(
            "parking_occupied",
            "Chỗ đỗ có xe trong giờ",
            "Spaces used in the hour",
            "Số chỗ mà cảm biến có báo có xe trong mỗi giờ, theo địa điểm.",
            "Spaces whose sensor said occupied at least once in the hour, by site.",
        ),
        _told_in_hour(
            "light_on",
            "Đèn sáng trong giờ",
            "Lights on in the hour",
            "Số đèn có báo sáng trong mỗi giờ. Sáng ban ngày hoặc tắt ban đêm: kiểm tra tủ điều khiển.",
            "Lights that said on at least once in the hour. On by day or off by night: check the controller.",
        ),
        _people("people_in_total", "Người vào mỗi giờ", "People in by hour"),
        _people("people_out_total", "Người ra mỗi giờ", "People out by hour"),
    ),
)

MORE: Final = Section(
    "Thêm về đèn, người và cảnh báo",
    "More about lights, people and alarms",
    (
        common.by_site(URBAN, "light_level_pct", "Mức sáng của đèn", "Light level"),
        common.by_site(URBAN, "people_count", "Số người có mặt", "People present"),
        replace(common.alarms_over_time(URBAN), size=THIRD),
        _of_reports("people_in", "Người vào, cộng từng đợt", "People in, sum of reports"),
        _of_reports("people_out", "Người ra, cộng từng đợt", "People out, sum of reports"),
    ),
    closed=True,
)

DASHBOARD: Final = Dashboard(
    URBAN, *common.DOMAIN_NAMES[URBAN], common.variables(URBAN), (IS_ALL_WELL, MORE), annotations=marks(URBAN)
)
