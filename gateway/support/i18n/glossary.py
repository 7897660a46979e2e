"""The words of the gateway's own lists beside those of :mod:`schemas.glossary`, and all of them by code."""

from typing import Final

from gateway.core.message import WaitCause
from schemas.glossary import DROPS, IGNORED, QUALITY, REASONS, Words

WAITS: Final[dict[WaitCause, Words]] = {
    WaitCause.UNKNOWN_DEVICE: Words("chờ đăng ký thiết bị", "for the device's registration"),
    WaitCause.NO_BIRTH: Words("chờ khai báo Sparkplug (birth)", "for a Sparkplug birth"),
    WaitCause.CODEC: Words("chờ bộ giải mã được sửa", "for a corrected codec"),
}
"""Cause of waiting in quarantine → its text."""

STEPS: Final[dict[str, Words]] = {
    "topic": Words("Chủ đề", "Topic"),
    "device": Words("Thiết bị", "Device"),
    "envelope": Words("Vỏ bản tin", "Envelope"),
    "profile": Words("Hồ sơ", "Profile"),
    "codec": Words("Bộ giải mã", "Codec"),
    "warning": Words("Cảnh báo", "Warning"),
    "decoded": Words("Giải mã được", "Decoded"),
    "step": Words("Bước", "Step"),
    "dropped": Words("Bị bỏ", "Dropped"),
    "item": Words("Số đo thứ", "Reading"),
    "point": Words("Điểm đo", "Point"),
    "would be": Words("Sẽ là điểm đo", "Would be the point"),
    "duplicate": Words("Trùng lặp", "Duplicate"),
    "ignored": Words("Bỏ qua", "Ignored"),
    "waits": Words("Đang chờ", "Waits"),
    "sends": Words("Gửi đi", "Sends"),
    "reject": Words("Từ chối", "Reject"),
    "fix": Words("Cách sửa", "How to fix it"),
}
"""Labels of :func:`gateway.onboarding.explain.steps.steps`."""


def closed_lists(language: str) -> dict[str, str]:
    """Texts of reasons, causes, remedies, quality bits and steps by code, in one language."""
    found: dict[str, Words] = {}
    for reason, (said, advice) in REASONS.items():
        found |= {reason.value: said, f"advice_{reason.value}": advice}
    found |= {cause.value: said for cause, said in DROPS.items()}
    found |= {cause.value: said for cause, said in IGNORED.items()}
    found |= {f"waits_{cause.value}": said for cause, said in WAITS.items()}
    found |= {f"quality_{bit}": said for bit, said in QUALITY.items()}
    found |= {f"step_{step}": said for step, said in STEPS.items()}
    return {key: getattr(said, language) for key, said in found.items()}
