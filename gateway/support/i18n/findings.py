"""The sentences of findings, in Vietnamese and English."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.core.status.verdict import Finding
from gateway.support.i18n.glossary import closed_lists
from schemas.glossary import Words

_CODES: Final = frozenset({"reason", "domain"})
"""Parameters that are codes of closed lists."""

FINDINGS: Final[dict[str, Words]] = {
    "mqtt_away": Words("Mất kết nối với máy chủ MQTT", "MQTT broker: not connected"),
    "no_standby": Words(
        "Máy {machine} đang nhận số đo và không có máy nào dự phòng cho nó",
        "The machine {machine} is live and no other stands by for it",
    ),
    "journal_awaited": Words(
        "Nhật ký tạm của máy {machine} có thể còn số đo: tổng của bộ đếm chờ đến khi máy đó ghi xong; hãy cho nó chạy, hoặc "
        "nếu đĩa hỏng hẳn: gateway standby gone {machine}",
        "The journal of the machine {machine} may hold readings: sums of counters wait until it has written them; run it, or "
        "if its disk is lost: `gateway standby gone {machine}`",
    ),
    "subscription_refused": Words(
        "Máy chủ MQTT từ chối đăng ký nhận {filter}", "MQTT broker: it refused the subscription {filter}"
    ),
    "session_expiry_cut": Words(
        "Máy chủ MQTT chỉ giữ phiên của cổng vắng mặt trong {granted} thay vì {asked}; vắng lâu hơn thì mất số đo: hãy tăng "
        "giới hạn ở máy chủ (RabbitMQ: mqtt.max_session_expiry_interval_seconds)",
        "MQTT broker: it keeps the session of an absent gateway for {granted}, not for {asked}; an absence beyond that loses "
        "readings: raise its limit (RabbitMQ: mqtt.max_session_expiry_interval_seconds)",
    ),
    "session_lost": Words(
        "Máy chủ MQTT đã quên phiên của cổng này, nhận ra lúc {last}: bản tin chờ trong đó đã mất; hãy xem nhật ký của máy chủ "
        "MQTT để biết vì sao; gateway journal acknowledge kết thúc cảnh báo này",
        "MQTT broker: it had forgotten this gateway's session, noticed {last}: what waited in it is lost; the broker's log may "
        "say why; `gateway journal acknowledge` ends this finding",
    ),
    "session_lost_shared": Words(
        "Máy chủ MQTT đã quên phiên của cổng này, nhận ra lúc {last}: bản tin chờ trong đó đã mất; bản tin đến sau đó nằm ở "
        "hàng đợi unroutable và có thể phát lại; gateway journal acknowledge kết thúc cảnh báo này",
        "MQTT broker: it had forgotten this gateway's session, noticed {last}: what waited in it is lost; what came after that "
        "stands in the queue unroutable and can be replayed; `gateway journal acknowledge` ends this finding",
    ),
    "session_taken": Words(
        "Máy khác đã kết nối vào máy chủ MQTT bằng mã phiên của cổng này và lấy mất phiên, lần cuối lúc {last}: có thể đã mất "
        "số đo; hãy tìm máy đó trong nhật ký của máy chủ MQTT; gateway journal acknowledge kết thúc cảnh báo này",
        "MQTT broker: another client connected under this gateway's client id and took its session, last {last}: readings may "
        "be lost; find it in the broker's log; `gateway journal acknowledge` ends this finding",
    ),
    "accounts_put_back": Words(
        "Lúc {last}, trước khi máy chủ MQTT khởi động, {count} tài khoản bị mất do mất điện đã được khôi phục ({some}); "
        "gateway journal acknowledge kết thúc thông báo này",
        "MQTT broker: before it started, {last}, {count} accounts that a kill or a power cut had lost were put back ({some}); "
        "`gateway journal acknowledge` ends this finding",
    ),
    "accounts_from_copy": Words(
        "Lúc {last}, tệp tài khoản của máy chủ MQTT bị hỏng: {count} tài khoản đã được khôi phục từ bản sao lúc {copy} và từ "
        "những gì cổng này đã cấp từ đó; thay đổi do chương trình khác làm từ đó đã mất; tệp hỏng: {damaged}; "
        "gateway journal acknowledge kết thúc thông báo này",
        "MQTT broker: its file of accounts was damaged when it started, {last}: {count} accounts were put back from the copy "
        "of {copy} and what this gateway gave since; what other programs changed since is lost; the damaged file: {damaged}; "
        "`gateway journal acknowledge` ends this finding",
    ),
    "window_cut": Words(
        "Máy chủ MQTT chỉ gửi {granted} bản tin một lượt thay vì {asked}, nên cổng phải chờ: hãy tăng mqtt.prefetch của "
        "RabbitMQ",
        "MQTT broker: it has {granted} messages on their way at once, not {asked}, and the gateway waits for it: raise "
        "mqtt.prefetch of RabbitMQ",
    ),
    "bindings_missing": Words(
        "RabbitMQ đã không dẫn {count} chủ đề tới cổng này dù đã đăng ký nhận ({some}), nhận ra lúc {last}; cổng đã đăng ký "
        "lại",
        "RabbitMQ: {count} topics did not lead to this gateway although it had subscribed to them ({some}), noticed {last}; it "
        "subscribed again",
    ),
    "bindings_strange": Words(
        "RabbitMQ còn dẫn tới cổng này {count} chủ đề không thuộc phần của nó ({some}): có người đã thêm, hãy xóa đi nếu không "
        "cố ý",
        "RabbitMQ: {count} topics that are not this gateway's lead to its queue too ({some}): somebody added them; remove them "
        "unless they are meant",
    ),
    "unroutable": Words(
        "{count} bản tin ở RabbitMQ chưa cổng nào nhận: hãy thêm địa điểm còn thiếu vào shares.yaml, rồi phát lại bằng "
        "gateway unroutable --replay",
        "RabbitMQ: {count} messages reached no gateway: add the missing sites to shares.yaml, then replay them with "
        "`gateway unroutable --replay`",
    ),
    "unroutable_dropped": Words(
        "RabbitMQ không giữ bản tin chưa cổng nào nhận: thiết bị tưởng đã gửi xong nhưng số đo mất; gateway setup rabbitmq "
        "khắc phục việc này",
        "RabbitMQ: it does not keep messages that reach no gateway; their devices believe them delivered, and they are lost: "
        "`gateway setup rabbitmq` mends that",
    ),
    "queue_members_few": Words(
        "RabbitMQ: hàng đợi {queues} chỉ nằm trên {has} trong {wanted} nút cần có: nút đó hỏng thì số đo ngừng đến, hỏng đĩa "
        "thì mất; gateway setup rabbitmq --apply thêm các nút còn thiếu",
        "RabbitMQ: the queue {queues} stands on {has} of the {wanted} nodes that it should: when such a node dies readings "
        "stop, and with its disk they are lost: `gateway setup rabbitmq --apply` adds the others",
    ),
    "queue_members_away": Words(
        "RabbitMQ: nút {nodes} không phục vụ hàng đợi {queues}: vắng từ một nửa số nút trở lên thì số đo ngừng đến; hãy "
        "khởi động lại nút đó",
        "RabbitMQ: the node {nodes} does not serve the queue {queues}: once half of its nodes are away readings stop: start "
        "that node again",
    ),
    "broker_two_nodes": Words(
        "RabbitMQ chỉ có hai nút: một nút hỏng thì không còn gì được nhận; hãy dùng ba nút",
        "RabbitMQ: it has two nodes, and takes nothing once either of them dies: use three",
    ),
    "broker_unwatched": Words(
        "Không hỏi được RabbitMQ về các hàng đợi của nó; số đo vẫn đến bình thường",
        "RabbitMQ: it cannot be asked about its queues; readings come as before",
    ),
    "broker_dropped": Words(
        "Máy chủ MQTT đã bỏ {count} bản tin, lần cuối lúc {last}, vì hàng đợi của một bên nhận bị đầy: có thiết bị gửi quá "
        "nhiều, hoặc bên nhận vắng quá lâu; xem max_queued_messages và max_queued_bytes của máy chủ",
        "MQTT broker: it dropped {count} messages, last {last}, because the queue of a receiver was full: a device floods, or "
        "the receiver was away too long; see its max_queued_messages and max_queued_bytes",
    ),
    "many_gaps": Words(
        "{devices} thiết bị cùng lúc thiếu {count} số đo, mất trước khi đến cổng: hàng đợi của máy chủ MQTT bị đầy, "
        "hoặc mạng hỏng",
        "{count} readings of {devices} devices are missing at once, lost before the gateway: the broker's queue was full, "
        "or the network failed",
    ),
    "influxdb_away": Words(
        "InfluxDB không nhận số đo; số đo được lưu tạm", "InfluxDB: it accepts no readings, they wait on disk"
    ),
    "port_open": Words(
        "Cổng mạng {port} của máy chủ MQTT: không có gì giới hạn lượng dữ liệu một thiết bị gửi, nên một thiết bị hỏng có thể "
        "đẩy mất số đo của các thiết bị khác. Hãy cài nftables, chạy `gateway setup broker --upgrade`, rồi khởi động lại "
        "Mosquitto",
        "port {port} of the MQTT broker: nothing limits what one device sends, and a faulty one can push out the readings of "
        "others. Install nftables, run `gateway setup broker --upgrade`, then restart Mosquitto",
    ),
    "sent_in_plain": Words(
        "Mật khẩu hoặc mã truy cập gửi tới {url} không được mã hóa: hãy dùng TLS (mqtts, https)",
        "the password or token goes to {url} unencrypted: use TLS (mqtts, https)",
    ),
    "pages_in_plain": Words(
        "Trang này mở ra mạng tại {url} mà không mã hóa, ai nghe lén cũng có được mã truy cập: hãy đặt http.tls hoặc dùng "
        "proxy HTTPS",
        "these pages are open to the network at {url} unencrypted, and anyone who listens can read the token: "
        "set http.tls, or use a proxy with HTTPS",
    ),
    "upgrade_failed": Words(
        "Nâng cấp lên phiên bản {version} không thành, phiên bản trước vẫn chạy",
        "the upgrade to {version} failed, and the version before runs on",
    ),
    "journal_refuses": Words("Nhật ký lưu tạm không dùng được", "journal: it cannot take readings"),
    "journal_damaged": Words(
        "Nhật ký lưu tạm bị hỏng, đã để riêng thành {file}; phần còn đọc được đang được lấy lại",
        "journal: it was damaged and is set aside as {file}; its readable part is being recovered",
    ),
    "journal_newer": Words(
        "{count} số đo chờ trong {file} của phiên bản mới hơn; cài lại phiên bản đó thì chúng được ghi tiếp",
        "journal: {count} readings wait in {file}, which a newer release has written; they go on once that is installed again",
    ),
    "not_salvaged": Words(
        "Không đọc được {file}; hãy khắc phục rồi khởi động lại cổng, hoặc xóa tệp này",
        "journal: nothing of {file} can be read; repair it and start the gateway again, or remove the file",
    ),
    "missing": Words(
        "{count} số đo lẽ ra nằm trong {file} đã mất, phát hiện lúc {since}: hãy kiểm tra đĩa; "
        "gateway journal acknowledge kết thúc cảnh báo này",
        "journal: {count} readings that {file} should hold are lost, noticed {since}: check the disk; "
        "`gateway journal acknowledge` ends this alarm",
    ),
    "journal_filling": Words("Nhật ký lưu tạm đã đầy {pct} %", "journal: it is {pct} % full"),
    "journal_full_in_minutes": Words(
        "Nhật ký lưu tạm sẽ hết chỗ sau {minutes} phút nếu InfluxDB không nhận lại: hãy khắc phục InfluxDB ngay, hoặc tăng "
        "journal.max_bytes",
        "journal: it has no room left in {minutes} minutes unless InfluxDB accepts readings again: repair it now, or raise "
        "journal.max_bytes",
    ),
    "journal_full_in_hours": Words(
        "Nhật ký lưu tạm sẽ hết chỗ sau khoảng {hours} giờ nếu InfluxDB không nhận lại",
        "journal: it has room for about {hours} hours more unless InfluxDB accepts readings again",
    ),
    "disk_short": Words(
        "Đĩa chỉ còn trống {free} MiB; dưới {least} MiB thì nhật ký lưu tạm không ghi thêm được: hãy dọn đĩa",
        "the disk has {free} MiB left; below {least} MiB the journal cannot grow: make room",
    ),
    "quarantine_refuses": Words(
        "Khu cách ly không dùng được, bản tin phải chờ", "quarantine: it cannot be used, messages wait"
    ),
    "quarantine_filling": Words(
        "Khu cách ly đã đầy {pct} %; khi đầy, bản tin cũ nhất của nguồn chiếm nhiều chỗ nhất bị bỏ",
        "quarantine: it is {pct} % full; then the oldest messages of those that fill it are dropped",
    ),
    "codecs_dead": Words("Không gọi được bộ giải mã nào", "no codec can be called"),
    "codecs_refused": Words(
        "Bộ giải mã không được chạy: máy này không có cả Landlock lẫn seccomp để giữ nó xa tệp và kết nối; bản tin phải chờ. "
        "Chấp nhận rủi ro thì đặt codecs.unconfined: accept trong gateway.yaml rồi khởi động lại cổng",
        "codecs are not run: this machine has neither Landlock nor seccomp to confine them, frames wait in quarantine; "
        "to accept the risk set codecs.unconfined: accept in gateway.yaml and restart the gateway",
    ),
    "codec_suspended": Words(
        "Bộ giải mã {codec} bị tạm ngừng, bản tin của nó phải chờ; hãy sửa bộ giải mã",
        "codec {codec} is suspended, its messages wait; correct it",
    ),
    "unit_jump": Words(
        "Chỉ số của loại {make} ({devices} ...) bỗng gấp {factor} lần: có lẽ phần mềm mới đếm theo đơn vị khác",
        "the registers of {make} ({devices} ...) show {factor} times as much: a firmware that counts in another unit?",
    ),
    "flood": Words(
        "Thiết bị {device} gửi khoảng {per_s} bản tin mỗi giây, {pct} % của tất cả: hãy xem lại",
        "device {device} sends about {per_s} messages a second, {pct} % of all: check it",
    ),
    "flood_topic": Words(
        "Topic {topic} có khoảng {per_s} bản tin mỗi giây, {pct} % của tất cả: hãy xem lại",
        "topic {topic} has about {per_s} messages a second, {pct} % of all: check it",
    ),
    "flood_heavy": Words(
        "Thiết bị {device} gửi khoảng {kb_per_s} kB mỗi giây, chiếm chỗ của thiết bị khác: hãy xem lại, hoặc thu hồi tài khoản",
        "device {device} sends about {kb_per_s} kB a second, and takes the room of others: check it, or revoke its account",
    ),
    "flood_topic_heavy": Words(
        "Topic {topic} có khoảng {kb_per_s} kB mỗi giây, chiếm chỗ của các thiết bị khác: hãy xem lại",
        "topic {topic} has about {kb_per_s} kB a second, and takes the room of others: check who sends it",
    ),
    "floods_more": Words("Còn {count} thiết bị khác cũng gửi quá nhiều", "{count} more devices send too much"),
    "clock_doubted": Words("Đồng hồ của cổng đáng ngờ", "the gateway's clock is doubted"),
    "imbalance": Words("Sổ cái: không rõ {count} số đo ở đâu", "ledger: {count} readings unaccounted for"),
    "ids_changed": Words(
        "Thiết bị có mã mới kể từ bây giờ: {count} ({ids} ...); số liệu cũ trong InfluxDB nằm dưới mã cũ",
        "Devices with another id from now on: {count} ({ids} ...); their past in InfluxDB is under the former ones",
    ),
    "reload_failed": Words(
        "Danh sách và hồ sơ cũ vẫn có hiệu lực, vì tệp mới có lỗi",
        "the old registry and profiles stay active, since the new ones are faulty",
    ),
    "all_silent": Words(
        "Cả {total} thiết bị đều im lặng: kiểm tra nguồn điện, mạng và máy chủ MQTT",
        "All {total} devices are silent: check their power, the network and the broker",
    ),
    "silent": Words("{silent} trong số {total} thiết bị im lặng", "Silent devices: {silent} of {total}"),
    "silent_since_yesterday": Words(
        "{silent} trong số {total} thiết bị im lặng; không nghe được {pct} %, giờ này hôm qua {before_pct} %",
        "Silent devices: {silent} of {total}; {pct} % are not heard, yesterday at this time {before_pct} %",
    ),
    "none_heard": Words(
        "Chưa nghe thấy thiết bị nào trong số {total} thiết bị mới đăng ký",
        "None of the {total} new devices has been heard yet",
    ),
    "certificate_ends": Words(
        "Chứng chỉ {which} hết hạn sau {days} ngày: hãy gia hạn, rồi nạp lại bên đưa nó ra và cổng (systemctl reload)",
        "The certificate of {which} ends in {days} days: renew it, then reload who shows it and the gateway (systemctl reload)",
    ),
    "certificate_ended": Words(
        "Chứng chỉ {which} đã hết hạn: hãy thay, rồi nạp lại bên đưa nó ra và cổng (systemctl reload)",
        "The certificate of {which} has ended: replace it, then reload who shows it and the gateway (systemctl reload)",
    ),
    "domain_silent": Words("{domain}: cả {total} thiết bị đều im lặng", "{domain}: all {total} devices are silent"),
    "never_heard": Words("Thiết bị đã đăng ký nhưng chưa từng nghe thấy: {count}", "Registered and never heard: {count}"),
    "heard_elsewhere_unknown": Words(
        "{count} thiết bị không gửi về cổng này; chưa biết cổng khác có nghe thấy không, vì cơ sở dữ liệu không trả lời",
        "{count} devices are not heard here; whether another gateway hears them is not known, as the database does not answer",
    ),
    "heard_elsewhere_untold": Words(
        "{count} thiết bị không gửi về cổng này; chưa biết cổng khác có nghe thấy không, vì cổng đó không báo gì",
        "{count} devices are not heard here; whether another gateway hears them is not known, as it does not report",
    ),
    "gateway_missing": Words(
        "Cổng {gateway} không báo gì từ {last}, nên không biết thiết bị của nó có im lặng hay không: hãy xem nó có chạy,"
        " có tới được broker và ghi được vào cơ sở dữ liệu không",
        "The gateway {gateway} has not reported since {last}, so it is not known whether its devices are silent: see that"
        " it runs, reaches the broker and can write to the database",
    ),
    "leader_changes": Words(
        "{leader} sẽ dẫn đầu thay {before}: hãy khởi động lại {before} trước, rồi các cổng khác",
        "{leader} is to lead in place of {before}: restart {before} first, then the others",
    ),
    "gateway_unheard": Words(
        "Cổng {gateway} cả ngày không báo gì, nên không biết thiết bị của nó có im lặng hay không: hãy chạy nó,"
        " hoặc chuyển các phần của nó cho cổng khác",
        "The gateway {gateway} has not reported for a day, so it is not known whether its devices are silent: run it,"
        " or give its shares to others",
    ),
    "move_not_left": Words(
        "{waiting} chờ {gateway} rời {count} phần ({some}): bản tin đến cả hai, và chưa có tổng của bộ đếm. Hãy đưa cùng một "
        "shares.yaml cho {gateway} rồi nạp lại nó, hoặc cho nó chạy; bị bỏ khỏi danh sách thì ghi nó vào leaving; máy hỏng "
        "hẳn: gateway move PHẦN --to {waiting} --gone {gateway}",
        "{waiting} waits for {gateway} to leave {count} shares ({some}): messages come to both, and sums are missing. Give "
        "{gateway} the same shares.yaml and reload it, or start it; if it was taken off the list, name it under leaving; if "
        "its machine is lost: `gateway move SHARE --to {waiting} --gone {gateway}`",
    ),
    "move_not_empty": Words(
        "{waiting} chờ {gateway} ghi xong những gì đã đến đó của {count} phần ({some}), và chưa có tổng của bộ đếm. {gateway} "
        "phải chạy và ghi được vào cơ sở dữ liệu; máy hỏng hẳn: gateway move PHẦN --to {waiting} --gone {gateway}",
        "{waiting} waits for {gateway} to write what had come there of {count} shares ({some}), without sums of counters. "
        "{gateway} must run, and be able to write; if its machine is lost: `gateway move SHARE --to {waiting} --gone "
        "{gateway}`",
    ),
    "move_not_read": Words(
        "{gateway} chưa đọc {count} phần ({some}) mà shares.yaml ở đây giao cho nó; {waiting} đọc thay. Hãy dùng cùng một "
        "shares.yaml ở mọi cổng rồi nạp lại, và cho {gateway} chạy",
        "{gateway} does not read {count} shares ({some}) that shares.yaml here gives to it; {waiting} reads them instead. Use "
        "the same shares.yaml at all gateways and reload them, and see that {gateway} runs",
    ),
    "move_kept": Words(
        "{waiting} sẽ rời {count} phần ({some}) và chờ cổng khác đọc; shares.yaml ở đây vẫn giao chúng cho {waiting}, có lẽ "
        "đã cũ. Hãy dùng cùng một shares.yaml ở mọi cổng rồi nạp lại cổng này",
        "{waiting} is to leave {count} shares ({some}) and waits until another gateway reads them; shares.yaml here gives "
        "them to {waiting} still, so it may be an old one. Use the same shares.yaml at all gateways and reload this one",
    ),
    "alarms_critical": Words(
        "Cảnh báo nghiêm trọng hoặc quá hạn chưa ai xử lý: {count}", "Critical or overdue alarms that nobody sees to: {count}"
    ),
    "alarms_active": Words("Cảnh báo khác đang diễn ra: {count}", "Other active alarms: {count}"),
    "alarms_untold": Words(
        "{receiver}: nơi nhận không nhận cảnh báo, sẽ gửi lại", "{receiver}: it takes no alarms, they are sent again"
    ),
    "alarms_given_up": Words(
        "{receiver}: đã bỏ {count} thay đổi của cảnh báo, nơi nhận không bao giờ biết; của: {whose}; lần cuối lúc {last}. Xem "
        "chúng trong lịch sử cảnh báo",
        "{receiver}: {count} changes of alarms were given up, it will never hear of them; of: {whose}; the last at {last}. "
        "Look them up in the history of alarms",
    ),
    "devices_stopped": Words(
        "{stopped} trong số {online} thiết bị đang gửi không cho số đo: bản tin cuối bị từ chối hoặc đang chờ",
        "{stopped} of {online} devices that are heard give no readings: their last message was refused, or waits",
    ),
    "clocks_off": Words("Thiết bị có đồng hồ sai: {count}", "Devices whose clock is wrong: {count}"),
    "too_many_devices": Words(
        "Đã đủ {limit} thiết bị chưa đăng ký; trong {minutes} phút qua {count} bản tin của thiết bị khác bị từ chối, "
        "nhiều nhất từ {origin}: hãy đăng ký thiết bị của mình và tìm nguồn gửi tên lạ",
        "{limit} unregistered devices are known, the limit; {count} messages of others were refused in the last {minutes} "
        "minutes, most of them from {origin}: register your devices, and find out who sends under invented names",
    ),
    "quarantine_crowded": Words(
        "Khu cách ly đã đầy: trong {minutes} phút qua {count} bản tin phải nhường chỗ, nhiều nhất từ {origin}",
        "quarantine: it is full, {count} messages made room in the last {minutes} minutes, most of them from {origin}",
    ),
    "lost": Words(
        "Bản tin trong khu cách ly bị hỏng trên đĩa và mất: {count}", "Messages in quarantine damaged and lost: {count}"
    ),
    "expired": Words(
        "Số đo bị bỏ vì quá cũ hoặc hết chỗ lưu tạm: {count}", "Readings given up, too old or without room to wait: {count}"
    ),
    "rejects_lately": Words(
        "Bản tin bị từ chối trong {minutes} phút qua: {count}, nhiều nhất: {reason}",
        "Rejects of the last {minutes} minutes: {count}, most of them: {reason}",
    ),
}
"""Key of a finding → its sentence."""


def finding_words(language: str) -> dict[str, str]:
    """The sentences in one language, under ``finding_KEY``."""
    return {f"finding_{key}": getattr(said, language) for key, said in FINDINGS.items()}


def sentence(finding: Finding) -> str:
    """A finding in English, for programs and logs."""
    text = finding_text(finding, "en", closed_lists("en"), _plain)
    return f"{text}: {finding.detail}" if finding.detail else text


def finding_text(finding: Finding, language: str, words: Mapping[str, str], number: Callable[[float], str]) -> str:
    """The sentence of a finding, without what a server said; ``words``: of codes, ``number`` writes one."""
    said: str = getattr(FINDINGS[finding.key], language)
    return said.format_map({key: _shown(key, value, words, number) for key, value in finding.params.items()})


def _shown(key: str, value: float | str, words: Mapping[str, str], number: Callable[[float], str]) -> str:
    if isinstance(value, str):
        return words.get(value, value) if key in _CODES else value
    return number(value)


def _plain(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as the page gets it."""
    return {"key": finding.key, "level": finding.level.value, "params": dict(finding.params), "detail": finding.detail}
