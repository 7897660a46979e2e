"""The gateway itself and all registered devices, from points that it writes each minute.

Its own metrics, which a Prometheus collects, have a dashboard of their own.
"""

from dataclasses import replace
from typing import Final

from grafana.ask import Ask, Each, Over, Step, false, true
from grafana.model import (
    GREEN,
    NULL,
    RED,
    THIRD,
    YELLOW,
    Column,
    Dashboard,
    Kind,
    Link,
    Panel,
    Section,
    Size,
    Steps,
    Variable,
    Word,
    Words,
)
from grafana.tables import common
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import BYTES, COUNT, DAYS, DURATION, unit_of
from schemas.quantities import HEALTH

GATEWAY: Final = "gateway"
MINUTES: Final = "10m"
"""The gateway writes about itself and its devices each minute."""
A_DAY: Final = "25h"
TILE: Final = Size(6, 3)

EMPTY_STEPS: Final = ((None, GREEN), (10_000.0, YELLOW), (100_000.0, RED))
"""Readings that wait: some do at any time, many where the database takes none."""
ROOM_STEPS: Final = ((None, RED), (100.0 * 2**20, GREEN))
FULL_STEPS: Final = ((None, RED), (7200.0, YELLOW), (3 * 86_400.0, GREEN))
CERTIFICATE_STEPS: Final = ((None, RED), (7.0, YELLOW), (30.0, GREEN))
NO_GATEWAY: Final = both("Không cổng thu thập nào đang chạy", "No gateway is running")
NO_BATTERY: Final = both("Không thiết bị nào báo pin hay sóng", "No device tells of a battery or radio")

RUNNING: Final = Column(
    "running",
    "Trạng thái",
    "State",
    words={"0+": Word(both("đang chạy", "running"), GREEN), NULL: Word(both("ĐÃ DỪNG", "STOPPED"), RED)},
)


def _yes(vi: str, en: str, not_vi: str, not_en: str) -> Words:
    """A state that should be true, as InfluxDB and VictoriaMetrics tell it."""
    good, bad = Word(both(vi, en), GREEN), Word(both(not_vi, not_en), RED)
    return {"true": good, "1": good, "false": bad, "0": bad}


CONNECTED: Final = _yes("đã kết nối", "connected", "MẤT KẾT NỐI", "NOT CONNECTED")
IN_TIME: Final = _yes("đúng giờ", "in time", "BỊ NGHI NGỜ", "DOUBTED")


def _last(field: str, *, within: str = MINUTES, name: str = "", measurement: str = GATEWAY) -> Ask:
    return Ask(measurement, field, Each.LAST, Step.NOW, Over.MAX, ("gateway",), within=within, name=name)


def alive(measurement: str = GATEWAY) -> tuple[Ask, Ask]:
    """The gateways that wrote something in a day, and what they wrote a moment ago: nothing, if they stand still."""
    known = _last("pending", within=A_DAY, name="known", measurement=measurement)
    return known, replace(known, within=MINUTES, name=RUNNING.name)


def _own_over_time(field: str, vi: str, en: str, unit: str, about_vi: str, about_en: str) -> Panel:
    question = Ask(GATEWAY, field, Each.MAX, Step.INTERVAL, Over.MAX, ("gateway",))
    return Panel(vi, en, Kind.LINES, (question,), unit, THIRD, about_vi, about_en, minimum=0.0)


