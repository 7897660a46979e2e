"""A session with a played device: the device, its connection, the watch over the gateway, and the story of each message.

The screen and the script are two users of it: they change the device, and show what is in ``sent``.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from firmware_sim.device_link import DeviceLink
from firmware_sim.outgoing import OutgoingMessage
from firmware_sim.publish import Account, BrokerAccess, FateTally, now_ms
from firmware_sim.technician.fates import Became, MessageFate
from firmware_sim.technician.played import MOST_STORED, PlayedDevice, PlayedMessage
from firmware_sim.technician.watch import GatewayAccess, GatewayWatch
from firmware_sim.wire.presence import BrokerPresence

TICK_S = 0.1
FLUSH_S = 5.0
"""So long an ending session waits for the broker."""


@dataclass(slots=True)
class SentMessage:
    """The story of a message.

    :ivar sent_ms: when it was handed to the connection.
    :ivar acknowledged_ms: when its PUBACK came; None: not yet.
    :ivar fate: what the gateway made of it; None: not known.
    :ivar fate_ms: when that was known.
    """

    message: PlayedMessage
    sent_ms: int
    acknowledged_ms: int | None = None
    fate: MessageFate | None = None
    fate_ms: int | None = None


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """A played device as others know it.

    :ivar name: its id, also as the client of the broker.
    :ivar sends_as: the name that its messages bear.
    :ivar profile: the profile that reads them; empty: they are native.
    """

    name: str
    sends_as: str
    presence: BrokerPresence | None
    profile: str = ""


class PlaySession:
    """Plays one device until it is closed.

    :ivar sent: all messages that left the device, oldest first.
    """

    def __init__(
        self, device: PlayedDevice, identity: DeviceIdentity, broker: BrokerAccess, gateway: GatewayAccess | None
    ) -> None:
        self.device = device
        self.identity = identity
        self.broker = broker
        self.sent: list[SentMessage] = []
        self._under_way: dict[OutgoingMessage, SentMessage] = {}
        self._by_number: dict[int, SentMessage] = {}
        self._changed: list[Callable[[SentMessage], None]] = []
        self._boots = device.boots
        account = Account(FateTally(), self._acknowledged, limit=MOST_STORED)
        self.link = DeviceLink(identity, broker, account, asyncio.Semaphore(), be_born=device.writer.be_born)
        self.watch: GatewayWatch | None = None
        if gateway is not None:
            names = (identity.name, identity.sends_as)
            self.watch = GatewayWatch(gateway, names, self._known)

    def on_change(self, tell: Callable[[SentMessage], None]) -> None:
        """Call ``tell`` with each message that was sent, acknowledged or judged."""
        self._changed.append(tell)

    def tell_nobody(self) -> None:
        """Call nobody any more."""
        self._changed.clear()

    @property
    def open(self) -> int:
        """Number of messages whose story has no end yet."""
        return sum(not self.is_told(sent) for sent in self.sent)

    @property
    def refuses_simulated(self) -> bool:
        """Tell if the gateway takes nothing from simulated devices."""
        return any(sent.fate is not None and sent.fate.is_simulated_refused for sent in self.sent)

    @property
    def waits_for_registration(self) -> bool:
        """Tell if the gateway keeps the messages until somebody registers the device."""
        last = next((sent.fate for sent in reversed(self.sent) if sent.fate is not None), None)
        return last is not None and last.became is Became.WAITING

    def message(self, number: int) -> SentMessage | None:
        """The message of a number."""
        return self._by_number.get(number)

    def step(self) -> None:
        """Let the device work until now, and hand over what it sends."""
        instant_ms = now_ms()
        messages = self.device.tick(instant_ms)
        if self.device.boots != self._boots:
            self._boots = self.device.boots
            self.link.reach(is_online=False)
        else:
            self.link.reach(is_online=self.device.is_connected(instant_ms))
        for message in messages:
            self._send(message, instant_ms)

    async def run(self) -> None:
        """Play until cancelled; then send what is left and say goodbye."""
        watching = asyncio.create_task(self.watch.run()) if self.watch else None
        linking = asyncio.create_task(self.link.run())
        try:
            while not linking.done():
                self.step()
                await asyncio.sleep(TICK_S)
        finally:
            self.link.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(linking, FLUSH_S if self.link.connected.is_set() else TICK_S)
            if watching is not None:
                watching.cancel()

    def _send(self, message: PlayedMessage, instant_ms: int) -> None:
        sent = self._by_number[message.number] = SentMessage(message, instant_ms)
        outgoing = OutgoingMessage(message.topic, "", message.payload, ())
        self._under_way[outgoing] = sent
        self.sent.append(sent)
        if self.watch is not None:
            self.watch.sent(message)
        self.link.put(outgoing)
        self.tell(sent)

    def _acknowledged(self, outgoing: OutgoingMessage, at_ms: int) -> None:
        sent = self._under_way.pop(outgoing)
        sent.acknowledged_ms = at_ms
        self.tell(sent)

    def _known(self, message: PlayedMessage, fate: MessageFate) -> None:
        sent = self._by_number[message.number]
        sent.fate, sent.fate_ms = fate, now_ms()
        self.tell(sent)

    def is_told(self, sent: SentMessage) -> bool:
        """Tell if the story of a message has its end: acknowledged, and judged where a gateway is asked."""
        return sent.acknowledged_ms is not None and (self.watch is None or sent.fate is not None)

    def tell(self, sent: SentMessage) -> None:
        """Tell all listeners about a message."""
        for tell in self._changed:
            tell(sent)
