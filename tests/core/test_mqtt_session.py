"""The MQTT session: the same events however the bytes were cut, and only what the protocol allows."""

from collections.abc import Callable

import mqtt5
import pytest

from gateway.core.mqtt_session import (
    DISCONNECT,
    PING,
    Connected,
    Oversized,
    ProtocolFault,
    Session,
    SessionOptions,
    Subscribed,
    Unsubscribed,
    pubacks,
)
from tests.core.conversation import CONNACK, FILTERS, GRANTED, TOPIC, cut, in_pieces, opened, publish, receive, recorded
from tests.rows import each_row

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""Where text is not UTF-8 the codec panics, and says so on standard error besides."""

WHOLE = b"".join(recorded())


def read(data: bytes) -> mqtt5.Packet:
    """The one packet in what the session sends."""
    packet, size = mqtt5.read(memoryview(data))
    assert size == len(data)
    return packet


@pytest.mark.parametrize(("given_s", "cut_s"), [(86_400, 86_400), (604_800, None), (4_000_000_000, None), (None, None)])
def test_a_broker_tells_if_it_keeps_the_session_for_less_than_was_asked(given_s: int | None, cut_s: int | None) -> None:
    answer = mqtt5.ConnAckPacket(session_present=True, session_expiry_interval=given_s).write()
    told = Connected(session_present=True, keep_alive_s=None, session_expiry_s=cut_s)
    assert receive(opened(connected=False), [answer]) == ([told], "")


def test_a_recorded_conversation_becomes_its_events() -> None:
    events, fault = receive(opened(connected=False), [WHOLE])
    assert fault == ""
    connected, subscribed, retained, reading, status, large, unsubscribed, binary = events
    assert connected == Connected(session_present=True, keep_alive_s=20)
    assert subscribed == Subscribed({})
    assert isinstance(unsubscribed, Unsubscribed)
    messages = [event for event in (retained, reading, status, large, binary) if isinstance(event, mqtt5.PublishPacket)]
    assert [message.packet_id for message in messages] == [None, 1, 2, 65535, None]
    assert [message.retain for message in messages] == [True, False, False, False, False]
    assert [message.duplicate for message in messages] == [False, False, True, False, False]
    assert messages[1].topic == TOPIC
    assert messages[1].payload == b'{"ts":1793491200250,"volume_m3":1234.567}'
    assert messages[4].payload == b"\xff\x00"


def test_a_chunk_boundary_at_any_byte_changes_nothing() -> None:
    whole = receive(opened(connected=False), [WHOLE])
    for at in range(len(WHOLE) + 1):
        assert receive(opened(connected=False), cut(WHOLE, at)) == whole, at


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100], ids=repr)
def test_chunks_of_any_size_change_nothing(size: int) -> None:
    assert receive(opened(connected=False), in_pieces(WHOLE, size)) == receive(opened(connected=False), [WHOLE])


@pytest.mark.parametrize("packet", recorded(), ids=lambda packet: f"type-{packet[0] >> 4}-of-{len(packet)}")
def test_a_packet_cut_short_by_the_end_of_the_connection_is_no_event(packet: bytes) -> None:
    """Nothing is left over: the next connection starts afresh."""
    for size in range(len(packet)):
        session = opened(connected=packet != CONNACK)
        assert receive(session, [packet[:size]]) == ([], ""), size
        session.connect()
        assert receive(session, [CONNACK]) == ([Connected(session_present=True, keep_alive_s=20)], "")


def test_events_before_a_fault_are_not_lost() -> None:
    events, fault = receive(opened(), [publish(packet_id=1) + publish(packet_id=2) + b"\x00\x00" + publish(packet_id=3)])
    assert [event.packet_id for event in events if isinstance(event, mqtt5.PublishPacket)] == [1, 2]
    assert "malformed" in fault


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(publish(), id="publish"),
        pytest.param(publish(b"x" * 5000), id="oversized-publish"),
        pytest.param(mqtt5.PingRespPacket().write(), id="pingresp"),
    ],
)
def test_connack_comes_first(packet: bytes) -> None:
    for pieces in ([packet], in_pieces(packet, 1)):
        events, fault = receive(opened(connected=False), pieces)
        assert events == []
        assert fault


@pytest.mark.parametrize(
    ("packet", "named"),
    [
        pytest.param(CONNACK, "ConnAck out of turn", id="second-connack"),
        pytest.param(mqtt5.SubAckPacket(9, [GRANTED]).write(), "SubAck out of turn", id="suback-for-nothing"),
        pytest.param(mqtt5.UnsubAckPacket(9, []).write(), "UnsubAck out of turn", id="unsuback-for-nothing"),
        pytest.param(mqtt5.PubAckPacket(1).write(), "PubAck out of turn", id="puback"),
        pytest.param(mqtt5.PubRelPacket(1).write(), "PubRel out of turn", id="pubrel"),
        pytest.param(mqtt5.AuthPacket().write(), "Auth out of turn", id="auth"),
        pytest.param(PING, "PingReq out of turn", id="pingreq"),
        pytest.param(mqtt5.ConnectPacket("x").write(), "Connect out of turn", id="connect"),
    ],
)
def test_what_no_broker_may_send_now_is_a_fault(packet: bytes, named: str) -> None:
    assert named in receive(opened(), [packet])[1]


def test_a_second_answer_to_one_subscribe_is_out_of_turn() -> None:
    answer = mqtt5.SubAckPacket(1, [GRANTED, GRANTED]).write()
    assert "out of turn" in receive(opened(), [answer + answer])[1]


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        pytest.param(
            mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD),
            "refused the connection: bad user name or password",
            id="password",
        ),
        pytest.param(
            mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.UNSPECIFIED_ERROR),
            "refused the connection: unspecified error",
            id="without-a-reason",
        ),
        pytest.param(
            mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.BANNED, reason_str="ask the province"),
            "refused the connection: banned (ask the province)",
            id="with-the-words-of-the-broker",
        ),
    ],
)
def test_a_refused_connection_says_why_in_words(packet: mqtt5.ConnAckPacket, said: str) -> None:
    session = opened(connected=False)
    assert said in receive(session, [packet.write()])[1]
    assert not session.connected


@pytest.mark.parametrize(
    ("connected", "kind", "code"),
    [
        (False, mqtt5.ConnAckPacket, mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD),
        (True, mqtt5.DisconnectPacket, mqtt5.DisconnectReasonCode.NOT_AUTHORIZED),
    ],
    ids=["refused", "closed"],
)
def test_a_broker_s_own_words_are_told_without_the_password_and_cut(
    connected: bool,  # noqa: FBT001
    kind: Callable[..., mqtt5.ConnAckPacket | mqtt5.DisconnectPacket],
    code: object,
) -> None:
    session = opened(connected=connected)
    session.options = SessionOptions("gateway-1", username="user", password=b"hunter2secret")
    packet = kind(reason_code=code, reason_str="user:hunter2secret is wrong" + "x" * 60_000)
    _, said = receive(session, [packet.write()])
    assert "(user:*** is wrongx" in said
    assert len(said) < 400
    assert "hunter2secret" not in said + repr(session)


def test_a_connection_the_broker_ends_says_why() -> None:
    taken = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER).write()
    session = opened()
    assert receive(session, [taken])[1] == "the broker closed the connection: session taken over"
    assert session.taken_over
    session.connect()
    assert not session.taken_over


def test_a_will_is_left_with_the_broker_retained() -> None:
    will = mqtt5.Will("gateway/v1/gateway-1/machines/a", payload=b"offline", retain=True)
    packet = read(Session(SessionOptions("gateway-1", will=will)).connect())
    assert isinstance(packet, mqtt5.ConnectPacket)
    assert packet.will is not None
    assert (packet.will.topic, packet.will.payload, packet.will.retain) == ("gateway/v1/gateway-1/machines/a", b"offline", True)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param(mqtt5.SubAckReasonCode.NOT_AUTHORIZED, "not authorized", id="not-authorized"),
        pytest.param(mqtt5.SubAckReasonCode.UNSPECIFIED_ERROR, "unspecified error", id="without-a-reason"),
    ],
)
def test_a_refused_subscription_is_named_and_the_others_stand(code: mqtt5.SubAckReasonCode, said: str) -> None:
    answer = mqtt5.SubAckPacket(1, [GRANTED, code]).write()
    assert receive(opened(), [answer]) == ([Subscribed({"iot/v1/+/+/+/status": said})], "")


def test_an_answer_about_another_number_of_subscriptions_is_a_fault() -> None:
    assert "another number" in receive(opened(), [mqtt5.SubAckPacket(1, [GRANTED]).write()])[1]


@each_row(
    ("data", "named"),
    [
        pytest.param(b"\x34\x0b\x00\x03a/b\x00\x07\x00xyz", "QoS 2", id="qos-2"),
        pytest.param(b"\x30\x06\x00\x00\x03\x23\x00\x01", "no topic", id="topic-alias-we-never-allowed"),
        pytest.param(b"\x32\x09\x00\x03a/b\x00\x00\x00x", "no identifier", id="identifier-0"),
        pytest.param(b"\x36\x09\x00\x03a/b\x00\x01\x00x", "malformed", id="qos-3"),
        pytest.param(b"\x30\x06\x00\x02\xff\xfe\x00x", "not UTF-8", id="topic-that-is-not-utf-8"),
        pytest.param(b"\x30\x05\x00\x14abc" + publish(), "malformed", id="topic-longer-than-the-packet"),
        pytest.param(b"\x30\x80\x80\x80\x80\x01", "malformed", id="length-of-five-bytes"),
        pytest.param(b"\xe0\xff\xff\xff\x7f", "control packet of 268435455 bytes", id="huge-control-packet"),
        pytest.param(b"\x00\x00", "malformed", id="type-0"),
        pytest.param(b"\x20\x02\x00\x01", "malformed", id="connack-of-a-broker-without-mqtt-5"),
    ],
)
def test_a_packet_that_can_never_become_sound_is_a_fault(data: bytes, named: str) -> None:
    """At once, and not when its rest has come; one byte at a time as in one chunk."""
    for pieces in ([data], in_pieces(data, 1)):
        events, fault = receive(opened(), pieces)
        assert events == []
        assert named in fault


def test_nothing_of_an_old_connection_reaches_the_next() -> None:
    """Half a packet, an oversized one on its way, and what was asked for."""
    for left in (publish()[:9], publish(b"x" * 5000)[:3000]):
        session = opened()
        session.receive(left)
        session.connect()
        assert receive(session, [CONNACK + publish(packet_id=7)])[1] == ""
        assert "out of turn" in receive(session, [mqtt5.SubAckPacket(1, [GRANTED, GRANTED]).write()])[1]


def test_the_connect_packet_asks_for_the_old_session_and_no_maximum_packet_size() -> None:
    """With a Maximum Packet Size, brokers drop larger messages without a word."""
    options = SessionOptions("gateway-1", "user", b"secret", keep_alive_s=30, session_expiry_s=604800, receive_maximum=2000)
    packet = read(Session(options).connect())
    assert isinstance(packet, mqtt5.ConnectPacket)
    assert (packet.client_id, packet.username, packet.password) == ("gateway-1", "user", b"secret")
    assert (packet.clean_start, packet.keep_alive, packet.session_expiry_interval) == (False, 30, 604800)
    assert (packet.receive_max, packet.max_packet_size, packet.topic_alias_max) == (2000, None, 0)


def test_subscriptions_are_asked_at_qos_1_without_retain_as_published() -> None:
    """With it, live messages of a device that always sets retain look stale."""
    packet = read(opened().subscribe(FILTERS))
    assert isinstance(packet, mqtt5.SubscribePacket)
    assert {wanted.pattern: wanted.retain_handling for wanted in packet.topic_filters} == FILTERS
    assert {(int(wanted.max_qos), wanted.retain_as_published) for wanted in packet.topic_filters} == {(1, False)}


def test_the_identifiers_of_what_is_asked_differ_and_stay_in_range() -> None:
    session = opened(asked=False)
    ids = []
    for _ in range(65_600):
        session.unsubscribe(["a"])
        ids.append(session._next_id)  # noqa: SLF001
        session._asked.clear()  # noqa: SLF001
    assert len(set(ids[:65_535])) == 65_535
    assert (min(ids), max(ids)) == (1, 65_535)


@pytest.mark.parametrize("ids", [[], [1], [65535, 1, 2, 300, 256]], ids=repr)
def test_acknowledgements_in_bulk_are_the_packets_of_the_codec_in_order(ids: list[int]) -> None:
    assert pubacks(ids) == b"".join(mqtt5.PubAckPacket(packet_id).write() for packet_id in ids)


def test_ping_and_disconnect_are_what_they_are_called() -> None:
    assert isinstance(read(PING), mqtt5.PingReqPacket)
    assert isinstance(read(DISCONNECT), mqtt5.DisconnectPacket)


def test_a_fault_carries_the_events_before_it_and_a_sentence() -> None:
    with pytest.raises(ProtocolFault, match="malformed") as raised:
        opened().receive(publish() + b"\x00\x00")
    assert [type(event) for event in raised.value.events] == [mqtt5.PublishPacket]
    assert Oversized not in map(type, raised.value.events)


def test_a_port_that_answers_in_tls_is_told_by_its_alert() -> None:
    _, fault = receive(opened(connected=False), [b"\x15\x03\x01\x00\x02\x02\x46"])
    assert fault == "the broker speaks TLS on this port; write mqtts://"


def test_what_the_gateway_says_itself_is_sent_once_and_retained_where_that_is_asked() -> None:
    for retain in (False, True):
        packet = read(Session.publish("gateway/v1/g/state", b"live", retain=retain))
        assert isinstance(packet, mqtt5.PublishPacket)
        assert (packet.topic, packet.payload, packet.retain, packet.packet_id) == ("gateway/v1/g/state", b"live", retain, None)


@each_row(
    ("data", "connected", "named"),
    [
        (b"\x20" + b"\xe9\x07", True, "the broker sent a control packet of 1001 bytes"),
        (b"\x30" + b"\xe9\x07", False, "the broker sent a control packet of 1001 bytes"),
        (b"\x20" + b"\x80" * 4, True, "the broker sent a malformed packet: Invalid variable byte integer"),
        (b"\x30\x03\x00\x05a", True, "the broker sent a malformed packet: Invalid remaining length"),
    ],
)
def test_a_head_that_can_never_become_a_packet_is_a_fault_at_once(data: bytes, connected: bool, named: str) -> None:  # noqa: FBT001
    assert receive(opened(connected=connected), [data]) == ([], named)


def test_a_control_packet_as_large_as_a_frame_may_be_is_waited_for() -> None:
    session = opened()
    assert receive(session, [b"\x20" + b"\xe8\x07"]) == ([], "")
    assert receive(session, [b"\x80\x80"]) == ([], ""), "its rest is still to come"


def test_a_session_asks_for_what_was_agreed_unless_the_settings_say_otherwise() -> None:
    options = SessionOptions("gateway-1")
    assert (options.keep_alive_s, options.session_expiry_s, options.receive_maximum) == (30, 7 * 86_400, 2000)
    assert options.frame_max_bytes == 393_216, "a payload of 256 KiB, and half as much for what goes with it"
