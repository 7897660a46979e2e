"""Vietnamese details of requests that are refused, by the API, a file or the disk; see :mod:`schemas.details`."""

from typing import Final

REFUSAL_DETAILS: Final[dict[str, str]] = {
    # Who may come in.
    "send Authorization: Bearer TOKEN, or log in at /login": "hãy gửi Authorization: Bearer MÃ, hoặc đăng nhập tại /login",
    "wrong token": "mã truy cập sai",
    "too many wrong tokens from this address; try again in <seconds> s": (
        "quá nhiều mã sai từ địa chỉ này; hãy thử lại sau <seconds> giây"
    ),
    "this gateway is not called <name>; if people are to reach it under this name, write it into http.hosts of gateway.yaml": (
        "cổng này không có tên <name>; nếu muốn vào bằng tên này, hãy ghi nó vào http.hosts của gateway.yaml"
    ),
    "a page of another address sent this, so nothing was changed; behind a proxy: it must pass the Host of the browser on, and"
    " its address must stand in http.trusted_proxies of gateway.yaml": (
        "một trang ở địa chỉ khác đã gửi yêu cầu này nên không có gì thay đổi; nếu ở sau proxy: proxy phải chuyển tiếp Host của"
        " trình duyệt, và địa chỉ của nó phải nằm trong http.trusted_proxies của gateway.yaml"
    ),
    "this needs the role <role>; <account> has the role <own>": "việc này cần vai trò <role>; <account> có vai trò <own>",
    "this shows more than the devices that the account <account> may see": (
        "trang này cho thấy nhiều hơn các thiết bị mà tài khoản <account> được xem"
    ),
    "there is no file <file> of open data": "không có tệp dữ liệu mở <file>",
    "the files of the open data cannot be read: <fault>": "không đọc được các tệp dữ liệu mở: <fault>",
    "as many pages as may follow the gateway do already": "đã đủ số trang được theo dõi cổng cùng lúc",
    "<machine> stands by; make the change on the live machine, <live>": (
        "<machine> đang dự phòng; hãy thực hiện thay đổi trên máy đang hoạt động, <live>"
    ),
    "<machine> stands by, and no machine is live now; make the change once one is": (
        "<machine> đang dự phòng, và hiện không có máy nào hoạt động; hãy thực hiện thay đổi khi có máy hoạt động"
    ),
    # What a request lacks.
    "<key>: at most <most> letters": "<key>: nhiều nhất <most> ký tự",
    "by: name the person who decides this": "by: hãy cho biết tên người quyết định",
    "note: say what is done, for those who wonder about the silence": (
        "note: hãy ghi việc đang làm, để người khác hiểu vì sao yên lặng"
    ),
    "place: name one: a site, a device, or everywhere": "place: hãy chọn một: một địa điểm, một thiết bị, hoặc mọi nơi",
    "<site> is of no registered device, and none was heard there": (
        "<site> không phải địa điểm của thiết bị đã đăng ký nào, và chưa nghe thấy thiết bị nào ở đó"
    ),
    "<device> is not registered, and was not heard": "<device> chưa đăng ký, và chưa nghe thấy",
    "until_ms: name a time of the coming year, in milliseconds since 1970; or for_h: hours": (
        "until_ms: cần một thời điểm trong năm tới, tính bằng mili giây từ 1970; hoặc for_h: số giờ"
    ),
    "no alarm <alarm> is active; `gateway alarms list` shows those that are": (
        "không có cảnh báo <alarm> nào đang hoạt động; trang Cảnh báo cho thấy những cảnh báo còn lại"
    ),
    "no planned work <number> goes on; `gateway alarms silences` shows what does": (
        "không có công việc theo kế hoạch số <number> nào đang diễn ra; trang Cảnh báo cho thấy những việc còn lại"
    ),
    "<device> was never heard and is not registered; check its id and the topic that it sends to": (
        "chưa từng nghe thấy <device> và nó chưa đăng ký; hãy kiểm tra mã và topic mà nó gửi tới"
    ),
    "<day> is not a day; write 2026-10-31": "<day> không phải là ngày; viết như 2026-10-31",
    "there is no photo of it": "thiết bị này không có ảnh",
    "<device> is not registered; register it first": "<device> chưa đăng ký; hãy đăng ký trước",
    "from_ms: a time in ms is missing": "from_ms: thiếu một thời điểm tính bằng mili giây",
    "first_ms: a time in ms is missing": "first_ms: thiếu một thời điểm tính bằng mili giây",
    "from_ms: this time has not come yet": "from_ms: thời điểm này chưa tới",
    "nobody asked for its sums": "chưa ai yêu cầu tính lại tổng của thiết bị này",
    "there is no reason <reason>": "không có lý do <reason>",
    'send the keys of the device as a JSON object, such as {"site": "xa-01", "area": "A1"}': (
        'hãy gửi các khóa của thiết bị dưới dạng đối tượng JSON, như {"site": "xa-01", "area": "A1"}'
    ),
    "nested too deeply": "lồng nhau quá sâu",
    "the key <key> stands twice": "khóa <key> có hai lần",
    "<key>: there is no such key here; the keys are <keys>": "<key>: ở đây không có khóa này; các khóa là <keys>",
    # An exchange.
    "--at: <value> is no time; write 2026-10-31T14:30": "--at: <value> không phải thời điểm; viết như 2026-10-31T14:30",
    "--at: this time has not come yet; an exchange is told when it was made": (
        "--at: thời điểm này chưa tới; hãy ghi nhận việc thay sau khi đã thay"
    ),
    "<device> has no register <field>; it has <registers>": "<device> không có chỉ số <field>; nó có <registers>",
    "not a number: <fault>": "không phải là số: <fault>",
    "<doubt>; if it is right, repeat with --force": "<doubt>; nếu đúng như vậy, hãy gửi lại với --force",
    # An amount that a person tells.
    "--amount: <amount> cannot be for <kind>: an estimate is 0 or more": (
        "--amount: <amount> không hợp với <kind>: lượng ước tính từ 0 trở lên"
    ),
    "--amount: <amount> is no amount of a meter": "--amount: <amount> không phải lượng mà một đồng hồ đo được",
    "--amount: <amount> is no number; write 1234.5 or 1234,5, without a mark between thousands": (
        "--amount: <amount> không phải là số; viết 1234.5 hoặc 1234,5, không có dấu tách hàng nghìn"
    ),
    "--from: <first> is more than <most> days ago": "--from: <first> đã quá <most> ngày",
    "--undo: no such <kind> of these days stands; its days must be those told": (
        "--undo: không có <kind> nào của những ngày này; phải ghi đúng những ngày đã khai"
    ),
    "--field: <device> has no register <field>": "--field: <device> không có chỉ số <field>",
    "--note: say why, in at most <most> letters": "--note: hãy ghi lý do, nhiều nhất <most> chữ",
    "--to: from <first> to <last> are no days that are over, at most <most>": (
        "--to: từ <first> đến <last> không phải những ngày đã qua, nhiều nhất <most> ngày"
    ),
    "<device> is no meter of water or power": "<device> không phải đồng hồ nước hay công tơ điện",
    "<fault>; days are written 2026-10-31": "<fault>; ngày viết như 2026-10-31",
    # A trial.
    "name the topic: the payload is neither an uplink of a known network server nor a native reading": (
        "hãy cho biết chủ đề: nội dung không phải bản tin của máy chủ mạng nào đã biết, cũng không phải số đo dạng chuẩn"
    ),
    # The registry's file, and a spreadsheet.
    "<file> was changed meanwhile; nothing was written": "<file> vừa được người khác sửa; chưa ghi gì",
    "<id> occurs twice; the first is <place>": "<id> có hai lần; lần đầu là <place>",
    "<file>: <count> faults more": "<file>: còn <count> lỗi nữa",
    "<file>: devices.registry: cannot be written: <fault>": "<file>: devices.registry: không ghi được: <fault>",
    "<file>: devices.registry: cannot be put back: <fault>": "<file>: devices.registry: không trả lại được như cũ: <fault>",
    "<file>: document: cannot be read: <fault>": "<file>: không đọc được: <fault>",
    "<file>: document: is not UTF-8: <fault> at byte <at>": "<file>: không phải UTF-8: <fault> ở byte <at>",
    "<file>: document: is not UTF-8; in Excel save it as CSV UTF-8": (
        "<file>: không phải UTF-8; trong Excel hãy lưu dạng CSV UTF-8"
    ),
    "<file>: document: must be a mapping of sections": "<file>: phải là các mục có tên",
    "<column>: there is no such column; the columns are <columns> and params.NAME for each parameter": (
        "<column>: không có cột này; các cột là <columns> và params.TÊN cho mỗi tham số"
    ),
    "<column>: this column occurs twice": "<column>: cột này có hai lần",
    "id: this column is missing; the columns are <columns> and params.NAME for each parameter": (
        "id: thiếu cột này; các cột là <columns> và params.TÊN cho mỗi tham số"
    ),
    "registry: cannot be written so that it reads back the same; report this": (
        "danh sách đăng ký: không thể ghi để đọc lại giống hệt; hãy báo cho nhà phát triển"
    ),
    # YAML.
    'quote it: "<text>"; without quotes YAML reads another number': (
        'hãy đặt trong ngoặc kép: "<text>"; không có ngoặc kép YAML đọc thành số khác'
    ),
    "the tag <tag> is not accepted": "thẻ <tag> không được chấp nhận",
    "<text> is not a valid <kind>; quote it if it is text": "<text> không phải <kind>; nếu là chữ hãy đặt trong ngoặc kép",
    "a key is one word, not a list or mapping": "khóa là một từ, không phải danh sách hay nhóm khóa",
    "the key <key> occurs twice": "khóa <key> có hai lần",
    "more than <most> levels deep": "lồng nhau quá <most> tầng",
    "an alias (*) is not accepted; write the value out": "không chấp nhận bí danh (*); hãy ghi thẳng giá trị",
    "a second document begins; a file holds one": "có tài liệu thứ hai bắt đầu; mỗi tệp chỉ chứa một",
    "no text: <fault>": "không phải văn bản: <fault>",
    # Accounts and alarms, which are read together with the registry.
    "<file>: http.tokens_file: is not there; make it with: gateway setup token NAME ROLE": (
        "<file>: http.tokens_file: chưa có tệp này; hãy tạo bằng: gateway setup token TÊN VAI_TRÒ"
    ),
    "an account is NAME ROLE SHA256; make one with: gateway setup token NAME ROLE": (
        "một tài khoản là TÊN VAI_TRÒ SHA256; hãy tạo bằng: gateway setup token TÊN VAI_TRÒ"
    ),
    "<name> has a line already": "<name> đã có một dòng",
    "<role> is no role; there are <roles>": "<role> không phải vai trò; có các vai trò <roles>",
    "only an account of the role read has a limit, not one of the role <role>": (
        "chỉ tài khoản có vai trò read mới có giới hạn, vai trò <role> thì không"
    ),
    "<word> is no limit; write domain=water, and after it area=CODE,CODE for some areas": (
        "<word> không phải giới hạn; hãy ghi domain=water, rồi area=MÃ,MÃ nếu chỉ một số khu vực"
    ),
    "domain: name one of <domains>": "domain: hãy chọn một trong <domains>",
    "area: <area> is no code of an area": "area: <area> không phải mã khu vực",
    "the third word is not a SHA-256; make a token with: gateway setup token <name> <role>": (
        "từ thứ ba không phải SHA-256; hãy tạo mã bằng: gateway setup token <name> <role>"
    ),
    "<name> is a name of the gateway's own; choose another one": "<name> là tên của chính cổng; hãy chọn tên khác",
    "<name> is no name of an account: one word of at most 64 letters, digits and . @ + - _": (
        "<name> không phải tên tài khoản: một từ, nhiều nhất 64 chữ cái, chữ số và . @ + - _"
    ),
    # The disk.
    "<file> is damaged": "<file> bị hỏng",
    "<file> is damaged: <fault>": "<file> bị hỏng: <fault>",
    "<file> is not open": "<file> chưa được mở",
    "<file> cannot be written: <fault>": "<file> không ghi được: <fault>",
    "<file> has disappeared, and its contents cannot be saved: <fault>": (
        "<file> đã biến mất, và không cứu được nội dung của nó: <fault>"
    ),
    "<file> was removed or replaced under the running gateway": "<file> đã bị xóa hoặc thay trong lúc cổng đang chạy",
    "the disk has not answered for <seconds> s; try again later": "đĩa không trả lời đã <seconds> giây; hãy thử lại sau",
    "the change was made, but is not in the audit log: <fault>": (
        "thay đổi đã được thực hiện, nhưng chưa có trong nhật ký thao tác: <fault>"
    ),
    "<file>: cannot be read: <fault>": "<file>: không đọc được: <fault>",
    "<file>: cannot be written: <fault>": "<file>: không ghi được: <fault>",
    "<file>: the disk does not answer": "<file>: đĩa không trả lời",
    # The database, when it is asked.
    "<url> does not answer: <fault>": "<url> không trả lời: <fault>",
    "<url> refuses to be read (<status>: <said>): give a token that may read in influxdb.read_token_file, or for InfluxDB 1 a"
    " user with the right to read": (
        "<url> từ chối cho đọc (<status>: <said>): hãy đặt mã được phép đọc vào influxdb.read_token_file, hoặc với InfluxDB 1"
        " một người dùng có quyền đọc"
    ),
    "<url> answers <status> to a question: <said>": "<url> trả lời <status> cho một câu hỏi: <said>",
    "no answer in time": "không có trả lời kịp lúc",
    "its answer is not HTTP": "trả lời không phải HTTP",
    "the server closed the connection before the end of its answer": "máy chủ đã đóng kết nối trước khi trả lời xong",
    "<file> cannot be opened: <fault>; <advice>": "không mở được <file>: <fault>; <advice>",
    "<file> may not be read and written by this user": "người dùng này không được đọc và ghi <file>",
    "say what waits: key, and cause as one of <causes>": "hãy cho biết thứ gì đang chờ: key, và cause là một trong <causes>",
    # A report.
    "it is being worked out; ask again": "đang được tính; hãy hỏi lại",
    "<month> is none of the last <count> months, written such as 2026-10": (
        "<month> không thuộc <count> tháng gần đây, viết như 2026-10"
    ),
    "the report cannot be started: <fault>": "không bắt đầu được báo cáo: <fault>",
    "the report was not ready within <minutes> minutes": "báo cáo chưa xong sau <minutes> phút",
    "the report ended with status <status>": "báo cáo kết thúc với trạng thái <status>",
    # The broker.
    "the broker speaks TLS on this port; write mqtts://": "máy chủ MQTT dùng TLS ở cổng này; hãy viết mqtts://",
    "the broker sent a malformed packet: <fault>": "máy chủ MQTT đã gửi gói tin hỏng: <fault>",
    "the broker sent no MQTT 5, which the gateway needs,: <fault>": (
        "máy chủ MQTT không nói MQTT 5, mà cổng cần MQTT 5: <fault>"
    ),
    "text that is not UTF-8": "chữ không phải UTF-8",
    "the broker sent a malformed packet: it ends before its own fields do": (
        "máy chủ MQTT đã gửi gói tin hỏng: gói hết trước các trường của nó"
    ),
    "the broker sent a malformed packet: its length has no end": "máy chủ MQTT đã gửi gói tin hỏng: độ dài không có điểm dừng",
    "the broker sent a control packet of <size> bytes": "máy chủ MQTT đã gửi gói điều khiển dài <size> byte",
    "the broker refused a message: <fault>": "máy chủ MQTT từ chối một bản tin: <fault>",
    "the broker refused the connection: <fault>": "máy chủ MQTT từ chối kết nối: <fault>",
    "the broker answered another number of subscriptions than was asked": (
        "máy chủ MQTT trả lời số lượng đăng ký nhận khác với số đã hỏi"
    ),
    "the broker closed the connection: <fault>": "máy chủ MQTT đã đóng kết nối: <fault>",
    "the broker sent a <packet> out of turn": "máy chủ MQTT đã gửi <packet> không đúng lúc",
    # Of an account on the broker.
    "gateway.yaml: enrolment.password_file: name the file with the password that `gateway setup broker` wrote": (
        "gateway.yaml: enrolment.password_file: hãy ghi tên tệp mật khẩu mà `gateway setup broker` đã tạo"
    ),
    "gateway.yaml: enrolment.url: write the address that devices connect to, such as <example>": (
        "gateway.yaml: enrolment.url: hãy ghi địa chỉ mà thiết bị kết nối tới, chẳng hạn <example>"
    ),
    "<file>: enrolment.ca: is no certificate: <fault>": "<file>: enrolment.ca: không phải là chứng chỉ: <fault>",
    "<device>: is not registered; `gateway devices add <same> --site S --domain D` registers it": (
        "<device> chưa có trong danh sách đăng ký; hãy đăng ký: gateway devices add <same> --site S --domain D"
    ),
    "<device>: its topics need a site and a domain; `gateway devices edit <same> --site S --domain D`": (
        "<device> chưa có site và domain để biết chủ đề của nó; hãy bổ sung: gateway devices edit <same> --site S --domain D"
    ),
    "<address>: no answer within <span> s": "<address> không trả lời trong <span> giây",
}
