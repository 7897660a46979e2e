"""Every word of the pages, in Vietnamese and English."""

from typing import Final

WORDS: Final[dict[str, dict[str, str]]] = {
    "title": {"vi": "Cổng thu thập cảm biến", "en": "Sensor gateway"},
    "all_well": {"vi": "Hoạt động bình thường", "en": "All is well"},
    "trouble": {"vi": "Có sự cố", "en": "Trouble"},
    "unreachable": {"vi": "Mất kết nối với cổng", "en": "The gateway does not answer"},
    "broker": {"vi": "Máy chủ MQTT", "en": "MQTT broker"},
    "influxdb": {"vi": "Cơ sở dữ liệu InfluxDB", "en": "InfluxDB"},
    "clock": {"vi": "Đồng hồ của cổng", "en": "The gateway's clock"},
    "journal": {"vi": "Nhật ký lưu tạm", "en": "Journal"},
    "connected": {"vi": "đã kết nối", "en": "connected"},
    "away": {"vi": "mất kết nối", "en": "away"},
    "trusted": {"vi": "tin cậy", "en": "trusted"},
    "doubted": {"vi": "đáng ngờ", "en": "doubted"},
    "empty": {"vi": "trống", "en": "empty"},
    "readings_waiting": {"vi": "số đo đang chờ", "en": "readings wait"},
    "per_second": {"vi": "số đo mỗi giây", "en": "readings a second"},
    "ledger": {"vi": "Sổ cái: mọi số đo đều có nơi có chốn", "en": "Ledger: every reading accounted for"},
    "received": {"vi": "Đã nhận", "en": "Received"},
    "written": {"vi": "Đã ghi", "en": "Written"},
    "duplicate": {"vi": "Trùng lặp", "en": "Duplicate"},
    "rejected": {"vi": "Bị từ chối", "en": "Rejected"},
    "expired": {"vi": "Quá hạn", "en": "Expired"},
    "lost": {"vi": "Bị mất", "en": "Lost"},
    "pending": {"vi": "Đang chờ", "en": "Pending"},
    "imbalance": {"vi": "Chênh lệch", "en": "Imbalance"},
    "by_domain": {"vi": "Đã ghi theo lĩnh vực", "en": "Written by domain"},
    "water": {"vi": "Nước", "en": "Water"},
    "power": {"vi": "Điện", "en": "Power"},
    "traffic": {"vi": "Giao thông", "en": "Traffic"},
    "urban": {"vi": "Đô thị", "en": "Urban"},
    "device_health": {"vi": "Tình trạng thiết bị", "en": "Device health"},
    "devices": {"vi": "Thiết bị", "en": "Devices"},
    "online": {"vi": "đang gửi", "en": "online"},
    "silent": {"vi": "im lặng", "en": "silent"},
    "unknown": {"vi": "chưa đăng ký", "en": "not registered"},
    "rejects": {"vi": "Bản tin bị từ chối, theo lý do", "en": "Rejects by reason"},
    "dropped": {"vi": "Giá trị bị bỏ, theo nguyên nhân", "en": "Values dropped by cause"},
    "none": {"vi": "không có", "en": "none"},
    "since": {"vi": "từ lúc", "en": "since"},
}


def words(language: str) -> dict[str, str]:
    """All words in one language."""
    return {key: text[language] for key, text in WORDS.items()}