def _state() -> Panel:
    states = (Column("mqtt", "MQTT", "MQTT", words=CONNECTED, width=135), Column("clock", "Đồng hồ", "Clock", words=IN_TIME))
    columns = (
        Column("waiting", "Đang chờ", "Pending", COUNT, steps=EMPTY_STEPS),
        Column("journal", "Trên đĩa", "On disk", COUNT, steps=EMPTY_STEPS),
        Column("quarantine", "Chờ đăng ký", "In quarantine", COUNT),
        Column("room_bytes", "Còn chỗ", "Room left", BYTES, steps=ROOM_STEPS),
        Column("full_s", "Đầy sau", "Full in", DURATION, steps=FULL_STEPS),
        Column("certificate_days", "Chứng thư còn", "Certificate", DAYS, steps=CERTIFICATE_STEPS),
    )
    fields = {"waiting": "pending"}
    return Panel(
        "Từng cổng thu thập",
        "Each gateway",
        Kind.TABLE,
        (
            *alive(),
            *(_last(state.name) for state in states),
            *(_last(fields.get(column.name, column.name), name=column.name) for column in columns),
        ),
        COUNT,
        Size(24, 4),
        "Mọi cổng đã ghi gì trong 25 giờ cuối, với trạng thái của 10 phút cuối. Đang chờ và trên đĩa: số đo chưa ghi vào cơ sở "
        "dữ liệu. Đầy sau: lúc nhật ký tạm hết chỗ nếu cơ sở dữ liệu dừng.",
        "Every gateway that wrote in the last 25 hours, with its state of the last 10 minutes. Pending and on disk: readings "
        "that the database does not have yet. Full in: when the journal has no room left if the database stops.",
        columns=(RUNNING, *states, *columns),
        without_data=NO_GATEWAY,
    )


def _version() -> Panel:
    return Panel(
        "Phiên bản",
        "Versions",
        Kind.TABLE,
        (Ask("build", "value", Each.LAST, Step.NOW, Over.MAX, ("gateway", "version"), within=MINUTES),),
        COUNT,
        Size(8, 8),
        "Phiên bản phần mềm mà từng cổng đang chạy.",
        "The version that each gateway runs.",
        columns=(
            Column("version", "Phiên bản", "Version"),
            Column("value", "Đang chạy", "Running", words={"1": Word(both("có", "yes"), GREEN)}),
        ),
        without_data=NO_GATEWAY,
    )


def _number(field: str, vi: str, en: str, about_vi: str, about_en: str, *, is_state: bool = False) -> Panel:
    """The highest count of all gateways, or the number of those at which a state is false; red from one on."""
    over, where = (Over.COUNT, (false(field),)) if is_state else (Over.MAX, ())
    asked = Ask(GATEWAY, field, Each.LAST, Step.NOW, over, where=where, within=MINUTES, or_none=is_state)
    panel = common.stat(vi, en, asked, COUNT, about_vi, about_en, common.NONE_IS_GOOD)
    return replace(panel, without_data=common.NOT_KNOWN, size=TILE)


def _certificate() -> Panel:
    return Panel(
        "Chứng thư còn",
        "Certificate ends in",
        Kind.STAT,
        (Ask(GATEWAY, "certificate_days", Each.LAST, Step.NOW, Over.MIN, within=MINUTES),),
        DAYS,
        TILE,
        "Số ngày đến khi chứng thư đầu tiên của các cổng thu thập hết hạn. Dưới 30 ngày: vàng, dưới 7: đỏ. '-': không dùng "
        "chứng thư, hoặc không cổng nào đang chạy.",
        "Days until the first certificate of the gateways ends. Amber below 30, red below 7. '-': none is in use, or "
        "no gateway runs.",
        steps=CERTIFICATE_STEPS,
        without_data="-",
    )


NUMBERS: Final = (
    _number(
        "mqtt",
        "Mất kết nối MQTT",
        "Without MQTT",
        "Số cổng thu thập không nối được với broker.",
        "Gateways without a connection to the broker.",
        is_state=True,
    ),
    _number(
        "clock",
        "Đồng hồ bị nghi ngờ",
        "Clock doubted",
        "Số cổng thu thập không tin đồng hồ của mình.",
        "Gateways that do not trust their own clock.",
        is_state=True,
    ),
    _number(
        "missing",
        "Số đo bị mất",
        "Readings lost",
        "Số đo mà nhật ký tạm đã mất, đến khi có người xác nhận bằng gateway journal acknowledge.",
        "Readings that the journal lost, until a person runs gateway journal acknowledge.",
    ),
    _number(
        "imbalance",
        "Sai lệch sổ cái",
        "Ledger imbalance",
        "Phải luôn là 0. Khác 0 là lỗi của cổng thu thập: hãy báo lại.",
        "Must be 0 always. Anything else is a fault of the gateway: report it.",
    ),
)


