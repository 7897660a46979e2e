"""The words of the page in an export of a device, in Vietnamese and English."""

from typing import Final

from schemas.glossary import Words

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
    "photo": Words("photo: ảnh của thiết bị.", "photo: the photo of the device."),
    "nothing": Words("Không có gì trong: {}.", "There is nothing in: {}."),
}
