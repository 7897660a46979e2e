"""The sentences of a device's ladder: what each rung says, and what to do next, in Vietnamese and English."""

from typing import Final, NamedTuple

from gateway.core.devices.setback import WAITS
from gateway.core.message import WaitCause
from gateway.core.status.rungs import RungName
from schemas.glossary import REASONS, Words
from schemas.rejects import RejectReason


class RungWords(NamedTuple):
    """The sentence of a code, and the advice; None: there is nothing to do."""

    said: Words
    advice: Words | None


def _rung(vi: str, en: str, *advice: str) -> RungWords:
    """Words of a rung: the sentence in both languages, and where there is something to do the advice in both."""
    return RungWords(Words(vi, en), Words(*advice) if advice else None)


RUNGS: Final[dict[RungName, Words]] = {
    RungName.HEARD: Words("Nghe thấy", "Heard"),
    RungName.REGISTERED: Words("Đăng ký", "Registered"),
    RungName.PROFILE: Words("Hồ sơ", "Profile"),
    RungName.PAYLOAD: Words("Bản tin", "Message"),
    RungName.VALUES: Words("Giá trị", "Values"),
    RungName.CLOCK: Words("Đồng hồ", "Clock"),
    RungName.COUNTER: Words("Chỉ số", "Counter"),
    RungName.INFLUXDB: Words("Trong InfluxDB", "In InfluxDB"),
    RungName.ALARMS: Words("Cảnh báo", "Alarms"),
}
"""The names of the rungs."""

_REACH_IT: Final = Words(
    "Kiểm tra nguồn điện, ăng-ten, địa chỉ máy chủ MQTT và topic của thiết bị.",
    "Check its power, its antenna, and the broker's address and the topic that are set in it.",
)
_SET_CLOCK: Final = Words(
    "Chỉnh giờ, ngày và múi giờ của thiết bị; số đo vẫn được ghi.",
    "Set the time, date and time zone of the device; its readings are written all the same.",
)
_KEYS: Final = Words(
    "Sửa tên khóa trong mẫu bản tin của thiết bị, hoặc viết hồ sơ (profile) cho nó.",
    "Correct the key in the device's template, or write a profile for it.",
)
_EXCHANGE: Final = Words(
    "Nếu đồng hồ (công tơ) đã được thay, hãy bấm nút bên dưới; nếu không, chờ thêm hai số đo.",
    "If the meter was exchanged, press the button below; if not, wait for two more readings.",
)

