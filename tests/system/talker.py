"""A broker that says what it likes: refuses everybody, and gives its reason in its own words."""

import socket
import threading
from contextlib import suppress
from typing import Self

import mqtt5

_PATIENCE_S = 5.0


class Talker:
    """Answers every CONNECT with a refusal. Use as a context manager.

    :ivar url: its address.
    :ivar asked: how many have connected.
    """

    def __init__(self, reason: str) -> None:
        code = mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD
        self._answer = mqtt5.ConnAckPacket(reason_code=code, reason_str=reason).write()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="talker")
        self.url = f"mqtt://127.0.0.1:{self._listening.getsockname()[1]}"
        self.asked = 0

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
                connection.recv(65536)
                self.asked += 1
                connection.sendall(self._answer)
                connection.recv(65536)
