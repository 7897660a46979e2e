"""The values that one device measured: a dashboard for each domain, made from the table of quantities."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from grafana.ask import Ask, Each, Over, Step, by_time_shown
from grafana.model import (
    GOOD,
    HALF,
    MISSING,
    TO_DASHBOARD,
    WARNING,
    WHOLE,
    Column,
    Dashboard,
    Kind,
    Link,
    Panel,
    Section,
    Size,
    Word,
)
from grafana.tables import common, device
from grafana.tables.flows import with_doubt
from grafana.tables.marks import marks
from grafana.text import Text, both, joined
from grafana.units import COUNT, GRAFANA_UNITS, unit_of
from schemas.glossary import QUALITY, quantities
from schemas.quantities import DOMAINS, QUANTITIES, SUM_OF, USED_OF, Quality, Quantity
from schemas.quantities import Kind as QuantityKind

_VI, _EN = quantities("vi"), quantities("en")

STATES: Final = {
    state: Word(text, color)
    for states, text, color in (
        (("true", "1"), both("có", "yes"), WARNING),
        (("false", "0"), both("không", "no"), "transparent"),
    )
    for state in states
}
TOGETHER: Final[Mapping[str, tuple[tuple[str, str, tuple[str, ...]], ...]]] = {
    "water": (("Số đo của nước", "Water values", ()),),
    "power": (
        ("Điện áp", "Voltage", ("V",)),
        ("Dòng điện", "Current", ("A",)),
        ("Công suất", "Active power", ("W",)),
        ("Công suất phản kháng, biểu kiến", "Reactive and apparent power", ("V.A", "V.A{reactive}")),
        ("Hệ số công suất, tần số, méo", "Power factor, frequency, distortion", ()),
    ),
    "traffic": (("Số xe, tốc độ", "Vehicles, speed", ("1", "km/h")), ("Chiếm chỗ, khoảng cách", "Occupancy, gaps", ())),
    "urban": (("Số đo của đô thị", "Urban values", ()),),
}
"""Domain → the charts of its gauges and their units, each unit with an axis of its own; the last has the rest."""
OF_ONE_CHART: Final = {"water": WHOLE, "power": HALF, "traffic": HALF, "urban": WHOLE}


def _name(field: str) -> Text:
    return both(_VI[field].name, _EN[field].name)


def _apart(domain: str) -> tuple[str, ...]:
    """The tags by which the series of a device differ."""
    return ("direction", "lane", "vehicle_class") if domain == "traffic" else ("channel",)


def _quality_words() -> dict[str, Word]:
    """Every value of ``quality`` in words: its bits, one after the other."""
    words = {"0": Word(both("tốt", "good"), GOOD)}
    for value in range(1, 2 * Quality.SIMULATED):
        bits = [said for bit, said in QUALITY.items() if value & bit]
        text = both(", ".join(said.vi for said in bits), ", ".join(said.en for said in bits))
        words[str(value)] = Word(text, MISSING if value == Quality.SIMULATED else WARNING)
    return words


def _quality(domain: str) -> Panel:
    return Panel(
        "Chất lượng số đo",
        "Quality of the readings",
        Kind.STATES,
        (Ask(domain, "quality", Each.LAST, Step.INTERVAL, name=both("số đo", "readings")),),
        COUNT,
        Size(24, 4),
        "Cờ chất lượng của số đo cuối trong mỗi khoảng, bằng lời. Xanh: không có cờ nào.",
        "Quality flags of the last reading of each interval, in words. Green: none.",
        words=_quality_words(),
    )


def _readings(domain: str, size: Size) -> Panel:
    return Panel(
        "Số đo mỗi giờ",
        "Readings per hour",
        Kind.BARS,
        (Ask(domain, "quality", Each.COUNT, Step.HOUR, Over.SUM),),
        COUNT,
        size,
        "Số lượng số đo có trong cơ sở dữ liệu, theo thời điểm đo.",
        "Readings that stand in the database, by the time they were taken.",
        least_interval="1h",
    )


def _of(domain: str, kind: QuantityKind) -> list[Quantity]:
    return [row for row in QUANTITIES[domain].values() if row.kind is kind and row.field != "interval_s"]


def _gauges(domain: str) -> Iterator[Panel]:
    """A few charts, in which a device shows the lines that it sends, each unit on an axis of its own."""
    left = _of(domain, QuantityKind.GAUGE)
    for vi, en, units in TOGETHER[domain]:
        rows = [row for row in left if row.unit in units or not units]
        left = [row for row in left if row not in rows]
        asked = tuple(
            Ask(domain, row.field, Each.MEAN, Step.INTERVAL, Over.MEAN, _apart(domain), name=_name(row.field)) for row in rows
        )
        yield Panel(
            *(vi, en, Kind.VALUES, asked, unit_of(domain, rows[0].field), OF_ONE_CHART[domain]),
            "Trung bình trong mỗi khoảng; mỗi đơn vị có trục riêng. Bên cạnh: mới nhất, thấp nhất, cao nhất.",
            "Mean of each interval; each unit has an axis of its own. Beside: newest, lowest, highest.",
            columns=tuple(Column(_name(row.field), *_name_pair(row.field), unit_of(domain, row.field)) for row in rows),
        )


def _name_pair(field: str) -> tuple[str, str]:
    return _VI[field].name, _EN[field].name


def _by_unit(domain: str) -> Mapping[str, list[Quantity]]:
    rows = defaultdict[str, list[Quantity]](list)
    for row in _of(domain, QuantityKind.COUNTER):
        rows[row.unit].append(row)
    return rows


def _is_tariff(row: Quantity) -> bool:
    """Tell if it is a part of another register, of the hours of a tariff."""
    return re.search(r"_t\d_", row.field) is not None


def _title(rows: Iterable[Quantity]) -> tuple[str, str]:
    """The names of the quantities of a panel; of many, the first."""
    fields = [row.field for row in rows]
    more = " …" if len(fields) > 1 else ""
    return _VI[fields[0]].name + more, _EN[fields[0]].name + more


def _counted(vi: str, en: str, unit: str, rows: list[Quantity]) -> Panel:
    asked = (Ask("hourly", USED_OF[row.field], Each.SUM, Step.HOUR, Over.SUM, name=_name(row.field)) for row in rows)
    return Panel(
        *(vi, en, Kind.BARS),
        with_doubt(*(question for one in asked for question in by_time_shown(one))),
        *(GRAFANA_UNITS[unit], HALF),
        "Bộ đếm đã đếm được trong mỗi giờ; trên 3 ngày: trong mỗi ngày.",
        "What the register counted in each hour; for more than 3 days, in each day.",
        least_interval="1h",
        without_data=both(
            "Thiết bị không có bộ đếm này, hoặc chưa có giờ trọn vẹn", "It has no such register, or no whole hour"
        ),
    )


def _registers(domain: str, unit: str, rows: list[Quantity]) -> Panel:
    vi, en = _title(rows)
    lines = tuple(
        Ask(domain, field, Each.LAST, Step.INTERVAL, by=_apart(domain), name=name)
        for row in rows
        for field, name in ((row.field, _name(row.field)), (SUM_OF[row.field], joined(_name(row.field), "Σ")))
    )
    return Panel(
        *(f"{vi}: chỉ số và tổng Σ", f"{en}: register and sum Σ", Kind.LINES, lines, GRAFANA_UNITS[unit], HALF),
        "Chỉ số như thiết bị gửi, và tổng Σ chạy tiếp qua mọi lần thay, về 0 hay tràn số.",
        "The register as the device sent it, and the sum that goes on over exchange, reset and roll-over.",
    )


def _states(domain: str) -> Panel:
    fields = [row.field for row in _of(domain, QuantityKind.STATE)]
    return Panel(
        "Trạng thái và báo động của thiết bị",
        "States and alarm bits of the device",
        Kind.STATES,
        tuple(Ask(domain, field, Each.LAST, Step.INTERVAL, by=_apart(domain), name=_name(field)) for field in fields),
        COUNT,
        Size(24, 6),
        "Như thiết bị gửi trong số đo cuối của mỗi khoảng. Có màu: có.",
        "As the device sent them in the last reading of each interval. Coloured: yes.",
        words=STATES,
    )


def _now(domain: str) -> tuple[Panel, ...]:
    sent = Ask(domain, "quality", Each.COUNT, Step.RANGE, Over.SUM)
    vi, en = common.DOMAIN_NAMES[domain]
    about = ("Số đo trong thời gian đang xem.", "Readings in the time shown.")
    return device.heard(), device.alarms(), common.stat(f"Số đo đang xem: {vi}", f"{en} readings shown", sent, COUNT, *about)


def _board(domain: str) -> Dashboard:
    vi, en = common.DOMAIN_NAMES[domain]
    of_units = [*_by_unit(domain).items()]
    unit, rows = of_units[0]
    whole = [row for row in rows if not _is_tariff(row)]
    parts = [(unit, [row for row in rows if _is_tariff(row)]), *of_units[1:]]
    return Dashboard(
        f"device-{domain}",
        f"Số đo của một thiết bị: {vi}",
        f"Values of one device: {en}",
        common.variables(domain, single=True),
        (
            Section("Bây giờ", "Now", _now(domain)),
            Section(
                "Số đo",
                "Values",
                (
                    *_gauges(domain),
                    _counted("Đếm được mỗi giờ", "Counted per hour", unit, whole),
                    _readings(domain, HALF),
                    _states(domain),
                    _quality(domain),
                ),
            ),
            Section(
                "Chỉ số của bộ đếm",
                "Registers",
                (
                    *(_registers(domain, *row) for row in of_units),
                    *(
                        _counted(f"{_title(rows)[0]}: đếm được", f"{_title(rows)[1]}: counted", unit, rows)
                        for unit, rows in parts
                        if rows
                    ),
                ),
                closed=True,
            ),
        ),
        links=(
            Link("Tình trạng của thiết bị này", "State of this device", f"{TO_DASHBOARD}device?var-device=${{device}}"),
            device.ON_THE_GATEWAY,
        ),
        refresh="1m",
        annotations=marks(domain),
    )


DASHBOARDS: Final = tuple(_board(domain) for domain in DOMAINS)
