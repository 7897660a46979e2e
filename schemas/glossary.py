"""The closed lists and the table of quantities in words, in Vietnamese and English: shared by the pages and the simulator."""

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from schemas.quantities import QUANTITIES, UNITS, Kind, Quality, Quantity
from schemas.rejects import DropCause, IgnoreCause, RejectReason


class Words(NamedTuple):
    """The same in both languages."""

    vi: str
    en: str


def todo(english: str) -> str:
    """Stand in for a Vietnamese text that nobody has written yet: ``Words(todo("Flow"), "Flow")`` is shown in English.

    It fits any table that has both languages. ``make check`` lists them all, and no release is made before they are written.
    """
    return english


REASONS: Final[dict[RejectReason, tuple[Words, Words]]] = {
    RejectReason.TOO_LARGE: (
        Words("bản tin quá lớn", "the message is too large"),
        Words("Cho thiết bị gửi ít số đo hơn mỗi lần.", "Let the device send fewer readings at a time."),
    ),
    RejectReason.NOT_UTF8: (
        Words("không phải văn bản UTF-8", "not UTF-8 text"),
        Words("Xem bảng mã trong cấu hình thiết bị.", "Check the character set in the device's settings."),
    ),
    RejectReason.BAD_JSON: (
        Words("JSON bị hỏng", "broken JSON"),
        Words(
            "Xem nội dung bản tin bên dưới và mẫu bản tin trên thiết bị.", "Check the payload below and the device's template."
        ),
    ),
    RejectReason.BAD_PAYLOAD: (
        Words("nội dung không đúng dạng", "the payload has the wrong form"),
        Words("So nội dung với hồ sơ thiết bị (profile).", "Compare the payload with the device's profile."),
    ),
    RejectReason.NO_QUANTITY: (
        Words("không có đại lượng nào", "no quantity in it"),
        Words(
            "Xem các bước bên dưới: tên khóa hoặc giá trị không đúng.",
            "See the steps below: keys or values are wrong.",
        ),
    ),
    RejectReason.UNKNOWN_TOPIC: (
        Words("chủ đề lạ", "unknown topic"),
        Words("Kiểm tra topic của thiết bị, hoặc bật hồ sơ cho nó.", "Check the device's topic, or enable a profile for it."),
    ),
    RejectReason.UNKNOWN_DEVICE: (
        Words("thiết bị chưa đăng ký", "the device is not registered"),
        Words("Đăng ký thiết bị trong devices.yaml, kèm kiểu máy.", "Register it in devices.yaml, with its model."),
    ),
    RejectReason.DEVICE_MISMATCH: (
        Words("hai tên cho một thiết bị", "two names for one device"),
        Words(
            "Kiểm tra mã thiết bị đã cài, hoặc cho mỗi đồng hồ một id với source riêng.",
            "Check the id that is set in the device, or register each meter with an id and its name as source.",
        ),
    ),
    RejectReason.AMBIGUOUS_PROFILE: (
        Words("nhiều hồ sơ cùng khớp", "several profiles fit equally well"),
        Words("Đăng ký thiết bị kèm kiểu máy (model).", "Register the device with its model."),
    ),
    RejectReason.PROFILE_ERROR: (
        Words("bộ giải mã báo lỗi", "the codec reported a fault"),
        Words(
            "Xem cổng (fPort) và khung tin; hỏi nhà sản xuất bản mới.", "Check port and frame; ask the maker for a new codec."
        ),
    ),
    RejectReason.NO_BIRTH: (
        Words("chưa nhận khai báo Sparkplug", "no Sparkplug birth was heard"),
        Words("Khởi động lại nút mạng để nó gửi NBIRTH.", "Restart the edge node so that it sends NBIRTH."),
    ),
    RejectReason.TIME_CONFLICT: (
        Words("hai số đo khác nhau cùng thời điểm", "two different readings of one instant"),
        Words("Kiểm tra đồng hồ thiết bị, hoặc tách kênh.", "Check the device's clock, or give its readings a channel."),
    ),
    RejectReason.INFLUXDB_REJECTED: (
        Words("InfluxDB không nhận", "InfluxDB refused it"),
        Words("Báo người quản trị cơ sở dữ liệu.", "Tell the administrator of the database."),
    ),
    RejectReason.INTERNAL_ERROR: (
        Words("lỗi trong cổng", "a fault in the gateway"),
        Words("Báo lại lỗi này cùng nội dung bản tin.", "Report it together with the payload."),
    ),
}
"""Reason → what it is, and what to do."""

