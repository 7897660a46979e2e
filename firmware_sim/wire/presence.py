"""The state that a device with a connection of its own keeps at the broker."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BrokerPresence:
    """The words of a device when it connects and when it goes.

    :ivar online: empty: it says nothing of the kind.
    :ivar offline: also its last will.
    :ivar retain: whether the broker keeps the last word.
    :ivar commands: the topic on which it is asked for births; empty: there are none. It has to be born after each connect.
    """

    topic: str
    online: bytes
    offline: bytes
    retain: bool = True
    commands: str = ""
