"""The session with a broker that a test plays, packet by packet: what the gateway sends, notes and tells."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import mqtt5

from gateway.core.batching.batch import Acknowledger
from gateway.core.batching.fair_shares import Floods
from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.ledger import Ledger
from gateway.core.mqtt_session import Session, SessionOptions
from gateway.ingest.events import Events
from gateway.ingest.intake.broker_socket import BrokerSocket
from gateway.ingest.intake.connection import BrokerAddress, Connection
from gateway.ingest.intake.intake import Intake, MessageReceiver
from gateway.ingest.intake.session_cut import SessionCut
from gateway.ingest.intake.subscriptions import Fence, Subscriptions
from gateway.ingest.storage.database import Database
from tests.clocks import SetClock
from tests.core.conversation import publish
from tests.core.making import NOW_MS, topic
from tests.ingest.delivery.delivering import until
from tests.ingest.intake.side_effects_rig import rig
from tests.waiting import PATIENCE_S

GRANTED, REFUSED = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE, mqtt5.SubAckReasonCode.NOT_AUTHORIZED
ALWAYS: Final = mqtt5.RetainHandling.SEND_ALWAYS
FILTERS: Final = {"a/#": ALWAYS, "b/#": ALWAYS}


class Played:
    """A broker that says what a test has it say.

    :ivar came: what the gateway sent, in words.
    :ivar connections: how often it came.
    """

    def __init__(self) -> None:
        self.came: list[str] = []
        self.connections = 0
        self.writer: asyncio.StreamWriter | None = None
        self.writers: list[asyncio.StreamWriter] = []
        self.greeting = mqtt5.ConnAckPacket().write()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection: greet, and note what comes."""
        self.connections += 1
        self.writer, data = writer, b""
        self.writers.append(writer)
        while more := await reader.read(65536):
            data += more
            while data:
                packet, size = mqtt5.read(memoryview(data))
                data = data[size:]
                self.came.append(_words(packet))
                if isinstance(packet, mqtt5.ConnectPacket):
                    writer.write(self.greeting)

    def say(self, *packets: bytes) -> None:
        """Say it on the present connection."""
        assert self.writer is not None
        self.writer.write(b"".join(packets))

    def hang_up(self) -> None:
        """Close the connection."""
        assert self.writer is not None
        self.writer.close()

    async def until_came(self, *words: str) -> None:
        """Return once this came."""
        await until(lambda: all(word in self.came for word in words))


def _words(packet: object) -> str:
    match packet:
        case mqtt5.SubscribePacket():
            return f"subscribe {' '.join(one.pattern for one in packet.topic_filters)}"
        case mqtt5.UnsubscribePacket():
            return f"unsubscribe {' '.join(packet.patterns)}"
        case mqtt5.PubAckPacket():
            return f"puback {packet.packet_id}"
        case mqtt5.PublishPacket():
            return f"publish {packet.topic} {bytes(packet.payload or b'').decode()}"
    return type(packet).__name__.removesuffix("Packet").lower()


class Gateway:
    """The gateway's side: the intake and what it is joined to."""

    def __init__(self, folder: Path, port: int) -> None:
        self.broker = Played()
        self.database = Database(folder / "journal.db")
        self.database.open()
        self.events, self.acknowledger, self.clock = Events(), Acknowledger(), SetClock(NOW_MS)
        self.ledger = Ledger(since_ms=NOW_MS)
        session = Session(SessionOptions("gateway-1", keep_alive_s=60, session_expiry_s=3600))
        self.connection = Connection([BrokerAddress("127.0.0.1", port)], session)
        self.subscriptions = Subscriptions(self.database, self.connection.subscribe, FILTERS, ["a/1/status"])

    def intake(self, receiver: MessageReceiver, trust: object) -> Intake:
        """The intake that feeds a receiver."""
        clock, events = self.clock, self.events
        cut = SessionCut("gateway/v1/gateway-1/fence", self.connection.acknowledge)
        return Intake(self.connection, self.subscriptions, receiver, self.acknowledger, events, trust, clock, cut)  # type: ignore[arg-type]


