"""The tap tells what was handed over and confirmed, however the bytes are cut."""

import pytest
from mqtt5 import ConnAckPacket, PubAckPacket, PublishPacket, QoS

from tests.campaigns.rig.tap import Handed, Tap, WrongPuback


def _publish(packet_id: int, payload: bytes = b"{}", topic: str = "iot/a") -> bytes:
    return PublishPacket(topic, payload, qos=QoS.AT_LEAST_ONCE, packet_id=packet_id).write()


def _puback(packet_id: int) -> bytes:
    return PubAckPacket(packet_id).write()


FROM_BROKER = ConnAckPacket().write() + _publish(1) + PublishPacket("iot/b", b"QoS 0").write() + _publish(2, b"x" * 300)
FROM_GATEWAY = _puback(1) + b"\xc0\x00" + _puback(2)


@pytest.mark.parametrize(
    "step", [pytest.param(1, id="byte-by-byte"), pytest.param(7, id="torn"), pytest.param(999, id="whole")]
)
def test_what_is_handed_over_and_confirmed_is_told_however_it_is_cut(step: int) -> None:
    tap = Tap()
    seen: list[Handed] = []
    tap.on_confirmed = seen.extend
    _feed(tap, 1, FROM_BROKER, step, to_behind=False)
    assert [(handed.packet_id, handed.payload) for handed in tap.delivered] == [(1, b"{}"), (2, b"x" * 300)]
    assert tap.owed(1) == tap.delivered
    _feed(tap, 1, FROM_GATEWAY, step, to_behind=True)
    assert tap.confirmed == tap.delivered == seen
    assert not tap.owed(1)
    assert not tap.wrong


def test_an_identifier_belongs_to_its_connection_and_a_torn_packet_is_forgotten_with_it() -> None:
    tap = Tap()
    tap(1, _publish(7) + _publish(8)[:-1], False)  # noqa: FBT003
    tap(2, _publish(8, b"another"), False)  # noqa: FBT003
    tap(2, _puback(7) + _puback(8) + _puback(8), True)  # noqa: FBT003
    assert [(handed.connection, handed.packet_id) for handed in tap.delivered] == [(1, 7), (2, 8)]
    assert tap.confirmed == [Handed(2, 8, "iot/a", b"another")]
    assert tap.wrong == [WrongPuback(2, 7), WrongPuback(2, 8)]


def _feed(tap: Tap, connection: int, data: bytes, step: int, *, to_behind: bool) -> None:
    for at in range(0, len(data), step):
        tap(connection, data[at : at + step], to_behind)
