"""Acknowledgements: in order of receipt, only on their connection, and never before what they acknowledge is durable."""
# ruff: noqa: D102 - the name of a rule says what happens

from collections import deque
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.core.batching.batch import Acknowledger, Batch
from gateway.core.message import Reading, Refusal
from schemas.rejects import RejectReason
from tests.examples import examples


def begun(acknowledger: Acknowledger, *packet_ids: int) -> Batch:
    """A new batch that owes these, each with its identifier times 11 as fingerprint."""
    batch = Batch()
    acknowledger.begin(batch)
    for packet_id in packet_ids:
        acknowledger.owe(batch, packet_id, packet_id * 11)
    return batch


def released(acknowledger: Acknowledger, *batches: Batch) -> list[int]:
    """Return the identifiers that may be acknowledged once these are done."""
    for batch in batches:
        batch.holds = 0
    return acknowledger.release()


def connected() -> Acknowledger:
    acknowledger = Acknowledger()
    acknowledger.connected(session_present=False)
    return acknowledger


def reconnect(acknowledger: Acknowledger, *, session_present: bool) -> None:
    acknowledger.disconnected()
    acknowledger.connected(session_present=session_present)


def test_a_batch_that_is_done_waits_for_those_begun_before_it() -> None:
    acknowledger = connected()
    first, second, third = begun(acknowledger, 7, 3), begun(acknowledger, 5), begun(acknowledger, 1)
    assert released(acknowledger, second) == []
    assert acknowledger.owed == 4
    assert released(acknowledger, first) == [7, 3, 5]
    assert acknowledger.owed == 1
    assert released(acknowledger, third) == [1]


def test_a_batch_with_two_reasons_to_wait_waits_for_both() -> None:
    """Readings on their way to InfluxDB, rejects on theirs to the disk."""
    acknowledger = connected()
    batch = begun(acknowledger, 7)
    batch.holds = 2
    assert acknowledger.release() == []
    batch.holds -= 1
    assert acknowledger.release() == []
    batch.holds -= 1
    assert acknowledger.release() == [7]


def test_what_was_owed_on_a_connection_is_forgotten_with_it() -> None:
    """After it, identifiers may mean other messages."""
    acknowledger = connected()
    batch = begun(acknowledger, 7)
    acknowledger.disconnected()
    assert acknowledger.owed == 0
    assert released(acknowledger, batch) == []
    acknowledger.connected(session_present=True)
    assert acknowledger.release() == []


def test_a_new_connection_forgets_what_was_owed_even_when_nobody_said_that_the_old_one_ended() -> None:
    acknowledger = connected()
    batch = begun(acknowledger, 7)
    acknowledger.connected(session_present=True)
    assert acknowledger.owed == 0
    assert released(acknowledger, batch) == []


def test_a_second_copy_is_known_while_the_first_waits_and_is_acknowledged_behind_it() -> None:
    acknowledger = connected()
    first = begun(acknowledger, 7)
    reconnect(acknowledger, session_present=True)
    assert acknowledger.is_second_copy(7, 77)
    second = begun(acknowledger, 7)
    assert released(acknowledger, second) == []
    assert released(acknowledger, first) == [7]


def test_a_message_that_comes_again_after_its_first_copy_was_released_is_processed_again() -> None:
    acknowledger = connected()
    first = begun(acknowledger, 7)
    reconnect(acknowledger, session_present=True)
    released(acknowledger, first)
    assert not acknowledger.is_second_copy(7, 77)


def test_another_message_of_the_same_identifier_is_no_second_copy() -> None:
    acknowledger = connected()
    begun(acknowledger, 7)
    reconnect(acknowledger, session_present=True)
    assert not acknowledger.is_second_copy(7, 78)
    assert not acknowledger.is_second_copy(8, 77)


def test_a_broker_that_numbers_anew_has_no_second_copies() -> None:
    """The third message of the next connection may have the bytes of the third of this one, and never have come before."""
    acknowledger = connected()
    begun(acknowledger, 2, 3)
    reconnect(acknowledger, session_present=True)
    assert not acknowledger.is_second_copy(1, 22)
    assert not acknowledger.is_second_copy(3, 33)


def test_a_broker_that_keeps_identifiers_has_second_copies_also_from_the_first_message_on() -> None:
    acknowledger = connected()
    begun(acknowledger, 1, 2)
    reconnect(acknowledger, session_present=True)
    assert acknowledger.is_second_copy(1, 11)
    assert acknowledger.is_second_copy(2, 22)


def test_nothing_is_a_second_copy_where_the_session_was_lost_then_or_later() -> None:
    """The identifiers of the lost session mean nothing in the next one, nor in the connection after that."""
    acknowledger = connected()
    begun(acknowledger, 7)
    reconnect(acknowledger, session_present=True)
    for session_present in (False, True):
        reconnect(acknowledger, session_present=session_present)
        assert not acknowledger.is_second_copy(7, 77)


def test_a_first_copy_is_known_though_an_older_message_had_its_identifier() -> None:
    """The older one expired in the broker, unacknowledged, and its identifier was given again."""
    acknowledger = connected()
    older = begun(acknowledger, 7)
    reconnect(acknowledger, session_present=True)
    newer = begun(acknowledger)
    acknowledger.owe(newer, 7, 999)
    reconnect(acknowledger, session_present=True)
    released(acknowledger, older)
    assert acknowledger.is_second_copy(7, 999)


def test_messages_of_two_connections_in_one_batch_are_told_apart() -> None:
    acknowledger = connected()
    batch = begun(acknowledger, 7, 8)
    reconnect(acknowledger, session_present=True)
    acknowledger.owe(batch, 8, 88)
    acknowledger.owe(batch, 9, 99)
    assert released(acknowledger, batch) == [8, 9]


