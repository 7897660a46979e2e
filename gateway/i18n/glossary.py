"""The contract's closed lists and the table of quantities in words, in Vietnamese and English."""

from typing import Final, NamedTuple

from gateway.core.message import WaitCause
from schemas.quantities import QUANTITIES, Kind, Quality, Quantity
from schemas.rejects import DropCause, IgnoreCause, RejectReason


class Said(NamedTuple):
    """The same in both languages."""

    vi: str
    en: str


REASONS: Final[dict[RejectReason, tuple[Said, Said]]] = {
    RejectReason.TOO_LARGE: (
        Said("bản tin quá lớn", "the message is too large"),
        Said("Cho thiết bị gửi ít số đo hơn mỗi lần.", "Let the device send fewer readings at a time."),
    ),
    RejectReason.NOT_UTF8: (
        Said("không phải văn bản UTF-8", "not UTF-8 text"),
        Said("Xem bảng mã trong cấu hình thiết bị.", "See the character set in the device's settings."),
    ),
    RejectReason.BAD_JSON: (
        Said("JSON bị hỏng", "broken JSON"),
        Said("Xem nội dung bản tin bên dưới và mẫu bản tin trên thiết bị.", "See the payload below and the device's template."),
    ),
    RejectReason.BAD_PAYLOAD: (
        Said("nội dung không đúng dạng", "the payload has another form"),
        Said("So nội dung với hồ sơ thiết bị (profile).", "Compare the payload with the device's profile."),
    ),
    RejectReason.NO_QUANTITY: (
        Said("không có đại lượng nào", "no quantity in it"),
        Said(
            "Xem các bước bên dưới: tên khóa hoặc giá trị không đúng.",
            "See the steps below: keys or values are not as wanted.",
        ),
    ),
    RejectReason.UNKNOWN_TOPIC: (
        Said("chủ đề lạ", "unknown topic"),
        Said("Kiểm tra topic của thiết bị, hoặc bật hồ sơ cho nó.", "See the device's topic, or enable a profile for it."),
    ),
    RejectReason.UNKNOWN_DEVICE: (
        Said("thiết bị chưa đăng ký", "the device is not registered"),
        Said("Đăng ký thiết bị trong devices.yaml, kèm kiểu máy.", "Register it in devices.yaml, with its model."),
    ),
    RejectReason.DEVICE_MISMATCH: (
        Said("hai tên cho một thiết bị", "two names for one device"),
        Said(
            "Kiểm tra mã thiết bị đã cài, hoặc cho mỗi đồng hồ một id với source riêng.",
            "See which id the device was given, or give each meter an id with its name as source.",
        ),
    ),
    RejectReason.AMBIGUOUS_PROFILE: (
        Said("nhiều hồ sơ cùng khớp", "several profiles fit alike"),
        Said("Đăng ký thiết bị kèm kiểu máy (model).", "Register the device with its model."),
    ),
    RejectReason.PROFILE_ERROR: (
        Said("bộ giải mã báo lỗi", "the codec found a fault"),
        Said("Xem cổng (fPort) và khung tin; hỏi nhà sản xuất bản mới.", "See port and frame; ask the maker for a new codec."),
    ),
    RejectReason.NO_BIRTH: (
        Said("chưa nhận khai báo Sparkplug", "no Sparkplug birth was heard"),
        Said("Khởi động lại nút mạng để nó gửi NBIRTH.", "Restart the edge node so that it sends NBIRTH."),
    ),
    RejectReason.TIME_CONFLICT: (
        Said("hai số đo khác nhau cùng thời điểm", "two different readings of one instant"),
        Said("Kiểm tra đồng hồ thiết bị, hoặc tách kênh.", "See the device's clock, or give its readings a channel."),
    ),
    RejectReason.INFLUXDB_REJECTED: (
        Said("InfluxDB không nhận", "InfluxDB refused it"),
        Said("Báo người quản trị cơ sở dữ liệu.", "Tell who runs the database."),
    ),
    RejectReason.INTERNAL_ERROR: (
        Said("lỗi trong cổng", "a fault in the gateway"),
        Said("Báo lại lỗi này cùng nội dung bản tin.", "Report it together with the payload."),
    ),
}
"""Reason → what it is, and what to do."""

