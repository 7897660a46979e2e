"""The gateway itself and all registered devices.

The first sections stand on points that the gateway writes to InfluxDB each minute. The last one needs a Prometheus data
source that collects the gateway's ``/metrics``; it is closed, and asks nothing until it is opened.
"""

from dataclasses import replace
from typing import Final

from grafana.ask import Ask, Each, Over, Step, by_choice, false, true
from grafana.model import (
    GREEN,
    HALF,
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
)
from grafana.tables import common, metrics
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import BYTES, COUNT, DAYS, DURATION, unit_of
from schemas.quantities import DOMAINS, HEALTH

GATEWAY: Final = "gateway"
MINUTES: Final = "10m"
"""The gateway writes about itself and its devices each minute."""

ROOM_STEPS: Final = ((None, RED), (100.0 * 2**20, GREEN))
FULL_STEPS: Final = ((None, RED), (7200.0, YELLOW), (3 * 86_400.0, GREEN))
CERTIFICATE_STEPS: Final = ((None, RED), (21.0, YELLOW), (42.0, GREEN))


def _own_over_time(field: str, vi: str, en: str, unit: str, about_vi: str, about_en: str) -> Panel:
    question = Ask(GATEWAY, field, Each.MAX, Step.INTERVAL, Over.MAX, ("gateway",))
    return Panel(vi, en, Kind.LINES, (question,), unit, HALF, about_vi, about_en, minimum=0.0)


def _state() -> Panel:
    columns = (
        Column("pending", "Số đo đang chờ", "Readings pending", COUNT),
        Column("journal", "Trên đĩa", "In the journal", COUNT),
        Column("quarantine", "Chờ đăng ký", "In quarantine", COUNT),
        Column("used_bytes", "Nhật ký tạm", "Journal", BYTES),
        Column("room_bytes", "Còn chỗ", "Room left", BYTES, steps=ROOM_STEPS),
        Column("full_s", "Đầy sau", "Full in", DURATION, steps=FULL_STEPS),
        Column("oldest_s", "Cũ nhất đã chờ", "Oldest waits for", DURATION),
        Column("certificate_days", "Chứng thư còn", "Certificate ends in", DAYS, steps=CERTIFICATE_STEPS),
    )
    return Panel(
        "Cổng thu thập",
        "Gateways",
        Kind.TABLE,
        tuple(Ask(GATEWAY, column.name, Each.LAST, Step.NOW, Over.MAX, ("gateway",), within=MINUTES) for column in columns),
        COUNT,
        Size(24, 5),
        "Trạng thái mà từng cổng thu thập ghi trong 10 phút cuối. Cổng không có trong bảng thì đã dừng.",
        "What each gateway last wrote about itself, in the last 10 minutes. One that is not listed has stopped.",
        columns=columns,
    )


def _version() -> Panel:
    return Panel(
        "Phiên bản",
        "Versions",
        Kind.TABLE,
        (Ask("build", "value", Each.LAST, Step.NOW, Over.MAX, ("gateway", "version"), within=MINUTES),),
        COUNT,
        Size(8, 4),
        "Phiên bản phần mềm mà từng cổng đang chạy.",
        "The version that each gateway runs.",
        columns=(
            Column("version", "Phiên bản", "Version"),
            Column("value", "Đang chạy", "Running", words={"1": Word(both("có", "yes"), GREEN)}),
        ),
    )


def _number(field: str, vi: str, en: str, about_vi: str, about_en: str, *, is_state: bool = False) -> Panel:
    """The highest count of all gateways, or the number of those at which a state is false; red from one on."""
    over, where = (Over.COUNT, (false(field),)) if is_state else (Over.MAX, ())
    asked = Ask(GATEWAY, field, Each.LAST, Step.NOW, over, where=where, within=MINUTES)
    return common.stat(vi, en, asked, COUNT, about_vi, about_en, common.NONE_IS_GOOD)


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


def _device_stat(vi: str, en: str, *, up: bool, about_vi: str, about_en: str) -> Panel:
    state = true("up") if up else false("up")
    counted = Ask(HEALTH, "up", Each.LAST, Step.NOW, Over.COUNT, where=(state,), within=MINUTES)
    return common.stat(vi, en, counted, COUNT, about_vi, about_en, () if up else common.NONE_IS_GOOD)


def _silent_over_time() -> Panel:
    silent = Ask(
        *("alarm", "active", Each.TRUE, Step.HOUR, Over.COUNT, ("site",)),
        tags=(("alarm", "device_silent"),),
    )
    return Panel(
        "Số thiết bị im lặng",
        "Silent devices",
        Kind.BARS,
        (silent,),
        COUNT,
        HALF,
        "Số thiết bị im lặng trong mỗi giờ. Nhiều thiết bị cùng địa điểm im lặng cùng lúc: mất điện hoặc mất mạng tại đó, "
        "không phải hỏng thiết bị.",
        "Devices that were silent in each hour. Many of one site at once: supply or network of the site, not the devices.",
        least_interval="1h",
        minimum=0.0,
    )