def _devices() -> tuple[Panel, Panel]:
    heard, silent = (
        Ask(HEALTH, "up", Each.LAST, Step.NOW, Over.COUNT, where=(state("up"),), within=MINUTES, or_none=True)
        for state in (true, false)
    )
    return (
        replace(
            common.stat("Có tín hiệu", "Heard", heard, COUNT, "Thiết bị gửi đúng hạn.", "Devices that report in time."),
            size=TILE,
            steps=((None, RED), (1.0, "text")),
        ),
        replace(
            common.stat("Im lặng", "Silent", silent, COUNT, "Thiết bị quá hạn chưa gửi.", "Devices that are overdue."),
            size=TILE,
            steps=common.NONE_IS_BEST,
        ),
    )


def _silent_over_time() -> Panel:
    silent = Ask(*("alarm", "active", Each.TRUE, Step.HOUR, Over.COUNT, ("site",)), tags=(("alarm", "device_silent"),))
    return Panel(
        "Số thiết bị im lặng mỗi giờ",
        "Silent devices of each hour",
        Kind.BARS,
        (silent,),
        COUNT,
        Size(24, 6),
        "Theo địa điểm. Nhiều thiết bị cùng im lặng: mất điện hoặc mất mạng tại đó, không phải hỏng thiết bị.",
        "By site. Many of one site at once: supply or network of the site, not the devices.",
        least_interval="1h",
        without_data=both("Không có cảnh báo im lặng nào được ghi", "No alarm of a silent device was written"),
    )


_HEADS: Final = {
    "silence_s": ("Im lặng", "Silent for"),
    "seq_missing": ("Thiếu", "Missing"),
    "clock_offset_s": ("Nhanh", "Ahead by"),
    "battery_pct": ("Pin", "Battery"),
    "battery_v": ("Điện áp", "Voltage"),
    "rssi_dbm": ("Sóng", "Signal"),
}
"""Field → the head of its column."""


def _worst(  # noqa: PLR0913 - one row of a table
    field: str, vi: str, en: str, about_vi: str, about_en: str, *, limit: int, steps: Steps = (), within: str = MINUTES
) -> Panel:
    """The devices with the highest or lowest last value of their health."""
    head = _HEADS[field]
    unit = DURATION if field == "silence_s" else unit_of(HEALTH, field)
    return Panel(
        vi,
        en,
        Kind.TABLE,
        (Ask(HEALTH, field, Each.LAST, Step.NOW, Over.MAX, ("device", "site"), within=within, limit=limit),),
        COUNT,
        Size(8, 6),
        about_vi,
        about_en,
        columns=(Column(field, *head, unit, steps=steps),),
        sort_by=both(*head),
        sort_up=limit < 0,
        without_data=NO_BATTERY if within == A_DAY else "",
    )


