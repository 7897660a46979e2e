"""The broker's side of a connection, made with the codec's own packets."""

import mqtt5

from gateway.core.mqtt_session import Event, ProtocolFault, Session, SessionOptions

CONNACK = mqtt5.ConnAckPacket(session_present=True, server_keep_alive=20).write()
FILTERS = {
    "iot/v1/+/+/+/readings": mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS,
    "iot/v1/+/+/+/status": mqtt5.RetainHandling.SEND_ALWAYS,
}
GRANTED = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
TOPIC = "iot/v1/s1/water/d1/readings"


def publish(
    payload: bytes = b'{"ph": 7}',
    packet_id: int | None = 1,
    *,
    topic: str = TOPIC,
    retain: bool = False,
    duplicate: bool = False,
    user_properties: list[tuple[str, str]] | None = None,
) -> bytes:
    """A PUBLISH, at QoS 1 unless it has no identifier."""
    return mqtt5.PublishPacket(
        topic,
        payload,
        qos=mqtt5.QoS.AT_MOST_ONCE if packet_id is None else mqtt5.QoS.AT_LEAST_ONCE,
        packet_id=packet_id,
        retain=retain,
        duplicate=duplicate,
        user_properties=user_properties,
    ).write()


def recorded() -> list[bytes]:
    """Return the packets that a broker sends, from the connection on."""
    return [
        CONNACK,
        mqtt5.SubAckPacket(1, [GRANTED, GRANTED]).write(),
        publish(b"", None, retain=True),
        publish(b'{"ts":1793491200250,"volume_m3":1234.567}', 1),
        mqtt5.PingRespPacket().write(),
        publish(b'{"state":"offline"}', 2, topic="iot/v1/s1/water/d1/status", duplicate=True),
        publish(b"x" * 300, 65535, user_properties=[("firmware", "1.2"), ("đường", "phố")]),
        mqtt5.UnsubAckPacket(2, [mqtt5.UnsubAckReasonCode.SUCCESS]).write(),
        publish(b"\xff\x00", None),
    ]


def opened(frame_max_bytes: int = 1000, *, connected: bool = True, asked: bool = True) -> Session:
    """A session that has sent CONNECT, and what was asked for: subscriptions with identifier 1, one given up with 2."""
    session = Session(SessionOptions("gateway-1", frame_max_bytes=frame_max_bytes))
    session.connect()
    if connected:
        session.receive(CONNACK)
    if asked:
        session.subscribe(FILTERS)
        session.unsubscribe(["old/#"])
    return session


def receive(session: Session, chunks: list[bytes]) -> tuple[list[Event], str]:
    """All events of chunks received one after the other, and the fault that ended them or ""."""
    events: list[Event] = []
    try:
        for chunk in chunks:
            events += session.receive(chunk)
    except ProtocolFault as fault:
        return events + fault.events, str(fault)
    return events, ""


def cut(data: bytes, at: int) -> list[bytes]:
    """``data`` in two pieces."""
    return [data[:at], data[at:]]


def in_pieces(data: bytes, size: int) -> list[bytes]:
    """``data`` in pieces of ``size``."""
    return [data[start : start + size] for start in range(0, len(data), size)]
