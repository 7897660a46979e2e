"""The words of ``gateway capacity``, in Vietnamese and English."""

from typing import Final

from schemas.glossary import Words

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