SAID: Final[dict[str, RungWords]] = {
    "not_reached": _rung("chưa tới bước này", "not reached yet"),
    "known_elsewhere": _rung("xem trên trang của cổng đó", "see its page there"),
    "well_simulated": _rung("Tốt: số đo mô phỏng đã vào InfluxDB", "All is well: its simulated readings stand in InfluxDB"),
    # Heard.
    "heard": _rung("nghe lần cuối {heard_ms}", "last heard {heard_ms}"),
    "heard_elsewhere": _rung("cổng khác nghe thấy, lần cuối {heard_ms}", "heard by another gateway, last {heard_ms}"),
    "heard_in_doubt": _rung(
        "nghe lần cuối {heard_ms}; chưa biết cổng khác có nghe không",
        "last heard {heard_ms}; others may hear it",
        "Xem trang chính: nó nêu cổng nào không báo.",
        "See the main page: it names the gateway that does not report.",
    ),
    "not_heard_yet": _rung("mới đăng ký, chưa nghe thấy lần nào", "registered lately, not heard yet", *_REACH_IT),
    "never_heard": _rung("đã đăng ký nhưng chưa nghe thấy lần nào", "registered, but never heard", *_REACH_IT),
    "only_retained": _rung(
        "chỉ có bản tin lưu cũ trên máy chủ MQTT",
        "only old messages that the broker retains",
        "Chờ thiết bị gửi bản tin mới; nếu không có, kiểm tra nguồn điện.",
        "Wait for it to send; if it does not, check its power.",
    ),
    "silent": _rung(
        "im lặng, nghe lần cuối {heard_ms}; lẽ ra phải gửi trong {after_s}",
        "silent: last heard {heard_ms}, expected within {after_s}",
        "Kiểm tra nguồn điện, pin, ăng-ten và sóng tại chỗ.",
        "Check its power, its battery, its antenna and the coverage where it stands.",
    ),
    "said_goodbye": _rung(
        "đã báo ngắt kết nối, nghe lần cuối {heard_ms}",
        "it said that it is offline; last heard {heard_ms}",
        "Bật lại thiết bị, hoặc kiểm tra kết nối mạng của nó.",
        "Switch it on again, or check its connection to the network.",
    ),
    "broker_away": _rung(
        "cổng mất kết nối với máy chủ MQTT, không nghe được ai",
        "the gateway is not connected to the broker and hears nobody",
        "Báo người trực: sửa kết nối của cổng trước.",
        "Tell the operator: the gateway's connection comes first.",
    ),
    "floods": _rung(
        "gửi khoảng {per_s} bản tin mỗi giây, quá nhiều",
        "it sends about {per_s} messages a second, far too many",
        "Kiểm tra chu kỳ gửi đã cài, hoặc lỗi khởi động lại liên tục.",
        "Check the interval that is set in it; perhaps it restarts all the time.",
    ),
    "floods_heavy": _rung(
        "gửi khoảng {kb_per_s} kB mỗi giây, quá nhiều",
        "it sends about {kb_per_s} kB a second, far too much",
        "Kiểm tra chu kỳ gửi và cỡ bản tin đã cài, hoặc lỗi lặp lại liên tục.",
        "Check the interval and the size of messages that are set in it; perhaps it repeats itself.",
    ),
    # Registered.
    "registered": _rung("đã đăng ký", "registered"),
    "not_registered": _rung(
        "chưa đăng ký; số đo được ghi nhưng không có khu vực, không ai theo dõi",
        "not registered: its readings are written without an area, and nobody misses them",
        "Đăng ký thiết bị.",
        "Register it.",
    ),
    "waits_registration": _rung(
        "chưa đăng ký; {count} bản tin đang chờ, chưa ghi",
        "not registered; messages that wait, unwritten: {count}",
        "Đăng ký thiết bị; các bản tin đang chờ sẽ được ghi.",
        "Register it; the messages that wait are written then.",
    ),
    f"{WAITS}{WaitCause.UNKNOWN_DEVICE}": _rung(
        "bản tin chứa thiết bị chưa đăng ký: {detail}",
        "its message holds a device that is not registered: {detail}",
        "Đăng ký thiết bị đó.",
        "Register that device.",
    ),
    # Profile.
    "profile_is": _rung("{profile}", "{profile}"),
    "profile_fits": _rung("có hồ sơ đọc được bản tin", "a profile reads its messages"),
    "profile_open": _rung("chưa biết", "not known yet"),
    f"{WAITS}{WaitCause.NO_BIRTH}": _rung(
        "bản tin chờ khai báo Sparkplug (birth) của {detail}",
        "its messages wait for the Sparkplug birth of {detail}",
        "Khởi động lại nút mạng để nó gửi NBIRTH.",
        "Restart the edge node so that it sends NBIRTH.",
    ),
    f"{WAITS}{WaitCause.CODEC}": _rung(
        "bộ giải mã {detail} đang không được chạy, bản tin đang chờ",
        "the codec {detail} is not run now, its messages wait",
        "Báo người quản trị: trang trạng thái nói vì sao và phải làm gì.",
        "Tell the administrator: the status page says why, and what to do.",
    ),
    # Message.
    "payload_good": _rung("đọc được", "it can be read"),
    "no_reading_yet": _rung(
        "đã nghe thấy, nhưng chưa có bản tin số đo nào",
        "heard, but it has sent no reading yet",
        "Chờ chu kỳ gửi kế tiếp; nếu vẫn không có, kiểm tra topic số đo.",
        "Wait for its next interval; if nothing comes, check the topic of its readings.",
    ),
    "duplicate": _rung("bản tin cuối trùng với bản tin trước", "the last message repeats an earlier one"),
    "repeats": _rung(
        "chỉ lặp lại một bản tin cũ, từ {since_ms}",
        "it only repeats one message, since {since_ms}",
        "Thời gian trong bản tin không đổi: kiểm tra đồng hồ thiết bị, hoặc khởi động lại nó.",
        "The time in its messages stands still: check its clock, or restart it.",
    ),
    # Values.
    "values_good": _rung("đều nhận được", "all taken"),
    "no_quantity_guess": _rung(
        "không có đại lượng nào; khóa lạ: {keys}. Có phải {key} là {guess}?",
        "no quantity in it; unknown keys: {keys}. Did you mean {guess} by {key}?",
        *_KEYS,
    ),
    "unknown_key_guess": _rung(
        "khóa lạ bị bỏ qua: {keys}. Có phải {key} là {guess}?",
        "unknown keys left out: {keys}. Did you mean {guess} by {key}?",
        *_KEYS,
    ),
    "unknown_keys": _rung("nhận được; khóa lạ bị bỏ qua: {keys}", "taken; unknown keys left out: {keys}"),
    "no_value_told": _rung("nhận được; thiết bị báo có giá trị trống", "taken; the device says that it lacks some"),
    "values_dropped": _rung(
        "bị bỏ từ {since_ms}: {keys} ({cause})",
        "dropped since {since_ms}: {keys} ({cause})",
        "So giá trị trên mặt đồng hồ với bản tin: đơn vị, thang đo, cảm biến hỏng.",
        "Compare the display with the message: its unit, its scale, a broken sensor.",
    ),
    # Clock.
    "clock_good": _rung("đúng, lệch {offset_s}", "right, within {offset_s}"),
    "clock_or_delay": _rung(
        "chậm {offset_s}: đồng hồ chậm, hoặc bản tin đến muộn", "{offset_s} behind: its clock, or the delay of its messages"
    ),
    "clock_not_told": _rung("chưa báo giờ; dùng giờ của cổng", "it has told no time; the gateway's is used"),
    "clock_not_believed": _rung(
        "sai {offset_s} ({side}); số đo mang giờ của cổng",
        "wrong by {offset_s} ({side}); its readings carry the gateway's time",
        "Chỉnh giờ, ngày và múi giờ của thiết bị, hoặc cho biết giờ của nó lệch bao nhiêu.",
        "Set the time, date and time zone of the device, or say by how much its clock is off.",
    ),
    "clock_asked": _rung(
        "giờ của thiết bị chậm khoảng {offset_s}? Số liệu theo giờ của nó bị đánh dấu đáng ngờ",
        "is its clock about {offset_s} behind? Its hours are marked suspect",
        "So với giờ thật. Nếu đúng, xác nhận clock_offset = {clock_offset} để cổng chỉnh lại, hoặc chỉnh giờ của thiết bị. "
        "Nếu nó chỉ gửi muộn, ghi silent_after dài hơn thế.",
        "Compare it with the right time. If so, confirm clock_offset = {clock_offset} and the gateway corrects it, or set its "
        "time. If it only sends late, give it a silent_after that is longer.",
    ),
    "clock_ahead": _rung("nhanh {offset_s}", "{offset_s} ahead", *_SET_CLOCK),
    "clock_behind": _rung(
        "số đo mới nhất cũ {offset_s}: gửi muộn, hoặc đồng hồ chậm",
        "its newest reading is {offset_s} old: it sends late, or its clock is behind",
        "Nếu thiết bị không gửi bù, hãy chỉnh giờ, ngày và múi giờ của nó.",
        "Unless it sends a backlog, set its time, date and time zone.",
    ),
    "gateway_clock_doubted": _rung(
        "đồng hồ của cổng đáng ngờ, không so được",
        "the gateway's own clock is doubted, nothing can be said",
        "Báo người trực: chỉnh giờ của cổng trước.",
        "Tell the operator: the gateway's clock comes first.",
    ),
    # Counter.
    "counters_good": _rung("{count} chỉ số tăng đều", "counters that go on: {count}"),
    "no_counter": _rung("không có chỉ số đếm", "it counts nothing"),
    "counter_back": _rung(
        "{counter} lùi từ {before} về {value}, chờ số đo kế tiếp xác nhận",
        "{counter} went back from {before} to {value}; the next readings must confirm it",
        *_EXCHANGE,
    ),
    "counter_jumped": _rung(
        "{counter} nhảy từ {before} lên {value}, chờ số đo kế tiếp xác nhận",
        "{counter} jumped from {before} to {value}; the next readings must confirm it",
        *_EXCHANGE,
    ),
    "counter_exchanged": _rung(
        "vừa thay đồng hồ (công tơ), chờ số đo đầu", "the meter was exchanged; its first reading is awaited"
    ),
    "sums_awaited": _rung("chờ đọc tổng cũ từ InfluxDB", "its former sums must first be read from InfluxDB"),
    "sums_wrong": _rung(
        "tổng từ {since_ms} sẽ được tính lại trong đêm, vì có số đo đến muộn",
        "its sums since {since_ms} are worked out again in the night, since readings came late",
        "Không cần làm gì; hoặc chạy gateway devices resum ngay.",
        "Nothing to do; or run gateway devices resum now.",
    ),
    # In InfluxDB.
    "in_influxdb": _rung(
        "số đo lúc {arrival_ms} đã vào InfluxDB, sau nhiều nhất {late_s}",
        "the reading of {arrival_ms} stands in InfluxDB, after {late_s} at most",
    ),
    "in_influxdb_once": _rung("số đo lúc {arrival_ms} đã vào InfluxDB", "the reading of {arrival_ms} stands in InfluxDB"),
    "in_journal": _rung(
        "số đo lúc {arrival_ms} nằm an toàn trên đĩa, chờ InfluxDB",
        "the reading of {arrival_ms} is safe on disk and waits for InfluxDB",
        "Không cần làm gì tại thiết bị: cổng tự ghi khi InfluxDB nhận lại.",
        "Nothing to do at the device: it is written as soon as InfluxDB accepts readings.",
    ),
    "given_up": _rung(
        "số đo lúc {arrival_ms} đã bị bỏ: quá cũ, hoặc hết chỗ lưu tạm",
        "the reading of {arrival_ms} was given up: too old, or no room to wait",
        "Báo người quản trị: InfluxDB hoặc đĩa của cổng.",
        "Tell the administrator: InfluxDB, or the gateway's disk.",
    ),
    "on_its_way": _rung(
        "số đo lúc {arrival_ms} đang trên đường",
        "the reading of {arrival_ms} is on its way",
        "Chờ vài giây.",
        "Wait a few seconds.",
    ),
    "whereabouts_unknown": _rung("chưa biết, từ lúc cổng khởi động", "not known since the gateway started"),
    # Alarms.
    "no_alarm": _rung("không có", "none"),
    "alarm_urgent": _rung(
        "{alarm} Đang mở {count}, chưa ai tiếp nhận",
        "{alarm} Active: {count}, nobody sees to it",
        "Tiếp nhận và xử lý cảnh báo.",
        "Acknowledge the alarm and see to it.",
    ),
    "alarm_active": _rung(
        "{alarm} Đang mở: {count}", "{alarm} Active: {count}", "Xem cảnh báo và lời khuyên.", "See the alarm and its advice."
    ),
}
"""Code of a rung → its sentence. Codes of rejects say what the glossary says."""

NAMES: Final = {
    "native": Words("dạng chuẩn của cổng, không cần hồ sơ", "the gateway's own format, no profile needed"),
    "ahead": Words("nhanh", "ahead"),
    "behind": Words("chậm", "behind"),
}
"""Arguments that are words themselves."""


def rung_words(code: str) -> RungWords:
    """The sentence and the advice of a code."""
    found = SAID.get(code)
    return RungWords(*REASONS[RejectReason(code)]) if found is None else found
