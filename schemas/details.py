"""Vietnamese details about a single message or connection: sentences with holes, found by their English text.

The finding in a message goes along as the detail, which commands and programs get in English. A detail that has a line here is
shown in Vietnamese, and any other is quoted, such as the words of a maker's codec or a server.
"""

import re
from functools import lru_cache
from typing import Final

from schemas.decoder_details import DECODER_DETAILS
from schemas.refusal_details import REFUSAL_DETAILS

_DETAILS: Final[dict[str, str]] = {
    # Of a payload.
    "the payload is empty": "bản tin rỗng",
    "not JSON: <fault>": "không phải JSON: <fault>",
    "byte <at> is not UTF-8": "byte thứ <at> không phải UTF-8",
    "nested deeper than <depth>": "lồng nhau quá <depth> tầng",
    "the key <key> occurs twice in a reading; let the device write each key once": (
        "khóa <key> có hai lần trong một số đo; hãy cho thiết bị ghi mỗi khóa một lần"
    ),
    "<count> readings in one message; send at most <most>": "<count> số đo trong một bản tin; gửi nhiều nhất <most>",
    "the list of readings is empty": "danh sách số đo rỗng",
    "a reading is a JSON object, this is a <kind>": "một số đo là một đối tượng JSON, còn đây là <kind>",
    "no value left: <dropped>": "không còn giá trị nào: <dropped>",
    "the object holds no quantity": "không có đại lượng nào trong đối tượng",
    "<field>: bytes <first> to <last> of a frame of <size>; the frame ends in the middle of it": (
        "<field>: byte <first> đến <last> của khung tin dài <size>; khung tin bị cụt ở giữa"
    ),
    "<size> bytes; limits.payload_bytes is <most>": "<size> byte; giới hạn limits.payload_bytes là <most>",
    "payload: is not hexadecimal": "nội dung không phải thập lục phân (hex)",
    "payload: is not base64": "nội dung không phải base64",
    # Of a device and its profile.
    "the topic is not iot/v1/{site}/{domain}/{device}/readings and no profile takes it": (
        "topic không phải iot/v1/{site}/{domain}/{device}/readings và không có hồ sơ nào nhận"
    ),
    "no profile takes this message; tried were <profiles>": "không hồ sơ nào nhận bản tin này; đã hỏi: <profiles>",
    "<device> is not in the registry and devices.unknown is <policy>; register it": (
        "<device> không có trong danh sách đăng ký và devices.unknown là <policy>; hãy đăng ký"
    ),
    "<device> is not registered and its frames do not tell its make; register it with its model": (
        "<device> chưa đăng ký và khung tin không cho biết loại máy; hãy đăng ký kèm model"
    ),
    "<profiles> fit equally well; register <device> with its model": (
        "<profiles> cùng nhận như nhau; hãy đăng ký <device> kèm model"
    ),
    "<device> is simulated and limits.simulated is reject": "<device> là thiết bị mô phỏng và limits.simulated là reject",
    "<device> would be unregistered device <number>; limits.devices is <most>; register it": (
        "<device> sẽ là thiết bị chưa đăng ký thứ <number>; giới hạn limits.devices là <most>; hãy đăng ký"
    ),
    "<theirs> would be <id>, but that is <ours>; register one of them with an id of its own and its name as source": (
        "<theirs> sẽ có mã <id>, nhưng mã đó là của <ours>; hãy đăng ký một trong hai với id riêng và tên của nó làm source"
    ),
    "<text> cannot be a device: 1 to 64 of A-Z a-z 0-9 . _ : -": (
        "<text> không thể là mã thiết bị: cần 1 đến 64 ký tự A-Z a-z 0-9 . _ : -"
    ),
    "another reading of <device> at <time> ms has another <fields>; the first one is kept": (
        "một số đo khác của <device> lúc <time> ms có <fields> khác; số đo đầu tiên được giữ"
    ),
    "profile <profile>: the message is of <device>, but its topic names <other>": (
        "hồ sơ <profile>: bản tin là của <device>, nhưng topic lại ghi <other>"
    ),
    "profile <profile>: the message does not tell its device": "hồ sơ <profile>: bản tin không cho biết thiết bị",
    "profile <profile>: no device id where the profile looks for it: <found>": (
        "hồ sơ <profile>: không có mã thiết bị ở chỗ hồ sơ tìm: <found>"
    ),
    "profile <profile>: its codec: <fault>": "hồ sơ <profile>: bộ giải mã báo: <fault>",
    # Of an exchange.
    "<device> has no register; it has <registers>": "<device> không có chỉ số nào như vậy; nó có <registers>",
    "<device> has no register <field>; it has <registers>": "<device> không có chỉ số <field>; nó có <registers>",
    "<device>: the step was said to be used already": "<device>: bước nhảy này đã được xác nhận là dùng thật",
    "<device>: the step stands to be confirmed already": "<device>: bước nhảy này vẫn đang chờ xác nhận",
    "<device> has several registers; name one with --field: <registers>": "<device> có nhiều chỉ số; hãy chọn một: <registers>",
    "<value> is no register; <field> lies between 0 and <most>": "<value> không phải chỉ số; <field> nằm giữa 0 và <most>",
    "<device> has no step to confirm at that time": "<device> không có bước nhảy nào chờ xác nhận vào lúc đó",
    "<device>: the register went back from <before> to <after>: tell its exchange": (
        "<device>: chỉ số lùi từ <before> về <after>: hãy ghi việc thay đồng hồ (công tơ)"
    ),
    "<device>: <amount> is more than can have flowed in that time: tell its exchange": (
        "<device>: <amount> nhiều hơn mức có thể chảy trong thời gian đó: hãy ghi việc thay đồng hồ (công tơ)"
    ),
    "<value> is less than the last register that was read, <last>": "<value> nhỏ hơn chỉ số đo được lần cuối, <last>",
    "the last register that was read is <last>: <more> more is not usual in this time": (
        "chỉ số đo được lần cuối là <last>: thêm <more> là bất thường trong thời gian này"
    ),
    # Of the registry.
    "<value> is not a number": "<value> không phải là số",
    "<value> is not a date; write it as 2026-03-14": "<value> không phải ngày; hãy viết như 2026-03-14",
    "<value> is not one of 'water', 'power', 'traffic' or 'urban'": "<value> không thuộc water, power, traffic, urban",
    "<value> is less than <least>": "<value> nhỏ hơn <least>",
    "<value> is more than <most>": "<value> lớn hơn <most>",
    "there is no such key": "không có khóa này",
    "<value> may hold 1 to 64 of A-Z a-z 0-9 . _ : -": "<value>: cần 1 đến 64 ký tự A-Z a-z 0-9 . _ : -",
    "<value> is longer than <most> characters": "<value> dài quá <most> ký tự",
    "<value> is not a name: it means a folder": "<value> không phải tên: nó chỉ một thư mục",
    "<value> is not a number, text or boolean": "<value> không phải số, chữ hay đúng/sai",
    "<value> is not a span of time; write for example 200ms, 90s, 10min, 2h or 40d": (
        "<value> không phải khoảng thời gian; hãy viết như 200ms, 90s, 10min, 2h hoặc 40d"
    ),
    "a span of time here is longer than nothing and at most a hundred years": (
        "khoảng thời gian phải lớn hơn 0 và không quá trăm năm"
    ),
    "<id> is registered already": "<id> đã được đăng ký",
    "<id> is not in the registry; register it first": "<id> không có trong danh sách đăng ký; hãy đăng ký trước",
    "an id never changes: it names the series; register the new one and retire this": (
        "mã không bao giờ đổi vì số liệu nằm dưới mã đó; hãy đăng ký mã mới và ngừng dùng mã này"
    ),
    "<area> is not among the areas": "<area> không có trong danh sách khu vực",
    "<area> is not among the areas of the registry; add its name there first": (
        "<area> không có trong danh sách khu vực; hãy thêm tên khu vực vào đó trước"
    ),
    "<parent> is not among the devices": "<parent> không có trong danh sách thiết bị",
    "<parent> measures <theirs>, <id> <ours>: there is no balance of the two": (
        "<parent> đo <theirs>, <id> đo <ours>: hai thứ không cân đối được với nhau"
    ),
    "<way>: nothing flows to a device through itself": "<way>: không gì chảy tới một thiết bị qua chính nó",
    "<source>, the source of <id>, is also the <key> of <other>, devices.<place>": (
        "<source>, tên gửi của <id>, cũng là <key> của <other>, devices.<place>"
    ),
    "<other> has the name <source> already": "<other> đã có tên gửi <source>",
    "<id> is the parent of <children>; give them another parent first": (
        "<id> là đồng hồ cấp trên của <children>; hãy cho chúng đồng hồ cấp trên khác trước"
    ),
    "there is no profile <profile>": "không có hồ sơ <profile>",
    "is missing; profile <profile> needs it of <id>": "còn thiếu; hồ sơ <profile> cần tham số này của <id>",
    "<id> is <key>: at the broker the device could be the gateway; rename it": (
        "<id> là <key>: ở máy chủ MQTT thiết bị có thể giả làm cổng; hãy đặt mã khác"
    ),
    # Of a connection.
    "the broker closed the connection": "máy chủ MQTT đã đóng kết nối",
    "<address> does not answer": "<address> không trả lời",
    "<address> is silent for <seconds> s": "<address> im lặng đã <seconds> giây",
    "no answer within <seconds> s": "không có trả lời trong <seconds> giây",
    "no answer for <seconds> s": "không có trả lời đã <seconds> giây",
    "not an HTTP server: <fault>": "nơi trả lời không phải máy chủ HTTP: <fault>",
    "<address>: Connection refused": "<address>: kết nối bị từ chối",
    "<address>: No route to host": "<address>: không có đường tới máy này",
    "<address>: Name or service not known": "<address>: không tìm thấy tên máy này",
}