@dataclass(eq=False)
class Sent:
    """A message the broker has not seen acknowledged."""

    packet_id: int
    fingerprint: int
    first_copy: Batch | None = None
    owed_with: Batch | None = None


@dataclass
class Broker:
    """The broker's side: what it must send again, and what it has sent on this connection, in order."""

    unacknowledged: dict[int, Sent] = field(default_factory=dict)
    to_send_again: deque[Sent] = field(default_factory=deque)
    sent: deque[Sent] = field(default_factory=deque)


class AnyOrder(RuleBasedStateMachine):
    """Connections come and go, batches are done in any order; the broker is held to nothing but its protocol."""

    @initialize()
    def start(self) -> None:
        self.acknowledger = Acknowledger()
        self.broker = Broker()
        self.batches: list[Batch] = []
        self.waiting: list[Batch] = []
        self.online = False
        self.fingerprints = 0
        self.begin()

    @rule()
    def begin(self) -> None:
        self.batches.append(Batch())
        self.waiting.append(self.batches[-1])
        self.acknowledger.begin(self.batches[-1])

    @precondition(lambda self: self.online)
    @rule(packet_id=st.integers(2, 5))  # a broker that begins again with 1 is taken for one that numbers anew
    def a_message_comes(self, packet_id: int) -> None:
        if packet_id not in self.broker.unacknowledged and not self.batches[-1].sealed:
            self.fingerprints += 1
            self.receive(Sent(packet_id, self.fingerprints), duplicate=False)

    @precondition(lambda self: self.online and self.broker.to_send_again)
    @rule()
    def a_message_comes_again(self) -> None:
        self.receive(self.broker.to_send_again.popleft(), duplicate=True)

    def receive(self, message: Sent, *, duplicate: bool) -> None:
        if not self.waiting or self.waiting[-1] is not self.batches[-1]:
            self.begin()  # the newest batch is gone
        newest = self.batches[-1]
        known = duplicate and self.acknowledger.is_second_copy(message.packet_id, message.fingerprint)
        if message.first_copy in self.waiting:
            assert known, "processed again while its first copy waits"
        if known:
            assert message.first_copy is not None, "taken for a copy of what never came"
        else:
            message.first_copy = newest
        self.broker.unacknowledged[message.packet_id] = message
        self.broker.sent.append(message)
        message.owed_with = newest
        self.acknowledger.owe(newest, message.packet_id, message.fingerprint)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def a_batch_is_done(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.waiting)).holds = 0
        ready = self.acknowledger.release()
        while self.waiting and not self.waiting[0].holds:
            self.waiting.pop(0)
        for packet_id in ready:
            assert self.online
            message = self.broker.sent.popleft()
            assert packet_id == message.packet_id, "not in order of receipt"
            assert message.first_copy not in self.waiting, "acknowledged before it is durable"
            del self.broker.unacknowledged[packet_id]
        assert all(message.owed_with in self.waiting for message in self.broker.sent), "done, and not acknowledged"

    @precondition(lambda self: self.online)
    @rule()
    def the_connection_ends(self) -> None:
        self.acknowledger.disconnected()
        self.broker.sent.clear()
        self.online = False

    @precondition(lambda self: not self.online and self.broker.unacknowledged)
    @rule()
    def a_message_expires_in_the_broker(self) -> None:
        self.broker.unacknowledged.popitem()

    @precondition(lambda self: not self.online)
    @rule(session_present=st.booleans())
    def a_connection_begins(self, session_present: bool) -> None:  # noqa: FBT001
        self.acknowledger.connected(session_present=session_present)
        if not session_present:
            self.broker.unacknowledged.clear()
        self.broker.to_send_again = deque(self.broker.unacknowledged.values())
        self.online = True

    @invariant()
    def as_much_is_owed_as_was_sent_on_this_connection(self) -> None:
        assert self.acknowledger.owed == len(self.broker.sent)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=examples(200), stateful_step_count=50)


def test_a_batch_whose_messages_came_by_another_way_is_told_of_in_its_turn_on_whatever_connection() -> None:
    acknowledger, told = connected(), list[str]()
    first, second = begun(acknowledger, 1), begun(acknowledger)
    second.tells.append(lambda: told.append("second"))
    assert acknowledger.unfinished() == [first, second]
    assert (released(acknowledger, second), told) == ([], [])
    reconnect(acknowledger, session_present=False)
    assert (released(acknowledger, first), told) == ([], ["second"])
    assert acknowledger.unfinished() == []


def test_a_batch_is_unfinished_while_anything_of_it_waits() -> None:
    acknowledger, told = connected(), []
    batches = [begun(acknowledger) for _ in range(7)]
    assert acknowledger.unfinished() == []
    batches[0].readings.append(Reading("water,device=d ph=7.0 5", "water"))
    batches[1].refusals.append(Refusal(RejectReason.BAD_JSON, "", "", b"", "decode", 0))
    batches[3].asked = 1
    batches[4].behind.append(batches[0])
    batches[5].tells.append(lambda: told.append("told"))
    acknowledger.owe(batches[6], 1, 11)
    assert acknowledger.unfinished() == [batch for batch in batches if batch is not batches[2]]
    assert acknowledger.has_any([Batch(), batches[0]])
    assert not acknowledger.has_any([Batch()])
    assert released(acknowledger, *batches) == []
    assert told == [], "a codec is asked for one before"
    batches[3].asked = 0
    assert acknowledger.release() == [1]
    assert told == ["told"]
    assert not acknowledger.has_any(batches)
