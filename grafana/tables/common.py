"""Parts of every domain's dashboard: the choices at its head, panels of one kind, alarms, data and devices."""

from dataclasses import replace
from typing import Final

from grafana.ask import Ask, Combined, Each, Over, Question, Step, by_choice, by_time_shown, false, first, true
from grafana.model import (
    GREEN,
    HALF,
    ORANGE,
    QUARTER,
    RED,
    STAT_SIZE,
    THIRD,
    YELLOW,
    Column,
    Kind,
    Panel,
    Section,
    Size,
    Steps,
    Variable,
)
from grafana.points import PLACE
from grafana.tables.flows import with_doubt
from grafana.text import both, chosen
from grafana.units import AGO, COUNT, SHARE, unit_of
from grafana.words import DOMAINS
from schemas.quantities import SPREAD_OF, USED_OF

DOMAIN_NAMES: Final = {domain: (chosen(word.text, "vi"), chosen(word.text, "en")) for domain, word in DOMAINS.items()}

NONE_IS_GOOD: Final = ((None, GREEN), (1.0, RED))
NONE_IS_BEST: Final = ((None, GREEN), (1.0, ORANGE))
"""Of warnings: red is left to what is critical."""
SOME_IS_NOTABLE: Final = ((None, GREEN), (1.0, YELLOW))
COMPLETE: Final = ((None, RED), (0.9, YELLOW), (0.98, GREEN))
ALL: Final = 1.0
"""All readings that were expected: 100 %, the upper end of an axis of shares."""
BATTERY_STEPS: Final = ((None, RED), (20.0, YELLOW), (40.0, GREEN))
SIGNAL_STEPS: Final = ((None, RED), (-125.0, YELLOW), (-115.0, GREEN))
"""Of LoRaWAN, which hears down to about -137 dBm; NB-IoT hears as much, and mobile and Wi-Fi networks end near -110."""
ROWS: Final = 50
"""Rows of a table of devices: the worst."""
NEWEST_DAY: Final = "49h"
"""The newest day that has ended began less than this before now."""
YESTERDAY: Final = 2
"""Days shown in which one day that has ended began: yesterday's."""
NOT_KNOWN: Final = both("chưa rõ", "unknown")
NO_ALARM: Final = both("Không có cảnh báo", "No alarm")
NO_WHOLE_DAY: Final = both("Chưa có ngày trọn vẹn", "No whole day yet")
MEAN_OF_SITE: Final = ("Trung bình tại mỗi địa điểm.", "Mean at each site.")
SHORT_TIME_ONLY: Final = both(
    "Không thiết bị nào gửi, hoặc đang xem hơn 3 ngày", "No device sends this, or over 3 days are shown"
)
BY_AREA: Final = ("Chưa chọn địa điểm hay thiết bị: theo khu vực (area).", "While no site or device is chosen: by area.")
BESIDE_ALARMS: Final = Size(12, 7)
"""The table of open alarms, and what stands beside it."""
ALARM_EVERY: Final = "10m"
"""An active alarm is written every five minutes."""


def variables(measurement: str, *, single: bool = False) -> tuple[Variable, ...]:
    """Area, site and device, each narrowing the next; ``single``: one device is chosen."""
    return (
        Variable("area", "Khu vực", "Area", measurement),
        Variable("site", "Địa điểm", "Site", measurement, ("area",)),
        Variable("device", "Thiết bị", "Device", measurement, ("area", "site"), is_single=single),
    )


def stat(
    vi: str, en: str, question: Question | tuple[Question, ...], unit: str, about_vi: str, about_en: str, steps: Steps = ()
) -> Panel:
    """One large number. Nothing found is 0 where alarms or devices are counted, unless the question itself answers 0 then."""
    targets = question if isinstance(question, tuple) else (question,)
    none = "0" if unit == COUNT else ""
    if any(first(one).or_none for one in targets):
        none = NOT_KNOWN
    return Panel(vi, en, Kind.STAT, targets, unit, STAT_SIZE, about_vi, about_en, steps=steps, without_data=none)


