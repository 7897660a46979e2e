"""A subscriber that keeps what the broker delivers."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion


@dataclass
class Listener:
    """Messages as (topic, payload) in the order of arrival, and when each arrived."""

    messages: list[tuple[str, bytes]] = field(default_factory=list)
    arrived_s: list[float] = field(default_factory=list)

    def last(self, topic: str) -> bytes | None:
        """The newest payload under ``topic``."""
        return next((payload for name, payload in reversed(self.messages) if name == topic), None)


@contextmanager
def listening(host: str, port: int, pattern: str) -> Iterator[Listener]:
    """Subscribe to ``pattern`` until the block ends; what is retained comes first."""
    listener = Listener()
    subscribed = threading.Event()

    def on_message(_client: Client, _data: object, message: MQTTMessage) -> None:
        listener.arrived_s.append(time.monotonic())
        listener.messages.append((message.topic, bytes(message.payload)))

    def on_connect(*_: object) -> None:
        client.subscribe(pattern, qos=1)

    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = on_message
    client.on_connect = on_connect
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(host, port)
    client.loop_start()
    try:
        assert subscribed.wait(10), "not subscribed"
        yield listener
    finally:
        client.disconnect()
        client.loop_stop()