DETAILS: Final = _DETAILS | DECODER_DETAILS | REFUSAL_DETAILS
"""English, with a name in angle brackets for each part that differs → the same in Vietnamese."""

HOLE: Final = re.compile(r"<(\w+)>")
_SENTENCES: Final = frozenset({"fault", "doubt"})
"""Parts that are sentences themselves."""
_OF_SEVERAL_LINES: Final = frozenset({"fault", "trace"})
_LINE: Final = re.compile(r"(.*) \(line (\d+)\)")
_MEANT: Final = re.compile(r"(.*); did you mean (.*)\?")
"""As :func:`schemas.nearest.did_you_mean` ends a sentence."""
_CACHED: Final = 1024


@lru_cache(maxsize=_CACHED)
def in_vietnamese(detail: str) -> str:
    """The Vietnamese sentence of a detail; the detail itself where none fits.

    A sentence may stand behind the file and the key that it is about, and before the number of a line.
    """
    if (meant := _MEANT.fullmatch(detail)) is not None:
        return f"{in_vietnamese(meant[1])}; có phải ý bạn là {meant[2]}?"
    if "\n" in detail:
        return _sentence(detail) or "\n".join(map(in_vietnamese, detail.split("\n")))
    text, line = (found[1], f" (dòng {found[2]})") if (found := _LINE.fullmatch(detail)) else (detail, "")
    parts = text.split(": ")
    for at in range(len(parts)):
        if said := _sentence(": ".join(parts[at:])):
            return ": ".join([*parts[:at], said]) + line
    return detail


def _sentence(text: str) -> str:
    """The Vietnamese sentence of exactly this text; empty where there is none."""
    for pieces, pattern, said in _patterns():
        if all(piece in text for piece in pieces) and (found := pattern.fullmatch(text)):
            parts = {name: in_vietnamese(part) if name in _SENTENCES else part for name, part in found.groupdict().items()}
            return HOLE.sub(lambda hole: parts[hole[1]], said)  # noqa: B023 - it returns
    return ""


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[list[str], re.Pattern[str], str]]:
    """The sentences, the one that holds most words of its own first, with the pieces between its holes."""
    ordered = sorted(DETAILS, key=lambda english: len(HOLE.sub("", english)), reverse=True)
    return [(HOLE.split(english)[::2], re.compile(_with_groups(english)), DETAILS[english]) for english in ordered]


def _with_groups(english: str) -> str:
    texts, names = HOLE.split(english)[::2], HOLE.split(english)[1::2]
    return re.escape(texts[0]) + "".join(
        f"(?P<{name}>{'(?s:.*?)' if name in _OF_SEVERAL_LINES else '.*?'}){re.escape(text)}"
        for name, text in zip(names, texts[1:], strict=True)
    )
