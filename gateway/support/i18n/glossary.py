"""The words of the gateway's own lists beside those of :mod:`schemas.glossary`, all by code, and those of commands."""

from typing import Final

from gateway.core.message import WaitCause
from schemas.glossary import DROPS, IGNORED, QUALITY, REASONS, Words

WAITS: Final[dict[WaitCause, Words]] = {
    WaitCause.UNKNOWN_DEVICE: Words("chờ đăng ký thiết bị", "for the device's registration"),
    WaitCause.NO_BIRTH: Words("chờ khai báo Sparkplug (birth)", "for a Sparkplug birth"),
    WaitCause.CODEC: Words("chờ bộ giải mã được sửa", "for a corrected codec"),
}
"""Cause of waiting in quarantine → its text."""

STEPS: Final[dict[str, Words]] = {
    "topic": Words("Chủ đề", "Topic"),
    "device": Words("Thiết bị", "Device"),
    "envelope": Words("Vỏ bản tin", "Envelope"),
    "profile": Words("Hồ sơ", "Profile"),
    "codec": Words("Bộ giải mã", "Codec"),
    "warning": Words("Cảnh báo", "Warning"),
    "decoded": Words("Giải mã được", "Decoded"),
    "step": Words("Bước", "Step"),
    "dropped": Words("Bị bỏ", "Dropped"),
    "item": Words("Số đo thứ", "Reading"),
    "point": Words("Điểm đo", "Point"),
    "would be": Words("Sẽ là điểm đo", "Would be the point"),
    "duplicate": Words("Trùng lặp", "Duplicate"),
    "ignored": Words("Bỏ qua", "Ignored"),
    "waits": Words("Đang chờ", "Waits"),
    "sends": Words("Gửi đi", "Sends"),
    "reject": Words("Từ chối", "Reject"),
    "fix": Words("Cách sửa", "How to fix it"),
}
"""Labels of :func:`gateway.onboarding.explain.steps.steps`."""


def closed_lists(language: str) -> dict[str, str]:
    """Texts of reasons, causes, remedies, quality bits and steps by code, in one language."""
    found: dict[str, Words] = {}
    for reason, (said, advice) in REASONS.items():
        found |= {reason.value: said, f"advice_{reason.value}": advice}
    found |= {cause.value: said for cause, said in DROPS.items()}
    found |= {cause.value: said for cause, said in IGNORED.items()}
    found |= {f"waits_{cause.value}": said for cause, said in WAITS.items()}
    found |= {f"quality_{bit}": said for bit, said in QUALITY.items()}
    found |= {f"step_{step}": said for step, said in STEPS.items()}
    return {key: getattr(said, language) for key, said in found.items()}


INSTANCE_WORDS: Final[dict[str, Words]] = {
    "good": Words("bình thường", "good"),
    "attention": Words("cần chú ý", "attention"),
    "trouble": Words("sự cố", "trouble"),
    "stands": Words("không chạy", "not running"),
    "unreachable": Words("không trả lời", "no answer"),
    "report": Words("{} / {} thiết bị đang gửi", "{} of {} devices report"),
    "live": Words("máy {} đang nhận số đo; máy kia: {}", "{} is live; the other: {}"),
    "passive": Words("máy {} dự phòng; máy kia: {}", "{} stands by; the other: {}"),
    "stands_by": Words("dự phòng", "stands by"),
    "other_live": Words("{} đang nhận số đo", "{} is live"),
    "other_passive": Words("{} dự phòng", "{} stands by"),
    "other_offline": Words("{} không chạy", "{} is offline"),
    "written": Words("{} số đo đã ghi", "{} readings written"),
    "waiting": Words("{} đang chờ", "{} wait"),
    "lost": Words("{} bị mất", "{} lost"),
    "catching_up": Words("nhật ký tạm: còn {} số đo, bù xong sau {}", "journal: {} readings left, gone in {}"),
    "link": Words("đường truyền đến InfluxDB: {} B/s trên mức {} B/s", "link to InfluxDB: {} B/s of {} B/s"),
    "all_good": Words("Tất cả {} cổng hoạt động bình thường.", "All is well with {} gateways."),
    "not_good": Words("{} / {} cổng cần được xem xét.", "{} of {} gateways need a look."),
}


