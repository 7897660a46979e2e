"""The words of ``gateway status``, in Vietnamese and English."""

from typing import Final

from schemas.glossary import Words

INSTANCE_WORDS: Final[dict[str, Words]] = {
    "good": Words("bình thường", "good"),
    "attention": Words("cần chú ý", "attention"),
    "trouble": Words("sự cố", "trouble"),
    "stands": Words("không chạy", "stands"),
    "unreachable": Words("không trả lời", "no answer"),
    "report": Words("{} / {} thiết bị đang gửi", "{} of {} devices report"),
    "live": Words("máy {} đang nhận số đo; máy kia: {}", "{} is live; the other: {}"),
    "passive": Words("máy {} dự phòng; máy kia: {}", "{} stands by; the other: {}"),
    "stands_by": Words("dự phòng", "stands by"),
    "other_live": Words("{} đang nhận số đo", "{} is live"),
    "other_passive": Words("{} dự phòng", "{} stands by"),
    "other_offline": Words("{} không chạy", "{} is offline"),
    "written": Words("{} số đo đã ghi", "{} readings written"),
    "waiting": Words("{} đang chờ", "{} wait"),
    "lost": Words("{} bị mất", "{} lost"),
    "catching_up": Words("nhật ký tạm: còn {} số đo, bù xong sau {}", "journal: {} readings left, gone in {}"),
    "link": Words("đường truyền đến InfluxDB: {} B/s trên mức {} B/s", "link to InfluxDB: {} B/s of {} B/s"),
    "all_good": Words("Tất cả {} cổng hoạt động bình thường.", "All is well with {} gateways."),
    "not_good": Words("{} / {} cổng cần được xem xét.", "{} of {} gateways need a look."),
}