def devices_stat(domain: str) -> Panel:
    """The number of devices that sent data."""
    return stat(
        "Thiết bị có số liệu",
        "Devices with data",
        Ask(domain, "quality", Each.LAST, Step.NOW, Over.DEVICES),
        COUNT,
        "Số thiết bị có ít nhất một số đo trong 25 giờ cuối của khoảng thời gian đang xem.",
        "Devices with at least one reading in the last 25 hours of the time shown.",
    )


def completeness_stat(domain: str, *, named: bool = False) -> Panel:
    """The share of yesterday's readings that arrived; ``named``: the title names the domain."""
    vi, en = DOMAIN_NAMES[domain]
    return Panel(
        f"Mức đầy đủ: {vi}" if named else "Đầy đủ hôm qua",
        f"Completeness: {en}" if named else "Complete yesterday",
        Kind.STAT,
        completeness_by_choice(domain, "received", Step.RANGE, "share"),
        SHARE,
        STAT_SIZE,
        "Số đo nhận được so với số đo phải có của ngày hôm qua, kể cả thiết bị im lặng.",
        "Readings received of those expected yesterday, silent devices included.",
        steps=COMPLETE,
        days=YESTERDAY,
        leads_to="completeness",
    )


def completeness(
    domain: str, field: str, step: Step, by: tuple[str, ...] = (), name: str = "", measurement: str = "completeness"
) -> Combined:
    """The share of expected readings that were received, on time, ...; without a domain, of all devices."""
    tags = (("domain", domain),) if domain else ()
    part, expected = (Ask(measurement, asked, Each.SUM, step, Over.SUM, by, tags) for asked in (field, "expected"))
    return Combined(part, "/", expected, name)


def completeness_by_choice(
    domain: str, field: str, step: Step, name: str, by: tuple[str, ...] = ()
) -> tuple[Question, Question]:
    """The same share from the points of areas, which are few; from those of devices where sites or devices are chosen."""
    of_areas, of_devices = (
        completeness(domain, field, step, by, name, measurement) for measurement in ("daily_completeness", "completeness")
    )
    return by_choice(of_areas, of_devices)


def now_stat(vi: str, en: str, domain: str, state: str, about_vi: str, about_en: str, steps: Steps = NONE_IS_GOOD) -> Panel:
    """The number of devices whose last value is true; red from one on."""
    counted = Ask(domain, state, Each.LAST, Step.NOW, Over.DEVICES, where=(true(state),))
    later = (
        "Cảnh báo bắt đầu sau, theo quy tắc: hai số có thể khác nhau.",
        "Alarms begin later, by rules: both counts may differ.",
    )
    about = (f"{about_vi} {later[0]}", f"{about_en} {later[1]}")
    return stat(vi, en, counted, COUNT, *about, steps)


def alarms_stat(  # noqa: PLR0913 - one row of a table
    domain: str, tag: str, value: str, vi: str, en: str, about_vi: str, about_en: str, *, steps: Steps = NONE_IS_GOOD
) -> Panel:
    """The number of open alarms of a rule (``alarm``) or a severity, without those under planned work."""
    counted = Ask(
        *("alarm", "active", Each.LAST, Step.NOW, Over.COUNT),
        tags=((tag, value), ("domain", domain)),
        where=(true("active"), false("silenced")),
        within=ALARM_EVERY,
    )
    panel = stat(vi, en, counted, COUNT, about_vi, about_en, steps)
    return replace(panel, leads_to="alarms")


