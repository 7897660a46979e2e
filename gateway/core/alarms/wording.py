"""The words of the shipped rules in Vietnamese and English: the fault, and the thing to do."""

from typing import Final

WORDING: Final[dict[str, tuple[str, str, str, str]]] = {
    "device_silent": (
        "Thiết bị không gửi dữ liệu.",
        "The device sends nothing.",
        "Kiểm tra pin, nguồn điện và sóng tại nơi lắp đặt.",
        "Check battery, supply and radio signal where it stands.",
    ),
    "site_silent": (
        "Phần lớn thiết bị của địa điểm không gửi dữ liệu.",
        "Most devices of the site send nothing.",
        "Kiểm tra nguồn điện, trạm thu phát và đường truyền của địa điểm trước khi đến từng thiết bị.",
        "Check the site's supply, radio gateway and line before you visit single devices.",
    ),
    "battery_low": (
        "Pin của thiết bị sắp hết.",
        "The device's battery is nearly empty.",
        "Lên lịch thay pin hoặc thiết bị.",
        "Plan an exchange of the battery or the device.",
    ),
    "leak": (
        "Nghi rò rỉ: nước chảy cả khi không ai dùng.",
        "A leak is suspected: water flows when nobody uses it.",
        "Báo cho khách hàng hoặc dò rò rỉ trong khu vực vào ban đêm.",
        "Tell the customer, or search the district for the leak at night.",
    ),
    "burst": (
        "Nghi vỡ ống: lưu lượng cao hơn nhiều so với thường ngày và áp lực giảm.",
        "A burst pipe is suspected: the flow is far above what is usual and the pressure falls.",
        "Cử đội đến tìm điểm vỡ và đóng van gần nhất.",
        "Send a crew to find the burst and close the nearest valve.",
    ),
    "backflow": (
        "Nước chảy ngược qua đồng hồ.",
        "Water runs backwards through the meter.",
        "Kiểm tra van một chiều và chiều lắp đồng hồ; nước ngược có thể gây ô nhiễm.",
        "Check the non-return valve and the direction of the meter; backflow can pollute the network.",
    ),
    "tamper": (
        "Thiết bị bị mở, di chuyển hoặc tác động.",
        "The device was opened, moved or disturbed.",
        "Kiểm tra niêm phong tại chỗ và lập biên bản.",
        "Look at its seals on site and make a record.",
    ),
    "pressure_low": (
        "Áp lực nước quá thấp.",
        "The water pressure is too low.",
        "Kiểm tra bơm, van và các điểm vỡ phía trước điểm đo.",
        "Check pumps, valves and bursts upstream.",
    ),
    "pressure_high": (
        "Áp lực nước quá cao.",
        "The water pressure is too high.",
        "Kiểm tra van giảm áp; áp lực cao làm vỡ ống.",
        "Check the pressure reducing valve; high pressure bursts pipes.",
    ),
    "tank_low": (
        "Mực nước trong bể thấp.",
        "The tank is nearly empty.",
        "Kiểm tra bơm cấp và lượng nước lấy ra.",
        "Check the pump that fills it, and what is drawn.",
    ),
    "tank_overflow": (
        "Bể sắp tràn.",
        "The tank is about to overflow.",
        "Dừng bơm cấp và kiểm tra phao hoặc cảm biến mức.",
        "Stop the pump that fills it; check the float or level switch.",
    ),
    "water_quality": (
        "Chất lượng nước ngoài giới hạn của QCVN 01-1.",
        "The water quality is outside the limits of QCVN 01-1.",
        "Lấy mẫu kiểm chứng, kiểm tra châm clo và lọc; báo người phụ trách chất lượng.",
        "Take a sample to confirm, check dosing and filters, tell whoever answers for quality.",
    ),
    "voltage_low": (
        "Điện áp thấp hơn mức cho phép.",
        "The voltage is lower than allowed.",
        "Kiểm tra tải, nấc phân áp và tiết diện dây của lộ.",
        "Check the load, the transformer's tap and the feeder's conductors.",
    ),
    "voltage_high": (
        "Điện áp cao hơn mức cho phép.",
        "The voltage is higher than allowed.",
        "Kiểm tra nấc phân áp và dây trung tính; thiết bị của khách hàng có thể hỏng.",
        "Check the transformer's tap and the neutral; customers' appliances can be damaged.",
    ),
    "phase_lost": (
        "Mất một pha.",
        "A phase is missing.",
        "Kiểm tra cầu chì và mối nối của pha bị mất; ngắt động cơ ba pha.",
        "Check the fuse and joints of the missing phase; switch three-phase motors off.",
    ),
    "outage": (
        "Mất điện.",
        "The supply has failed.",
        "Kiểm tra lộ và trạm cấp; đối chiếu với lịch cắt điện.",
        "Check the feeder and its station; compare with the planned outages.",
    ),
    "overload": (
        "Dòng điện hoặc công suất vượt định mức.",
        "Current or power is above the rating.",
        "Chuyển bớt tải hoặc nâng công suất trước khi thiết bị hỏng.",
        "Move load away or raise the capacity before equipment fails.",
    ),
    "congestion": (
        "Ùn tắc giao thông hơn thường ngày.",
        "Traffic is more congested than usual.",
        "Xem camera, điều chỉnh đèn tín hiệu hoặc cử người điều tiết.",
        "Look at the cameras; adapt the signals or send somebody to direct the traffic.",
    ),
    "lamp_failed": (
        "Đèn đường hỏng.",
        "The street light has failed.",
        "Đưa vào tuyến sửa chữa tiếp theo.",
        "Put it on the next repair round.",
    ),
    "air_quality": (
        "Không khí ô nhiễm quá giới hạn trong hơn một giờ.",
        "The air has been polluted beyond its limit for more than an hour.",
        "Thông báo cho người dân và tìm nguồn phát thải.",
        "Inform the public and look for the source.",
    ),
    "counter_step": (
        "Chỉ số đồng hồ nhảy mà không có thông báo thay đồng hồ.",
        "The register jumped, and nobody told of an exchange.",
        "Nếu đã thay đồng hồ, ghi nhận bằng gateway devices exchange; nếu không, kiểm tra đồng hồ.",
        "If the meter was exchanged, record it with gateway devices exchange; else have the meter checked.",
    ),
    "register_stuck": (
        "Chỉ số đồng hồ đứng yên trong khi vẫn có tiêu thụ; sản lượng từ lúc đó là đáng ngờ.",
        "The register stands still although something flows; what it counted since is suspect.",
        "Kiểm tra đồng hồ tại chỗ: kẹt, hỏng bộ đếm hoặc bị can thiệp; thay đồng hồ và ước tính sản lượng còn thiếu.",
        "Check the meter on site: blocked, broken or tampered with. Exchange it, and estimate what is missing.",
    ),
    "no_flow": (
        "Đồng hồ báo không có nước chảy lâu hơn bình thường.",
        "The meter says that no water has passed for longer than is usual.",
        "Hỏi khách hàng có vắng nhà không; nếu không, kiểm tra van, nguồn cấp và đồng hồ.",
        "Ask if the customer is away; if not, check valve, supply and meter.",
    ),
    "losses_high": (
        "Thất thoát sau đồng hồ tổng cao hơn thường ngày: rò rỉ, trộm cắp hoặc đồng hồ đếm thiếu.",
        "More than usual is lost behind the parent meter: a leak, theft, or a meter that counts too little.",
        "Đối chiếu các đồng hồ phía sau, dò rò rỉ ban đêm và đấu nối trái phép; khai báo khách hàng chưa có thiết bị.",
        "Compare the meters behind it, search for leaks at night and for illegal connections; register who is missing.",
    ),
    "clock_wrong": (
        "Giờ của thiết bị có vẻ sai.",
        "The device's clock seems to be wrong.",
        "So với giờ thật. Lệch đúng như trang của thiết bị ghi thì xác nhận ở đó (params.clock_offset); nếu không, chỉnh giờ.",
        "Compare it with the right time. If it is off as its page says, confirm it there (params.clock_offset); else set it.",
    ),
    "completeness_low": (
        "Thiếu nhiều bản ghi trong ngày.",
        "Many of the day's readings are missing.",
        "Kiểm tra sóng và chu kỳ gửi của thiết bị.",
        "Check the device's radio signal and how often it sends.",
    ),
}
"""Rule → text in Vietnamese and English, advice in Vietnamese and English."""
