"""A broken or hostile broker can cause nothing but a fault of the session, in little memory."""

import tracemalloc

import mqtt5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.mqtt_session import Oversized, ProtocolFault, Session
from tests.core.conversation import CONNACK, TOPIC, in_pieces, opened, publish, receive, recorded
from tests.examples import examples

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""Where text is not UTF-8 the codec panics, and says so on standard error besides."""

KEPT_BYTES = 65536
FRAME_MAX_BYTES = 1000
"""Of the sessions here; chunks are smaller, as those of a socket are smaller than the frames of a real session."""
MEGABYTE = 1 << 20


def held_bytes(session: Session) -> int:
    """Return the bytes that a session keeps of incomplete packets."""
    skipping = session._skipping  # noqa: SLF001
    return len(session._tail) + (len(skipping.head) if skipping else 0)  # noqa: SLF001


def feed(session: Session, data: bytes, sizes: list[int]) -> tuple[list[object], bool]:
    """Events of ``data`` in chunks of these sizes, over and over, and whether it ended with a fault; little may be held."""
    events: list[object] = []
    at = turn = 0
    try:
        while at < len(data):
            size = sizes[turn % len(sizes)]
            events += session.receive(data[at : at + size])
            assert held_bytes(session) <= 3 * KEPT_BYTES + 1
            at, turn = at + size, turn + 1
    except ProtocolFault as fault:
        return events + fault.events, True
    return events, False


def start(number: int) -> Session:
    """A new session in one of its states."""
    return opened(FRAME_MAX_BYTES, connected=bool(number & 1), asked=bool(number & 2))


CHUNKS = st.lists(st.integers(1, 40), min_size=1, max_size=5)


@settings(max_examples=examples(300))
@given(st.binary(max_size=200), CHUNKS, st.integers(0, 3))
def test_random_bytes_raise_a_fault_or_nothing_whatever_the_chunks(data: bytes, sizes: list[int], state: int) -> None:
    assert feed(start(state), data, sizes) == feed(start(state), data, [FRAME_MAX_BYTES - 1])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Packets a broker may send, with bytes changed, taken out and put in."""
    packets = draw(st.lists(st.sampled_from([*recorded(), publish(b"x" * 1200, 9)]), min_size=1, max_size=4))
    data = bytearray(b"".join(packets))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data) - 1))
        how = draw(st.sampled_from(["change", "remove", "insert"]))
        if how == "remove" and len(data) > 1:
            del data[at]
        elif how == "insert":
            data.insert(at, draw(st.integers(0, 255)))
        else:
            data[at] = draw(st.integers(0, 255))
    return bytes(data)


@settings(max_examples=examples(400))
@given(damaged(), CHUNKS, st.integers(0, 3))
def test_damaged_packets_raise_a_fault_or_nothing_whatever_the_chunks(data: bytes, sizes: list[int], state: int) -> None:
    """The meaning of a packet never depends on how it was split, not even when it is damaged."""
    assert feed(start(state), data, sizes) == feed(start(state), data, [FRAME_MAX_BYTES - 1])


@settings(max_examples=examples(200))
@given(damaged())
def test_every_event_of_damaged_packets_can_be_acknowledged(data: bytes) -> None:
    """A message has a topic, and an identifier from 1 to 65535 or none."""
    for event in feed(start(3), data, [FRAME_MAX_BYTES - 1])[0]:
        if isinstance(event, mqtt5.PublishPacket | Oversized):
            assert event.topic
            assert event.packet_id is None or 1 <= event.packet_id <= 65535


def test_an_oversized_message_passes_in_little_memory_and_what_follows_is_read() -> None:
    data = publish(b"x" * (20 * MEGABYTE), 7, duplicate=True) + publish(packet_id=8)
    chunks = in_pieces(data, 65536)
    session = opened(frame_max_bytes=393_216)
    tracemalloc.start()
    events, fault = receive(session, chunks)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert fault == ""
    assert peak_bytes < MEGABYTE
    large, small = events
    assert isinstance(large, Oversized)
    assert (large.topic, large.packet_id, large.duplicate, large.retain) == (TOPIC, 7, True, False)
    assert large.payload == b"x" * KEPT_BYTES
    assert large.size_bytes == 20 * MEGABYTE
    assert isinstance(small, mqtt5.PublishPacket)
    assert small.packet_id == 8