class Receiver:
    """In the receiver's place: what it was handed."""

    def __init__(self) -> None:
        self.topics: list[str] = []
        self.has_room = True

    def receive(self, messages: object, _now_ms: int, _arrival_s: float) -> None:
        """Take messages."""
        self.topics += [message.topic for message in messages]  # type: ignore[attr-defined]

    def end_chunk(self, _events: object) -> bool:
        """Tell if memory has room."""
        return self.has_room


class Trust:
    """In the place of trust in the clock."""

    def see_time(self, now_ms: int, steady_ms: int) -> None:
        """See it."""


Story = Callable[[Gateway, Played, Receiver, Intake], Awaitable[None]]


@asynccontextmanager
async def played(folder: Path, greeting: bytes = b"") -> AsyncIterator[tuple[Gateway, Played, Receiver, Intake]]:
    """A gateway that comes to a broker."""
    broker = Played()
    broker.greeting = greeting or broker.greeting
    async with await asyncio.start_server(broker.serve, "127.0.0.1") as server:
        gateway, receiver = Gateway(folder, server.sockets[0].getsockname()[1]), Receiver()
        intake = gateway.intake(receiver, Trust())  # type: ignore[arg-type]
        running = asyncio.create_task(intake.run())
        try:
            await until(lambda: broker.connections)
            yield gateway, broker, receiver, intake
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            for writer in broker.writers:
                writer.close()
            await asyncio.gather(*(writer.wait_closed() for writer in broker.writers), return_exceptions=True)
            gateway.database.close()


def tell(folder: Path, story: Story, greeting: bytes = b"") -> None:
    """Run a story of a gateway and its broker."""

    async def told() -> None:
        async with asyncio.timeout(PATIENCE_S), played(folder, greeting) as rigged:
            await story(*rigged)

    asyncio.run(told())


def suback(packet_id: int, *codes: mqtt5.SubAckReasonCode) -> bytes:
    return mqtt5.SubAckPacket(packet_id, list(codes)).write()


def test_filters_are_subscribed_to_and_states_behind_them_and_what_is_refused_is_told_once(tmp_path: Path) -> None:
    async def story(gateway: Gateway, broker: Played, _: Receiver, __: Intake) -> None:
        await broker.until_came(f"subscribe a/# b/# {BROKER_DROPPED}")
        assert broker.came == ["connect", f"subscribe a/# b/# {BROKER_DROPPED}"]
        assert gateway.events.mqtt_connected
        assert gateway.events.reception.since_ms == NOW_MS
        assert gateway.events.session.lost == 0, "there was no session that could be lost"
        broker.say(suback(1, GRANTED, REFUSED, REFUSED))
        await broker.until_came("subscribe a/1/status")
        assert list(gateway.events.refused_subscriptions) == ["b/#"], "not all may hear of drops"
        assert gateway.subscriptions.refused == {"b/#"}
        assert not gateway.subscriptions.settled
        broker.say(suback(2, REFUSED))
        await until(lambda: gateway.subscriptions.settled)
        assert list(gateway.events.refused_subscriptions) == ["b/#", "a/1/status"]
        gateway.subscriptions.replace({"b/#": ALWAYS})
        await broker.until_came(f"subscribe b/# {BROKER_DROPPED}", "unsubscribe a/# a/1/status")
        broker.say(mqtt5.UnsubAckPacket(4, [mqtt5.UnsubAckReasonCode.SUCCESS] * 2).write(), suback(3, GRANTED, GRANTED))
        await until(lambda: gateway.subscriptions.settled)
        assert (gateway.subscriptions.stale, gateway.events.refused_subscriptions) == ([], {})

    tell(tmp_path, story)


