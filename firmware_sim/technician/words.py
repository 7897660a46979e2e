"""The words of the screen and of the script's lines, in Vietnamese and English."""

from datetime import datetime
from typing import Final

from firmware_sim.devices.source import SensorValue
from firmware_sim.technician.controls import KNOBS
from firmware_sim.technician.fates import Became, MessageFate, TakenPoint
from firmware_sim.technician.played import PlayedMessage
from firmware_sim.technician.session import PlaySession, SentMessage
from schemas.details import in_vietnamese
from schemas.glossary import DROPS, QUALITY, REASONS, Words, quantities
from schemas.printable import printable
from schemas.rejects import DropCause, RejectReason

LANGUAGES: Final = ("vi", "en")

TEXTS: Final[dict[str, Words]] = {
    "values": Words("Giá trị", "Values"),
    "fixed": Words("giá trị cố định, lấy từ phép thử trong hồ sơ", "fixed values, from the tests in the profile"),
    "conditions": Words("Sự cố", "What is wrong"),
    "actions": Words("Thao tác", "Do"),
    "number": Words("số", "no."),
    "time": Words("lúc", "at"),
    "kind": Words("bản tin", "message"),
    "broker": Words("xác nhận", "acked in"),
    "became": Words("cổng đã làm gì với nó", "what became of it"),
    "connected": Words("đã nối", "connected"),
    "no_network": Words("mất mạng, lưu {} bản tin", "no network, {} messages stored"),
    "empty": Words("pin đã cạn, thiết bị im lặng", "battery empty, the device is silent"),
    "connecting": Words("đang nối…", "connecting…"),
    "gateway": Words("cổng", "gateway"),
    "gateway_ok": Words("trả lời", "answers"),
    "journal": Words("InfluxDB không trả lời: cổng lưu tạm số đo", "InfluxDB is away: the gateway keeps the points"),
    "no_gateway": Words(
        "Thêm --gateway URL để xem cổng làm gì với mỗi bản tin", "Add --gateway URL to see what became of each message"
    ),
    "refused": Words(
        "Cổng từ chối mọi thiết bị mô phỏng (limits.simulated: reject trong gateway.yaml)",
        "The gateway refuses all simulated devices (limits.simulated: reject in its gateway.yaml)",
    ),
    "waits": Words(
        "Bản tin nằm chờ: thiết bị chưa đăng ký trong devices.yaml của cổng",
        "The messages wait: the device is not in the gateway's devices.yaml",
    ),
    "never_met": Words(
        "Cổng không nhận được gì: kiểm tra cổng có cùng máy chủ MQTT và có đăng ký nhận topic này không (profiles.enable)",
        "The gateway got nothing: check that it is on the same broker and subscribed to the topic (profiles.enable)",
    ),
    "register": Words(
        "Đăng ký ở cổng trước: {{id: {}, source: {}, profile: {}}}",
        "Register it in the gateway first: {{id: {}, source: {}, profile: {}}}",
    ),
    "acknowledged": Words("xác nhận sau {} ms", "acknowledged after {} ms"),
    "not_acknowledged": Words("chưa được xác nhận", "not acknowledged"),
    "unknown": Words("không rõ cổng đã làm gì", "the gateway did not tell what became of it"),
    "sum": Words(
        "{} bản tin đã gửi, {} được máy chủ MQTT xác nhận, {} còn lưu trong thiết bị",
        "{} messages sent, {} acknowledged by the broker, {} still stored in the device",
    ),
    "keys": Words(
        "↑↓ chọn núm   ←→ chỉnh   dấu cách: dừng/chạy   Tab: bảng tin   q: thoát",
        "↑↓ choose a knob   ←→ change it   space: pause   Tab: messages   q: quit",
    ),
    "all_well": Words("Gửi đều đặn", "It sends by itself"),
    "paused": Words("đang dừng: chỉ gửi khi bạn bảo", "paused: it sends only when told"),
}

KINDS: Final = {
    "reading": Words("số đo", "reading"),
    "stored": Words("{} số đo đã lưu", "{} stored readings"),
    "repeat": Words("gửi lại", "repeat"),
    "garbage": Words("tin hỏng", "garbage"),
    "bad_value": Words("giá trị sai", "bad value"),
}

BECAME: Final = {
    Became.TAKEN: Words("đã nhận", "taken"),
    Became.DUPLICATE: Words("trùng lặp, chỉ ghi một lần", "duplicate, it stands once"),
    Became.REJECTED: Words("bị từ chối", "refused"),
    Became.WAITING: Words("đang chờ đăng ký thiết bị", "waits for the device's registration"),
    Became.IGNORED: Words("được bỏ qua", "ignored"),
    Became.PASSED: Words(
        "đã nhận (không xem riêng: tin sau đến ngay)", "taken (not seen by itself: the next one came at once)"
    ),
}

FAULTS: Final = {
    "cut short": "bị cắt cụt",
    "garbage frame": "toàn byte rác",
    "sentinel": "là -9999",
    "Latin-1": "mã Latin-1",
    "only text": "chỉ có chữ",
    "only a number": "chỉ có một số",
    "nothing measured": "không có số đo",
    "above its bound": "quá lớn",
    "below its bound": "quá nhỏ",
    "not a number": "không phải số",
    "infinite": "vô cùng",
    "placeholder": "dấu ???",
    "with its unit": "kèm đơn vị",
    "boolean": "đúng/sai",
}
"""A fault's name → in Vietnamese; one without stays as it is."""

