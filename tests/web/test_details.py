"""Details of rejects and connections on the Vietnamese pages: sentences of their own, in place of quoted English."""

import re
from typing import Any

import pytest

from gateway.core.devices.streams import Admission
from schemas.details import DETAILS, in_vietnamese
from schemas.registry import RegisteredDevice
from tests.core.making import NOW_MS, topic
from tests.core.profiled import EUI, PH, ask, pipeline, process, sent, uplink
from tests.rows import each_row
from tests.web.pages.languages import is_todo
from tests.web.rendering import pages

NATIVE = topic()
HOLE = re.compile(r"<(\w+)>")


def vietnamese(detail: str) -> str | None:
    """The sentence that a page shows for a detail; None: it is quoted."""
    said = in_vietnamese(detail)
    return said if said != detail else None


def detail(payload: object, on: str = NATIVE, *profiles: str, **how: Any) -> str:  # noqa: ANN401 - of any field
    """The detail of the reject that a message becomes."""
    (refusal,) = pipeline(*profiles, **how).process(sent(payload, on), NOW_MS).refusals
    return refusal.detail


OWN = f"match: {{topic: 't/{{device}}'}}\n{PH}"


@each_row(
    ("said", "wanted"),
    [
        pytest.param(detail(b"{"), "không phải JSON: ", id="not-json"),
        pytest.param(detail(b"\xff"), "byte thứ 0 không phải UTF-8", id="not-utf8"),
        pytest.param(detail(b'{"ph":7,"ph":8}'), "khóa 'ph' có hai lần", id="a-key-twice"),
        pytest.param(detail(b"[]"), "danh sách số đo rỗng", id="no-readings"),
        pytest.param(detail(b"7"), "một số đo là một đối tượng JSON, còn đây là int", id="no-object"),
        pytest.param(detail({"ph": 99}), "không còn giá trị nào: ph (out_of_bounds)", id="no-value-left"),
        pytest.param(detail({}), "không có đại lượng nào", id="no-quantity"),
        pytest.param(detail({}, "x/y"), "topic không phải iot/v1/{site}/{domain}/{device}/readings", id="unknown-topic"),
        pytest.param(detail(b"", "t/d1", OWN), "bản tin rỗng", id="empty"),
        pytest.param(detail({"ph": 7}, "t/d1", OWN, admission=Admission("reject")), "d1 không có trong", id="not-registered"),
        pytest.param(
            detail({"ph": 7}, "t/d1", OWN, devices=[RegisteredDevice("d1", source="d2")]), "'d1' sẽ có mã d1", id="two-names"
        ),
        pytest.param(
            detail({"ph": 7}, "t/d1", OWN, admission=Admission(devices_max=0)),
            "d1 sẽ là thiết bị chưa đăng ký thứ 1",
            id="limit",
        ),
    ],
)
def test_what_is_found_in_a_message_has_its_vietnamese_sentence(said: str, wanted: str) -> None:
    assert (vietnamese(said) or said).startswith(wanted)


def test_two_readings_of_one_instant_have_their_vietnamese_sentence() -> None:
    into = pipeline(f"time: [{{path: /at, format: unix_ms}}]\n{OWN}")
    process(into, {"ph": 7, "at": NOW_MS})
    (refusal,) = process(into, {"ph": 8, "at": NOW_MS}).refusals
    assert vietnamese(refusal.detail) == f"một số đo khác của d1 lúc {NOW_MS} ms có ph khác; số đo đầu tiên được giữ"


def test_what_a_codec_says_is_quoted_behind_its_vietnamese_sentence() -> None:
    into = pipeline("match: {envelope: lorawan}\ncodec: c.js\npoints: [{measurement: water, fields: {ph: /codec/ph}}]")
    (refusal,) = into.resume(ask(into.process(uplink(EUI), NOW_MS)), None, "unknown frame").refusals
    assert vietnamese(refusal.detail) == "hồ sơ p: bộ giải mã báo: unknown frame"


@pytest.mark.parametrize("detail", ["401 unauthorized", "the codec: kaputt\nline 2"])
def test_what_has_no_sentence_is_quoted_as_it_is(detail: str) -> None:
    assert vietnamese(detail) is None


@each_row("english", DETAILS)
def test_each_vietnamese_sentence_has_all_that_the_english_one_holds(english: str) -> None:
    assert sorted(HOLE.findall(DETAILS[english])) == sorted(HOLE.findall(english))
    example = HOLE.sub("x1", english)
    assert is_todo(english) or vietnamese(example) == HOLE.sub("x1", DETAILS[english]), "another sentence takes it before"


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        pytest.param("devices.yaml: devices.3.parent: m9 is not among the devices (line 14)",
                     "devices.yaml: devices.3.parent: m9 không có trong danh sách thiết bị (dòng 14)", id="its-place"),
        pytest.param("m1: id: m1 is registered already\nm1: lat: 'x' is not a number",
                     "m1: id: m1 đã được đăng ký\nm1: lat: 'x' không phải là số", id="several-lines"),
        pytest.param("http://[::1]:8086 does not answer: no answer in time",
                     "http://[::1]:8086 không trả lời: không có trả lời kịp lúc", id="a-sentence-in-a-sentence"),
    ],
)  # fmt: skip
def test_a_sentence_is_known_wherever_it_stands(said: str, wanted: str) -> None:
    assert vietnamese(said) == wanted


def test_a_page_quotes_what_has_no_sentence_and_nothing_where_there_is_nothing() -> None:
    texts = pages().texts("vi")
    assert texts.detail("kaputt") == '<q lang="en">kaputt</q>'
    assert texts.detail("") == ""
