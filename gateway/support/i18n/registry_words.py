"""The texts about registering devices, in Vietnamese and English."""

from typing import Final

from schemas.glossary import Words
from schemas.registry import PARAMETERS

REGISTRY_WORDS: Final[dict[str, Words]] = {
    # The list of newcomers.
    "new_devices": Words("Thiết bị mới", "New devices"),
    "new_search": Words("Mã, DevEUI hoặc số sê-ri", "Id, DevEUI or serial number"),
    "new_none": Words(
        "Hiện không nghe thấy thiết bị lạ nào. Thiết bị vừa bật sẽ hiện ở đây ngay khi gửi bản tin đầu tiên.",
        "No unknown device is heard. One that is switched on appears here with its first message.",
    ),
    "new_means": Words(
        "Đã nghe thấy nhưng chưa đăng ký. Chọn một thiết bị để đăng ký.",
        "Heard, but not registered. Choose one to register it.",
    ),
    "new_unheard": Words("Đăng ký {} dù chưa nghe thấy", "Register {}, although it was not heard"),
    "new_no_id": Words(
        "Mã thiết bị gồm 1 đến 64 chữ cái không dấu, chữ số và . _ : -", "An id is 1 to 64 of A-Z a-z 0-9 . _ : -"
    ),
    "messages_waiting": Words("{} bản tin đang chờ", "waiting messages: {}"),
    "known_devices": Words("Đã đăng ký", "Registered already"),
    "import_devices": Words("Nhập từ bảng tính", "Import a spreadsheet"),
    # The form.
    "register": Words("Đăng ký thiết bị", "Register the device"),
    "register_it": Words("Đăng ký {}", "Register {}"),
    "edit_it": Words("Sửa {}", "Edit {}"),
    "save": Words("Lưu", "Save"),
    "needs_role": Words(
        "Đăng ký và sửa thiết bị cần tài khoản kỹ thuật viên.", "To register or edit devices you need a technician's account."
    ),
    "its_last_message": Words("Bản tin cuối cùng", "Its last message"),
    "gives_no_reading": Words("Bản tin này chưa cho số đo nào.", "It gives no reading yet."),
    "where_it_is": Words("Ở đâu", "Where it is"),
    "what_it_is": Words("Là thiết bị gì", "What it is"),
    "more_about_it": Words("Thông tin thêm", "More about it"),
    "site_hint": Words("mã trạm hay xã, như xa-01", "code of the station or commune, such as xa-01"),
    "area_hint": Words("gõ vài chữ của tên", "type a part of the name"),
    "parent": Words("Đồng hồ cấp trên", "Its parent meter"),
    "parent_hint": Words(
        "đồng hồ tổng mà nước hay điện đi qua trước khi tới đây; nhiều đồng hồ thì cách nhau bằng dấu phẩy",
        "the meter through which its water or energy comes; several with commas between them",
    ),
    "role": Words("Vai trò của đồng hồ", "What the meter is"),
    "role_hint": Words(
        "để trống: ở giữa nếu là đồng hồ cấp trên của thiết bị khác, nếu không thì của khách hàng",
        "empty: on the way if others name it as their parent, else a customer's",
    ),
    "role_supply": Words("đầu nguồn (nhà máy, giếng, điểm nhận)", "supply: what comes in (plant, well, hand-over)"),
    "role_between": Words("ở giữa (đồng hồ tổng)", "between: on the way (bulk meter)"),
    "role_use": Words("khách hàng", "use: a customer's"),
    "customers": Words("Số khách hàng phía sau", "Customers behind it"),
    "customers_hint": Words(
        "kể cả khách hàng chưa có thiết bị; để tính thất thoát", "those without a device too; losses need it"
    ),
    "source": Words("Tên gửi", "Name that it sends under"),
    "source_hint": Words(
        "nếu khác mã; ví dụ DevEUI của đồng hồ mới", "if that is not the id; the new meter's DevEUI, for example"
    ),
    "choose_profile": Words("Tự nhận ra, hoặc thiết bị gửi JSON theo mẫu", "Recognised by itself, or it sends JSON of ours"),
    "profile_reads": Words("đọc được {} giá trị", "reads {} values"),
    "profile_other": Words("hồ sơ khác", "other profiles"),
    "profile_proposed": Words(
        "Bản tin không cho biết loại máy. Các hồ sơ này đọc được nó; so với nhãn và mặt đồng hồ.",
        "The message does not tell the make. These profiles can read it; compare with the label and the dial.",
    ),
    "interval_measured": Words("đo được từ các bản tin: {}", "measured by its messages: {}"),
    "interval_hint": Words("như 15min, 1h, 1d", "such as 15min, 1h, 1d"),
    "silent_after": Words("Coi là im lặng sau", "Silent after"),
    "silent_after_hint": Words("để trống: ba chu kỳ", "empty: three intervals"),
    "photo": Words("Ảnh", "Photo"),
    "photo_of": Words("Ảnh của {}", "Photo of {}"),
    "photo_take": Words("Chụp hoặc chọn ảnh", "Take or choose a photo"),
    "photo_again": Words("Thay ảnh", "Replace the photo"),
    "photo_remove": Words("Xóa ảnh", "Remove the photo"),
    "photo_removed": Words("Đã xóa ảnh.", "The photo is removed."),
    "photo_unreadable": Words("Không đọc được ảnh này.", "This picture cannot be read."),
    "address": Words("Địa chỉ", "Address"),
    "address_hint": Words("số nhà, đường, hoặc cách tìm", "street and number, or how to find it"),
    "latitude": Words("Vĩ độ", "Latitude"),
    "longitude": Words("Kinh độ", "Longitude"),
    "use_my_place": Words("Lấy vị trí của điện thoại này", "Take the place of this phone"),
    "place_taken": Words("Đã lấy, sai số {} m", "Taken, within {} m"),
    "place_refused": Words(
        "Điện thoại không cho biết vị trí; hãy gõ tọa độ.", "The phone does not tell its place; type the coordinates."
    ),
    "param_of_profile": Words("tham số mà hồ sơ {} cần", "a parameter that the profile {} needs"),
    # What became of it.
    "done_registered": Words("Đã đăng ký", "Registered"),
    "done_changed": Words("Đã lưu", "Saved"),
    "done_exchanged": Words("Đã ghi nhận việc thay đồng hồ", "The exchange is noted"),
    "came_in": Words("{} bản tin đã chờ; đã vào: {}", "Messages that waited: {}; came in: {}"),
    "still_waiting": Words("còn chờ: {}", "still waiting: {}"),
    "no_reading_yet": Words(
        "Chưa có số đo nào; trang này tự cập nhật khi có.", "No reading yet; this page shows it as soon as there is one."
    ),
    "to_its_page": Words("Trang của thiết bị", "The device's page"),
    # Refusals.
    "not_saved": Words("Chưa lưu: hãy sửa các ô được đánh dấu.", "Not saved: correct the marked fields."),
    "file_changed": Words(
        "Chưa lưu: devices.yaml vừa được người khác sửa. Xem những gì đã đổi rồi lưu lại nếu vẫn đúng.",
        "Not saved: somebody changed devices.yaml meanwhile. See what differs, and save again if yours is still right.",
    ),
    "cannot_save": Words("Không lưu được", "It cannot be saved"),
    "was": Words("trước", "before"),
    # Exchange and retirement.
    "steps_title": Words("Bước nhảy chỉ số chờ xác nhận", "Register steps to confirm"),
    "steps_mean": Words(
        "Chỉ số đã nhảy nhiều hơn mức đồng hồ này có thể chảy hoặc thường dùng. Lượng này chưa tính vào sản lượng tiêu thụ"
        " cho đến khi có người xác nhận: đã thay đồng hồ (công tơ), hay đã dùng thật.",
        "The register jumped by more than this meter can pass or usually counts. The amount does not count as consumption"
        " until a person says what it was: the meter was exchanged, or it was really used.",
    ),
    "steps_here": Words("Chỉ số có bước nhảy chờ xác nhận", "A register step stands to be confirmed"),
    "steps_none": Words("Không có bước nhảy nào chờ xác nhận.", "No step stands to be confirmed."),
    "step_before": Words("Chỉ số trước", "Register before"),
    "step_after": Words("Chỉ số sau", "Register after"),
    "step_held_out": Words("Chưa tính", "Not counted"),
    "step_back": Words("chỉ số lùi", "it went back"),
    "step_used": Words("Đã dùng thật", "Really used"),
    "step_used_sure": Words("Tính {} này vào sản lượng tiêu thụ của {}?", "Count these {} as consumption of {}?"),
    "step_is_used": Words(
        "Đã xác nhận: dùng thật, tổng được tính lại.", "Said to be really used; the sums are worked out again."
    ),
    "step_undo": Words("Mở lại", "Open again"),
    "step_open_again": Words("Bước nhảy lại chờ xác nhận.", "The step stands to be confirmed again."),
    "exchange_meter": Words("Thay đồng hồ (công tơ)", "Exchange the meter"),
    "exchange_means": Words(
        "Ghi cả hai chỉ số để không mất lượng đã chảy giữa hai đồng hồ. Để trống chỉ số thì lấy số đo cuối và số đo đầu.",
        "Write both registers, so that nothing that flowed between the meters is lost. An empty one is the last or the first "
        "that is read.",
    ),
    "exchange_all": Words("tất cả", "all of them"),
    "exchange_at": Words("Lúc thay", "When it was exchanged"),
    "exchange_at_hint": Words("để trống: bây giờ", "empty: now"),
    "exchange_field": Words("Chỉ số nào", "Which register"),
    "exchange_final": Words("Chỉ số cuối của đồng hồ cũ", "Last register of the old meter"),
    "exchange_register": Words("Chỉ số đầu của đồng hồ mới", "First register of the new meter"),
    "exchange_last_read": Words("số đo cuối: {}", "last read: {}"),
    "exchange_note": Words("Ghi nhận việc thay", "Note the exchange"),
    "exchange_force": Words("Vẫn ghi, dù chỉ số có vẻ sai", "Note it although a register seems to be a mistake"),
    "retire_device": Words("Ngừng dùng thiết bị", "Retire the device"),
    "retire_means": Words(
        "Thiết bị ra khỏi danh sách đăng ký; số liệu đã đo vẫn còn.", "It leaves the registry; what it measured stays."
    ),
    "retire_it": Words("Ngừng dùng {}", "Retire {}"),
    "done_retired": Words("{} đã ra khỏi danh sách đăng ký.", "{} is out of the registry."),
    # Its account on the broker.
    "enrol_device": Words("Tài khoản kết nối", "Account on the broker"),
    "enrol_means": Words(
        "Cấp cho thiết bị một tài khoản mới; tài khoản cũ, nếu có, hết hiệu lực ngay. Mật khẩu chỉ hiện một lần.",
        "The device gets a new account; an old one ends at once. Its password is shown once.",
    ),
    "enrol_it": Words("Cấp tài khoản", "Give it an account"),
    "revoke_means": Words(
        "Thiết bị bị mất cắp hoặc gửi quá nhiều: thu hồi tài khoản và ngắt kết nối ngay.",
        "Stolen, or it floods: take its account away and cut it off at once.",
    ),
    "revoke_it": Words("Thu hồi tài khoản", "Take its account away"),
    "done_enrolled": Words(
        "Đã cấp tài khoản. Quét mã này bằng thiết bị hoặc chép lại ngay: mật khẩu chỉ hiện lần này.",
        "It has its account. Scan this code with the device or write it down now: the password is shown this once.",
    ),
    "done_revoked": Words("{} đã bị thu hồi tài khoản và ngắt kết nối.", "{} has no account any more and is cut off."),
    "not_enrolled": Words("Chưa thực hiện được:", "It could not be done:"),
    "qr_code": Words("Mã QR của tài khoản", "QR code of the account"),
    "broker_address": Words("Địa chỉ", "Address"),
    "broker_user": Words("Tài khoản", "User"),
    "broker_password": Words("Mật khẩu", "Password"),
    "broker_topic": Words("Chủ đề", "Topic"),
    # Import.
    "import_means": Words(
        "Dán từ bảng tính hoặc chọn tệp CSV. Dòng đầu là tên cột như trong devices.yaml: id, site, domain, area, parent, "
        "role, customers, profile, model, serial, interval, lat, lon, address, installed, params.TÊN. Ô trống giữ nguyên giá "
        "trị cũ.",
        "Paste from a spreadsheet or choose a CSV file. The first row names the columns as in devices.yaml: id, site, domain, "
        "area, parent, role, customers, profile, model, serial, interval, lat, lon, address, installed, params.NAME. An empty "
        "cell keeps the old value.",
    ),
    "import_rows": Words("Các dòng", "Rows"),
    "import_file": Words("Tệp CSV", "CSV file"),
    "import_preview": Words("Xem trước", "Preview"),
    "import_commit": Words("Nhập {} thiết bị", "Import {} devices"),
    "import_counts": Words("{} mới, {} thay đổi, {} giữ nguyên", "{} new, {} changed, {} unchanged"),
    "import_faults": Words(
        "Chưa nhập: hãy sửa các dòng này rồi xem trước lại.", "Not imported: correct these rows, then preview again."
    ),
    "import_done": Words("Đã nhập: {} mới, {} thay đổi.", "Imported: {} new, {} changed."),
    "import_nothing": Words("Không có gì để nhập.", "There is nothing to import."),
    "import_too_large": Words(
        "Quá lớn: nhiều nhất {} một lần; nhiều hơn thì dùng gateway devices import.",
        "Too large: at most {} at a time; for more use gateway devices import.",
    ),
    "row": Words("Dòng", "Row"),
    "fault": Words("Lỗi", "Fault"),
    "change": Words("Thay đổi", "Change"),
    "new_row": Words("mới", "new"),
    "changed_row": Words("thay đổi", "changed"),
}
"""Key of a text → the text."""