DROPS: Final[dict[DropCause, Said]] = {
    DropCause.UNKNOWN_KEY: Said("khóa lạ, bỏ qua", "unknown key, left out"),
    DropCause.WRONG_TYPE: Said("không phải kiểu giá trị cần có", "not the kind of value it should be"),
    DropCause.NOT_FINITE: Said("không phải số hữu hạn", "not a finite number"),
    DropCause.OUT_OF_BOUNDS: Said("ngoài giới hạn vật lý", "outside the physical bounds"),
    DropCause.SENTINEL: Said("thiết bị báo không có giá trị", "the device says there is no value"),
    DropCause.NO_INTERVAL: Said("thiếu khoảng thời gian đếm", "the interval of the count is missing"),
    DropCause.BAD_TAG: Said("nhãn không hợp lệ", "not a valid tag"),
}

IGNORED: Final[dict[IgnoreCause, Said]] = {
    IgnoreCause.STATUS: Said("tin trạng thái, không có số đo", "a status message, no readings"),
    IgnoreCause.RETAINED: Said("tin lưu cũ không có thời gian", "a retained message without a time"),
    IgnoreCause.NOT_DATA: Said("không phải tin dữ liệu", "not a message of data"),
    IgnoreCause.RULE: Said("hồ sơ thiết bị cho phép bỏ qua", "the profile ignores it"),
}

WAITS: Final[dict[WaitCause, Said]] = {
    WaitCause.UNKNOWN_DEVICE: Said("chờ đăng ký thiết bị", "for the device's registration"),
    WaitCause.NO_BIRTH: Said("chờ khai báo Sparkplug (birth)", "for a Sparkplug birth"),
    WaitCause.CODEC: Said("chờ bộ giải mã được sửa", "for a mended codec"),
}
"""What a message in quarantine waits for."""

QUALITY: Final[dict[int, Said]] = {
    Quality.GATEWAY_TIME: Said("giờ của cổng, không phải của thiết bị", "time of the gateway, not of the device"),
    Quality.VALUE_DROPPED: Said("có giá trị bị bỏ", "a value was dropped"),
    Quality.COUNTER_SUSPECT: Said("bước nhảy công tơ đáng ngờ", "a counter's step is suspect"),
    Quality.HISTORIC: Said("số đo cũ, đến muộn", "historic, it came late"),
    Quality.ESTIMATED: Said("thiết bị ước tính", "estimated by the device"),
    Quality.CLOCK_DOUBTED: Said("đồng hồ của cổng đáng ngờ", "the gateway's clock was doubted"),
    Quality.MAY_STAND_TWICE: Said("có thể ghi hai lần", "may stand twice"),
    Quality.SIMULATED: Said("mô phỏng", "simulated"),
}

STEPS: Final[dict[str, Said]] = {
    "topic": Said("Chủ đề", "Topic"),
    "device": Said("Thiết bị", "Device"),
    "envelope": Said("Vỏ bản tin", "Envelope"),
    "profile": Said("Hồ sơ", "Profile"),
    "codec": Said("Bộ giải mã", "Codec"),
    "warning": Said("Cảnh báo", "Warning"),
    "decoded": Said("Giải mã được", "Decoded"),
    "step": Said("Bước", "Step"),
    "dropped": Said("Bị bỏ", "Dropped"),
    "point": Said("Điểm đo", "Point"),
    "duplicate": Said("Trùng lặp", "Duplicate"),
    "ignored": Said("Bỏ qua", "Ignored"),
    "waits": Said("Đang chờ", "Waits"),
    "sends": Said("Gửi đi", "Sends"),
    "reject": Said("Từ chối", "Reject"),
    "mend": Said("Cách sửa", "To mend"),
}
"""What :func:`gateway.explain.steps.steps` tells of."""

UNITS: Final = {
    "m3": "m³",
    "m3/h": "m³/h",
    "Cel": "°C",
    "[pH]": "",
    "{NTU}": "NTU",
    "uS/cm": "µS/cm",
    "1": "",
    "V.A": "VA",
    "V.A{reactive}": "var",
    "kW.h": "kWh",
    "kV.A.h{reactive}": "kvarh",
    "ug/m3": "µg/m³",
    "[ppm]": "ppm",
    "[ppb]": "ppb",
    "dB[mW]": "dBm",
}
"""UCUM code → as people write it, where that is not the same."""

_PHASES: Final = {"_l1": " L1", "_l2": " L2", "_l3": " L3", "_l12": " L1-L2", "_l23": " L2-L3", "_l31": " L3-L1"}
_TARIFFS: Final = {f"_t{tariff}": f" T{tariff}" for tariff in (1, 2, 3, 4)}
_PARTS: Final = {"": "", **_PHASES, **_TARIFFS}
"""What stands in the braces of a name, and behind it for people."""

