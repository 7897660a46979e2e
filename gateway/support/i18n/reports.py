"""The words of ``gateway report``, in Vietnamese and English."""

from typing import Final

from schemas.glossary import Words

REPORT_WORDS: Final[dict[str, Words]] = {
    "consumption": Words("Báo cáo tiêu thụ", "Consumption"),
    "balance": Words("Báo cáo cân bằng", "Balance"),
    "completeness": Words("Báo cáo mức độ đầy đủ của số liệu", "Completeness"),
    "title": Words("{}: từ {} đến {} ({})", "{}: {} to {} ({})"),
    "billing_title": Words("Bảng kê lập hóa đơn tháng {}", "Billing of {}"),
    # Columns.
    "kind": Words("Loại", "Kind"),
    "contract": Words("Số hợp đồng", "Contract"),
    "month": Words("Tháng", "Month"),
    "from": Words("Từ", "From"),
    "to": Words("Đến", "To"),
    "mark": Words("Đánh dấu", "Mark"),
    "cause": Words("Lý do", "Cause"),
    "sealed": Words("Đã chốt", "Sealed before"),
    "use": Words("tiêu thụ", "use"),
    "correction": Words("điều chỉnh", "correction"),
    "measured": Words("Đo được", "Measured"),
    "step": Words("chờ xác nhận", "to confirm"),
    "period": Words("Kỳ", "Period"),
    "device": Words("Thiết bị", "Device"),
    "area": Words("Khu vực", "Area"),
    "site": Words("Địa điểm", "Site"),
    "domain": Words("Lĩnh vực", "Domain"),
    "parent": Words("Đồng hồ tổng", "Parent"),
    "counter": Words("Đại lượng", "Quantity"),
    "unit": Words("Đơn vị", "Unit"),
    "used": Words("Tiêu thụ", "Used"),
    "supplied": Words("Sản lượng cấp", "Supplied"),
    "produced": Words("Phát ra", "Produced"),
    "counted": Words("Đếm được", "Counted"),
    "note": Words("Ghi chú", "Note"),
    "serial": Words("Số sê-ri", "Serial number"),
    "from_register": Words("Chỉ số đầu", "Register before"),
    "from_time": Words("Lúc", "At"),
    "to_register": Words("Chỉ số cuối", "Register at end"),
    "to_time": Words("Lúc", "At"),
    "devices": Words("Thiết bị", "Devices"),
    "uncovered": Words("Thiếu", "Not covered"),
    "estimated": Words("Ước tính", "Estimated"),
    "suspect": Words("Nghi ngờ", "Suspect"),
    "in": Words("Vào", "In"),
    "out": Words("Ra", "Out"),
    "lost": Words("Thất thoát", "Lost"),
    "lost_pct": Words("Tỷ lệ %", "Share %"),
    "completeness_in_pct": Words("Đầy đủ vào %", "Complete in %"),
    "completeness_out_pct": Words("Đầy đủ ra %", "Complete out %"),
    "expected": Words("Phải nhận", "Expected"),
    "received": Words("Đã nhận", "Received"),
    "missing": Words("Thiếu", "Missing"),
    "on_time": Words("Đúng hạn", "On time"),
    "received_pct": Words("Đầy đủ %", "Received %"),
    "on_time_pct": Words("Đúng hạn %", "On time %"),
    "longest_gap_s": Words("Gián đoạn dài nhất (s)", "Longest gap (s)"),
    # Notes in a row.
    "is_estimated": Words("ước tính", "estimated"),
    "is_suspect": Words("{} nghi ngờ", "{} suspect"),
    "estimated_share": Words("ước tính {} %", "{} % estimated"),
    "suspect_share": Words("đáng ngờ {} %", "{} % suspect"),
    "measured_share": Words("đo được {} %", "{} % measured"),
    "known_to": Words("tính đến {}", "known to {}"),
    "no reading before it": Words("không có số đo trước đó", "not covered: no reading before it"),
    "no reading after it": Words("không có số đo sau đó", "not covered: no reading after it"),
    "no reading": Words("không có số đo", "not covered: no reading"),
    "it has not ended yet": Words("kỳ chưa kết thúc", "not covered: it has not ended yet"),
    "the sum goes back: gateway devices resum": Words(
        "tổng bị lùi: gateway devices resum", "not covered: the sum goes back; run gateway devices resum"
    ),
    "a step to confirm": Words("đã thay đồng hồ, hay dùng thật?", "to be confirmed: exchanged, or really used?"),
    "an estimate stands though its register was read again": Words(
        "còn ước tính dù đã đọc lại được đồng hồ", "estimated, though its register was read again: take the estimate back?"
    ),
    "a device below it is not covered": Words("một thiết bị con thiếu số đo", "a device below it is not covered"),
    "no meter of what comes in": Words("chưa có đồng hồ đầu nguồn", "not measured: no meter of what comes in"),
    "no customer behind the meter is registered": Words(
        "phía sau chưa đăng ký khách hàng nào", "not measured: no customer behind the meter is registered"
    ),
    "not all customers behind the meter are registered": Words(
        "phía sau còn khách hàng chưa đăng ký", "not measured: not all customers behind the meter are registered"
    ),
    "some of it comes through meters of two groups": Words(
        "cấp qua đồng hồ của hai khu vực", "not measured: some of it comes through meters of two groups"
    ),
    "behind a tank only by day and month": Words(
        "sau bể chứa chỉ tính theo ngày và tháng", "not measured: behind a tank only by day and month"
    ),
    "what the tank holds is not known": Words(
        "chưa biết lượng nước trong bể", "not measured: what the tank holds is not known"
    ),
    # Notes below.
    "no_rows": Words("Không có dòng nào.", "There are no rows."),
    "some_uncovered": Words(
        "{} dòng thiếu số đo nên không có con số.",
        "{} rows are not covered and show no figure.",
    ),
    "some_partly": Words(
        "{} dòng chỉ tính đến số đo cuối cùng trong kỳ: ghi chú cho biết đến khi nào.",
        "{} rows are known up to a reading before the end of the period: the note says until when.",
    ),
    "some_unmeasured": Words(
        "{} dòng không tính được thất thoát: ghi chú cho biết vì sao.",
        "{} rows cannot tell what was lost: the note says why.",
    ),
    "some_left_out": Words(
        "{} dòng bỏ ra ngoài những thiết bị thiếu số đo; cột Thiếu cho biết bao nhiêu thiết bị.",
        "{} rows leave out devices that are not covered; the column says how many.",
    ),
    "some_estimated": Words(
        "{} dòng là ước tính: không có số đo nào ở gần đầu hoặc cuối kỳ.",
        "{} rows are estimated: there was no reading near the beginning or the end of the period.",
    ),
    "no_interval": Words(
        "{} thiết bị không có chu kỳ gửi (interval) trong danh mục nên không tính được mức độ đầy đủ.",
        "{} devices have no interval in the registry: nothing is expected of them.",
    ),
    "billing_unknown": Words(
        "{} dòng không có con số: số đo không đủ, và không dòng nào được ước tính thay cho người.",
        "{} lines have no figure: readings are missing, and no line is estimated in place of a person.",
    ),
    "billing_read_again": Words(
        "{} dòng còn ước tính dù đã đọc lại được đồng hồ: hãy hủy ước tính hoặc giữ nguyên.",
        "{} lines stand on an estimate though their register was read again: take it back, or leave it.",
    ),
    "billing_step": Words(
        "{} bước nhảy của chỉ số chờ xác nhận và chưa được tính.", "{} steps of registers are to be confirmed, and left out."
    ),
    "billing_correction": Words("{} dòng điều chỉnh các tháng đã chốt.", "{} lines correct months that are closed."),
    "billing_open": Words("Tháng này chưa chốt: các con số còn có thể thay đổi.", "The month is open: its figures may change."),
    "billing_sealed": Words("Đã chốt lúc {}, người chốt: {}; SHA-256 {}", "Closed at {} by {}; SHA-256 {}"),
    "not_overwritten": Words(
        "Cơ sở dữ liệu này không ghi đè được: tổng của thiết bị thay đồng hồ khai báo muộn được tính lại khi lập báo cáo.",
        "This database does not replace points: sums that must be worked out again are, while a report reads, and not there.",
    ),
}

