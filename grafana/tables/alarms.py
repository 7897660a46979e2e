"""Alarm triage: what is open, how bad, how old and where; who sees to it; what has ended. The gateway alone judges alarms."""

from dataclasses import replace
from typing import Final

from grafana.ask import Ask, Each, Over, Step, Where, false, older, true
from grafana.model import HALF, THIRD, WHOLE, Column, Dashboard, Kind, Link, Panel, Section, Size, Steps
from grafana.points import PLACE
from grafana.tables import common
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import AGO, COUNT, DURATION

NO_ALARM: Final = both("Không có", "None")
DAY: Final = "25h"
DAY_MS: Final = 86_400_000
TWO_DAYS: Final = "49h"

_UNHANDLED: Final = (true("active"), false("acknowledged"), false("silenced"))
_HANDLED: Final = (true("active"), true("acknowledged"), false("silenced"))
_PLANNED: Final = (true("active"), true("silenced"))
_EVERY_ALARM: Final = ("alarm", "severity", "domain", *PLACE)


def _open(field: str, over: Over, where: tuple[Where, ...], by: tuple[str, ...] = (), severity: str = "") -> Ask:
    """A figure of the open alarms that meet conditions."""
    tags = (("severity", severity),) if severity else ()
    return Ask("alarm", field, Each.LAST, Step.NOW, over, by, tags, where, common.ALARM_EVERY)


def _count(
    vi: str, en: str, where: tuple[Where, ...], about_vi: str, about_en: str, *, severity: str = "", steps: Steps = ()
) -> Panel:
    return common.stat(vi, en, _open("active", Over.COUNT, where, severity=severity), COUNT, about_vi, about_en, steps)


def _table(
    vi: str, en: str, question: Ask, size: Size, about_vi: str, about_en: str, *columns: Column, sort_up: bool = False
) -> Panel:
    """Rows in the order of the last column."""
    return Panel(
        *(vi, en, Kind.TABLE, (question,), COUNT, size, about_vi, about_en),
        columns=columns,
        sort_by=both(columns[-1].vi, columns[-1].en),
        sort_up=sort_up,
        without_data=NO_ALARM,
    )


def _lines(vi: str, en: str, where: tuple[Where, ...], about_vi: str, about_en: str) -> Panel:
    """One line an alarm, the oldest first."""
    question = Ask(
        *("alarm", "since_ms", Each.LAST, Step.NOW, Over.MIN, _EVERY_ALARM),
        where=where,
        within=common.ALARM_EVERY,
        limit=-common.ROWS,
    )
    return _table(vi, en, question, WHOLE, about_vi, about_en, Column("since_ms", "Từ", "Since", AGO), sort_up=True)


def _by(tags: tuple[str, ...], vi: str, en: str, about_vi: str, about_en: str) -> Panel:
    """The number of open alarms outside planned work, by tags."""
    question = _open("active", Over.COUNT, (true("active"), false("silenced")), tags)
    return _table(vi, en, question, THIRD, about_vi, about_en, Column("active", "Đang mở", "Open", COUNT))


def _over_time(by: str, vi: str, en: str, about_vi: str, about_en: str) -> Panel:
    question = Ask("alarm", "active", Each.TRUE, Step.HOUR, Over.COUNT, (by,))
    return Panel(vi, en, Kind.BARS, (question,), COUNT, HALF, about_vi, about_en, least_interval="1h", without_data=NO_ALARM)


def _who() -> Panel:
    question = Ask(
        *("acknowledgement", "at_ms", Each.LAST, Step.NOW, Over.MAX, ("alarm", "device", "site", "by")),
        within=TWO_DAYS,
        limit=common.ROWS,
    )
    return _table(
        "Ai đã nhận xử lý",
        "Who acknowledged",
        question,
        HALF,
        "Cảnh báo được nhận xử lý trong hai ngày cuối, mới nhất trước. Nhận trên trang của cổng hoặc bằng gateway alarms ack.",
        "Alarms acknowledged in the last two days, the newest first: on the gateway's page or by gateway alarms ack.",
        Column("by", "Người", "Person"),
        Column("at_ms", "Lúc", "When", AGO),
    )


def _ended() -> Panel:
    question = Ask(
        *("alarm", "duration_s", Each.LAST, Step.NOW, Over.MAX, _EVERY_ALARM),
        where=(false("active"),),
        within=DAY,
        limit=common.ROWS,
    )
    return _table(
        "Đã kết thúc",
        "Ended",
        question,
        HALF,
        "Cảnh báo đã kết thúc trong 25 giờ cuối, kéo dài nhất trước.",
        "Alarms that ended in the last 25 hours, the longest first.",
        Column("duration_s", "Kéo dài", "Lasted", DURATION),
    )