def test_a_session_that_the_broker_forgot_is_told_and_so_is_one_that_it_keeps_shorter(tmp_path: Path) -> None:
    async def story(gateway: Gateway, broker: Played, _: Receiver, __: Intake) -> None:
        await until(lambda: gateway.events.session.expiry_s)
        assert gateway.events.session.expiry_s == (60, 3600)
        gateway.subscriptions.confirm()
        broker.hang_up()
        await until(lambda: broker.connections == 2 and gateway.events.session.lost)
        assert (gateway.events.session.lost, gateway.events.session.stands) == (1, {"session_lost": {"at_ms": NOW_MS}})
        await until(lambda: broker.came.count(f"subscribe a/# b/# {BROKER_DROPPED}") == 2)

    tell(tmp_path, story, mqtt5.ConnAckPacket(session_expiry_interval=60, server_keep_alive=1).write())


def test_a_connection_that_ends_is_told_with_its_reason_and_opened_again(tmp_path: Path) -> None:
    async def story(gateway: Gateway, broker: Played, receiver: Receiver, _: Intake) -> None:
        await until(lambda: gateway.events.mqtt_connected)
        before = gateway.acknowledger.connection
        broker.say(publish(topic="x"), b"\xf0\x00", publish(topic="y"))
        await until(lambda: broker.connections == 2)
        assert receiver.topics == ["x"], "what came before the fault is taken"
        await until(lambda: gateway.acknowledger.connection == before + 2)
        await until(lambda: gateway.events.mqtt_connected)

    tell(tmp_path, story)


def test_a_broker_that_says_nothing_is_asked_and_given_up_in_time() -> None:
    class Opened(BrokerSocket):
        """A socket that notes."""

        said: list[str]

        def send(self, data: bytes) -> None:
            """Note it."""
            self.said.append(_words(mqtt5.read(memoryview(data))[0]))

        def end(self, why: str) -> None:
            """Note it."""
            self.said.append(why)

    def after(silent_s: float, quiet_s: float = 0.0, *, greeted: bool = True, resting: bool = False) -> list[str]:
        """Return what the gateway does after such silence of the broker, and such of its own."""
        connection = Connection([BrokerAddress("b", 1)], Session(SessionOptions("gateway-1", keep_alive_s=300)))
        connection.accepted(None)
        connection.accepted(30)
        opened, now_s = Opened(lambda _: None), time.monotonic()
        opened.said, opened.resting = [], resting
        opened.last_received_s, opened.last_sent_s = now_s - silent_s, now_s - quiet_s
        if greeted:
            connection.session.connect()
            connection.session.receive(mqtt5.ConnAckPacket().write())
        connection._keep_alive(opened)  # noqa: SLF001 - at a time of the test
        return opened.said

    async def story() -> None:
        assert after(9.0, 9.0) == []
        assert after(11.0) == after(0.0, 11.0) == ["pingreq"], "at a third of the broker's interval"
        assert after(29.0) == ["pingreq"]
        assert after(31.0) == ["mqtt://b:1 is silent for 31 s"]
        assert after(31.0, resting=True) == ["pingreq"], "it was not listened to"
        assert after(19.0, 19.0, greeted=False) == [], "a link that takes 5 s each way is slow, not dead"
        assert after(21.0, greeted=False) == ["mqtt://b:1 is silent for 21 s"]

    asyncio.run(story())


def test_memory_at_its_limit_lets_the_socket_rest_and_no_more_is_read_once_the_gateway_stops(tmp_path: Path) -> None:
    async def story(gateway: Gateway, broker: Played, receiver: Receiver, intake: Intake) -> None:
        await until(lambda: gateway.events.mqtt_connected)
        receiver.has_room = False
        broker.say(publish(topic="x"))
        await until(lambda: receiver.topics == ["x"])
        broker.say(publish(topic="y"))
        await asyncio.sleep(0.02)
        assert receiver.topics == ["x"]
        receiver.has_room = True
        gateway.connection.resume_reading()
        await until(lambda: receiver.topics == ["x", "y"])
        intake.stop_reading()
        gateway.connection.resume_reading()
        broker.say(publish(topic="z"))
        await asyncio.sleep(0.02)
        assert receiver.topics == ["x", "y"]
        gateway.connection.acknowledge([7])
        await broker.until_came("puback 7")
        opened = gateway.connection._socket  # noqa: SLF001
        await gateway.connection.disconnect()
        assert opened.ended.done(), "what was sent before is out"
        await broker.until_came("disconnect")

    tell(tmp_path, story)


