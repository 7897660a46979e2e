"""A reference for take-overs: how fast the machine lets one plain client take the place of another, and if it is quiet."""

import socket
import threading
import time
from typing import Final, Self

import mqtt5

from gateway.commands.demo.services import Service
from tests.system.fleet import connect
from tests.waiting import PATIENCE_S

_TOPIC: Final = "reference/will"
_EVERY_S: Final = 0.2


class Turns:
    """Use as a context manager: a connection breaks, its will is heard, another one is opened; again and again.

    It hears too of each stall of broker, network and processor that a gateway would meet.

    :ivar took_s: the seconds of each turn.
    """

    def __init__(self, broker: Service) -> None:
        self._broker = broker
        self._ended, self._heard = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="turns")
        self.took_s: list[float] = []

    def __enter__(self) -> Self:
        self._watch = connect(self._broker, "reference-watch")
        self._watch.on_message = lambda *_: self._heard.set()
        self._watch.subscribe(_TOPIC)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._watch.disconnect()
        self._watch.loop_stop()

    @property
    def slowest_s(self) -> float:
        """The slowest turn; infinite before the first."""
        return max(self.took_s, default=float("inf"))

    def _work(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._heard.clear()
            first, began_s = self._open(), time.monotonic()
            first.close()  # without DISCONNECT: the will goes out
            assert self._heard.wait(PATIENCE_S)
            second = self._open()
            self.took_s.append(time.monotonic() - began_s)
            second.sendall(mqtt5.DisconnectPacket().write())
            second.close()

    def _open(self) -> socket.socket:
        """Connect with a will; return when the broker has answered."""
        opened = socket.create_connection((self._broker.host, self._broker.port), PATIENCE_S)
        will = mqtt5.Will(_TOPIC, payload=b"gone")
        opened.sendall(mqtt5.ConnectPacket("reference", clean_start=True, will=will).write())
        assert opened.recv(1024)
        return opened
