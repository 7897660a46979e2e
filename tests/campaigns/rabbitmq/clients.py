"""Clients with accounts of their own, and what the broker answers them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.commands.demo.services import Service
from tests.waiting import PATIENCE_S, until

SUCCESS = "Success"
REFUSED = "Not authorized"
NOBODY = "No matching subscribers"


class Client:
    """A connection, made once and never again.

    :ivar answer: the broker's to CONNECT, in words.
    :ivar received: topics of the messages that came; ``payloads`` the payloads.
    :ivar ended: why the broker ended it; None while it has not.
    """

    def __init__(self, broker: Service, account: str, password: str, client_id: str = "", **wishes: Any) -> None:  # noqa: ANN401 - of paho
        self.answer = ""
        self.session_present = False
        self.received: list[str] = []
        self.payloads: list[bytes] = []
        self.ended: str | None = None
        self._answers: dict[int, str] = {}
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id or account, protocol=paho.MQTTv5, reconnect_on_failure=False
        )
        if password:
            self._client.username_pw_set(account, password)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._ended
        self._client.on_message = lambda _client, _data, message: self._receive(message)
        self._client.on_publish = lambda _client, _data, mid, reason, _properties: self._answers.update({mid: str(reason)})
        self._client.on_subscribe = lambda _client, _data, mid, reasons, _properties: self._answers.update(
            {mid: str(reasons[0])}
        )
        self._known = threading.Event()
        self._connect(broker, **wishes)

    def _connect(
        self,
        broker: Service,
        *,
        clean: bool = True,
        expiry_s: int = 0,
        port: int | None = None,
        tls: str | None = None,
        certificate: Path | None = None,
    ) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = expiry_s
        if tls is not None:
            shown, key = (str(certificate), str(certificate.with_suffix(".key"))) if certificate else (None, None)
            self._client.tls_set(tls, shown, key)
        self._client.connect(broker.host, port or broker.port, clean_start=clean, properties=properties)
        self._client.loop_start()
        assert self._known.wait(PATIENCE_S)

    def publish(self, topic: str, payload: str = "{}", *, retain: bool = False) -> str:
        """Publish at QoS 1; the answer, or the reason why the connection ended."""
        return self._told(self._client.publish(topic, payload, qos=1, retain=retain).mid)

    def subscribe(self, pattern: str) -> str:
        """Subscribe; the answer, or the reason why the connection ended."""
        mid = self._client.subscribe(pattern, qos=1)[1]
        assert mid is not None
        return self._told(mid)

    def wait_ended(self) -> str:
        """Return why the broker ended it."""
        until(lambda: self.ended is not None, what="the broker ends it")
        return self.ended or ""

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _receive(self, message: paho.MQTTMessage) -> None:
        self.received.append(message.topic)
        self.payloads.append(bytes(message.payload))

    def _told(self, mid: int) -> str:
        until(lambda: mid in self._answers or self.ended is not None, what="an answer")
        return self._answers.get(mid) or f"ended: {self.ended}"

    def _connected(self, _client: object, _data: object, flags: Any, reason: object, _properties: object) -> None:  # noqa: ANN401 - of paho
        self.answer, self.session_present = str(reason), flags.session_present
        self._known.set()

    def _ended(self, _client: object, _data: object, _flags: object, reason: object, _properties: object) -> None:
        self.ended = str(reason)
        self._known.set()


@contextmanager
def client(broker: Service, account: str, password: str, client_id: str = "", **wishes: Any) -> Iterator[Client]:  # noqa: ANN401 - of paho
    """A client for a while."""
    made = Client(broker, account, password, client_id, **wishes)
    yield made
    made.close()
