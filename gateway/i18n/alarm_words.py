"""Texts of the pages about alarms, planned work, shifts and the audit log."""

from typing import Final

from schemas.glossary import Words

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
    "overdue_times": Words("quá hạn tiếp nhận, đã nhắc {} lần", "overdue: nobody acknowledged it, told of again {} times"),
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
    "planned_site": Words("Địa điểm (trống: mọi nơi)", "Site (empty: everywhere)"),
    "planned_device": Words("Thiết bị (nếu chỉ một)", "Device (if it is one alone)"),
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
    "photo removed": Words("xóa ảnh thiết bị", "photo removed"),
    "photo taken": Words("chụp ảnh thiết bị", "photo taken"),
    "planned work ended": Words("kết thúc việc theo kế hoạch", "planned work ended"),
    "rejects purged": Words("xóa bản tin bị từ chối", "rejects purged"),
    "waiting messages purged": Words("xóa bản tin đang chờ", "waiting messages purged"),
    "rejects replayed": Words("xử lý lại bản tin bị từ chối", "rejects replayed"),
    "sums worked out again": Words("tính lại số cộng dồn", "sums worked out again"),
    "token given": Words("cấp mã truy cập", "token given"),
    "token removed": Words("thu hồi mã truy cập", "token removed"),
    "work planned": Words("lập kế hoạch công việc", "work planned"),
}
"""Action of the audit log → its text."""