def health(domain: str) -> tuple[Panel, ...]:
    """Is all well? Alarms, silent devices, and how much of yesterday arrived."""
    own_vi, own_en = "Chưa kết thúc, trừ nơi đang có việc theo kế hoạch.", "Not ended, without those under planned work."
    return (
        alarms_stat(domain, "severity", "critical", "Cảnh báo nghiêm trọng", "Critical alarms", own_vi, own_en),
        alarms_stat(domain, "severity", "warning", "Cảnh báo thường", "Warnings", own_vi, own_en, steps=NONE_IS_BEST),
        alarms_stat(
            *(domain, "alarm", "device_silent", "Thiết bị im lặng", "Silent devices"),
            "Thiết bị đã đăng ký mà quá hạn chưa gửi số đo.",
            "Registered devices that are overdue.",
            steps=NONE_IS_BEST,
        ),
        completeness_stat(domain),
    )


def gauge(
    domain: str, field: str, each: Each = Each.MEAN, over: Over = Over.MEAN, by: tuple[str, ...] = ("site",), name: str = ""
) -> tuple[Ask, ...]:
    """The lowest, mean or highest value of a gauge in each hour, or in each day where many days are shown.

    Of whole areas by area: they are few, where their devices are thousands.
    """
    lowest, mean, highest = SPREAD_OF[domain][field]
    rolled = {Each.MIN: lowest, Each.MEAN: mean, Each.MAX: highest}[each]
    of_devices = Ask("hourly", rolled, each, Step.HOUR, over, by, name=name)
    return _of_areas_or_devices(domain, of_devices)


def _of_areas_or_devices(domain: str, of_devices: Ask) -> tuple[Ask, ...]:
    """A question to the roll-ups of areas, and where sites or devices are chosen to those of devices.

    Lines of sites are those of their areas too: the links of a panel hold for all its lines.
    """
    by = tuple("area" if tag == "site" else tag for tag in of_devices.by)
    of_areas = replace(of_devices, measurement="hourly_area", by=by, tags=(("domain", domain),), of_areas=True)
    of_sites = replace(of_devices, by=tuple(dict.fromkeys((*by, *of_devices.by))), of_areas=False)
    return (*by_time_shown(of_areas), *by_time_shown(of_sites))


def by_site(  # noqa: PLR0913 - one row of a table
    domain: str,
    field: str,
    vi: str,
    en: str,
    about_vi: str = MEAN_OF_SITE[0],
    about_en: str = MEAN_OF_SITE[1],
    *,
    each: Each = Each.MEAN,
    steps: Steps = (),
    by: str = "site",
    size: Size = THIRD,
) -> Panel:
    """One gauge, one line per site, or per area where none is chosen: the mean, the lowest or the highest of its devices."""
    questions = gauge(domain, field, each, Over(each.value), (by,))
    unit = unit_of(domain, field)
    about = (f"{about_vi} {BY_AREA[0]}", f"{about_en} {BY_AREA[1]}") if by == "site" else (about_vi, about_en)
    return Panel(vi, en, Kind.LINES, questions, unit, size, *about, least_interval="1h", steps=steps)


def counted_by_site(  # noqa: PLR0913 - one row of a table
    domain: str, counter: str, vi: str, en: str, about_vi: str, about_en: str, *, over: Over = Over.SUM, size: Size = HALF
) -> Panel:
    """The growth of a counter, a bar per hour or day and a colour per area; per site where some are chosen.

    The highest of each site is that of a device, which no area has.
    """
    questions = with_doubt(*_of_areas_or_devices(domain, Ask("hourly", USED_OF[counter], Each.SUM, Step.HOUR, over, ("site",))))
    return Panel(vi, en, Kind.BARS, questions, unit_of(domain, counter), size, about_vi, about_en, least_interval="1h")


def alarm_panels(domain: str) -> tuple[Panel, ...]:
    """The alarms of a domain: how many over time, and those that are open."""
    return alarms_over_time(domain), open_alarms(domain)