DROPS: Final[dict[DropCause, Words]] = {
    DropCause.UNKNOWN_KEY: Words("khóa lạ, bỏ qua", "unknown key, left out"),
    DropCause.WRONG_TYPE: Words("không phải kiểu giá trị cần có", "wrong type of value"),
    DropCause.NOT_FINITE: Words("không phải số hữu hạn", "not a finite number"),
    DropCause.OUT_OF_BOUNDS: Words("ngoài giới hạn vật lý", "outside the physical bounds"),
    DropCause.SENTINEL: Words("thiết bị báo không có giá trị", "the device says there is no value"),
    DropCause.NO_INTERVAL: Words("thiếu khoảng thời gian đếm", "the interval of the count is missing"),
    DropCause.BAD_TAG: Words("nhãn không hợp lệ", "not a valid tag"),
}

IGNORED: Final[dict[IgnoreCause, Words]] = {
    IgnoreCause.STATUS: Words("tin trạng thái, không có số đo", "a status message, no readings"),
    IgnoreCause.RETAINED: Words("tin lưu cũ không có thời gian", "a retained message without a time"),
    IgnoreCause.NOT_DATA: Words("không phải tin dữ liệu", "not a data message"),
    IgnoreCause.RULE: Words("hồ sơ thiết bị cho phép bỏ qua", "the profile ignores it"),
}

QUALITY: Final[dict[int, Words]] = {
    Quality.GATEWAY_TIME: Words("giờ của cổng, không phải của thiết bị", "time of the gateway, not of the device"),
    Quality.VALUE_DROPPED: Words("có giá trị bị bỏ", "a value was dropped"),
    Quality.COUNTER_SUSPECT: Words("bước nhảy công tơ đáng ngờ", "a counter's step is suspect"),
    Quality.HISTORIC: Words("số đo cũ, đến muộn", "historic, it came late"),
    Quality.ESTIMATED: Words("thiết bị ước tính", "estimated by the device"),
    Quality.CLOCK_DOUBTED: Words("đồng hồ của cổng đáng ngờ", "the gateway's clock was doubted"),
    Quality.MAY_STAND_TWICE: Words("có thể ghi hai lần", "may be stored twice"),
    Quality.SIMULATED: Words("mô phỏng", "simulated"),
}

_PHASES: Final = {"_l1": " L1", "_l2": " L2", "_l3": " L3", "_l12": " L1-L2", "_l23": " L2-L3", "_l31": " L3-L1"}
_TARIFFS: Final = {f"_t{tariff}": f" T{tariff}" for tariff in (1, 2, 3, 4)}
_PARTS: Final = {"": "", **_PHASES, **_TARIFFS}
"""Texts in the braces of a name, with their readable form."""

