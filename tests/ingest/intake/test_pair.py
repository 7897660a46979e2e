"""A machine of a pair: what it says and hears by its watch, what follows, and what it tells before it acknowledges."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import mqtt5
import pytest

from gateway.core.gateways.standby import SETTLE_S, PairRole, PairTopics, Standby
from gateway.core.ledger import Ledger
from gateway.core.mqtt_session import Session, SessionOptions
from gateway.ingest.events import Events
from gateway.ingest.intake.connection import BrokerAddress
from gateway.ingest.intake.pair import PairedConnection, Watch, watch_session
from tests.core.conversation import CONNACK
from tests.core.making import NOW_MS
from tests.waiting import PATIENCE_S

STATES, JOURNALS, ALARMS = (f"gateway/v1/gateway-1/{kind}" for kind in ("machines", "journals", "alarms"))
ADDRESSES = [BrokerAddress("127.0.0.1", 1)]


class Wire(PairedConnection):
    """A connection whose bytes are noted."""

    sent = b""
    is_open = True

    def send(self, data: bytes) -> None:
        """Note them."""
        self.sent += data

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Note the message."""
        if self.is_open:
            self.send(self.session.publish(topic, payload, retain=retain))
        return self.is_open

    def take(self) -> list[str]:
        """The packets since the last look."""
        packets, at = [], 0
        while at < len(self.sent):
            packet, length = mqtt5.read(memoryview(self.sent)[at:])
            at += length
            packets.append(str(packet.payload, "ascii") if isinstance(packet, mqtt5.PublishPacket) else type(packet).__name__)
        self.sent = b""
        return packets


def test_the_first_reading_in_the_journal_is_told_before_it_is_acknowledged() -> None:
    async def story() -> None:
        ledger = Ledger(since_ms=NOW_MS)
        wire = Wire([BrokerAddress("127.0.0.1", 1)], Session(SessionOptions("gateway-1")), ledger, "t")
        wire.acknowledge([1])
        assert wire.take() == ["0", "PubAckPacket"]
        wire.acknowledge([2])
        assert wire.take() == ["PubAckPacket"]
        ledger.pending["journal"] = 5
        wire.acknowledge([3])
        assert wire.take() == ["5", "PubAckPacket"]
        ledger.pending["journal"] = 9
        wire.acknowledge([4])
        assert wire.take() == ["PubAckPacket"]
        ledger.pending["journal"] = 0
        wire.acknowledge([5])
        assert wire.take() == ["0", "PubAckPacket"]

    asyncio.run(story())


def test_what_could_not_be_told_is_told_at_the_next_acknowledgement() -> None:
    async def story() -> None:
        ledger = Ledger(since_ms=NOW_MS)
        wire = Wire([BrokerAddress("127.0.0.1", 1)], Session(SessionOptions("gateway-1")), ledger, "t")
        wire.is_open = False
        wire.acknowledge([1])
        wire.is_open = True
        wire.take()
        wire.acknowledge([2])
        assert wire.take() == ["0", "PubAckPacket"]

    asyncio.run(story())


class Machine:
    """Machine ``a`` of a pair, at a time that a test sets; what it says is noted.

    :ivar watch: heard by hand: what the broker would send.
    :ivar wire: of the watch.
    :ivar of_session: the wire of the session.
    """

    def __init__(self) -> None:
        self.now_s = 100.0
        self.ledger, self.events, self.standby = Ledger(since_ms=NOW_MS), Events(), Standby("a", 10.0)
        topics = PairTopics("gateway-1", "a")
        self.of_session = Wire(ADDRESSES, Session(SessionOptions("gateway-1", username="u")), self.ledger, topics.journal)
        session = watch_session(self.of_session.session.options, "a", topics)
        self.options, self.wire = session.options, Wire(ADDRESSES, session, self.ledger, topics.journal)
        self.watch = Watch(self.wire, self.of_session, self.standby, topics, self.ledger, self.events)
        self.watch._loop = self  # type: ignore[assignment] # noqa: SLF001 - a clock that is set
        self.wire.session.connect()

    def time(self) -> float:
        """The time."""
        return self.now_s

    def hear(self, topic: str, payload: bytes | str, *, retained: bool = False) -> list[str]:
        """Have the broker send a message; what is said to the broker then."""
        body = payload.encode() if isinstance(payload, str) else payload
        self.watch._received(mqtt5.PublishPacket(topic, body, retain=retained).write())  # noqa: SLF001
        return self.wire.take()

    def state(self, machine: str, role: PairRole, term: int, *, retained: bool = False) -> list[str]:
        """Have it hear what a machine says of itself."""
        return self.hear(f"{STATES}/{machine}", json.dumps({"state": role.value, "term": term}), retained=retained)

    def greet(self) -> list[str]:
        """Have the broker greet the watch."""
        self.watch._received(CONNACK)  # noqa: SLF001
        return self.wire.take()

    def sync(self, other: PairRole | None = None) -> None:
        """Greet it, have it hear what the other machine is, and its own word: then all that was retained is heard."""
        self.greet()
        if other is not None:
            self.state("b", other, 1, retained=True)
        self.state("a", PairRole.PASSIVE, 0)

    def look(self) -> PairRole:
        """Have it look; return its role."""
        self.hear("iot/v1/x", "")
        return self.standby.role


