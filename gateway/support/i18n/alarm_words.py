"""Texts of the pages about alarms, planned work, shifts and the audit log; and the conditions of alarm rules in words."""

from typing import Final

from gateway.core.alarms.rules import (
    ClockWrong,
    Completeness,
    Condition,
    CounterStep,
    Limit,
    Losses,
    Night,
    Param,
    Rule,
    Silent,
    Stuck,
    Usual,
    Values,
)
from gateway.support.i18n.formats import written_span
from schemas.glossary import Words, quantities

ALARM_WORDS: Final[dict[str, Words]] = {
    "nav_alarms": Words("Cảnh báo", "Alarms"),
    "nav_shift": Words("Ca trực", "Shift"),
    "nav_audit": Words("Thay đổi", "Audit"),
    # Active alarms.
    "alarms_title": Words("Cảnh báo", "Alarms"),
    "no_alarms": Words("Không có cảnh báo nào.", "No alarm is active."),
    "found_alarms": Words("{} cảnh báo đang diễn ra", "{} active alarms"),
    "any_severity": Words("Mọi mức độ", "Any severity"),
    "severity": Words("Mức độ", "Severity"),
    "any_area": Words("Mọi khu vực", "Any area"),
    "critical": Words("nghiêm trọng", "critical"),
    "warning": Words("cảnh báo", "warning"),
    "info": Words("thông tin", "information"),
    "alarm_at": Words("Ở đâu", "Where"),
    "alarm_what": Words("Việc gì", "What"),
    "overdue_times": Words("quá hạn tiếp nhận, đã nhắc {} lần", "overdue: nobody acknowledged it; reminders: {}"),
    "known_note": Words("{} đã tiếp nhận: {}", "{} sees to it: {}"),
    "acknowledged_done": Words("Đã tiếp nhận {acknowledged}.", "{acknowledged} is acknowledged."),
    "note_optional": Words("Ghi chú (không bắt buộc)", "Note (not required)"),
    "sign_in_to_acknowledge": Words(
        "Đăng nhập bằng tài khoản kỹ thuật viên để tiếp nhận.", "Sign in as a technician to acknowledge."
    ),
    "alarm_history": Words("Lịch sử cảnh báo", "History of alarms"),
    "alarm_history_of": Words("Lịch sử cảnh báo: {}", "History of alarms: {}"),
    "alarm_rules": Words("Quy tắc cảnh báo", "Rules of alarms"),
    "change_raised": Words("bắt đầu", "raised"),
    "change_cleared": Words("kết thúc, sau {}", "ended, after {}"),
    "change_changed": Words("được {} tiếp nhận {}", "acknowledged by {} {}"),
    "change_overdue": Words("chưa ai tiếp nhận, nhắc lần {}", "nobody acknowledged it, told of again, time {}"),
    "change_counted": Words("gộp {} thay đổi liên tiếp", "one for {} changes in a row"),
    # Planned work.
    "planned_title": Words("Việc theo kế hoạch", "Planned work"),
    "planned_means": Words(
        "Trong lúc làm việc, cảnh báo tại đó vẫn được ghi nhận nhưng không báo cho ai.",
        "While it goes on, alarms at its place are noted as ever, and nobody is told.",
    ),
    "planned_none": Words("Không có việc nào theo kế hoạch.", "No work is planned."),
    "planned_until": Words("đến {}", "until {}"),
    "planned_by": Words("{}: {}", "{}: {}"),
    "planned_everywhere": Words("mọi nơi", "everywhere"),
    "planned_end": Words("Kết thúc ngay", "End it now"),
    "planned_ended": Words("Đã kết thúc.", "It is over."),
    "planned_new": Words("Lập kế hoạch", "Plan work"),
    "planned_done": Words("Đã lập kế hoạch.", "The work is planned."),
    "planned_for": Words("Trong bao lâu", "For how long"),
    "planned_note": Words("Làm việc gì", "What is done"),
    "planned_site": Words("Địa điểm", "Site"),
    "planned_device": Words("hoặc một thiết bị", "or one device"),
    "planned_in_all": Words("hoặc mọi nơi: không báo ai cảnh báo nào", "or everywhere: nobody is told of any alarm"),
    "responsible": Words("Người chịu trách nhiệm", "Who is responsible"),
    # Shift.
    "shift_title": Words("Bàn giao ca", "Handing over the shift"),
    "shift_since": Words("Từ {} đến {}", "From {} to {}"),
    "shift_last": Words("{} qua", "Last {}"),
    "shift_open": Words("Còn mở khi bàn giao", "Open at the handover"),
    "shift_unseen": Words("chưa ai tiếp nhận", "nobody acknowledged it"),
    "shift_happened": Words("Đã xảy ra", "What happened"),
    "shift_nothing": Words("Không có gì xảy ra.", "Nothing happened."),
    "shift_more": Words("Còn nữa: xem lịch sử cảnh báo.", "There is more: see the history of alarms."),
    "shift_changes": Words("Người đã thay đổi gì", "What people changed"),
    "shift_no_changes": Words("Không ai thay đổi gì.", "Nobody changed anything."),
    "shift_handed_over": Words("Người giao ca", "Handed over by"),
    "shift_taken_over": Words("Người nhận ca", "Taken over by"),
    "print": Words("In trang này bằng trình duyệt.", "Print this page with the browser."),
    # Audit.
    "audit_title": Words("Nhật ký thay đổi", "Audit log"),
    "audit_means": Words(
        "Ai đã thay đổi gì, nối nhau bằng mã băm: sửa một dòng là lộ. Kiểm tra bằng gateway audit verify.",
        "Who changed what, chained by hashes: an altered line shows. gateway audit verify checks it.",
    ),
    "audit_none": Words("Chưa có thay đổi nào.", "Nothing was changed yet."),
    "at_time": Words("Lúc", "When"),
    "audit_who": Words("Ai", "Who"),
    "audit_what": Words("Việc gì", "What"),
    "audit_about": Words("Chi tiết", "Details"),
    "audit_subject": Words("về", "about"),
    "audit_before": Words("trước", "before"),
    "audit_after": Words("sau", "after"),
    "role_command": Words("lệnh trên máy này", "a command on this machine"),
}
"""Key → text; a text that a script fills has the name of the value in its holes."""

