"""The connections of a machine that has a standby: the session's, and the watch, by which the two machines know of each other.

Theory of operation
-------------------
:mod:`gateway.core.gateways.standby` decides; this is its shell. :mod:`gateway.core.gateways.standby` has the topics.

The session's connection tells of the journal before it acknowledges what went there. Both go by one connection, in this order,
so whoever takes the session over knows whether the journal may hold readings that the broker will not send again.

The watch subscribes to all topics of the pair, then says what the machine is. When the broker hands it its own word, it has
heard all that was retained before: the watch is synced. It repeats its word three times in each keep-alive. The number of
readings in the journal is told by the session's connection while that is open, else by the watch.

A machine that stands back does not change its parts under way: ``stood_back`` has the gateway stop them in order, what was
received goes to InfluxDB or the journal, and begin anew as a passive one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import mqtt5

from gateway.core.gateways.standby import WORDS_EACH_KEEP_ALIVE, PairRole, PairTopics, Standby, state_payload, state_said
from gateway.core.ledger import Ledger
from gateway.core.mqtt_session import Connected, Event, ProtocolFault, Session, SessionOptions, Subscribed
from gateway.ingest.events import Events
from gateway.ingest.intake.connection import BrokerAddress, Connection

_LOOKS_EACH_KEEP_ALIVE: Final = 20


def watch_session(of_session: SessionOptions, machine: str, topics: PairTopics) -> Session:
    """The session of the watch: the account of the other one, a client id of its own, and the will."""
    return Session(
        SessionOptions(
            client_id=f"{of_session.client_id}-{machine}",
            username=of_session.username,
            password=of_session.password,
            keep_alive_s=of_session.keep_alive_s,
            session_expiry_s=0,
            will=mqtt5.Will(topics.state, payload=state_payload(PairRole.OFFLINE, 0), retain=True),
        )
    )


class PairedConnection(Connection):
    """The connection of the session, which one machine of a pair has at a time; ``journal_topic`` retains what it tells."""

    def __init__(self, addresses: Sequence[BrokerAddress], session: Session, ledger: Ledger, journal_topic: str) -> None:
        super().__init__(addresses, session)
        self.journal_topic = journal_topic
        self._ledger = ledger
        self._told_empty: bool | None = None

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Tell that the journal is in use now, or is empty again; then send the PUBACKs."""
        if self._told_empty is not (not self._ledger.pending["journal"]):
            self.tell_journal()
        super().acknowledge(packet_ids)

    def tell_journal(self) -> bool:
        """Tell how many readings the journal holds; False: the connection is not open."""
        readings = self._ledger.pending["journal"]
        told = self.publish(self.journal_topic, str(readings).encode(), retain=True)
        self._told_empty = not readings if told else None
        return told