@pytest.mark.parametrize("packet_id", [None, 300], ids=repr)
@pytest.mark.parametrize("properties", [0, 1, 40, 2000], ids=lambda count: f"{count}-properties")
def test_an_oversized_message_is_taken_apart_whatever_its_properties(packet_id: int | None, properties: int) -> None:
    """Topic and identifier are always kept; of the payload the beginning."""
    user = [("key", "x" * 100)] * properties
    payload = bytes(range(256)) * 1000
    data = publish(payload, packet_id, retain=True, user_properties=user)
    for size in (999, 65536):
        events, fault = receive(opened(100_000), in_pieces(data, size))
        assert fault == ""
        (large,) = events
        assert isinstance(large, Oversized)
        assert (large.topic, large.packet_id, large.retain, large.duplicate) == (TOPIC, packet_id, True, False)
        assert large.size_bytes == len(payload)
        assert payload.startswith(large.payload)
        assert len(large.payload) == (KEPT_BYTES if properties < 2000 else 0)


def test_the_largest_message_that_is_assembled_is_one_byte_smaller_than_the_smallest_that_is_not() -> None:
    overhead = len(publish(b"x" * 500)) - 500 - 3
    for size, kind in ((FRAME_MAX_BYTES - overhead, mqtt5.PublishPacket), (FRAME_MAX_BYTES - overhead + 1, Oversized)):
        for chunk in (1, 100, FRAME_MAX_BYTES - 1):
            events, _ = receive(opened(FRAME_MAX_BYTES), in_pieces(publish(b"x" * size), chunk))
            assert [type(event) for event in events] == [kind]


@pytest.mark.parametrize(
    ("first_byte", "body", "named"),
    [
        pytest.param(0x30, b"\x00\x02\xff\xfe\x00", "not UTF-8", id="topic-that-is-not-utf-8"),
        pytest.param(0x34, b"\x00\x03a/b\x00\x07\x00", "QoS 2", id="qos-2"),
        pytest.param(0x36, b"\x00\x03a/b\x00\x07\x00", "QoS 2", id="qos-3"),
        pytest.param(0x32, b"\x00\x03a/b\x00\x00\x00", "no identifier", id="identifier-0"),
        pytest.param(0x30, b"\x00\x00\x00", "no topic", id="no-topic"),
        pytest.param(0x30, b"\x00\x03a/b\xff\xff\xff\xff", "length has no end", id="properties-without-end"),
    ],
)
def test_an_oversized_message_that_breaks_the_protocol_is_a_fault_like_a_small_one(
    first_byte: int, body: bytes, named: str
) -> None:
    data = bytes([first_byte]) + b"\x80\x80\x40" + body.ljust(MEGABYTE, b"x")
    events, fault = receive(opened(), in_pieces(data, 65536))
    assert events == []
    assert named in fault


def test_properties_that_claim_more_than_the_message_leave_an_empty_payload() -> None:
    data = b"\x30\x80\x80\x40" + b"\x00\x03a/b\xff\xff\xff\x7f".ljust(MEGABYTE, b"x")
    (large,) = receive(opened(), in_pieces(data, 65536))[0]
    assert isinstance(large, Oversized)
    assert (large.topic, large.payload, large.size_bytes) == ("a/b", b"", 0)


def test_one_byte_at_a_time_holds_no_more_than_one_packet() -> None:
    session = opened(connected=False)
    for byte in in_pieces(CONNACK + publish(b"x" * 900), 1):
        session.receive(byte)
        assert held_bytes(session) <= 1000
    assert held_bytes(session) == 0
