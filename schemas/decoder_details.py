"""Vietnamese details of what decoders and profiles find in a payload; see :mod:`schemas.details`."""

from typing import Final

DECODER_DETAILS: Final[dict[str, str]] = {
    # CBOR.
    "<size> bytes of CBOR; send at most <most> in a message": "<size> byte CBOR; gửi nhiều nhất <most> byte trong một bản tin",
    "not CBOR: <fault>": "không phải CBOR: <fault>",
    "more than one CBOR item in the message": "bản tin có nhiều hơn một phần tử CBOR",
    # Tables and texts.
    "the table has no row": "bảng không có dòng nào",
    "<count> rows in one message; send at most <most>": "<count> dòng trong một bản tin; gửi nhiều nhất <most>",
    "row <row> is not CSV: <fault>": "dòng <row> không phải CSV: <fault>",
    "<count> pairs in one message; send at most <most>": "<count> cặp trong một bản tin; gửi nhiều nhất <most>",
    "<text> is not UTF-8": "<text> không phải UTF-8",
    "<wanted> is expected at character <place>, there is <text>": "cần <wanted> ở ký tự thứ <place>, nhưng ở đó là <text>",
    "the template ends at character <place>, the text goes on with <text>": (
        "mẫu hết ở ký tự thứ <place>, nhưng văn bản còn tiếp: <text>"
    ),
    # Telegrams of meters.
    "the telegram is cut off: it has a header, but no line that begins with !": (
        "bức điện bị cụt: có phần đầu nhưng không có dòng bắt đầu bằng !"
    ),
    "no line has an OBIS code such as 1-0:1.8.0(…)": "không dòng nào có mã OBIS như 1-0:1.8.0(…)",
    "more than <most> values in one telegram": "nhiều hơn <most> giá trị trong một bức điện",
    "after the ! comes <text>, which is not a checksum": "sau dấu ! là <text>, không phải mã kiểm tra",
    "the checksum of the telegram is <ours>, it says <theirs>: bytes were lost or changed": (
        "mã kiểm tra của bức điện là <ours>, nhưng nó ghi <theirs>: có byte bị mất hoặc bị đổi"
    ),
    # SenML.
    "a SenML pack is a list of records, this is a <kind>": "một gói SenML là một danh sách bản ghi, còn đây là <kind>",
    "<count> records in one pack; at most <most> are read": "<count> bản ghi trong một gói; đọc nhiều nhất <most>",
    "record <number> is a <kind>, not an object": "bản ghi <number> là <kind>, không phải đối tượng",
    "record <number> has version <theirs> of SenML; up to <ours> is understood": (
        "bản ghi <number> theo SenML phiên bản <theirs>; cổng hiểu đến phiên bản <ours>"
    ),
    "record <number> has the field <field>, which must be understood and is not": (
        "bản ghi <number> có trường <field> bắt buộc phải hiểu, nhưng cổng không hiểu"
    ),
    "record <number>: <field> is not <kind>": "bản ghi <number>: <field> không phải <kind>",
    "record <number> has <values>; one value is allowed": "bản ghi <number> có <values>; chỉ được có một giá trị",
    "the name of record <number> has <count> characters; at most <most>": (
        "tên của bản ghi <number> có <count> ký tự; nhiều nhất <most>"
    ),
    "record <number> has the name <name>; letters, digits and -:./_ are allowed, the first a letter or digit": (
        "bản ghi <number> có tên <name>; chỉ được dùng chữ cái, chữ số và -:./_, bắt đầu bằng chữ cái hoặc chữ số"
    ),
    # Sparkplug B.
    "not a Sparkplug B payload": "không phải bản tin Sparkplug B",
    "a compressed Sparkplug B payload; switch compression off at the edge node": (
        "bản tin Sparkplug B bị nén; hãy tắt nén ở nút (edge node)"
    ),
    "<count> metrics in one payload; at most <most> are read": "<count> giá trị trong một bản tin; đọc nhiều nhất <most>",
    "the name of a metric has <size> bytes; at most <most>": "tên của một giá trị dài <size> byte; nhiều nhất <most>",
    "text in a Sparkplug B payload is not UTF-8": "chữ trong bản tin Sparkplug B không phải UTF-8",
    "<count> metrics of <node>, with those known before, are too many to be kept": (
        "<count> giá trị của <node>, cùng với những giá trị đã biết, là quá nhiều để giữ"
    ),
    "<node> would be edge node <number>; at most <most> are followed": (
        "<node> sẽ là nút (edge node) thứ <number>; cổng theo dõi nhiều nhất <most>"
    ),
    # Profiles.
    "<count> rows; a profile without each reads one row in a message": (
        "<count> dòng; hồ sơ không có each chỉ đọc một dòng trong một bản tin"
    ),
    "<kind> is <size> bytes; there is <found>": "<kind> dài <size> byte; ở đây là <found>",
    "there are no bytes at <path> for struct: <found>": "không có byte nào ở <path> cho struct: <found>",
    "more than <most> readings in one message": "nhiều hơn <most> số đo trong một bản tin",
    "the device should stand at <paths>, there is <found>": "thiết bị phải nằm ở <paths>, nhưng ở đó là <found>",
    "the <what> is <found>, which is not a whole number": "<what> là <found>, không phải số nguyên",
    "JSON in a text: <fault>": "JSON nằm trong văn bản: <fault>",
    "<found> is not a list of bytes": "<found> không phải danh sách byte",
    "<found> is not JSON in a text": "<found> không phải JSON nằm trong văn bản",
    "<found> is not a list of at most <most> registers": "<found> không phải danh sách nhiều nhất <most> thanh ghi",
    "<found> is not a 16-bit register": "<found> không phải thanh ghi 16 bit",
    "<found> is not hexadecimal": "<found> không phải thập lục phân (hex)",
    "<found> is not base64": "<found> không phải base64",
    "<count>: count: there is no whole number <name> beside it": "<count>: count: không có số nguyên <name> bên cạnh",
    # Devices.
    "<name> cannot be a <what>: it means a folder": "<name> không thể là <what>: nó chỉ một thư mục",
    "<device> speaks on its topic <number>; one device has few sites and domains": (
        "<device> gửi trên topic thứ <number>; một thiết bị chỉ có ít trạm và lĩnh vực"
    ),
    "a fault in the gateway; report it:\n<trace>": "lỗi của chính cổng; hãy báo cho nhà phát triển:\n<trace>",
    # Codecs.
    "there is no codec <codec>": "không có bộ giải mã <codec>",
    "took more than <ms> ms; it was ended": "chạy quá <ms> ms nên đã bị dừng",
    "brought down the process it runs in": "làm hỏng tiến trình đang chạy nó",
    "the process for codecs cannot be started: <fault>": "không khởi động được tiến trình giải mã: <fault>",
    "the process for codecs ends at its start and writes <words>": (
        "tiến trình giải mã dừng ngay khi khởi động và ghi ra <words>"
    ),
    "took more than <ms> ms to load": "nạp quá <ms> ms",
    "null, or out of memory": "null, hoặc hết bộ nhớ",
    "takes more memory than the process has": "cần nhiều bộ nhớ hơn tiến trình có",
    "returned what cannot be read: <fault>": "trả về thứ không đọc được: <fault>",
    "returned a list of <count> items as data; <most> are taken": "trả về danh sách <count> phần tử; chỉ nhận <most>",
    "returned <kind> as data": "trả về <kind> thay cho dữ liệu",
    "did not return a JSON object": "không trả về đối tượng JSON",
    "returned <count> characters of JSON; <most> are taken": "trả về <count> ký tự JSON; chỉ nhận <most>",
    "<system> confines no codec; Linux does": "<system> không cô lập được bộ giải mã; Linux thì được",
    "nothing about <what>; Linux <version> has it": "không cô lập được <what>; Linux <version> làm được",
    "no list of system calls for <machine> with Python of <bits> bits": (
        "không có danh sách lời gọi hệ thống cho <machine> với Python <bits> bit"
    ),
    # Parts of these sentences.
    "references to other items are not supported": "không hỗ trợ tham chiếu tới phần tử khác",
    "a big integer is not made of bytes": "một số nguyên lớn không làm từ byte",
    "a fraction is not exponent and mantissa": "một phân số không gồm số mũ và phần định trị",
}
