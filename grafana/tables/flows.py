"""Flows in the same words everywhere, and how much of a figure is in doubt.

Water and energy are *used*, *supplied*, *produced* and *lost*: figures of whole areas, in which each litre is counted once,
whether it passes one meter on its way or three. What a single register counted, and traffic and people, is *counted*.
"""

from dataclasses import replace
from typing import Final

from grafana.ask import DAYS_BY_HOUR, MARK_FIELDS, Ask, Each, Mark, Over, Question, Step, asks, by_time_shown, first
from grafana.model import GREY, HALF, ORANGE, Column, Kind, Panel, Size
from grafana.text import both, joined
from grafana.units import KILOWATT, SHARE, unit_of

USED, SUPPLIED, PRODUCED, LOST = "used", "supplied", "produced", "lost"
WORDS: Final = {USED: "tiêu thụ", SUPPLIED: "cấp vào", PRODUCED: "phát lên lưới", LOST: "thất thoát", "counted": "đếm được"}
"""Word → the same in Vietnamese."""
_UNITS: Final = {"water": "m3", "power": "kwh"}
_WEIGHS: Final = {
    f"{word}_{unit}": (f"{SUPPLIED}_{unit}", f"{USED}_{unit}") for unit in _UNITS.values() for word in (LOST, SUPPLIED)
}
"""What is lost may be 0 or less, and like what is supplied it may not be measured, while people use water all the same."""

DOUBT_FROM, MEASURED_FROM = 0.01, 0.99
"""The limits from which, and below which, a figure is shown as marked."""
DOUBT: Final = both("không chắc", "in doubt")
NEWEST: Final = both("giờ mới nhất", "newest hour")
HIGHEST: Final = both("cao nhất", "highest")
DAY_BEFORE: Final = both("hôm trước", "the day before")
KINDS_MAX: Final = 2
"""Kinds of figures in a panel that each have a line of doubt."""
NEWEST_HOURS: Final = 25
"""The newest hour that has ended is looked for in so many."""
LOAD_DAYS: Final = 92
"""As many days by hour are fewer figures than Grafana asks for in a line."""
ABOUT: Final = (
    "Của cả khu vực (area), không lọc theo địa điểm và thiết bị. Không chắc: phần ước tính, đáng ngờ hoặc không đo được.",
    "Of whole areas, not of a site or device. In doubt: the part that is estimated, suspect or not measured.",
)
NOT_MEASURED: Final = both(
    "Chưa có kỳ trọn vẹn của một khu vực (area), hoặc không đo được: thiếu đồng hồ tổng, chưa đăng ký hết khách hàng",
    "No whole period of an area yet, or not measured: no supply meter, or not all customers are registered",
)
MARK_COLUMNS: Final = (
    Column(Mark.ESTIMATED, "Ước tính", "Estimated", SHARE, steps=((None, GREY), (DOUBT_FROM, ORANGE))),
    Column(Mark.SUSPECT, "Đáng ngờ", "Suspect", SHARE, steps=((None, GREY), (DOUBT_FROM, ORANGE))),
    Column(Mark.MEASURED, "Đo được", "Measured", SHARE, steps=((None, ORANGE), (MEASURED_FROM, GREY))),
)
"""The marks of each row of a table: grey where there is nothing to say."""


def flow(domain: str, word: str) -> str:
    """The field of an area."""
    return f"{word}_{_UNITS[domain]}"


def of_areas(domain: str, word: str, measurement: str, step: Step, by: tuple[str, ...] = (), name: str = "") -> Ask:
    """Ask for a flow in each period, or in all of the time shown. It stands only where whole areas are chosen."""
    field, own = flow(domain, word), (("domain", domain),)
    return Ask(measurement, field, Each.SUM, step, Over.SUM, by, own, of_areas=True, name=name)


def by_hour(domain: str, word: str, by: tuple[str, ...] = (), name: str = "") -> tuple[Ask, ...]:
    """Ask for a flow in each hour, or in each day where many days are shown."""
    return by_time_shown(of_areas(domain, word, "hourly_area", Step.HOUR, by, name))


def with_doubt(*questions: Question) -> tuple[Question, ...]:
    """Questions, and behind them which share of their figures is in doubt, line by line; of many kinds that of the first."""
    figures = [first(question) for question in questions]
    kinds = {ask.name for ask in figures}
    told = [ask for ask in figures if len(kinds) <= KINDS_MAX or ask.name == figures[0].name]
    names = [joined(ask.name, DOUBT) if 1 < len(kinds) <= KINDS_MAX else DOUBT for ask in told]
    return (*questions, *(_marked(ask, Mark.DOUBT, name) for ask, name in zip(told, names, strict=True)))


def mark_columns(question: Question) -> tuple[Ask, ...]:
    """The marks of each row of a table, for :data:`MARK_COLUMNS`."""
    asked = replace(first(question), limit=0)
    return tuple(_marked(asked, mark, mark.value) for mark in (Mark.ESTIMATED, Mark.SUSPECT, Mark.MEASURED))


def newest_marks(question: Ask) -> tuple[Ask, ...]:
    """The marks of each row of a table that has the newest point of each device."""
    asked = replace(question, limit=0, beside=question.field)
    return tuple(replace(asked, field=field) for field in MARK_FIELDS)