def tell(story: Callable[[Machine], Awaitable[None]]) -> None:
    """Run a story of a machine."""

    async def told() -> None:
        await asyncio.wait_for(story(Machine()), PATIENCE_S)

    asyncio.run(told())


def said(role: PairRole, term: int) -> str:
    """Its word of itself."""
    return json.dumps({"state": role.value, "term": term})


def test_a_passive_machine_takes_the_session_when_the_other_goes_and_stands_back_for_a_later_term(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(machine: Machine) -> None:
        watch, standby = machine.watch, machine.standby
        assert machine.greet() == ["SubscribePacket", said(PairRole.PASSIVE, 0), "0"]
        machine.state("b", PairRole.LIVE, 3, retained=True)
        machine.hear(f"{JOURNALS}/b", "7", retained=True)
        assert not machine.events.stands_by, "what is retained may not all have come"
        machine.state("a", PairRole.LIVE, 2, retained=True)
        assert watch.syncs == 0, "an earlier run said that"
        machine.state("a", PairRole.PASSIVE, 0)
        assert (watch.syncs, machine.events.stands_by, standby.awaited_journals) == (1, True, ["b"])
        waiting = asyncio.create_task(watch.may_open.wait())
        await asyncio.sleep(0)
        assert [waiting.done(), watch.live.is_set(), watch.news.is_set()] == [False] * 3

        machine.ledger.pending["journal"] = 5
        assert machine.state("b", PairRole.OFFLINE, 3) == [said(PairRole.LIVE, 4)]
        assert machine.of_session.take() == ["5"], "the session's connection tells of the journal of a live machine"
        assert watch.live.is_set()
        assert watch.news.is_set()
        await waiting
        assert [watch.stood_back.is_set(), machine.events.stands_by] == [False] * 2

        assert machine.state("b", PairRole.LIVE, 9) == [said(PairRole.PASSIVE, 4), "5"]
        assert watch.stood_back.is_set()
        assert not watch.live.is_set()
        late = asyncio.create_task(watch.may_open.wait())
        await asyncio.sleep(0)
        assert not late.done()
        late.cancel()
        machine.state("b", PairRole.OFFLINE, 9)
        assert standby.role is PairRole.PASSIVE, "its parts are stopped first"

    tell(story)
    assert "a is live now; others that were heard: b" in caplog.text
    assert "a is passive now; others that were heard: b" in caplog.text


def test_a_live_machine_whose_session_cannot_tell_of_its_journal_tells_by_the_watch() -> None:
    async def story(machine: Machine) -> None:
        machine.of_session.is_open = False
        machine.ledger.pending["journal"] = 3
        machine.greet()
        assert machine.state("a", PairRole.PASSIVE, 0) == [said(PairRole.LIVE, 1), "3"]

    tell(story)


def test_alarms_of_the_live_machine_are_kept_until_they_are_taken_and_a_live_one_hears_none() -> None:
    async def story(machine: Machine) -> None:
        machine.sync(PairRole.LIVE)
        machine.hear(f"{ALARMS}/7", b"old")
        machine.hear(f"{ALARMS}/7", b"new")
        assert machine.watch.news.is_set()
        assert machine.watch.take_alarms() == {"7": b"new"}
        assert machine.watch.take_alarms() == {}
        assert machine.watch.publish_alarms("8", b"own")
        assert machine.wire.take() == ["own"]
        machine.state("b", PairRole.OFFLINE, 1)
        machine.hear(f"{ALARMS}/9", b"its own, come back")
        assert machine.watch.take_alarms() == {}

    tell(story)


def test_nothing_follows_from_words_that_are_none_and_a_machine_that_was_taken_out_is_forgotten() -> None:
    async def story(machine: Machine) -> None:
        machine.sync(PairRole.LIVE)
        for topic, payload in ((f"{STATES}/b", "?"), (f"{JOURNALS}/b", "many"), ("iot/v1/x", "1")):
            machine.hear(topic, payload)
        assert machine.standby.awaited_journals == ["b"]
        assert machine.standby.role is PairRole.PASSIVE
        machine.hear(f"{STATES}/b", b"", retained=True)
        assert (machine.standby.awaited_journals, machine.standby.role) == ([], PairRole.LIVE)

    tell(story)


def test_a_machine_that_reaches_the_broker_stays_live_without_its_watch_and_one_that_does_not_stands_back() -> None:
    async def story(machine: Machine) -> None:
        machine.sync()
        machine.standby.lost(machine.now_s)
        machine.events.mqtt_connected = True
        machine.now_s += 25.0
        assert machine.look() is PairRole.LIVE
        assert not machine.watch.publish_alarms("8", b"own"), "the watch does not stand"
        machine.events.mqtt_connected = False
        machine.now_s += 19.0
        assert machine.look() is PairRole.LIVE
        machine.now_s += 1.0
        assert machine.look() is PairRole.PASSIVE

    tell(story)


def test_whoever_leaves_says_so_and_takes_nothing_any_more() -> None:
    async def story(machine: Machine) -> None:
        machine.sync(PairRole.LIVE)
        machine.ledger.pending["journal"] = 2
        await machine.watch.leave()
        assert machine.wire.take() == ["2", said(PairRole.OFFLINE, 1)]
        machine.state("b", PairRole.OFFLINE, 1)
        assert machine.standby.role is PairRole.PASSIVE

    tell(story)


def test_the_watch_has_the_account_of_the_session_a_name_of_its_own_and_a_will() -> None:
    async def story(machine: Machine) -> None:
        options = machine.options
        assert (options.client_id, options.username, options.session_expiry_s) == ("gateway-1-a", "u", 0)
        assert options.will is not None
        assert (options.will.topic, (options.will.payload or b"").decode()) == (f"{STATES}/a", said(PairRole.OFFLINE, 0))

    tell(story)


def test_a_watch_that_ends_is_told_and_opened_again_and_one_that_stands_repeats_its_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(machine: Machine) -> None:
        opened: list[str] = []
        machine.sync()
        machine.standby.keep_alive_s = 0.02

        async def run_to_end(_: object) -> tuple[str, float]:
            opened.append("")
            if len(opened) > 2:
                await asyncio.Event().wait()
            return "it hung up", 0.0

        monkeypatch.setattr(machine.wire, "run_to_end", run_to_end)
        running, words = asyncio.create_task(machine.watch.run()), list[str]()
        while len(words) < 3:
            words += [word for word in machine.wire.take() if "state" in word]
            machine.now_s += 0.001
            await asyncio.sleep(0.001)
        assert (len(opened), machine.standby.is_synced) == (3, False)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    tell(story)
    assert "not watching the other machine: it hung up" in caplog.text


def test_a_machine_that_was_met_gets_a_pause_to_come_back() -> None:
    async def story(machine: Machine) -> None:
        machine.sync(PairRole.LIVE)
        machine.standby.lost(machine.now_s)
        machine.state("a", PairRole.PASSIVE, 1)
        assert (machine.watch.syncs, machine.look()) == (2, PairRole.PASSIVE)
        machine.now_s += SETTLE_S
        assert machine.look() is PairRole.LIVE

    tell(story)


def test_an_account_that_may_not_read_alarms_costs_only_these(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(machine: Machine) -> None:
        ended: list[str] = []
        monkeypatch.setattr(machine.wire, "end", ended.append)
        machine.greet()
        codes = [mqtt5.SubAckReasonCode.NOT_AUTHORIZED] * 3
        machine.watch._received(mqtt5.SubAckPacket(1, codes).write())  # noqa: SLF001 - as the broker answers
        assert [why.split(":")[0] for why in ended] == [
            f"the broker refused the subscription {kind}/+" for kind in (STATES, JOURNALS)
        ]

    tell(story)
    assert f"{ALARMS}/+" in caplog.text
    assert "a take-over raises all alarms anew" in caplog.text