DASHBOARD: Final = Dashboard(
    "alarms",
    "Xử lý cảnh báo",
    "Alarm triage",
    common.variables("alarm"),
    (
        Section(
            "Có gì cần làm ngay?",
            "What is to be done now?",
            (
                _count(
                    "Nghiêm trọng chờ nhận",
                    "Critical, nobody yet",
                    _UNHANDLED,
                    "Cảnh báo nghiêm trọng mà chưa ai nhận xử lý. Bắt đầu từ đây.",
                    "Critical alarms that nobody acknowledged. Begin here.",
                    severity="critical",
                    steps=common.NONE_IS_GOOD,
                ),
                _count(
                    "Cảnh báo chưa nhận",
                    "Warnings, nobody yet",
                    _UNHANDLED,
                    "Cảnh báo mức thấp hơn mà chưa ai nhận xử lý.",
                    "Warnings that nobody acknowledged.",
                    severity="warning",
                    steps=common.NONE_IS_BEST,
                ),
                _count(
                    "Đã có người nhận",
                    "Acknowledged",
                    _HANDLED,
                    "Cảnh báo còn mở mà đã có người nhận xử lý.",
                    "Open alarms that somebody acknowledged.",
                ),
                _count(
                    "Việc theo kế hoạch",
                    "Under planned work",
                    _PLANNED,
                    "Cảnh báo còn mở ở nơi đang có việc theo kế hoạch: không ai bị báo. Xem: gateway alarms silences.",
                    "Open alarms where work is planned: nobody is told. See gateway alarms silences.",
                ),
                _count(
                    "Mở hơn một ngày",
                    "Open over a day",
                    (true("active"), older("since_ms", DAY_MS), false("silenced")),
                    "Cảnh báo còn mở mà bắt đầu hơn 24 giờ trước, dù đã có người nhận hay chưa.",
                    "Open alarms that began over 24 hours ago, acknowledged or not.",
                    steps=common.NONE_IS_BEST,
                ),
                replace(
                    common.stat(
                        "Cũ nhất còn mở",
                        "Oldest open",
                        _open("since_ms", Over.MIN, (true("active"), false("silenced"))),
                        AGO,
                        "Cảnh báo còn mở lâu nhất bắt đầu từ bao giờ.",
                        "When the alarm that is open the longest began.",
                    ),
                    without_data=NO_ALARM,
                ),
            ),
        ),
        Section(
            "Từng cảnh báo",
            "Each alarm",
            (
                _lines(
                    "Chưa ai nhận xử lý",
                    "Nobody sees to it",
                    _UNHANDLED,
                    "Mỗi cảnh báo một dòng, cũ nhất trước. Lời khuyên cho từng loại: gateway alarms rules.",
                    "One line an alarm, the oldest first. The advice for each rule: gateway alarms rules.",
                ),
                _lines(
                    "Đã có người nhận xử lý",
                    "Somebody sees to it",
                    _HANDLED,
                    "Cảnh báo còn mở mà đã có người nhận. Người nào: xem bảng bên dưới.",
                    "Open alarms that somebody acknowledged; who did is listed below.",
                ),
                _who(),
                _ended(),
            ),
        ),
        Section(
            "Ở đâu, loại nào",
            "Where, and of what kind",
            (
                _by(
                    ("area", "severity"),
                    "Theo khu vực",
                    "By area",
                    "Số cảnh báo đang mở theo khu vực và mức độ.",
                    "Open alarms by area and severity.",
                ),
                _by(
                    ("site", "severity"),
                    "Theo địa điểm",
                    "By site",
                    "Nhiều cảnh báo ở một địa điểm thường có chung một nguyên nhân.",
                    "Many at one site mostly have one cause.",
                ),
                _by(("alarm", "severity"), "Theo loại", "By rule", "Số cảnh báo đang mở theo quy tắc.", "Open alarms by rule."),
                _over_time(
                    "severity",
                    "Cảnh báo theo giờ và mức độ",
                    "Alarms by hour and severity",
                    "Số cảnh báo đang diễn ra trong mỗi giờ.",
                    "Alarms that were active in each hour.",
                ),
                _over_time(
                    "area",
                    "Cảnh báo theo giờ và khu vực",
                    "Alarms by hour and area",
                    "Số cảnh báo đang diễn ra trong mỗi giờ, theo khu vực.",
                    "Alarms that were active in each hour, by area.",
                ),
            ),
        ),
    ),
    links=(
        Link(
            "Trang của cổng thu thập: nhận xử lý, lời khuyên",
            "The gateway's page: acknowledge, advice",
            "${gateway_page}/alarms",
        ),
    ),
    refresh="1m",
    annotations=marks(),
)