CAPACITY_WORDS: Final[dict[str, Words]] = {
    "title": Words(
        "{devices} thiết bị, mỗi thiết bị một số đo trong {interval}; số tủ: {cabinets}; {machine}; {store}",
        "{devices} devices, a reading each in {interval}; cabinets: {cabinets}; {machine}; {store}",
    ),
    "in_a_cabinet": Words("Trong mỗi tủ", "In each cabinet"),
    "in_all": Words("Tất cả", "In all"),
    "devices": Words("Thiết bị", "Devices"),
    "rate": Words("Số đo mỗi giây", "Readings a second"),
    "peak": Words("Số đo mỗi giây lúc cao điểm", "Readings a second at the peak"),
    "gateways": Words("Tiến trình gateway", "Gateway processes"),
    "gateway_cores": Words("Lõi CPU cho gateway", "Cores for the gateway"),
    "broker_cores": Words("Lõi CPU cho Mosquitto", "Cores for Mosquitto"),
    "store_cores": Words("Lõi CPU cho cơ sở dữ liệu", "Cores for the database"),
    "peak_cores": Words("Lõi CPU lúc cao điểm", "Cores at the peak"),
    "machines": Words("Số máy", "Machines"),
    "memory_bytes": Words("Bộ nhớ của gateway", "Memory of the gateway"),
    "journal_bytes": Words("Nhật ký lưu tạm khi mất kết nối", "Journal, at the end of an outage"),
    "disk_bytes": Words("Dung lượng đĩa", "Room on disk"),
    "written_bytes": Words("Ghi xuống đĩa mỗi ngày", "Written to disk a day"),
    "disk_years": Words("Tuổi thọ đĩa (năm)", "Years that the disk lasts"),
    "link_bytes": Words("Đường truyền mỗi tháng", "Over the link a month"),
    "backlog_bytes": Words("Đường truyền sau khi mất kết nối", "Over the link after an outage"),
    "kwh_year": Words("Điện năng mỗi năm (kWh)", "Electricity a year (kWh)"),
    "price_usd": Words("Giá máy (USD)", "Price of the machines (USD)"),
    "note": Words(
        "Số liệu đo trên {}. Tốc độ, tuổi thọ đĩa, công suất và giá của máy là giả định: docs/capacity.md.",
        "Figures measured on {}. Speed, life of the disk, power and price of a machine are assumed: docs/capacity.md.",
    ),
    "journal_note": Words(
        "Nhật ký cần nhiều hơn journal.max_bytes mặc định (1 GiB): hãy tăng lên.",
        "The journal needs more than journal.max_bytes by default (1 GiB): raise it.",
    ),
    "slow_writes_note": Words(
        "Ít hơn 100 số đo mỗi giây: mỗi lần ghi chỉ mang một số đo. Tăng batch.max_delay để ghi và truyền ít hơn.",
        "With less than 100 readings a second each write carries one. A longer batch.max_delay writes less to disk and link.",
    ),
}


EXPORT_WORDS: Final[dict[str, Words]] = {
    "title": Words("Dữ liệu của thiết bị {}", "What is known of the device {}"),
    "made": Words("Lập lúc {} bởi gateway {}.", "Made {} by gateway {}."),
    "readings": Words(
        "readings/: số đo, giá trị theo giờ, ngày, tháng, mức độ đầy đủ, cảnh báo và sự kiện trong cơ sở dữ liệu; "
        "mỗi dòng một thời điểm.",
        "readings/: readings, hours, days and months, completeness, alarms and events in the database; one line for each time.",
    ),
    "quantities": Words(
        "quantities.csv: tên cột, đơn vị (UCUM) và ý nghĩa.", "quantities.csv: columns, their units (UCUM) and meaning."
    ),
    "device": Words(
        "registry.json, broker-account.json: thông tin trong danh sách thiết bị, tài khoản trên máy chủ MQTT.",
        "registry.json, broker-account.json: its entry in the registry, its account on the broker.",
    ),
    "gateway": Words(
        "gateway/: những gì gateway giữ: số đo đang chờ, bản tin bị từ chối hoặc đang chờ, cảnh báo, chỉ số.",
        "gateway/: what the gateway keeps: readings that wait, messages that were refused or wait, alarms, sums.",
    ),
    "audit": Words("audit.json: ai đã thay đổi gì.", "audit.json: who changed what."),
    "billing": Words("billing.json: các dòng của những tháng đã chốt.", "billing.json: its lines of closed months."),
    "photo": Words("photo: ảnh của thiết bị.", "photo: the photo of the device."),
    "nothing": Words("Không có gì trong: {}.", "There is nothing in: {}."),
}