ACTIONS: Final[dict[str, Words]] = {
    "alarm acknowledged": Words("tiếp nhận cảnh báo", "alarm acknowledged"),
    "device changed": Words("sửa thiết bị", "device changed"),
    "device moved": Words("chuyển thiết bị", "device moved"),
    "device registered": Words("đăng ký thiết bị", "device registered"),
    "device retired": Words("ngừng dùng thiết bị", "device retired"),
    "devices imported": Words("nhập danh sách thiết bị", "devices imported"),
    "journal dropped": Words("bỏ nhật ký lưu tạm", "journal dropped"),
    "lost readings acknowledged": Words("ghi nhận số đo đã mất", "lost readings acknowledged"),
    "meter exchanged": Words("thay đồng hồ", "meter exchanged"),
    "amount told": Words("khai lượng ước tính hoặc điều chỉnh", "amount told"),
    "month closed": Words("chốt tháng", "month closed"),
    "photo removed": Words("xóa ảnh thiết bị", "photo removed"),
    "photo taken": Words("chụp ảnh thiết bị", "photo taken"),
    "planned work ended": Words("kết thúc việc theo kế hoạch", "planned work ended"),
    "rejects purged": Words("xóa bản tin bị từ chối", "rejects purged"),
    "waiting messages purged": Words("xóa bản tin đang chờ", "waiting messages purged"),
    "rejects replayed": Words("xử lý lại bản tin bị từ chối", "rejects replayed"),
    "sums worked out again": Words("tính lại số cộng dồn", "sums worked out again"),
    "token given": Words("cấp mã truy cập", "token given"),
    "access given": Words("cho cơ quan khác xem", "access given to an agency"),
    "access removed": Words("ngừng cho cơ quan khác xem", "access of an agency removed"),
    "token removed": Words("thu hồi mã truy cập", "token removed"),
    "work planned": Words("lập kế hoạch công việc", "work planned"),
}
"""Action of the audit log → its text."""


_AND: Final = Words(" và ", " and ")
_IS_TRUE: Final = Words("thiết bị báo: {name}", "the device says: {name}")
_DIRECTIONS: Final = {
    "above": Words("{name} trên {limit}", "{name} above {limit}"),
    "below": Words("{name} dưới {limit}", "{name} below {limit}"),
}
_OF_USUAL: Final = {
    Usual.HOUR: Words("{share} mức thường lệ của giờ đó", "{share} of what is usual at this hour"),
    Usual.PEAK: Words("{share} mức thường lệ của giờ cao điểm", "{share} of what is usual at the peak hour"),
}
_OF_PARAM: Final = Words("{share} params.{param}", "{share} of params.{param}")
_DEFAULT: Final = Words(" (không ghi: {default:g})", " (else {default:g})")
_OF_PARENT: Final = Words(" của thiết bị cấp trên", " of the device that it hangs behind")
_UNTIL: Final = Words(", hết khi {limit}", ", over at {limit}")
_SILENT: Final = {
    "device": Words("không có tin nào trong silent_after", "nothing came for its silent_after"),
    "site": Words(
        "quá nửa số thiết bị của địa điểm im lặng (ít nhất ba)",
        "more than half of the site's devices, at least three, are silent",
    ),
}
_NIGHT: Final = Words(
    "lưu lượng thấp nhất ban đêm trên {limit}, {nights} đêm liền",
    "lowest flow of the night above {limit}, {nights} nights in a row",
)
_LEAST: Final = Words(" và trên {least:g} m³/h", " and above {least:g} m³/h")
_COMPLETENESS: Final = Words("dưới {pct:g} % số đo của một ngày đã đến", "less than {pct:g} % of a day's readings arrived")
_STEP: Final = Words(
    "chỉ số nhảy mà không báo thay, {readings} số đo liền",
    "a register stepped without an exchange, {readings} readings in a row",
)
_STUCK_BY: Final = {
    "flow": Words("chính thiết bị báo có lưu lượng, công suất hoặc lượt đếm", "its own flow, power or counts speak against it"),
    "behind": Words("các đồng hồ phía sau vẫn đếm", "the meters behind it count"),
    "habit": Words("trái với thói quen của nó", "that is against its habit"),
}
_STUCK: Final = Words(
    "chỉ số đứng yên mà {why}, gấp {times:g} lần mức từng có",
    "a register stands still, and {why}, {times:g} times as much as ever",
)
_LOSSES: Final = Words(
    "thất thoát phía sau trong {days} ngày trên {limit} lượng cấp, {usual:g} lần mức thường lệ và {least:g} m³ hoặc kWh/ngày",
    "losses behind it in {days} days above {limit} of the supply, {usual:g} times what is usual, and {least:g} m³ or kWh a day",
)
_CLOCK: Final = Words(
    "giờ của thiết bị nhanh quá time.max_future, hoặc suốt một giờ số đo mới nhất chậm gần như nhau",
    "its clock is ahead by more than time.max_future, or for an hour its freshest readings are behind by about the same",
)
_FOR: Final = Words("kéo dài {span}", "for {span}")
_CLEAR_AFTER: Final = Words("hết khi đã qua {span}", "over when it has been gone for {span}")


