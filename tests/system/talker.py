"""A broker that says what it likes, in words that no other would let through."""

import socket
import threading
from contextlib import suppress
from typing import Self

import mqtt5

_PATIENCE_S = 5.0


class Talker:
    """Use as a context manager.

    :param reason: why it refuses everybody; without one it lets them in.
    :param messages: PUBLISH packets for who subscribes.
    :ivar url: its address.
    """

    def __init__(self, reason: str = "", messages: bytes = b"") -> None:
        code = mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD if reason else mqtt5.ConnAckReasonCode.SUCCESS
        self._greeting = mqtt5.ConnAckPacket(reason_code=code, reason_str=reason or None).write()
        self._messages = messages
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="talker")
        self.url = f"mqtt://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # closed
                return
            with connection, suppress(OSError):
                connection.settimeout(_PATIENCE_S)
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        while data := connection.recv(65536):
            packet, _ = mqtt5.read(memoryview(data))
            if isinstance(packet, mqtt5.ConnectPacket):
                connection.sendall(self._greeting)
            elif isinstance(packet, mqtt5.SubscribePacket):
                granted = [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * len(packet.topic_filters)
                connection.sendall(mqtt5.SubAckPacket(packet.packet_id, granted).write() + self._messages)
            elif isinstance(packet, mqtt5.DisconnectPacket):
                return
