"""One device: everything that is known of it. Panels of values are made from the table of quantities, one for each unit."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from grafana.ask import Ask, Each, Over, Step, by_time_shown, true
from grafana.model import (
    GREEN,
    GREY,
    HALF,
    RED,
    STAT_SIZE,
    THIRD,
    WHOLE,
    YELLOW,
    Column,
    Dashboard,
    Kind,
    Link,
    Panel,
    Section,
    Steps,
    Word,
)
from grafana.tables import common
from grafana.tables.flows import with_doubt
from grafana.tables.marks import marks
from grafana.text import both, joined
from grafana.units import AGO, COUNT, DURATION, GRAFANA_UNITS, SHARE, unit_of
from schemas.glossary import QUALITY, quantities
from schemas.quantities import DOMAINS, HEALTH, QUANTITIES, SUM_OF, USED_OF, Quality, Quantity
from schemas.quantities import Kind as QuantityKind

_VI, _EN = quantities("vi"), quantities("en")

STATES: Final = {
    state: Word(text, color)
    for states, text, color in ((("true", "1"), both("có", "yes"), RED), (("false", "0"), both("không", "no"), "transparent"))
    for state in states
}


def _name(field: str) -> str:
    return both(_VI[field].name, _EN[field].name)


def _apart(domain: str) -> tuple[str, ...]:
    """The tags by which the series of a device differ."""
    return ("direction", "lane", "vehicle_class") if domain == "traffic" else ("channel",)


def _quality_words() -> dict[str, Word]:
    """Every value of ``quality`` in words: its bits, one after the other."""
    words = {"0": Word(both("tốt", "good"), GREEN)}
    for value in range(1, 2 * Quality.SIMULATED):
        bits = [said for bit, said in QUALITY.items() if value & bit]
        text = both(", ".join(said.vi for said in bits), ", ".join(said.en for said in bits))
        words[str(value)] = Word(text, GREY if value == Quality.SIMULATED else YELLOW)
    return words


def _health(field: str, vi: str, en: str, about_vi: str, about_en: str, *, steps: Steps = (), within: str = "25h") -> Panel:
    last = Ask(HEALTH, field, Each.LAST, Step.NOW, within=within)
    unit = DURATION if field == "silence_s" else unit_of(HEALTH, field)
    return common.stat(vi, en, last, unit, about_vi, about_en, steps)


def _completeness_yesterday() -> Panel:
    return Panel(
        "Mức đầy đủ hôm qua",
        "Complete yesterday",
        Kind.STAT,
        (common.completeness("", "received", Step.RANGE, name="share"),),
        SHARE,
        STAT_SIZE,
        "Số đo nhận được so với số đo phải có của ngày hôm qua.",
        "Readings received of those expected yesterday.",
        steps=common.COMPLETE,
        days=common.YESTERDAY,
    )


OVERVIEW: Final = Section(
    "Tình trạng",
    "State",
    (
        _health(
            "silence_s",
            "Nghe lần cuối cách đây",
            "Last heard before",
            "Thời gian từ số đo gần nhất, theo cổng thu thập. Trống: thiết bị chưa từng gửi.",
            "Time since the last reading, as the gateway knows it. Empty: it was never heard.",
            within="10m",
        ),
        common.stat(
            "Cảnh báo đang mở",
            "Open alarms",
            Ask("alarm", "active", Each.LAST, Step.NOW, Over.COUNT, where=(true("active"),), within=common.ALARM_EVERY),
            COUNT,
            "Số cảnh báo chưa kết thúc của thiết bị.",
            "Alarms of the device that have not ended.",
            common.NONE_IS_GOOD,
        ),
        _completeness_yesterday(),
        _health("battery_pct", "Pin", "Battery", "Trong 25 giờ cuối.", "In the last 25 hours.", steps=common.BATTERY_STEPS),
        _health("battery_v", "Điện áp pin", "Battery voltage", "Trong 25 giờ cuối.", "In the last 25 hours."),
        _health("rssi_dbm", "Sóng", "Signal", "Trong 25 giờ cuối.", "In the last 25 hours.", steps=common.SIGNAL_STEPS),
        Panel(
            "Chất lượng số đo",
            "Quality of the readings",
            Kind.STATES,
            tuple(
                Ask(domain, "quality", Each.LAST, Step.INTERVAL, name=both(*common.DOMAIN_NAMES[domain])) for domain in DOMAINS
            ),
            COUNT,
            WHOLE,
            "Cờ chất lượng của số đo cuối trong mỗi khoảng, bằng lời. Xanh: không có cờ nào.",
            "Quality flags of the last reading of each interval, in words. Green: none.",
            words=_quality_words(),
        ),
        Panel(
            "Số đo mỗi giờ",
            "Readings per hour",
            Kind.BARS,
            tuple(
                Ask(domain, "quality", Each.COUNT, Step.HOUR, Over.SUM, name=both(*common.DOMAIN_NAMES[domain]))
                for domain in DOMAINS
            ),
            COUNT,
            THIRD,
            "Số lượng số đo có trong cơ sở dữ liệu, theo thời điểm đo.",
            "Readings that stand in the database, by the time they were taken.",
            least_interval="1h",
        ),
        Panel(
            "Khoảng trống dài nhất mỗi ngày",
            "Longest gap of each day",
            Kind.BARS,
            (Ask("completeness", "longest_gap_s", Each.MAX, Step.DAY),),
            DURATION,
            THIRD,
            "Thời gian dài nhất không có số đo, 31 ngày qua.",
            "The longest time without a reading, in the last 31 days.",
            least_interval="1d",
            days=31,
            without_data=common.NO_WHOLE_DAY,
        ),
        Panel(
            "Mức đầy đủ mỗi ngày",
            "Completeness of each day",
            Kind.LINES,
            tuple(
                common.completeness("", field, Step.DAY, name=both(vi, en))
                for field, vi, en in (
                    ("received", "nhận được", "received"),
                    ("on_time", "đúng hạn", "on time"),
                    ("suspect", "chỉ số nhảy bất thường", "counter step suspect"),
                    ("estimated", "thiết bị ước tính", "estimated"),
                )
            ),
            SHARE,
            THIRD,
            "Phần số đo nhận được, đúng hạn, bị nghi ngờ và ước tính, so với số đo phải có, 31 ngày qua.",
            "Readings received, on time, suspect and estimated, as shares of those expected, in the last 31 days.",
            least_interval="1d",
            days=31,
            minimum=0.0,
            without_data=common.NO_WHOLE_DAY,
        ),
        Panel(
            "Cảnh báo theo thời gian",
            "Alarms over time",
            Kind.BARS,
            (Ask("alarm", "active", Each.TRUE, Step.HOUR, Over.COUNT, ("alarm",)),),
            COUNT,
            HALF,
            "Những cảnh báo đang diễn ra trong mỗi giờ.",
            "Alarms that were active in each hour.",
            least_interval="1h",
            without_data=both("Không có cảnh báo", "No alarm"),
        ),
        Panel(
            "Cảnh báo đang mở, từ lúc",
            "Open alarms, since",
            Kind.TABLE,
            (
                Ask(
                    *("alarm", "since_ms", Each.LAST, Step.NOW, Over.MAX, ("alarm", "severity")),
                    where=(true("active"),),
                    within=common.ALARM_EVERY,
                ),
            ),
            COUNT,
            HALF,
            "Các cảnh báo chưa kết thúc.",
            "Alarms that have not ended.",
            columns=(Column("since_ms", "Từ", "Since", AGO),),
            without_data=both("Không có cảnh báo", "No alarm"),
        ),
    ),
)


def _by_unit(domain: str, kind: QuantityKind) -> Iterator[tuple[str, list[Quantity]]]:
    rows = defaultdict[str, list[Quantity]](list)
    for row in QUANTITIES[domain].values():
        if row.kind is kind and row.field != "interval_s":
            rows[row.unit].append(row)
    yield from rows.items()


def _title(rows: Iterable[Quantity]) -> tuple[str, str]:
    """The names of the quantities of a panel; of many, the first."""
    fields = [row.field for row in rows]
    more = " …" if len(fields) > 2 else ""  # noqa: PLR2004 - two names fit
    return ", ".join(_VI[field].name for field in fields[:2]) + more, ", ".join(_EN[field].name for field in fields[:2]) + more


def _gauges(domain: str) -> Iterator[Panel]:
    for _, rows in _by_unit(domain, QuantityKind.GAUGE):
        asked = tuple(
            Ask(domain, row.field, Each.MEAN, Step.INTERVAL, Over.MEAN, _apart(domain), name=_name(row.field)) for row in rows
        )
        about = ("Trung bình trong mỗi khoảng.", "Mean of each interval.")
        yield Panel(*_title(rows), Kind.LINES, asked, unit_of(domain, rows[0].field), THIRD, *about)


def _counters(domain: str) -> Iterator[Panel]:
    for unit, rows in _by_unit(domain, QuantityKind.COUNTER):
        vi, en = _title(rows)
        lines = tuple(
            Ask(domain, field, Each.LAST, Step.INTERVAL, by=_apart(domain), name=joined(_name(row.field), what, by=""))
            for row in rows
            for field, what in ((row.field, ""), (SUM_OF[row.field], " Σ"))
        )
        counted = with_doubt(
            *(
                question
                for row in rows
                for question in by_time_shown(
                    Ask("hourly", USED_OF[row.field], Each.SUM, Step.HOUR, Over.SUM, name=_name(row.field))
                )
            )
        )
        yield Panel(
            *(f"{vi}: chỉ số và tổng Σ", f"{en}: register and sum Σ", Kind.LINES, lines, GRAFANA_UNITS[unit], HALF),
            "Chỉ số như thiết bị gửi, và tổng Σ chạy tiếp qua mọi lần thay, về 0 hay tràn số.",
            "The register as the device sent it, and the sum that goes on over exchange, reset and roll-over.",
        )
        yield Panel(
            *(f"{vi}: đếm được", f"{en}: counted", Kind.BARS, counted, GRAFANA_UNITS[unit], HALF),
            "Bộ đếm đã đếm được trong mỗi giờ; trên 3 ngày: trong mỗi ngày.",
            "What the register counted in each hour; for more than 3 days, in each day.",
            least_interval="1h",
        )


def _states(domain: str) -> Panel:
    fields = [row.field for row in QUANTITIES[domain].values() if row.kind is QuantityKind.STATE]
    return Panel(
        "Trạng thái và báo động của thiết bị",
        "States and alarm bits of the device",
        Kind.STATES,
        tuple(Ask(domain, field, Each.LAST, Step.INTERVAL, by=_apart(domain), name=_name(field)) for field in fields),
        COUNT,
        WHOLE,
        "Như thiết bị gửi trong số đo cuối của mỗi khoảng. Đỏ: có.",
        "As the device sent them in the last reading of each interval. Red: yes.",
        words=STATES,
    )


def _values(domain: str) -> Section:
    vi, en = common.DOMAIN_NAMES[domain]
    panels = (*_counters(domain), *_gauges(domain), _states(domain))
    return Section(f"Số đo: {vi}", f"Values: {en}", panels, closed=True)


DASHBOARD: Final = Dashboard(
    "device",
    "Một thiết bị",
    "One device",
    common.variables("registry", single=True),
    (OVERVIEW, *(_values(domain) for domain in DOMAINS)),
    links=(
        Link(
            "Trang của cổng thu thập: bản tin gốc, từng bước",
            "The gateway's page: raw message, step by step",
            "${gateway_page}/devices/${device}",
        ),
    ),
    refresh="1m",
    annotations=marks(),
)