REPORT_PAGE_WORDS: Final[dict[str, Words]] = {
    "completeness_title": Words("Mức độ đầy đủ của số liệu", "Completeness of readings"),
    "completeness_month": Words("Theo tháng", "By month"),
    "coverage_now": Words("Hiện nay", "Now"),
    # The open data.
    "open_data": Words("Dữ liệu mở", "Open data"),
    "open_data_means": Words(
        "Số liệu mỗi ngày theo khu vực: nước và điện tiêu thụ, cấp vào, thất thoát, số đếm được và trung bình của các trị số"
        " đo. Không có thiết bị và hộ dân nào trong đó.",
        "The figures of each day by area: used, supplied, lost and counted, and the means of measured values. No device and no"
        " household is in them.",
    ),
    "open_data_rule": Words(
        "Mỗi con số là của ít nhất {} thiết bị; khu vực có ít hơn thì bỏ qua.",
        "Each figure is that of at least {} devices; areas with fewer are left out.",
    ),
    "open_data_rows": Words("Số dòng", "Rows"),
    "open_data_file": Words("Tệp", "File"),
    "open_data_none": Words("Chưa có tệp nào.", "There are no files yet."),
    "open_data_described": Words("Ý nghĩa và danh mục, dạng JSON-LD:", "Meaning and catalogue, as JSON-LD:"),
    "open_data_nightly": Words(
        "Được viết mỗi đêm, và viết lại sau một tuần với các số đo đến muộn; giữ {}.",
        "Written each night, and again after a week with the readings that came late; kept for {}.",
    ),
    "open_data_by_hand": Words(
        "Cổng không tự viết: hãy đặt open_data.nightly trong gateway.yaml, hoặc chạy gateway export open.",
        "The gateway writes none by itself: set open_data.nightly in gateway.yaml, or run gateway export open.",
    ),
    "open_day": Words("Ngày", "Day"),
    "month": Words("Tháng", "Month"),
    "show": Words("Xem", "Show"),
    "read_rate": Words("Đã nhận", "Received"),
    "on_time_rate": Words("Đúng hạn", "In time"),
    "longest_gap": Words("Gián đoạn dài nhất", "Longest gap"),
    "hours_unit": Words("giờ", "h"),
    "expected_readings": Words("Phải nhận", "Expected"),
    "missing_readings": Words("Còn thiếu", "Missing"),
    "consumption": Words("Sản lượng", "Consumption"),
    "consumption_title": Words("Sản lượng tiêu thụ và thất thoát", "Consumption and losses"),
    "by_domain_all": Words("Toàn mạng", "The whole"),
    "by_parent": Words("Đồng hồ tổng", "Bulk meter"),
    "by_day": Words("Từng ngày", "By day"),
    "use_used": Words("Tiêu thụ", "Used"),
    "use_supplied": Words("Sản lượng cấp", "Supplied"),
    "use_produced": Words("Phát lên lưới", "Produced"),
    "use_lost": Words("Thất thoát", "Lost"),
    "month_before": Words("so với tháng trước {}", "{} on the month before"),
    "consumption_nothing": Words("Tháng này chưa có số liệu nào.", "Nothing was counted in this month."),
    "consumption_means": Words(
        "Tiêu thụ: đồng hồ của khách hàng; sản lượng cấp: đồng hồ đầu nguồn; thất thoát: phần chênh lệch. Như lệnh gateway "
        "report consumption.",
        "Used: what customers' meters count. Supplied: what first meters count. Lost: the difference. As the command gateway "
        "report consumption has it.",
    ),
    "completeness_in_work": Words(
        "Đang tính từ cơ sở dữ liệu; hàng nghìn thiết bị cần vài phút. Trang sẽ tự hiện kết quả.",
        "It is being worked out from the database; thousands of devices take minutes. The page shows it by itself.",
    ),
    "completeness_failed": Words("Chưa tính được.", "It could not be worked out."),
    "completeness_as_of": Words("Số liệu trong cơ sở dữ liệu lúc {}.", "As the database had it at {}."),
    "completeness_goes_on": Words("Tháng chưa kết thúc: số liệu đến lúc đó.", "The month is not over: up to then."),
    "completeness_nothing": Words("Trong tháng này chưa phải nhận số đo nào.", "No reading was expected in this month."),
    "completeness_none_registered": Words(
        "Chưa đăng ký thiết bị nào; mức độ đầy đủ chỉ tính cho thiết bị đã đăng ký.",
        "No device is registered; completeness is that of registered devices.",
    ),
    "completeness_left_out": Words(
        "{} thiết bị không được tính: danh mục thiếu lĩnh vực hoặc chu kỳ gửi (interval).",
        "{} devices are left out: the registry has no domain or interval for them.",
    ),
    "completeness_means": Words(
        "Đã nhận: số đo có trong cơ sở dữ liệu so với số phải nhận theo chu kỳ gửi, tính từ ngày lắp đặt, hoặc từ số đo "
        "đầu tiên nếu danh mục không ghi. Đúng hạn: không kể số đo đến muộn. Như lệnh gateway report completeness.",
        "Received: readings in the database of those expected by the interval since a device was installed, or since its first "
        "reading where the registry has no day. In time: without those that came late. As the command gateway report "
        "completeness has it.",
    ),
    "printed_by": Words("Người in", "Printed by"),
    "printed_at": Words("Ngày in", "Printed on"),
    "as_xlsx": Words("Tải về Excel", "Download as Excel"),
    # Amounts that people tell of a device.
    "amounts": Words("Ước tính và điều chỉnh", "Estimates and corrections"),
    "amounts_mean": Words(
        "Ước tính thay cho chỉ số trong những ngày không có số đo; điều chỉnh được cộng vào. Chia đều cho các ngày, có trong"
        " mọi báo cáo, được đánh dấu; số đo giữ nguyên.",
        "An estimate stands in place of the register for days without readings; a correction is added. Both are spread evenly,"
        " stand in every report, marked; readings stay as they are.",
    ),
    "amounts_none": Words("Chưa có.", "There are none."),
    "amount_kind": Words("Loại", "Kind"),
    "amount_field": Words("Chỉ số", "Register"),
    "amount_estimate": Words("Ước tính", "Estimate"),
    "amount_correct": Words("Điều chỉnh", "Correction"),
    "amount_from": Words("Từ ngày", "First day"),
    "amount_to": Words("Đến hết ngày", "Last day"),
    "amount_amount": Words("Lượng", "Amount"),
    "amount_tell": Words("Ghi nhận", "Note it"),
    "amount_told": Words("Đã ghi nhận.", "It is noted."),
    "amount_undo": Words("Hủy bỏ", "Take back"),
    "amount_undone": Words("Đã hủy bỏ.", "It is taken back."),
    "amount_undo_sure": Words("Hủy bỏ lượng này?", "Take this amount back?"),
    # Months for accounting.
    "billing_page": Words("Bảng kê hóa đơn", "Billing"),
    "billing_search": Words("Số hợp đồng, thiết bị hoặc số sê-ri", "Contract, device or serial number"),
    "billing_lines": Words("Số dòng", "Lines"),
    "billing_used": Words("Sản lượng", "Amount"),
    "billing_none": Words("Không có số", "No figure"),
    "billing_estimated": Words("Ước tính", "Estimated"),
    "billing_suspect": Words("Đáng ngờ", "Suspect"),
    "billing_contract": Words("Hợp đồng", "Contract"),
    "billing_registers": Words("Chỉ số đầu và cuối", "Registers before and after"),
    "billing_kind_correction": Words("Điều chỉnh tháng", "Correction of"),
    "billing_kind_step": Words("Chờ xác nhận", "To confirm"),
    "billing_corrections": REPORT_WORDS["billing_correction"],
    "billing_steps": REPORT_WORDS["billing_step"],
    "billing_read_again": REPORT_WORDS["billing_read_again"],
    "billing_nothing": REPORT_WORDS["no_rows"],
    "billing_is_open": REPORT_WORDS["billing_open"],
    "billing_days": Words(
        "Kỳ {} đến {}; đồng hồ có ngày ghi chỉ số riêng thì theo ngày đó.",
        "From {} to {}; meters with a reading day of their own go by that.",
    ),
    "billing_last_closed": Words("Tháng chốt gần nhất: {}.", "The last closed month is {}."),
    "billing_is_closed": Words("Đã chốt lúc {}, người chốt: {}.", "Closed at {} by {}."),
    "billing_close": Words("Chốt tháng", "Close the month"),
    "billing_closed": Words("Đã chốt.", "Closed."),
    "billing_close_sure": Words(
        "Chốt {}? Sau khi chốt không sửa được nữa; điều biết sau sẽ thành dòng điều chỉnh của tháng sau.",
        "Close {}? It never changes again; what becomes known later is a correction line of the next month.",
    ),
    "billing_means": Words(
        "Sản lượng là hiệu của hai số cộng dồn ở ngày ghi chỉ số, như gateway report billing. Không dòng nào được ước tính thay"
        " cho người; số ước tính hoặc đáng ngờ được in mờ.",
        "The amount is the difference of two sums at the reading days, as gateway report billing has it. No line is"
        " estimated in place of a person; what is estimated or suspect is dimmed.",
    ),
    "as_csv": Words("Tải về CSV", "Download as CSV"),
}
"""Key → text of the page of completeness."""


def report_words(language: str) -> dict[str, str]:
    """All words of reports in one language."""
    return {key: getattr(said, language) for key, said in REPORT_WORDS.items()}
