"""A sheet to print: a label for each device, with its account and a QR code, to be cut out and put into the box."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import segno
from jinja2 import Environment, StrictUndefined

from gateway.ingest.broker.rights import NativeTopics
from schemas.enrolment import Enrolment

_WORDS: Final = {
    "vi": {
        "title": "Thẻ cấp tài khoản thiết bị",
        "secret": "Mỗi thẻ chứa một mật khẩu. Giao tận tay, rồi xóa tệp này.",
        "address": "Địa chỉ",
        "user": "Tài khoản",
        "password": "Mật khẩu",
        "topic": "Chủ đề",
        "site": "Điểm lắp",
    },
    "en": {
        "title": "Device account labels",
        "secret": "Each label holds a password. Hand it over, then remove this file.",
        "address": "Address",
        "user": "User",
        "password": "Password",
        "topic": "Topic",
        "site": "Site",
    },
}


def enrolment_sheet(made: Sequence[tuple[NativeTopics, Enrolment]], language: str) -> str:
    """A page of HTML with a label for each device; it loads nothing from elsewhere."""
    template = (files("gateway.admin.broker") / "sheet.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    labels = [{"place": place, "enrolment": one, "code": _code(one)} for place, one in made]
    return environment.from_string(template).render(words=_WORDS[language], language=language, labels=labels) + "\n"


def _code(one: Enrolment) -> Any:  # noqa: ANN401 - the library has no types
    """The QR code as an image in the page."""
    return segno.make(str(one), error="m").svg_data_uri(scale=3, border=2)