_NAMES: Final[dict[str, Said]] = {
    "volume_m3": Said("Chỉ số nước", "Volume"),
    "volume_reverse_m3": Said("Chỉ số chảy ngược", "Reverse volume"),
    "volume_net_m3": Said("Chỉ số ròng", "Net volume"),
    "flow_m3_h": Said("Lưu lượng", "Flow"),
    "flow_min_m3_h": Said("Lưu lượng nhỏ nhất", "Lowest flow"),
    "flow_max_m3_h": Said("Lưu lượng lớn nhất", "Highest flow"),
    "pressure_kpa": Said("Áp suất", "Pressure"),
    "level_m": Said("Mực nước", "Level"),
    "distance_m": Said("Khoảng cách tới mặt nước", "Distance to the water"),
    "fill_pct": Said("Mức đầy", "Fill"),
    "temperature_c": Said("Nhiệt độ nước", "Water temperature"),
    "ambient_temperature_c": Said("Nhiệt độ xung quanh", "Ambient temperature"),
    "ph": Said("Độ pH", "pH"),
    "chlorine_mg_l": Said("Clo dư", "Residual chlorine"),
    "dissolved_oxygen_mg_l": Said("Oxy hòa tan", "Dissolved oxygen"),
    "turbidity_ntu": Said("Độ đục", "Turbidity"),
    "conductivity_us_cm": Said("Độ dẫn điện", "Conductivity"),
    "orp_mv": Said("Thế oxy hóa khử", "Redox potential"),
    "pulse_count": Said("Số xung", "Pulses"),
    "alarm_leak": Said("Báo rò rỉ", "Leak alarm"),
    "alarm_burst": Said("Báo vỡ ống", "Burst alarm"),
    "alarm_backflow": Said("Báo chảy ngược", "Backflow alarm"),
    "alarm_empty_pipe": Said("Báo ống cạn", "Empty pipe alarm"),
    "alarm_tamper": Said("Báo can thiệp trái phép", "Tamper alarm"),
    "alarm_blocked": Said("Báo kẹt", "Blocked alarm"),
    "alarm_freeze": Said("Báo đóng băng", "Freeze alarm"),
    "alarm_no_flow": Said("Báo không có nước chảy", "No-flow alarm"),
    "valve_open": Said("Van mở", "Valve open"),
    "pump_on": Said("Bơm chạy", "Pump on"),
    "voltage{}_v": Said("Điện áp", "Voltage"),
    "current{}_a": Said("Dòng điện", "Current"),
    "current_max{}_a": Said("Dòng điện lớn nhất", "Highest current"),
    "current_n_a": Said("Dòng trung tính", "Neutral current"),
    "active_power{}_w": Said("Công suất tác dụng", "Active power"),
    "reactive_power{}_var": Said("Công suất phản kháng", "Reactive power"),
    "apparent_power{}_va": Said("Công suất biểu kiến", "Apparent power"),
    "power_factor{}": Said("Hệ số công suất", "Power factor"),
    "frequency_hz": Said("Tần số", "Frequency"),
    "thd_voltage{}_pct": Said("Méo hài điện áp", "Voltage distortion"),
    "thd_current{}_pct": Said("Méo hài dòng điện", "Current distortion"),
    "energy_import{}_kwh": Said("Điện năng nhận", "Energy import"),
    "energy_export{}_kwh": Said("Điện năng phát", "Energy export"),
    "reactive_energy_import_kvarh": Said("Điện năng phản kháng nhận", "Reactive energy import"),
    "reactive_energy_export_kvarh": Said("Điện năng phản kháng phát", "Reactive energy export"),
    "max_demand_w": Said("Công suất cực đại", "Maximum demand"),
    "voltage_dc_v": Said("Điện áp một chiều", "DC voltage"),
    "current_dc_a": Said("Dòng điện một chiều", "DC current"),
    "power_dc_w": Said("Công suất một chiều", "DC power"),
    "relay_on": Said("Rơ le đóng", "Relay closed"),
    "alarm_outage": Said("Báo mất điện", "Outage alarm"),
    "alarm_voltage": Said("Báo điện áp", "Voltage alarm"),
    "alarm_phase": Said("Báo mất pha, sai pha", "Phase alarm"),
    "vehicle_count": Said("Số xe", "Vehicles"),
    "vehicle_count_total": Said("Tổng số xe", "Vehicles in all"),
    "interval_s": Said("Khoảng thời gian", "Interval"),
    "mean_speed_km_h": Said("Tốc độ trung bình", "Mean speed"),
    "speed_p85_km_h": Said("Tốc độ 85 %", "85th percentile speed"),
    "occupancy_pct": Said("Độ chiếm dụng", "Occupancy"),
    "mean_headway_s": Said("Giãn cách thời gian", "Mean headway"),
    "mean_gap_m": Said("Khoảng cách xe", "Mean gap"),
    "queue_length_m": Said("Chiều dài hàng chờ", "Queue length"),
    "congested": Said("Ùn tắc", "Congested"),
    "parking_occupied": Said("Chỗ đỗ có xe", "Parking occupied"),
    "light_on": Said("Đèn sáng", "Light on"),
    "motion": Said("Có chuyển động", "Motion"),
    "alarm_lamp": Said("Báo đèn hỏng", "Lamp alarm"),
    "people_count": Said("Số người", "People"),
    "people_in_total": Said("Tổng lượt vào", "People in, in all"),
    "people_out_total": Said("Tổng lượt ra", "People out, in all"),
    "people_in": Said("Lượt vào", "People in"),
    "people_out": Said("Lượt ra", "People out"),
    "operating_h": Said("Giờ chạy", "Operating hours"),
    "pm1_ug_m3": Said("Bụi PM1", "PM1"),
    "pm2_5_ug_m3": Said("Bụi PM2.5", "PM2.5"),
    "pm10_ug_m3": Said("Bụi PM10", "PM10"),
    "no2_ug_m3": Said("NO₂", "NO₂"),
    "so2_ug_m3": Said("SO₂", "SO₂"),
    "o3_ug_m3": Said("Ozon O₃", "Ozone O₃"),
    "co_ug_m3": Said("CO", "CO"),
    "formaldehyde_ug_m3": Said("Formaldehyde", "Formaldehyde"),
    "co2_ppm": Said("CO₂", "CO₂"),
    "tvoc_ppb": Said("Hợp chất hữu cơ bay hơi", "Volatile organics"),
    "noise_laeq_db": Said("Mức ồn LAeq", "Noise LAeq"),
    "noise_peak_db": Said("Mức ồn đỉnh", "Noise peak"),
    "air_temperature_c": Said("Nhiệt độ không khí", "Air temperature"),
    "relative_humidity_pct": Said("Độ ẩm", "Humidity"),
    "air_pressure_hpa": Said("Áp suất không khí", "Air pressure"),
    "illuminance_lx": Said("Độ rọi", "Illuminance"),
    "light_level_pct": Said("Độ sáng đèn", "Light level"),
    "rain_mm": Said("Tổng lượng mưa", "Rain register"),
    "rain_interval_mm": Said("Lượng mưa", "Rain"),
    "battery_pct": Said("Pin", "Battery"),
    "battery_low": Said("Pin yếu", "Battery low"),
    "battery_v": Said("Điện áp pin", "Battery voltage"),
    "enclosure_temperature_c": Said("Nhiệt độ trong vỏ máy", "Enclosure temperature"),
    "enclosure_humidity_pct": Said("Độ ẩm trong vỏ máy", "Enclosure humidity"),
    "rssi_dbm": Said("Cường độ sóng", "Signal strength"),
    "snr_db": Said("Tỷ số tín hiệu/nhiễu", "Signal to noise"),
    "frame_counter": Said("Số khung tin", "Frame counter"),
    "uptime_s": Said("Thời gian chạy", "Uptime"),
}
"""Field → its short name; braces stand for a phase or a tariff."""