HEALTH_TABLES: Final = (
    _worst(
        "silence_s",
        "Im lặng lâu nhất",
        "Longest silent",
        "Thời gian từ số đo gần nhất của từng thiết bị. Chỉ là im lặng khi quá silent_after của nó, thường là ba chu kỳ gửi.",
        "Time since each device was last heard. It is silent only over its own silent_after: three of its intervals, unless "
        "devices.yaml says otherwise.",
        limit=common.ROWS,
    ),
    _worst(
        "seq_missing",
        "Thiếu bản tin",
        "Messages missing",
        "Số bản tin thiếu theo số thứ tự mà thiết bị đánh, nhiều nhất trước.",
        "Messages missing by the devices' own sequence numbers, the most first.",
        limit=common.ROWS,
    ),
    _worst(
        "clock_offset_s",
        "Đồng hồ chạy nhanh",
        "Clock ahead by",
        "Đồng hồ của thiết bị chạy trước đồng hồ của cổng thu thập. Lệch nhiều: kiểm tra múi giờ.",
        "The devices' clocks against the gateway's. Hours off: look at the time zone.",
        limit=common.ROWS,
    ),
)
BATTERY_TABLES: Final = tuple(
    _worst(field, vi, en, "Trong 25 giờ cuối.", "In the last 25 hours.", limit=-common.ROWS, steps=steps, within=A_DAY)
    for field, vi, en, steps in (
        ("battery_pct", "Pin yếu nhất", "Weakest battery", common.BATTERY_STEPS),
        ("battery_v", "Điện áp pin thấp nhất", "Lowest voltage", ()),
        ("rssi_dbm", "Sóng yếu nhất", "Weakest signal", common.SIGNAL_STEPS),
    )
)

DASHBOARD: Final = Dashboard(
    GATEWAY,
    "Cổng thu thập và thiết bị",
    "Gateway and devices",
    (Variable("gateway", "Cổng thu thập", "Gateway", GATEWAY), *common.variables(HEALTH)),
    (
        Section("Cổng thu thập có ổn không?", "Are the gateways well?", (*NUMBERS, _certificate(), *_devices(), _state())),
        Section("Thiết bị", "Devices", (*HEALTH_TABLES, _silent_over_time())),
        Section("Pin và sóng", "Battery and radio", BATTERY_TABLES, closed=True),
        Section(
            "Cổng thu thập theo thời gian",
            "Gateways over time",
            (
                _own_over_time(
                    "pending",
                    "Số đo đang chờ ghi",
                    "Readings pending",
                    COUNT,
                    "Tăng mãi: InfluxDB không nhận kịp hoặc đã dừng.",
                    "Growing without end: InfluxDB is too slow or down.",
                ),
                _own_over_time(
                    "journal",
                    "Số đo chờ trong nhật ký tạm",
                    "Readings in the journal",
                    COUNT,
                    "Số đo chờ trên đĩa vì InfluxDB không nhận. Bình thường là 0.",
                    "Readings that wait on disk because InfluxDB did not take them. Normally none.",
                ),
                _own_over_time(
                    "used_bytes",
                    "Nhật ký tạm trên đĩa",
                    "Journal on disk",
                    BYTES,
                    "Chỗ mà nhật ký tạm chiếm. Giới hạn: journal.max_bytes.",
                    "Bytes that the journal uses. Its limit is journal.max_bytes.",
                ),
                _own_over_time(
                    "rejects",
                    "Bản tin bị từ chối từ khi khởi động",
                    "Messages rejected since the start",
                    COUNT,
                    "Tăng nhanh: thiết bị hỏng, phần sụn mới hoặc hồ sơ sai. Xem: gateway rejects list.",
                    "Rising fast: faulty devices, a new firmware or a wrong profile. See gateway rejects list.",
                ),
                _own_over_time(
                    "expired",
                    "Số đo quá hạn từ khi khởi động",
                    "Readings expired since the start",
                    COUNT,
                    "Số đo bị bỏ vì nhật ký tạm đầy, hoặc cơ sở dữ liệu không giữ số đo cũ như vậy. Bình thường là 0.",
                    "Readings dropped because the journal was full, or because the database keeps none so old. Normally none.",
                ),
                _own_over_time(
                    "received",
                    "Số đo nhận được từ khi khởi động",
                    "Readings received since the start",
                    COUNT,
                    "Đường nằm ngang: không có số đo nào đến. Về 0: cổng đã khởi động lại.",
                    "A flat line: no readings arrive. Back at 0: the gateway was started again.",
                ),
                _version(),
            ),
        ),
    ),
    links=(Link("Trang của cổng thu thập", "The gateway's page", "${gateway_page}/"),),
    refresh="1m",
    annotations=marks(),
)