@dataclass(slots=True)
class Watch:
    """Says what this machine is, hears what the other is, and tells when that changes; ``syncs`` counts how often it stood.

    Once this machine is not ``live`` any more ``stood_back`` is set; ``news`` when alarms of the live machine were heard, and
    before ``live`` is.
    """

    connection: Connection
    _session: PairedConnection
    standby: Standby
    _topics: PairTopics
    _ledger: Ledger
    _events: Events
    live: asyncio.Event = field(default_factory=asyncio.Event)
    stood_back: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    syncs: int = 0
    _alarms: dict[str, bytes] = field(default_factory=dict)
    may_open: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _next_word_s: float = 0.0
    _has_left: bool = False

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stay_connected(), name="watch connection")
            while True:
                self._decide()
                if self._loop.time() >= self._next_word_s:
                    self._say()
                await asyncio.sleep(self.standby.keep_alive_s / _LOOKS_EACH_KEEP_ALIVE)

    async def _stay_connected(self) -> None:
        while True:
            why, wait_s = await self.connection.run_to_end(self._received)
            if self._has_left:
                return
            self.standby.lost(self._loop.time())
            self._decide()
            self._events.watch_lost(why)
            await asyncio.sleep(wait_s)

    # What comes.

    def _received(self, data: bytes) -> None:
        try:
            events = self.connection.session.receive(data)
        except ProtocolFault as fault:
            events = fault.events
            self.connection.end(str(fault))
        for event in events:
            self._take(event)
        self._decide()

    def _take(self, event: Event) -> None:
        if isinstance(event, mqtt5.PublishPacket):
            self._hear(event)
        elif isinstance(event, Connected):
            self.connection.accepted(event.keep_alive_s)
            always = mqtt5.RetainHandling.SEND_ALWAYS
            self.connection.subscribe(dict.fromkeys(self._topics.filters, always), [])
            self._say()
        elif isinstance(event, Subscribed) and event.refused:
            for pattern, why in event.refused.items():
                if pattern == self._topics.alarms("+"):  # an account of before alarms were carried over
                    self._events.alarms_not_carried(pattern, why)
                else:
                    self.connection.end(f"the broker refused the subscription {pattern}: {why}")

    def _hear(self, message: mqtt5.PublishPacket) -> None:
        standby, payload = self.standby, message.payload or b""
        if name := self._topics.told_at(message.topic, "machines"):
            if name == standby.name and not message.retain:
                if not standby.is_synced:
                    self.syncs += 1
                    standby.synced(self._loop.time())
                    self._events.watch_stands(str(self.connection.address))
            elif not payload:
                standby.forgotten(name)
            elif (said := state_said(payload)) is not None:
                standby.heard(name, *said, self._loop.time(), retained=message.retain)
        elif (name := self._topics.told_at(message.topic, "journals")) and payload.isdigit():
            standby.journal_told(name, int(payload))
        elif (name := self._topics.told_at(message.topic, "alarms")) and standby.role is not PairRole.LIVE:
            self._alarms[name] = bytes(payload)
            self.news.set()

    # Alarms.

    def take_alarms(self) -> dict[str, bytes]:
        """The alarms of the live machine that were heard since the last call."""
        heard, self._alarms = self._alarms, {}
        return heard

    def publish_alarms(self, bucket: str, payload: bytes) -> bool:
        """Have the broker retain some alarms; False: the watch does not stand."""
        return self.standby.is_synced and self._publish(self._topics.alarms(bucket), payload)

    # What follows.

    def _decide(self) -> None:
        standby, before, now_s = self.standby, self.standby.role, self._loop.time()
        if self._events.mqtt_connected:
            standby.reached(now_s)
        if not (self.stood_back.is_set() or self._has_left):  # its parts are stopped first, and begin anew
            standby.decide(now_s)
        if standby.role is not before:
            self._say()
            self._events.role_changed(standby.name, standby.role, sorted(standby.partners))
            if standby.role is PairRole.LIVE:
                self.news.set()  # first: alarms are taken over before anything judges by them
                self.live.set()
            else:
                self.live.clear()
                self.stood_back.set()
        self._events.stands_by = standby.is_synced and standby.role is PairRole.PASSIVE
        if standby.may_open:
            self.may_open.set()
        else:
            self.may_open.clear()

    def _say(self) -> None:
        """Say what this machine is, and how many readings its journal holds."""
        self._next_word_s = self._loop.time() + self.standby.keep_alive_s / WORDS_EACH_KEEP_ALIVE
        self._publish(self._topics.state, state_payload(self.standby.role, self.standby.term))
        if self.standby.role is not PairRole.LIVE or not self._session.tell_journal():
            self._publish(self._topics.journal, str(self._ledger.pending["journal"]).encode())

    def _publish(self, topic: str, payload: bytes) -> bool:
        return self.connection.publish(topic, payload, retain=True)

    async def leave(self) -> None:
        """Say that this machine is offline, and how many readings its journal holds, and end the connection in order."""
        self._has_left = True
        self._publish(self._topics.journal, str(self._ledger.pending["journal"]).encode())
        self._publish(self._topics.state, state_payload(PairRole.OFFLINE, self.standby.term))
        await self.connection.disconnect()
