"""The cut between two sessions: each message is taken of one of them, and only what may be acknowledged is."""

import mqtt5
import pytest

from gateway.core.mqtt_session import Connected, Event, Oversized
from gateway.ingest.intake.session_cut import CutPhase, SessionCut

TOPIC = "gateway/v1/gateway-1/fence"
MARK, GUARD = b"mark", b"guard"


def message(number: int, payload: bytes = b"", topic: str = "iot/a", qos: int = 1) -> mqtt5.PublishPacket:
    packet_id = number if qos else None
    return mqtt5.PublishPacket(topic, payload or str(number).encode(), qos=mqtt5.QoS(qos), packet_id=packet_id)


def mark(number: int, payload: bytes = MARK) -> mqtt5.PublishPacket:
    return message(number, payload, TOPIC)


class Cut(SessionCut):
    """With what it acknowledged."""

    __slots__ = ("acknowledged",)

    def __init__(self, phase: CutPhase) -> None:
        self.acknowledged: list[int] = []
        super().__init__(TOPIC, self.acknowledged.extend, phase, MARK)

    def of(self, *events: Event) -> list[int | None]:
        """The packets of a chunk that are taken."""
        return [event.packet_id for event in self.taken(list(events)) if isinstance(event, (mqtt5.PublishPacket, Oversized))]


def test_of_the_former_session_comes_what_stands_before_the_mark_and_nothing_behind_it_is_acknowledged() -> None:
    cut = Cut(CutPhase.LEAVING)
    assert cut.of(message(1), mark(2, b"another"), message(3)) == [1, 2, 3]
    assert cut.of(message(4), mark(5), message(6)) == [4]
    assert cut.of(message(7), message(8, qos=0)) == []
    assert (cut.acknowledged, cut.owed) == ([], []), "the new session has them"


def test_of_the_new_session_comes_what_stands_behind_the_mark_and_the_mark_waits_for_the_disk() -> None:
    cut = Cut(CutPhase.ENTERING)
    big = Oversized("iot/a", b"x", 3, retain=False, duplicate=False, size_bytes=9)
    assert cut.of(message(1), message(2, qos=0), big, mark(4), message(5)) == [5]
    assert (cut.acknowledged, cut.owed) == ([1, 3], [4])
    assert cut.of(message(6), mark(7)) == [6, 7], "from then on it lets all through"
    assert cut.phase is CutPhase.SETTLED


def test_a_mark_that_a_full_queue_dropped_is_waited_for_no_longer_than_the_guard_behind_it() -> None:
    cut = Cut(CutPhase.ENTERING)
    cut.guard = GUARD
    assert cut.of(message(1), mark(2, GUARD), message(3)) == [3]
    assert cut.acknowledged == [1, 2]


def test_what_comes_between_the_two_is_neither_taken_nor_acknowledged() -> None:
    cut = Cut(CutPhase.BETWEEN)
    assert cut.of(message(1), mark(2), message(3)) == []
    assert cut.acknowledged == []
    assert cut.taken([Connected(session_present=True, keep_alive_s=None)]) != []


@pytest.mark.parametrize(
    ("phase", "is_told", "present", "loss", "then"),
    [
        (CutPhase.SETTLED, False, True, False, CutPhase.SETTLED),
        (CutPhase.SETTLED, False, False, True, CutPhase.SETTLED),
        (CutPhase.LEAVING, False, False, True, CutPhase.LEAVING),
        (CutPhase.LEAVING, True, False, False, CutPhase.LEAVING),
        (CutPhase.ENTERING, False, False, True, CutPhase.SETTLED),
        (CutPhase.ENTERING, True, False, False, CutPhase.SETTLED),
        (CutPhase.ENTERING, False, True, False, CutPhase.ENTERING),
    ],
)
def test_a_session_that_is_not_there_is_a_loss_once_and_none_that_was_ended_on_purpose(
    phase: CutPhase, then: CutPhase, *, is_told: bool, present: bool, loss: bool
) -> None:
    cut = Cut(phase)
    cut.is_told = is_told
    assert cut.connected(session_present=present) is loss
    assert cut.phase is then
    assert cut.is_absent is (phase is CutPhase.LEAVING and not present)
    assert cut.connected(session_present=False) is True