def alarms_over_time(domain: str) -> Panel:
    """A bar an hour, and a colour a rule."""
    return Panel(
        "Cảnh báo theo thời gian",
        "Alarms over time",
        Kind.BARS,
        (Ask("alarm", "active", Each.TRUE, Step.HOUR, Over.COUNT, ("alarm",), tags=(("domain", domain),)),),
        COUNT,
        HALF,
        "Số cảnh báo đang diễn ra trong mỗi giờ, theo loại. Các quy tắc: gateway alarms rules.",
        "Alarms that were active in each hour, by rule. The rules: gateway alarms rules.",
        least_interval="1h",
        without_data=NO_ALARM,
    )


def open_alarms(domain: str) -> Panel:
    """The open alarms of a domain, in words."""
    return Panel(
        "Cảnh báo đang mở",
        "Open alarms",
        Kind.TABLE,
        (
            Ask(
                *("alarm", "since_ms", Each.LAST, Step.NOW, Over.MAX, ("alarm", "severity", "device", "site")),
                tags=(("domain", domain),),
                where=(true("active"), false("silenced")),
                within=ALARM_EVERY,
                limit=ROWS,
            ),
        ),
        COUNT,
        BESIDE_ALARMS,
        "Chưa kết thúc, mới nhất trước, trừ nơi đang có việc theo kế hoạch.",
        "Not ended, the newest first, without those under planned work.",
        columns=(Column("since_ms", "Từ", "Since", AGO),),
        sort_by=both("Từ", "Since"),
        without_data=NO_ALARM,
    )


def data_section(domain: str) -> Section:
    """Completeness, doubtful readings, silent devices."""
    return Section(
        "Chất lượng số liệu và thiết bị", "Data quality and devices", (_by_day(domain), _by_area(domain), _silent(domain))
    )


def _by_day(domain: str) -> Panel:
    return Panel(
        "Số đo mỗi ngày",
        "Readings by day",
        Kind.LINES,
        (
            *completeness_by_choice(domain, "received", Step.DAY, both("nhận được", "received")),
            *completeness_by_choice(domain, "on_time", Step.DAY, both("đúng hạn", "on time")),
        ),
        SHARE,
        HALF,
        "14 ngày qua: phần số đo nhận được, và nhận được đúng hạn, so với số đo phải có.",
        "The last 14 days: readings received, and received on time, as shares of those expected.",
        least_interval="1d",
        days=14,
        steps=COMPLETE,
        minimum=0.0,
        maximum=ALL,
        without_data=NO_WHOLE_DAY,
    )


def _by_area(domain: str) -> Panel:
    return Panel(
        "Mức đầy đủ theo khu vực, hôm qua",
        "Completeness by area, yesterday",
        Kind.TABLE,
        completeness_by_choice(domain, "received", Step.RANGE, "share", ("area",)),
        SHARE,
        QUARTER,
        "Số đo nhận được so với số đo phải có của ngày hôm qua.",
        "Readings received of those expected yesterday.",
        columns=(Column("share", "Mức đầy đủ", "Completeness", SHARE, steps=COMPLETE),),
        sort_by=both("Mức đầy đủ", "Completeness"),
        sort_up=True,
        days=YESTERDAY,
        without_data=NO_WHOLE_DAY,
    )


def _silent(domain: str) -> Panel:
    return Panel(
        "Thiết bị im lặng",
        "Silent devices",
        Kind.TABLE,
        (
            Ask(
                *("alarm", "since_ms", Each.LAST, Step.NOW, Over.MAX, PLACE),
                tags=(("alarm", "device_silent"), ("domain", domain)),
                where=(true("active"),),
                within=ALARM_EVERY,
                limit=ROWS,
            ),
        ),
        COUNT,
        QUARTER,
        "Thiết bị đã đăng ký mà cổng thu thập không nhận được số liệu đúng hạn. Kiểm tra pin, sóng, nguồn điện.",
        "Registered devices that the gateway did not hear from in time. Check battery, radio, supply.",
        columns=(Column("since_ms", "Từ", "Since", AGO),),
        sort_by=both("Từ", "Since"),
        without_data=both("Không có thiết bị im lặng", "No silent device"),
    )