_PARAMETERS_VI: Final[dict[str, str]] = {
    "interval_s": "giao thông: số giây mà một lần đếm đại diện, nếu thiết bị không gửi",
    "pulse_weight": "giá trị của một xung, theo đơn vị mà hồ sơ ghi; xem trên mặt đồng hồ, như 10 L/xung",
    "ct_ratio": "biến dòng: dòng sơ cấp chia dòng thứ cấp",
    "vt_ratio": "biến áp: điện áp sơ cấp chia thứ cấp",
    "clock_offset": "giờ của thiết bị nhanh bao nhiêu, như 7h, hoặc -20min nếu chậm: giờ của nó được trừ đi chừng đó",
    "nominal_voltage_v": "điện: điện áp danh định của một pha, cho cảnh báo; để trống là 220",
    "q3_m3_h": "nước: Q3 của đồng hồ, ghi trên mặt; vượt quá một phần tư là bước nhảy chờ xác nhận",
    "phases": "điện: số pha của công tơ; để trống là 3",
    "rated_a": "điện: dòng tối đa một pha của công tơ; vượt quá một phần năm là bước nhảy chờ xác nhận",
    "rated_current_a": "điện: dòng tối đa của một pha, cho cảnh báo, và cho bước nhảy nếu không có rated_a",
    "rated_power_va": "điện: công suất tối đa của máy biến áp, cho cảnh báo",
    "level_low_m": "nước: mức bể mà dưới đó có cảnh báo",
    "level_high_m": "nước: mức bể mà trên đó có cảnh báo",
    "contract": "số hợp đồng của khách hàng, để lập hóa đơn: là dữ liệu cá nhân",
    "reading_day": "ngày trong tháng, 1 đến 28, mà kỳ hóa đơn bắt đầu; để trống thì theo time.reading_day",
    "night_flow_m3_h": "nước: lưu lượng đêm thấp nhất khi không rò rỉ",
    "loss_limit_pct": "đồng hồ tổng: tỷ lệ thất thoát cho phép trong một ngày ở phía sau, cho cảnh báo",
}


def parameter_words(language: str) -> dict[str, str]:
    """Parameters with a meaning of their own → what they are, in one language."""
    return PARAMETERS | (_PARAMETERS_VI if language == "vi" else {})