def test_what_is_sent_while_nothing_is_open_is_dropped_and_a_publication_says_so(tmp_path: Path) -> None:
    async def story(gateway: Gateway, broker: Played, _: Receiver, __: Intake) -> None:
        await until(lambda: gateway.events.mqtt_connected)
        assert gateway.connection.publish("out", b"1", retain=True)
        await broker.until_came("publish out 1")
        closed = Connection([BrokerAddress("::1", 1)], gateway.connection.session)
        assert not closed.publish("out", b"2")
        closed.acknowledge([1])
        closed.read_later(0.001)
        closed.rest()
        closed.resume_reading()
        closed.end("nothing is open")
        ran: list[str] = []
        closed.read_now(lambda: ran.append("then"))
        await closed.disconnect()
        assert (ran, str(closed.address), closed.round_trip_s) == (["then"], "mqtt://[::1]:1", float("inf"))

    tell(tmp_path, story)


def test_each_node_of_a_broker_has_its_turn_and_renewed_certificates_are_for_all() -> None:
    async def story() -> None:
        addresses = [BrokerAddress("127.0.0.1", 1), BrokerAddress("127.0.0.1", 2)]
        connection = Connection(addresses, Session(SessionOptions("gateway-1")))
        told = [await connection.run_to_end(lambda _: None) for _ in range(3)]
        assert [why.split(": ")[0] for why, _ in told] == [f"mqtt://127.0.0.1:{port}" for port in (1, 2, 1)]
        context = object()
        connection.renew(context)  # type: ignore[arg-type]
        assert str(connection.address) == "mqtts://127.0.0.1:2"
        connection.renew(None)
        assert connection.address == addresses[1]

    asyncio.run(story())


class Publisher:
    """In the connection's place: what was published."""

    def __init__(self) -> None:
        self.published: list[bytes] = []

    def publish(self, topic: str, payload: bytes) -> bool:
        """Note it."""
        assert topic == "gateway/v1/gateway-1/fence"
        self.published.append(payload)
        return True


def test_messages_of_the_broker_are_taken_once_and_its_own_and_the_fence_are_no_readings() -> None:
    async def story() -> None:
        async with rig() as gate:
            acknowledger, events, out = gate.acknowledger, gate.events, Publisher()
            acknowledger.connected(session_present=True)
            fence = Fence(out.publish, acknowledger, "gateway-1")
            receiver = MessageReceiver(gate.processor, gate.live_lane, acknowledger, events, gate.side_effects, Floods(), fence)

            def take(*packets: bytes) -> None:
                receiver.receive([mqtt5.read(memoryview(packet))[0] for packet in packets], NOW_MS, 0.0)  # type: ignore[misc]
                receiver.end_chunk([])

            one = publish(b'{"ph": 7}', 1, topic=topic("m1"))
            gate.influxdb.opened.clear()
            take(one, publish(b'{"ph": 7}', None, topic=topic("m2")))
            assert (events.messages_received, acknowledger.owed) == (2, 1)
            acknowledger.disconnected()
            acknowledger.connected(session_present=True)
            take(publish(b'{"ph": 7}', 1, topic=topic("m1"), duplicate=True))
            assert (events.messages_received, acknowledger.owed) == (2, 1), "it is the copy of one that waits"
            gate.influxdb.opened.set()
            await until(lambda: gate.acknowledged == [1])
            assert sorted(gate.written) == ["m1,site=s1", "m2,site=s1"]
            passing = asyncio.create_task(fence.passed())
            await until(lambda: out.published)
            take(publish(b"5", None, topic=BROKER_DROPPED), publish(out.published[0], None, topic=fence.topic))
            await passing
            assert events.drops.dropped == 5
            take(publish(b"{}", None, topic=topic("m1", channel="status")))
            assert events.messages_ignored.total() == 1
            take(publish(b'{"ph": true, "flow_m3_h": 1}', None, topic=topic("m3")))
            assert events.fields_dropped.total() == 1
            await until(lambda: len(gate.written) == 3)

    asyncio.run(asyncio.wait_for(story(), PATIENCE_S))