SHOWN_FIELDS: Final = 4
ON_KNOBS: Final = frozenset(knob.field for knobs in KNOBS.values() for knob in knobs)
"""Fields shown first."""
YES_NO: Final = {"vi": ("không", "có"), "en": ("no", "yes")}


def text(key: str, language: str, *holes: object) -> str:
    """A text of the screen."""
    said: str = getattr(TEXTS[key], language)
    return said.format(*holes)


def kind_of(message: PlayedMessage, language: str) -> str:
    """A message in a word or two."""
    said: str = getattr(KINDS[message.kind], language)
    return said.format(message.readings) + (f": {fault_of(message.fault, language)}" if message.fault else "")


def fault_of(fault: str, language: str) -> str:
    """A fault; one of a value has the value's name before it."""
    field, _, rest = fault.partition(" ")
    if field in quantities(language):
        return f"{quantities(language)[field].name} {fault_of(rest, language)}"
    return FAULTS.get(fault, fault) if language == "vi" else fault


def value_text(name: str, value: SensorValue, language: str) -> tuple[str, str]:
    """The name of a quantity, and its value with the unit."""
    said = quantities(language).get(name)
    shown = YES_NO[language][value] if isinstance(value, bool) else f"{value:.10g}"
    if said is None:
        return name, shown
    return said.name, shown if said.state or not said.unit else f"{shown} {said.unit}"


def quality_text(quality: int, language: str) -> str:
    """The quality bits in words; empty for 0."""
    return ", ".join(str(getattr(words, language)) for bit, words in QUALITY.items() if quality & bit)


def fate_text(fate: MessageFate, language: str) -> str:
    """The fate of a message, in a sentence."""
    said = str(getattr(BECAME[fate.became], language))
    if fate.became is Became.REJECTED:
        reason, _ = REASONS[RejectReason(fate.reason)]
        detail = in_vietnamese(fate.detail) if language == "vi" else fate.detail
        return f"{said}: {getattr(reason, language)}: {printable(detail)}"
    parts = [_point_text(point, language) for point in fate.points[:2]]
    if len(fate.points) > len(parts):
        parts.append(f"+{len(fate.points) - len(parts)}")
    dropped = [
        f"{value_text(path, 0, language)[0]}: {getattr(DROPS[DropCause(cause)], language)}" for path, cause in fate.dropped
    ]
    if dropped:
        parts.append(printable(", ".join(dropped)))
    if fate.reason:
        parts.append(f"{getattr(BECAME[Became.REJECTED], language)}: {fate.reason}")
    return f"{said}: {'; '.join(parts)}" if parts else said


def _point_text(point: TakenPoint, language: str) -> str:
    shown = [
        " ".join(value_text(name, value, language))
        for name, value in sorted(point.fields.items(), key=lambda field: field[0] not in ON_KNOBS)
        if name != "seq" and not isinstance(value, bool)
    ]
    raised = [
        quantities(language)[name].name
        for name, value in point.fields.items()
        if value is True and name in quantities(language)
    ]
    quality = quality_text(point.quality, language)
    measured = ", ".join(raised + shown[:SHOWN_FIELDS])
    return f"{point.measurement} [{quality}] {measured}" if quality else f"{point.measurement} {measured}"


def clock_text(instant_ms: int) -> str:
    """A time of day on this machine's clock."""
    return datetime.fromtimestamp(instant_ms / 1000).astimezone().strftime("%H:%M:%S")


def acknowledgement_text(sent: SentMessage, language: str) -> str:
    """The time until the broker acknowledged a message."""
    if sent.acknowledged_ms is None:
        return text("not_acknowledged", language)
    return text("acknowledged", language, sent.acknowledged_ms - sent.sent_ms)


def line_of(sent: SentMessage, language: str, *, asked: bool) -> str:
    """A message's story as one line.

    :param asked: a gateway is asked about it.
    """
    told = "" if not asked else fate_text(sent.fate, language) if sent.fate else text("unknown", language)
    parts = (
        f"{clock_text(sent.sent_ms)}  {sent.message.number:>3}",
        kind_of(sent.message, language),
        acknowledgement_text(sent, language),
        told,
    )
    return "  ".join(part for part in parts if part)


def notice_of(session: PlaySession, instant_ms: int, language: str) -> tuple[str, bool]:
    """The most important thing about a session in a sentence, and if it is mere information."""
    device, watch = session.device, session.watch
    found = [
        (session.refuses_simulated, text("refused", language)),
        (session.waits_for_registration, text("waits", language)),
        (device.writer.is_empty(instant_ms), text("empty", language)),
        (not device.is_connected(instant_ms), text("no_network", language, len(device.stored))),
        (bool(session.link.trouble) and not session.link.connected.is_set(), f"{session.broker}: {session.link.trouble}"),
        (watch is not None and watch.influxdb_up is False, text("journal", language)),
    ]
    warning = next((said for holds, said in found if holds), None)
    if warning is not None:
        return printable(warning), False
    if session.identity.profile and not (watch is not None and watch.met):
        identity = session.identity
        return text("register", language, identity.name, identity.sends_as, identity.profile), True
    return text("paused" if device.paused else "no_gateway" if watch is None else "all_well", language), True