def _marked(ask: Ask, mark: Mark, name: str) -> Ask:
    """A mark of a figure; where that is asked for beside another field, the points without that are not measured."""
    weighs = _WEIGHS.get(ask.field, (ask.field,) if ask.beside else ())
    return replace(ask, field=ask.beside or ask.field, beside="", mark=mark, weighs=weighs, name=name)


def is_doubt(question: Question) -> bool:
    """Tell if a question asks for a mark and not for the figure."""
    return any(ask.mark is Mark.DOUBT for ask in asks(question))


def title(word: str) -> tuple[str, str]:
    """A word at the beginning of a title."""
    return WORDS[word].capitalize(), word.capitalize()


def in_all(domain: str, word: str, size: Size) -> Panel:
    """The flow in the time shown as one number."""
    asked = with_doubt(*by_time_shown(of_areas(domain, word, "hourly_area", Step.RANGE)))
    return Panel(
        *(*title(word), Kind.STAT, asked, unit_of("hourly_area", flow(domain, word)), size),
        f"Trong những giờ trọn vẹn đang xem (trên 3 ngày: những ngày trọn vẹn). {ABOUT[0]}",
        f"In the whole hours of the time shown (more than 3 days: in the whole days). {ABOUT[1]}",
    )


def newest(domain: str, unit: str, vi: str, en: str) -> Panel:
    """The supply of the newest hour that has ended: the last readings of meters cannot tell who stands before whom."""
    hour = replace(of_areas(domain, SUPPLIED, "hourly_area", Step.HOUR), last_hours=NEWEST_HOURS)
    return Panel(
        *(vi, en, Kind.NEWEST, (*with_doubt(replace(hour, name=NEWEST)), _day_before(hour)), unit, Size(6, 3)),
        f"Giờ trọn vẹn mới nhất, của các đồng hồ đầu nguồn, và cùng giờ hôm trước. {ABOUT[0]}",
        f"The newest whole hour, of the first meters on the way, and the same hour of the day before. {ABOUT[1]}",
        least_interval="1h",
    )


def each_hour(domain: str, word: str, about_vi: str, about_en: str, size: Size = HALF) -> Panel:
    """A bar per hour or day, and a colour per area."""
    vi, en = title(word)
    return Panel(
        *(f"{vi} mỗi giờ", f"{en} per hour", Kind.BARS, with_doubt(*by_hour(domain, word, ("area",)))),
        *(unit_of("hourly_area", flow(domain, word)), size),
        f"{about_vi} trong mỗi giờ, theo khu vực; trên 3 ngày: trong mỗi ngày. {ABOUT[0]}",
        f"{about_en} in each hour, by area; for more than 3 days, in each day. {ABOUT[1]}",
        least_interval="1h",
        without_data=NOT_MEASURED,
    )


def each_period(domain: str, word: str, vi: str, en: str, measurement: str, days: int, size: Size) -> Panel:
    """A bar per day or month, and a colour per area."""
    word_vi, word_en = title(word)
    return Panel(
        *(f"{word_vi} mỗi {vi}", f"{word_en} per {en}", Kind.BARS),
        with_doubt(of_areas(domain, word, measurement, Step.DAY, ("area",))),
        *(unit_of(measurement, flow(domain, word)), size),
        f"Trong mỗi {vi}, theo khu vực, {days} ngày qua. {ABOUT[0]}",
        f"In each {en}, by area, in {days} days. {ABOUT[1]}",
        least_interval="1d",
        days=days,
        without_data=NOT_MEASURED,
    )


def peak(vi: str, en: str) -> Panel:
    """The highest hour of load."""
    return Panel(
        *(vi, en, Kind.PEAK, with_doubt(replace(_by_hour_alone("power", SUPPLIED), name=HIGHEST)), KILOWATT, Size(6, 3)),
        f"Giờ cao nhất trong thời gian đang xem, trung bình của giờ, của các công tơ đầu nguồn. {ABOUT[0]}",
        f"The highest hour of the time shown, on average, of the first meters on the way. {ABOUT[1]}",
        least_interval="1h",
    )


def load(domain: str, unit: str, vi: str, en: str, *words: str) -> Panel:
    """A line a word. Energy of hours: so many kWh in an hour are as many kW on average, and so many m³ as many m³/h."""
    said = joined(*(both(WORDS[word], word) for word in words), by=", ")
    asked = [_by_hour_alone(domain, word) for word in words]
    return Panel(
        *(vi, en, Kind.LINES, (*with_doubt(*asked), _day_before(asked[0])), unit, Size(12, 7)),
        f"Trung bình của mỗi giờ: {said.vi}; hôm trước cùng giờ. Cấp vào qua đồng hồ đầu nguồn, tiêu thụ qua đồng hồ cuối. "
        f"{ABOUT[0]}",
        f"The mean of each hour: {said.en}; the day before at the same hour. Supplied by the first meters on the way, used "
        f"by the last ones. {ABOUT[1]}",
        least_interval="1h",
        minimum=0.0,
        without_data=NOT_MEASURED,
    )


def _day_before(asked: Ask) -> Ask:
    """The same hours of the day before, where a page shows few days."""
    name = joined(asked.name, DAY_BEFORE) if asked.name else DAY_BEFORE
    return replace(asked, name=name, days_before=1, up_to_days=0 if asked.last_hours else DAYS_BY_HOUR)


def _by_hour_alone(domain: str, word: str) -> Ask:
    """By hour, however many days of these are shown."""
    return replace(of_areas(domain, word, "hourly_area", Step.HOUR, name=both(WORDS[word], word)), up_to_days=LOAD_DAYS)