_EACH: Final = {
    name.format(key): Said(said.vi + text, said.en + text)
    for name, said in _NAMES.items()
    for key, text in (_PARTS if "{}" in name else {"": ""}).items()
}


class QuantityWords(NamedTuple):
    """A quantity for people.

    :ivar state: whether it is true or false.
    """

    name: str
    unit: str
    state: bool


def closed_lists(language: str) -> dict[str, str]:
    """Reasons and causes by their code, what to do about a reason, quality bits and steps; all in one language."""
    found: dict[str, Said] = {}
    for reason, (said, advice) in REASONS.items():
        found |= {reason.value: said, f"advice_{reason.value}": advice}
    found |= {cause.value: said for cause, said in DROPS.items()}
    found |= {cause.value: said for cause, said in IGNORED.items()}
    found |= {f"waits_{cause.value}": said for cause, said in WAITS.items()}
    found |= {f"quality_{bit}": said for bit, said in QUALITY.items()}
    found |= {f"step_{step}": said for step, said in STEPS.items()}
    return {key: getattr(said, language) for key, said in found.items()}


def quantities(language: str) -> dict[str, QuantityWords]:
    """Every field of the table in one language. One that has no name yet is called as it is."""
    return {field: _words(row, language) for rows in QUANTITIES.values() for field, row in rows.items()}


def _words(row: Quantity, language: str) -> QuantityWords:
    said = _EACH.get(row.field)
    name = row.field if said is None else getattr(said, language)
    return QuantityWords(name, UNITS.get(row.unit, row.unit), row.kind is Kind.STATE)