def _readings() -> Panel:
    of_devices = Ask("completeness", "received", Each.SUM, Step.DAY, Over.SUM, ("domain",))
    of_areas = replace(of_devices, measurement="daily_completeness")
    return Panel(
        "Số đo theo lĩnh vực, mỗi ngày",
        "Readings by domain, per day",
        Kind.BARS,
        by_choice(of_areas, of_devices),
        COUNT,
        HALF,
        "Số đo nhận được mỗi ngày trong 31 ngày qua (theo thời điểm đo).",
        "Readings received on each of the last 31 days (by the time they were taken).",
        least_interval="1d",
        days=31,
        without_data=both("Chưa có ngày trọn vẹn", "No whole day yet"),
    )


def _worst(  # noqa: PLR0913 - one row of a table
    field: str, vi: str, en: str, about_vi: str, about_en: str, *, limit: int, steps: Steps = (), within: str = MINUTES
) -> Panel:
    """The devices with the highest or lowest last value of their health."""
    unit = DURATION if unit_of(HEALTH, field) == "s" else unit_of(HEALTH, field)
    return Panel(
        vi,
        en,
        Kind.TABLE,
        (Ask(HEALTH, field, Each.LAST, Step.NOW, Over.MAX, ("device", "site"), within=within, limit=limit),),
        COUNT,
        THIRD,
        about_vi,
        about_en,
        columns=(Column(field, vi, en, unit, steps=steps),),
        sort_by=both(vi, en),
        sort_up=limit < 0,
    )


HEALTH_TABLES: Final = (
    _worst(
        "silence_s",
        "Im lặng lâu nhất",
        "Longest silent",
        "Thời gian từ số đo gần nhất của từng thiết bị.",
        "Time since each device was last heard.",
        limit=common.ROWS,
    ),
    _worst(
        "seq_missing",
        "Thiếu bản tin nhiều nhất",
        "Most messages missing",
        "Số bản tin thiếu theo số thứ tự mà thiết bị đánh.",
        "Messages missing by the devices' own sequence numbers.",
        limit=common.ROWS,
    ),
    _worst(
        "clock_offset_s",
        "Đồng hồ chạy nhanh nhất",
        "Clocks farthest ahead",
        "Đồng hồ của thiết bị chạy trước đồng hồ của cổng thu thập. Lệch nhiều: kiểm tra múi giờ.",
        "The devices' clocks against the gateway's. Hours off: look at the time zone.",
        limit=common.ROWS,
    ),
    _worst(
        "battery_pct",
        "Pin yếu nhất",
        "Weakest batteries",
        "Trong 25 giờ cuối của khoảng thời gian đang xem.",
        "In the last 25 hours of the time shown.",
        limit=-common.ROWS,
        steps=common.BATTERY_STEPS,
        within="25h",
    ),
    _worst(
        "battery_v",
        "Điện áp pin thấp nhất",
        "Lowest battery voltage",
        "Trong 25 giờ cuối của khoảng thời gian đang xem.",
        "In the last 25 hours of the time shown.",
        limit=-common.ROWS,
        within="25h",
    ),
    _worst(
        "rssi_dbm",
        "Sóng yếu nhất",
        "Weakest signals",
        "Trong 25 giờ cuối của khoảng thời gian đang xem.",
        "In the last 25 hours of the time shown.",
        limit=-common.ROWS,
        steps=common.SIGNAL_STEPS,
        within="25h",
    ),
)

DASHBOARD: Final = Dashboard(
    GATEWAY,
    "Cổng thu thập và thiết bị",
    "Gateway and devices",
    (Variable("gateway", "Cổng thu thập", "Gateway", GATEWAY), *common.variables(HEALTH)),
    (
        Section(
            "Cổng thu thập",
            "Gateway",
            (
                *NUMBERS,
                _version(),
                _state(),
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
            ),
        ),
        Section(
            "Thiết bị",
            "Devices",
            (
                _device_stat(
                    "Có tín hiệu", "Heard", up=True, about_vi="Thiết bị gửi đúng hạn.", about_en="Devices that report in time."
                ),
                _device_stat(
                    "Im lặng", "Silent", up=False, about_vi="Thiết bị quá hạn chưa gửi.", about_en="Devices that are overdue."
                ),
                *(common.completeness_stat(domain, named=True) for domain in DOMAINS),
                _silent_over_time(),
                _readings(),
                *HEALTH_TABLES,
            ),
        ),
        metrics.SECTION,
    ),
    links=(Link("Trang của cổng thu thập", "The gateway's page", "${gateway_page}/"),),
    annotations=marks(),
)