_NAMES: Final[dict[str, Words]] = {
    "volume_m3": Words("Chỉ số nước", "Volume"),
    "volume_reverse_m3": Words("Chỉ số chảy ngược", "Reverse volume"),
    "volume_net_m3": Words("Chỉ số ròng", "Net volume"),
    "flow_m3_h": Words("Lưu lượng", "Flow"),
    "flow_min_m3_h": Words("Lưu lượng nhỏ nhất", "Lowest flow"),
    "flow_max_m3_h": Words("Lưu lượng lớn nhất", "Highest flow"),
    "pressure_kpa": Words("Áp suất", "Pressure"),
    "level_m": Words("Mực nước", "Level"),
    "distance_m": Words("Khoảng cách tới mặt nước", "Distance to the water"),
    "fill_pct": Words("Mức đầy", "Fill"),
    "temperature_c": Words("Nhiệt độ nước", "Water temperature"),
    "ambient_temperature_c": Words("Nhiệt độ xung quanh", "Ambient temperature"),
    "ph": Words("Độ pH", "pH"),
    "chlorine_mg_l": Words("Clo dư", "Residual chlorine"),
    "dissolved_oxygen_mg_l": Words("Oxy hòa tan", "Dissolved oxygen"),
    "turbidity_ntu": Words("Độ đục", "Turbidity"),
    "conductivity_us_cm": Words("Độ dẫn điện", "Conductivity"),
    "orp_mv": Words("Thế oxy hóa khử", "Redox potential"),
    "pulse_count": Words("Số xung", "Pulses"),
    "alarm_leak": Words("Báo rò rỉ", "Leak alarm"),
    "alarm_burst": Words("Báo vỡ ống", "Burst alarm"),
    "alarm_backflow": Words("Báo chảy ngược", "Backflow alarm"),
    "alarm_empty_pipe": Words("Báo ống cạn", "Empty pipe alarm"),
    "alarm_tamper": Words("Báo can thiệp trái phép", "Tamper alarm"),
    "alarm_blocked": Words("Báo kẹt", "Blocked alarm"),
    "alarm_freeze": Words("Báo đóng băng", "Freeze alarm"),
    "alarm_no_flow": Words("Báo không có nước chảy", "No-flow alarm"),
    "valve_open": Words("Van mở", "Valve open"),
    "pump_on": Words("Bơm chạy", "Pump on"),
    "voltage{}_v": Words("Điện áp", "Voltage"),
    "current{}_a": Words("Dòng điện", "Current"),
    "current_max{}_a": Words("Dòng điện lớn nhất", "Highest current"),
    "current_n_a": Words("Dòng trung tính", "Neutral current"),
    "active_power{}_w": Words("Công suất tác dụng", "Active power"),
    "reactive_power{}_var": Words("Công suất phản kháng", "Reactive power"),
    "apparent_power{}_va": Words("Công suất biểu kiến", "Apparent power"),
    "power_factor{}": Words("Hệ số công suất", "Power factor"),
    "frequency_hz": Words("Tần số", "Frequency"),
    "thd_voltage{}_pct": Words("Méo hài điện áp", "Voltage distortion"),
    "thd_current{}_pct": Words("Méo hài dòng điện", "Current distortion"),
    "energy_import{}_kwh": Words("Điện năng nhận", "Energy import"),
    "energy_export{}_kwh": Words("Điện năng phát", "Energy export"),
    "reactive_energy_import_kvarh": Words("Điện năng phản kháng nhận", "Reactive energy import"),
    "reactive_energy_export_kvarh": Words("Điện năng phản kháng phát", "Reactive energy export"),
    "max_demand_w": Words("Công suất cực đại", "Maximum demand"),
    "voltage_dc_v": Words("Điện áp một chiều", "DC voltage"),
    "current_dc_a": Words("Dòng điện một chiều", "DC current"),
    "power_dc_w": Words("Công suất một chiều", "DC power"),
    "relay_on": Words("Rơ le đóng", "Relay closed"),
    "alarm_outage": Words("Báo mất điện", "Outage alarm"),
    "alarm_voltage": Words("Báo điện áp", "Voltage alarm"),
    "alarm_phase": Words("Báo mất pha, sai pha", "Phase alarm"),
    "vehicle_count": Words("Số xe", "Vehicles"),
    "vehicle_count_total": Words("Tổng số xe", "Vehicles in all"),
    "interval_s": Words("Khoảng thời gian", "Interval"),
    "mean_speed_km_h": Words("Tốc độ trung bình", "Mean speed"),
    "speed_p85_km_h": Words("Tốc độ 85 %", "85th percentile speed"),
    "occupancy_pct": Words("Độ chiếm dụng", "Occupancy"),
    "mean_headway_s": Words("Giãn cách thời gian", "Mean headway"),
    "mean_gap_m": Words("Khoảng cách xe", "Mean gap"),
    "queue_length_m": Words("Chiều dài hàng chờ", "Queue length"),
    "congested": Words("Ùn tắc", "Congested"),
    "parking_occupied": Words("Chỗ đỗ có xe", "Parking occupied"),
    "light_on": Words("Đèn sáng", "Light on"),
    "motion": Words("Có chuyển động", "Motion"),
    "alarm_lamp": Words("Báo đèn hỏng", "Lamp alarm"),
    "people_count": Words("Số người", "People"),
    "people_in_total": Words("Tổng lượt vào", "People in, in all"),
    "people_out_total": Words("Tổng lượt ra", "People out, in all"),
    "people_in": Words("Lượt vào", "People in"),
    "people_out": Words("Lượt ra", "People out"),
    "operating_h": Words("Giờ chạy", "Operating hours"),
    "pm1_ug_m3": Words("Bụi PM1", "PM1"),
    "pm2_5_ug_m3": Words("Bụi PM2.5", "PM2.5"),
    "pm10_ug_m3": Words("Bụi PM10", "PM10"),
    "no2_ug_m3": Words("NO₂", "NO₂"),
    "so2_ug_m3": Words("SO₂", "SO₂"),
    "o3_ug_m3": Words("Ozon O₃", "Ozone O₃"),
    "co_ug_m3": Words("CO", "CO"),
    "formaldehyde_ug_m3": Words("Formaldehyde", "Formaldehyde"),
    "co2_ppm": Words("CO₂", "CO₂"),
    "tvoc_ppb": Words("Hợp chất hữu cơ bay hơi", "Volatile organics"),
    "noise_laeq_db": Words("Mức ồn LAeq", "Noise LAeq"),
    "noise_peak_db": Words("Mức ồn đỉnh", "Noise peak"),
    "air_temperature_c": Words("Nhiệt độ không khí", "Air temperature"),
    "relative_humidity_pct": Words("Độ ẩm", "Humidity"),
    "air_pressure_hpa": Words("Áp suất không khí", "Air pressure"),
    "illuminance_lx": Words("Độ rọi", "Illuminance"),
    "light_level_pct": Words("Độ sáng đèn", "Light level"),
    "rain_mm": Words("Tổng lượng mưa", "Rain register"),
    "rain_interval_mm": Words("Lượng mưa", "Rain"),
    "battery_pct": Words("Pin", "Battery"),
    "battery_low": Words("Pin yếu", "Battery low"),
    "battery_v": Words("Điện áp pin", "Battery voltage"),
    "enclosure_temperature_c": Words("Nhiệt độ trong vỏ máy", "Enclosure temperature"),
    "enclosure_humidity_pct": Words("Độ ẩm trong vỏ máy", "Enclosure humidity"),
    "rssi_dbm": Words("Cường độ sóng", "Signal strength"),
    "snr_db": Words("Tỷ số tín hiệu/nhiễu", "Signal to noise"),
    "frame_counter": Words("Số khung tin", "Frame counter"),
    "uptime_s": Words("Thời gian chạy", "Uptime"),
}
"""Field → its short name; braces stand for a phase or a tariff."""

_EACH: Final = {
    name.format(key): Words(said.vi + text, said.en + text)
    for name, said in _NAMES.items()
    for key, text in (_PARTS if "{}" in name else {"": ""}).items()
}


class QuantityWords(NamedTuple):
    """A quantity for people.

    :ivar state: True for a quantity that is true or false.
    """

    name: str
    unit: str
    state: bool


@cache
def quantities(language: str) -> Mapping[str, QuantityWords]:
    """Every field of the table in one language. A field without a title keeps its own name."""
    return {field: _words(row, language) for rows in QUANTITIES.values() for field, row in rows.items()}


def _words(row: Quantity, language: str) -> QuantityWords:
    said = _EACH.get(row.field)
    name = row.field if said is None else getattr(said, language)
    return QuantityWords(name, UNITS[row.unit].symbol if row.unit else "", row.kind is Kind.STATE)
