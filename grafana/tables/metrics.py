"""The gateway's own metrics, from a Prometheus data source that collects ``/metrics``."""

from typing import Final

from grafana.model import GREEN, RED, THIRD, Dashboard, Kind, Link, Panel, Prom, Section, Word
from grafana.tables.marks import OF_GATEWAYS, marks
from grafana.text import both
from grafana.units import BYTES, BYTES_PER_SECOND, COUNT, DURATION, PER_SECOND

ANSWERS: Final = {"1": Word(both("có", "yes"), GREEN), "0": Word(both("không", "no"), RED)}


def _metric(
    vi: str, en: str, targets: tuple[tuple[str, str], ...], unit: str, about_vi: str, about_en: str, kind: Kind = Kind.LINES
) -> Panel:
    asked = tuple(Prom(query, name) for query, name in targets)
    words = ANSWERS if kind is Kind.STATES else None
    return Panel(vi, en, kind, asked, unit, THIRD, about_vi, about_en, words=words)


def _rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}[$__rate_interval]))"


def _quantile(share: float, metric: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket[$__rate_interval])))"


def _mean_of(metric: str, by: str) -> str:
    return f"{_rate(f'{metric}_sum', by)} / {_rate(f'{metric}_count', by)}"


DASHBOARD: Final = Dashboard(
    "gateway-metrics",
    "Số liệu Prometheus của cổng thu thập",
    "The gateway's metrics in Prometheus",
    (),
    (
        Section(
            "Có ổn không?",
            "Is all well?",
            (
                _metric(
                    "Kết nối",
                    "Connections",
                    (
                        ("min(gateway_mqtt_connected)", "MQTT"),
                        ("min(gateway_influxdb_up)", "InfluxDB"),
                        ("min(gateway_clock_trusted)", both("Đồng hồ", "Clock")),
                    ),
                    COUNT,
                    "Đỏ: mất kết nối, hoặc đồng hồ của cổng bị nghi ngờ.",
                    "Red: not connected, or the gateway's clock is doubted.",
                    Kind.STATES,
                ),
                _metric(
                    "Sai lệch sổ cái",
                    "Ledger imbalance",
                    (("sum(abs(gateway_ledger_imbalance))", both("sai lệch", "imbalance")),),
                    COUNT,
                    "Phải luôn là 0. Khác 0 là lỗi của cổng thu thập: hãy báo lại.",
                    "Must be 0 always. Anything else is a fault of the gateway: report it.",
                ),
                _metric(
                    "Số đo đang chờ",
                    "Readings pending",
                    (("sum by (where) (gateway_readings_pending)", "{{where}}"),),
                    COUNT,
                    "Số đo chưa ghi xong, theo nơi đang chờ.",
                    "Readings that are not written yet, by where they wait.",
                    Kind.AREAS,
                ),
                _metric(
                    "Tuổi của nhật ký tạm",
                    "Age of the journal",
                    (
                        ("max(gateway_journal_oldest_seconds)", both("đã chờ", "waited")),
                        ("max(gateway_catch_up_seconds_left)", both("còn phải bù", "until caught up")),
                    ),
                    DURATION,
                    "Số liệu cũ nhất còn chờ đã chờ bao lâu, và còn bao lâu nữa thì bù xong (trống khi chưa biết).",
                    "How long the oldest batch has been waiting, and how long until all are in (empty while unknown).",
                ),
                _metric(
                    "Cảnh báo đang diễn ra",
                    "Active alarms",
                    (("sum by (severity) (gateway_alarms)", "{{severity}}"),),
                    COUNT,
                    "Không tính nơi đang có việc theo kế hoạch. Xem: gateway alarms list.",
                    "Without those under planned work. For details: gateway alarms list.",
                ),
                _metric(
                    "Thiết bị theo trạng thái",
                    "Devices by state",
                    (("sum by (state) (gateway_devices)", "{{state}}"),),
                    COUNT,
                    "Mới: vừa đăng ký. Chưa từng nghe: đã đăng ký mà chưa gửi gì.",
                    "New: registered lately. Never heard: registered, and it sent nothing yet.",
                    Kind.AREAS,
                ),
            ),
        ),
        Section(
            "Số đo, nhật ký tạm, InfluxDB",
            "Readings, journal, InfluxDB",
            (
                _metric(
                    "Từ lúc đến đến khi nằm trong InfluxDB",
                    "From arrival to InfluxDB",
                    tuple(
                        (_quantile(share, "gateway_delivery_seconds"), name) for share, name in ((0.5, "p50"), (0.99, "p99"))
                    ),
                    "s",
                    "Chỉ tính số đo trực tiếp, không tính số đo đọc lại từ nhật ký tạm.",
                    "Live readings only, not those that waited in the journal.",
                ),
                _metric(
                    "Số đo theo kết cục",
                    "Readings by outcome",
                    ((_rate("gateway_readings_total", "outcome"), "{{outcome}}"),),
                    PER_SECOND,
                    "Số đo mỗi giây, theo việc đã xảy ra với chúng.",
                    "Readings a second, by what became of them.",
                    Kind.AREAS,
                ),
                _metric(
                    "Nhật ký tạm",
                    "Journal",
                    (("sum(gateway_journal_bytes)", both("đã dùng", "used")),),
                    BYTES,
                    "Số liệu chờ trên đĩa khi InfluxDB không nhận.",
                    "What waits on disk while InfluxDB does not take it.",
                ),
                _metric(
                    "Ghi xuống thẻ nhớ",
                    "Written to flash",
                    (("sum(rate(gateway_journal_written_bytes_total[$__rate_interval]))", both("đã ghi", "written")),),
                    BYTES_PER_SECOND,
                    "Khi InfluxDB khỏe, giá trị này là 0.",
                    "While InfluxDB is healthy this is 0.",
                ),
                _metric(
                    "Bị từ chối theo lý do",
                    "Rejects by reason",
                    (("sum by (reason) (increase(gateway_rejects_total[$__rate_interval]))", "{{reason}}"),),
                    COUNT,
                    "Xem chi tiết: gateway rejects list.",
                    "For details: gateway rejects list.",
                    Kind.BARS,
                ),
                _metric(
                    "Giá trị bị bỏ theo lý do",
                    "Values dropped by cause",
                    (("sum by (cause) (increase(gateway_fields_dropped_total[$__rate_interval]))", "{{cause}}"),),
                    COUNT,
                    "Phần còn lại của số đo vẫn được giữ.",
                    "The rest of each reading was kept.",
                    Kind.BARS,
                ),
                _metric(
                    "Yêu cầu đến InfluxDB",
                    "Requests to InfluxDB",
                    ((_mean_of("gateway_influxdb_request_seconds", "outcome"), "{{outcome}}"),),
                    "s",
                    "Thời gian trung bình của một lần ghi.",
                    "Mean time of a write.",
                ),
                _metric(
                    "Đường truyền đến InfluxDB",
                    "Link to InfluxDB",
                    (
                        ("sum(rate(gateway_link_bytes_total[$__rate_interval]))", both("đã dùng", "used")),
                        ("sum(gateway_link_max_bytes_per_second)", both("mức cho phép", "budget")),
                    ),
                    BYTES_PER_SECOND,
                    "Số byte IP của các lần ghi, cả hai chiều; mức cho phép là influxdb.max_bytes_per_s.",
                    "Bytes of IP of writes, both directions; the budget is influxdb.max_bytes_per_s.",
                ),
            ),
        ),
    ),
    links=(Link("Trang của cổng thu thập", "The gateway's page", "${gateway_page}/"),),
    annotations=marks()[:OF_GATEWAYS],
)