def condition_words(rule: Rule, language: str) -> list[str]:
    """A sentence for each condition of a rule, one of which is enough, and then for how long it must stand."""
    said = [_condition(condition, language) for condition in rule.when]
    spans = ((_FOR, rule.for_ms), (_CLEAR_AFTER, rule.clear_after_ms))
    said += [_say(words, language, span=written_span(span_ms)) for words, span_ms in spans if span_ms]
    return list(dict.fromkeys(said))


def rule_document(rule: Rule) -> dict[str, object]:
    """A rule as a document of the API."""
    return {
        "alarm": rule.name,
        "severity": rule.severity.value,
        "text": dict(rule.text),
        "advice": dict(rule.advice),
        "when": {language: condition_words(rule, language) for language in ("vi", "en")},
        "source": rule.source,
    }


def _say(words: Words, language: str, **params: object) -> str:
    return str(getattr(words, language)).format(**params)


def _condition(condition: Condition, language: str) -> str:
    match condition:
        case Values():
            return _say(_AND, language).join(_limit(limit, language) for limit in condition.limits)
        case Silent():
            return _say(_SILENT[condition.of], language)
        case Night():
            least = _say(_LEAST, language, least=condition.least_m3_h) if condition.least_m3_h else ""
            limit = _scaled(condition.above, condition.of, "m³/h", language)
            return _say(_NIGHT, language, limit=limit, nights=condition.nights) + least
        case Completeness():
            return _say(_COMPLETENESS, language, pct=100 * condition.below)
        case CounterStep() | Stuck() | Losses():
            return _counted(condition, language)
        case ClockWrong():
            return _say(_CLOCK, language)


def _counted(condition: CounterStep | Stuck | Losses, language: str) -> str:
    if isinstance(condition, CounterStep):
        return _say(_STEP, language, readings=condition.readings)
    if isinstance(condition, Stuck):
        return _say(_STUCK, language, why=_say(_STUCK_BY[condition.by], language), times=condition.times)
    limit = _scaled(100 * condition.above, condition.of, "%", language)
    return _say(_LOSSES, language, limit=limit, days=condition.days, usual=condition.usual, least=condition.least)


def _limit(limit: Limit, language: str) -> str:
    name, unit, is_state = quantities(language)[limit.field]
    if is_state:
        text = _say(_IS_TRUE, language, name=name)
    else:
        number = _scaled(limit.value, limit.of, unit, language)
        text = _say(_DIRECTIONS[limit.direction], language, name=name, limit=number)
        if limit.clear != limit.value:
            text += _say(_UNTIL, language, limit=_share(limit.clear, limit.of, unit))
    return text + (_say(_OF_PARENT, language) if limit.at == "parent" else "")


def _scaled(value: float, of: Param | Usual | None, unit: str, language: str) -> str:
    """A limit as a number with its unit, or as a share of what it is a multiple of."""
    share = _share(value, of, unit)
    if of is None:
        return share
    if not isinstance(of, Param):
        return _say(_OF_USUAL[of], language, share=share)
    text = _say(_OF_PARAM, language, share=share, param=of.name)
    return text if of.default is None else text + _say(_DEFAULT, language, default=of.default)


def _share(value: float, of: Param | Usual | None, unit: str) -> str:
    return f"{value:g} {unit}".rstrip() if of is None else f"{100 * value:g} %"
