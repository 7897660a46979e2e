"""Texts of the pages on which people handle messages that did not become data, and try payloads."""

from typing import Final

from schemas.glossary import Words

HANDLING: Final[dict[str, Words]] = {
    "nav_rejects": Words("Từ chối", "Rejects"),
    "nav_quarantine": Words("Đang chờ", "Quarantine"),
    "nav_try": Words("Thử", "Try"),
    # Rejects.
    "rejects_title": Words("Bản tin bị từ chối", "Rejects"),
    "rejects_means": Words(
        "Những bản tin không trở thành số đo được, giữ nguyên cùng lý do. Sửa nguyên nhân rồi xử lý lại: không mất gì.",
        "Messages that could not become readings, kept whole with the reason. Repair the cause, then replay: nothing is lost.",
    ),
    "by_reason": Words("Theo lý do", "By reason"),
    "by_device": Words("Theo thiết bị", "By device"),
    "all_reasons": Words("Mọi lý do", "All reasons"),
    "any_device": Words("Mọi thiết bị", "All devices"),
    "rejects_a_day": Words("Bị từ chối mỗi ngày", "Rejects a day"),
    "today": Words("Hôm nay", "Today"),
    "seven_days": Words("7 ngày", "7 days"),
    "month_of_days": Words("31 ngày", "31 days"),
    "kept_whole": Words("Còn giữ", "Kept"),
    "other_devices": Words("thiết bị khác, hoặc không rõ", "other devices, or not known"),
    "counts_mean": Words(
        "Đếm mọi bản tin bị từ chối, kể cả bản tin không giữ lại; còn giữ: xử lý lại được.",
        "All rejects are counted, those that were not kept too; kept ones can be replayed.",
    ),
    "no_device": Words("không rõ thiết bị", "device not known"),
    "no_rejects": Words("Không có bản tin nào bị từ chối.", "There are no rejects."),
    "reason": Words("Lý do", "Reason"),
    "arrived": Words("Đến lúc", "Arrived"),
    "open": Words("Xem", "Open"),
    "reject_number": Words("Bản tin bị từ chối số {}", "Reject {}"),
    "reject_gone": Words(
        "Không còn bản tin này: đã xử lý lại, đã xóa, hoặc đã nhường chỗ cho bản tin mới hơn.",
        "It is no longer there: replayed, removed, or it made room for newer ones.",
    ),
    "what_to_do": Words("Cần làm gì", "What to do"),
    "replay": Words("Xử lý lại", "Replay"),
    "replay_all": Words("Xử lý lại tất cả", "Replay all of these"),
    "replayed": Words(
        "Đã xử lý lại {messages} bản tin: {readings} số đo vào, {duplicates} trùng lặp, {rejected_again} vẫn bị từ chối, "
        "{waiting} đang chờ.",
        "{messages} messages replayed: {readings} readings came in, {duplicates} duplicates, {rejected_again} rejected again, "
        "{waiting} wait.",
    ),
    "remove": Words("Xóa", "Remove"),
    "remove_all": Words("Xóa tất cả", "Remove all of these"),
    "remove_sure": Words("Xóa hẳn? Không lấy lại được.", "Remove for good? This cannot be undone."),
    "removed": Words("Đã xóa {removed}.", "{removed} removed."),
    "older": Words("Cũ hơn", "Older"),
    "newest_again": Words("Về mới nhất", "Back to the newest"),
    "who_may": Words(
        "Xử lý lại và xóa cần tài khoản quản trị.", "Replaying and removing need the account of an administrator."
    ),
    # Quarantine.
    "quarantine_title": Words("Bản tin đang chờ", "Quarantine"),
    "quarantine_means": Words(
        "Những bản tin nguyên vẹn đang chờ một điều còn thiếu. Khi có, chúng tự vào, theo đúng thứ tự đến.",
        "Whole messages that wait for something that is missing. When it comes, they come in by themselves, in their order.",
    ),
    "nothing_waits": Words("Không có bản tin nào đang chờ.", "Nothing waits."),
    "waits_for": Words("Chờ gì", "Waits for"),
    "messages_count": Words("Bản tin", "Messages"),
    "since_when": Words("Từ lúc", "Since"),
    "takes": Words("chiếm {} / {}", "{} of {} in use"),
    "advice_waits_unknown_device": Words("Đăng ký thiết bị này.", "Register the device."),
    "advice_waits_no_birth": Words(
        "Cổng đã yêu cầu khai báo lại. Nếu vẫn thiếu, khởi động lại nút (edge node) đó.",
        "Its birth was requested. If it does not come, restart that edge node.",
    ),
    "advice_waits_codec": Words(
        "Trang trạng thái nói vì sao bộ giải mã không chạy. Nếu nó có lỗi: sửa tệp của nó rồi tải lại cấu hình cổng.",
        "The status page says why the codec is not run. If it is at fault, correct its file, then reload the gateway.",
    ),
    "remove_waiting_sure": Words(
        "Xóa hẳn {} bản tin đang chờ của {}? Không lấy lại được.",
        "Remove the {} messages that wait for {} for good? This cannot be undone.",
    ),
    "try_newest": Words("Thử bản tin mới nhất", "Try the newest"),
    # Trying.
    "try_title": Words("Thử một bản tin", "Try a payload"),
    "try_means": Words(
        "Xem cổng sẽ hiểu bản tin thế nào. Không có gì được ghi.", "See what the gateway would make of it. Nothing is written."
    ),
    "try_needs": Words("Thử bản tin cần tài khoản kỹ thuật viên.", "Trying a payload needs the account of a technician."),
    "try_payload": Words("Nội dung bản tin", "Payload"),
    "try_form": Words("Dạng", "Form"),
    "form_text": Words("văn bản, JSON", "text, JSON"),
    "form_hex": Words("thập lục phân (hex)", "hexadecimal"),
    "form_base64": Words("base64", "base64"),
    "try_topic": Words("Chủ đề MQTT (trống: tự đoán)", "MQTT topic (empty: it is guessed)"),
    "try_profile": Words("Hồ sơ (trống: mọi hồ sơ)", "Profile (empty: all of them)"),
    "try_profile_text": Words("Hồ sơ chưa lưu, dạng YAML", "A profile that is not saved yet, as YAML"),
    "try_now": Words("Thử", "Try"),
    "try_again": Words("Thử lại với hồ sơ hiện nay", "Try again with today's profiles"),
    "try_failed": Words("Không thử được", "It cannot be tried"),
    "tried_points": Words("Sẽ ghi {} điểm", "Points that would be written: {}"),
    "tried_nothing": Words("Sẽ không ghi điểm nào", "No point would be written"),
    "guessed_test": Words("Chủ đề lấy từ phép thử đầu tiên của hồ sơ.", "The topic is that of the profile's first test."),
    "guessed_envelope": Words("Chủ đề đoán theo khóa: bản tin của {}.", "The topic was guessed by the keys: an uplink of {}."),
    "guessed_quantities": Words(
        "Chủ đề đoán theo khóa: số đo của lĩnh vực {}.", "The topic was guessed by the keys: a reading of {}."
    ),
    "missing_register": Words(
        "Hồ sơ {} chưa dùng cho thiết bị này: đăng ký {} với {}.",
        "Profile {} is not active for this device: register {} with {}.",
    ),
    "missing_enable": Words(
        "Hồ sơ {} chưa bật: thêm vào profiles.enable của gateway.yaml, hoặc đăng ký {} với {}.",
        "Profile {} is not active: add it to profiles.enable of gateway.yaml, or register {} with {}.",
    ),
    "missing_save": Words(
        "Hồ sơ {} chưa dùng: chép tệp vào thư mục profiles của cổng.",
        "Profile {} is not active: put its file into the gateway's folder of profiles.",
    ),
    "kept_out": Words(
        "Thiết bị chưa đăng ký; khi đã đăng ký thì như sau.", "The device is not registered; once it is, this would come of it."
    ),
    "compare_now": Words("So với bản tin cuối của các thiết bị", "Compare on the last messages of its devices"),
    "compared": Words(
        "{} bản tin cuối cho kết quả như cũ, {} bản tin thay đổi",
        "{} last messages give the same as before, {} give something else",
    ),
    "compared_none": Words(
        "Hồ sơ này không nhận bản tin cuối của thiết bị nào.", "This profile takes the last message of no device."
    ),
    "compared_before": Words("Hiện nay", "Now"),
    "compared_after": Words("Với hồ sơ này", "With this profile"),
    "compared_nothing": Words("không có gì", "nothing"),
    "technical_steps": Words("Các bước kỹ thuật", "Technical steps"),
}
"""Key → text; a text that a script fills has the name of the value in its holes."""
