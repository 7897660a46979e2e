"""The alerts: about the gateway, and those that pass on its alarms where neither Alertmanager nor a webhook takes them."""

from typing import Final

from grafana.alerts.model import Alert, AlertGroup, above, below
from grafana.alerts.questions import active_alarms, complete_days, distance, grown, is_false, metric_grown, newest, silent

CRITICAL: Final = "critical"
WARNING: Final = "warning"
_GATEWAY: Final = AlertGroup.GATEWAY
_DEVICES: Final = AlertGroup.DEVICES
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_EXPIRED: Final = metric_grown('gateway_readings_total{outcome="expired"}', "15m")
_LOST: Final = metric_grown('gateway_readings_total{outcome="lost"}', "1d")

GATEWAY_ALERTS: Final = (
    Alert(
        "GatewayAbsent",
        _GATEWAY,
        CRITICAL,
        "Cổng thu thập không có tín hiệu",
        "The gateway is not heard",
        "Cổng không ghi gì về chính nó trong năm phút: đã dừng, mất mạng, hoặc cơ sở dữ liệu không nhận. Số đo chờ ở broker.",
        "It wrote nothing about itself for five minutes: it stopped, its network failed, or the database takes nothing."
        " Readings wait at the broker.",
        3 * _MINUTE_S,
        'up{job="gateway"} == 0 or absent(up{job="gateway"})',
        silent(5 * _MINUTE_S),
        if_absent=True,
    ),
    Alert(
        "GatewayWaits",
        _GATEWAY,
        WARNING,
        "Một cổng chờ máy khác đã hơn ba phút",
        "A gateway has waited for another machine for over three minutes",
        "Việc chuyển một khu vực, hoặc tổng của một cặp máy, đứng lại: máy kia đã dừng, hoặc chưa có shares.yaml mới. Trang"
        " của mỗi cổng nói ai chờ ai.",
        "A site that moves, or the sums of a pair, stand still: the other machine stopped, or has not the new shares.yaml."
        " The page of each gateway says who waits for whom.",
        0,
        "gateway_waits_for_others > 0",
        newest("waits", above(0)),
    ),
    Alert(
        "GatewayMqttAway",
        _GATEWAY,
        CRITICAL,
        "Cổng thu thập mất kết nối với broker MQTT",
        "The gateway has no connection to the MQTT broker",
        "Không có số đo nào đến. Broker chỉ giữ được số bản tin mà hàng đợi của nó cho phép.",
        "No reading arrives. The broker keeps only as many messages as its queue may hold.",
        5 * _MINUTE_S,
        "gateway_mqtt_connected == 0",
        is_false("mqtt"),
    ),
    Alert(
        "GatewayInfluxdbAway",
        _GATEWAY,
        CRITICAL,
        "InfluxDB không nhận số đo",
        "InfluxDB accepts no readings",
        "Số đo được giữ an toàn trong nhật ký tạm và sẽ tự được ghi sau. Hãy sửa InfluxDB trước khi nhật ký tạm đầy.",
        "Readings are safe in the journal and are written later. Repair InfluxDB before the journal is full.",
        5 * _MINUTE_S,
        "gateway_influxdb_up == 0",
    ),
    Alert(
        "GatewayJournalFilling",
        _GATEWAY,
        CRITICAL,
        "Nhật ký tạm sẽ hết chỗ trong chưa đầy hai giờ",
        "The journal has no room left in less than two hours",
        "Với tốc độ của những phút qua, nhật ký tạm sẽ đầy, hoặc đĩa đã hết chỗ. Sau đó số đo cũ nhất bị bỏ.",
        "At the pace of the last minutes the journal will be full, or the disk has no room already. Then the oldest readings"
        " are dropped.",
        5 * _MINUTE_S,
        "gateway_journal_full_seconds < 7200",
        newest("full_s", below(7200)),
    ),
    Alert(
        "GatewayReadingsExpired",
        _GATEWAY,
        CRITICAL,
        "Số đo bị bỏ vì quá hạn",
        "Readings expired",
        "Nhật ký tạm hoặc vùng cách ly đã đầy nên số đo cũ nhất bị bỏ, hoặc cơ sở dữ liệu không giữ số đo cũ như vậy.",
        "The journal or the quarantine was full and dropped its oldest readings, or the database keeps none so old.",
        0,
        _EXPIRED,
        grown("expired", 15 * _MINUTE_S, above(0)),
    ),
    Alert(
        "GatewayReadingsLost",
        _GATEWAY,
        CRITICAL,
        "Số đo đã bị mất",
        "Readings are lost",
        "Đĩa đã làm mất những số đo mà cổng đã ghi xuống. Hãy thay đĩa hoặc thẻ nhớ, rồi xác nhận.",
        "The disk lost readings that the gateway had stored. Replace the disk or card, then acknowledge it.",
        0,
        f"sum by (job, instance) (gateway_journal_missing_readings) > 0 or {_LOST}",
        grown("lost", _DAY_S, above(0)),
    ),
    Alert(
        "GatewayLedgerImbalance",
        _GATEWAY,
        WARNING,
        "Sổ cái của cổng thu thập không khớp",
        "The gateway's ledger does not balance",
        "Có số đo mà không bộ phận nào của cổng còn giữ. Đó là lỗi của phần mềm: hãy giữ nhật ký hệ thống và báo lại.",
        "There are readings that no part of the gateway holds. That is a fault of the software: keep the log and report it.",
        5 * _MINUTE_S,
        "gateway_ledger_imbalance != 0",
        distance("imbalance", above(0)),
    ),
    Alert(
        "GatewayRejectsRising",
        _GATEWAY,
        WARNING,
        "Nhiều bản tin bị từ chối",
        "Many messages are rejected",
        "Hơn 60 bản tin trong 15 phút không thành số liệu: thiết bị hỏng, phần sụn mới, hoặc hồ sơ thiết bị sai.",
        "More than 60 messages in 15 minutes could not become data: faulty devices, a new firmware, or a wrong profile.",
        5 * _MINUTE_S,
        metric_grown("gateway_rejects_total", "15m", 60),
        grown("rejects", 15 * _MINUTE_S, above(60)),
    ),
    Alert(
        "GatewayBrokerDropped",
        _GATEWAY,
        CRITICAL,
        "Broker MQTT đã bỏ bản tin",
        "The MQTT broker dropped messages",
        "Hàng đợi của broker đã tràn. Số đo trong các bản tin đó bị mất trước khi đến cổng.",
        "The broker's queue overflowed. The readings in those messages were lost before the gateway.",
        0,
        metric_grown("gateway_broker_dropped_total", "1h"),
        grown("broker_dropped", _HOUR_S, above(0)),
    ),
    Alert(
        "GatewayClockDoubted",
        _GATEWAY,
        WARNING,
        "Đồng hồ của cổng thu thập bị nghi ngờ",
        "The gateway's clock is doubted",
        "Đồng hồ khác với thiết bị, với InfluxDB hoặc với lần lưu cuối. Thời điểm do cổng đặt mang bit chất lượng 32.",
        "It differs from the devices, from InfluxDB or from what was saved last. Times that the gateway gives carry quality"
        " bit 32.",
        15 * _MINUTE_S,
        "gateway_clock_trusted == 0",
        is_false("clock"),
    ),
    Alert(
        "GatewayCertificateEnds",
        _GATEWAY,
        WARNING,
        "Một chứng thư sắp hết hạn",
        "A certificate is about to end",
        "Còn chưa đầy 21 ngày. Sau đó thiết bị, trình duyệt hoặc cổng thu thập không kết nối được nữa.",
        "Less than 21 days are left. After that devices, browsers or the gateway cannot connect.",
        _HOUR_S,
        "gateway_certificate_days_left < 21",
        newest("certificate_days", below(21)),
        label="which",
    ),
    Alert(
        "GatewayCompletenessLow",
        _GATEWAY,
        WARNING,
        "Nhiều số đo của ngày hôm qua còn thiếu",
        "Many of yesterday's readings are missing",
        "Chưa đến 90 % số đo phải có của một lĩnh vực đã đến.",
        "Less than 90 % of the expected readings of a domain arrived.",
        _HOUR_S,
        "gateway_completeness_ratio < 0.9",
        complete_days(below(0.9)),
        label="domain",
    ),
    Alert(
        "GatewayCodecSuspended",
        _GATEWAY,
        WARNING,
        "Một bộ giải mã bị tạm dừng",
        "A codec is suspended",
        "Bộ giải mã của hãng chạy quá chậm ba lần trong một phút. Bản tin của nó chờ trong vùng cách ly.",
        "A maker's codec was too slow three times within a minute. Its messages wait in the quarantine.",
        15 * _MINUTE_S,
        "gateway_codec_suspended == 1",
        newest("suspended_codecs", above(0)),
        label="codec",
    ),
)
"""About the gateway itself."""


def _of_devices(name: str, severity: str, vi: str, en: str) -> Alert:
    return Alert(
        name,
        _DEVICES,
        severity,
        vi,
        en,
        "Cổng thu thập đang báo một cảnh báo của thiết bị này. Lời giải thích và việc cần làm có trên trang của cổng.",
        "The gateway raised an alarm of this device. Its page says what it means and what to do.",
        0,
        stored=active_alarms(severity),
        runbook="DeviceAlarm",
    )


DEVICE_ALERTS: Final = (
    _of_devices("DeviceAlarmCritical", CRITICAL, "Cảnh báo nghiêm trọng", "Critical alarm"),
    _of_devices("DeviceAlarmWarning", WARNING, "Cảnh báo", "Warning"),
)
"""The gateway's alarms of devices and sites. Metrics know only their number."""

ALERTS: Final = (*GATEWAY_ALERTS, *DEVICE_ALERTS)
