"""HTTP on a connection through the link: who answers a request, and with what.

Requests come one after the other, the next when the last is answered (no pipelining), so a request begins and ends with a
chunk. What happens to a request is decided when it begins.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import httptools


@dataclass(frozen=True, slots=True)
class Deed:
    """The treatment of a request.

    :ivar forward: it reaches what is behind.
    :ivar instead: what is sent in place of the answer; None: the connection breaks.
    """

    forward: bool
    instead: bytes | None


LOSE_ANSWER: Final = Deed(forward=True, instead=None)


def raw_answer(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """The bytes of an answer after which the connection is kept."""
    length = {} if status == 204 else {"Content-Length": str(len(body))}
    lines = [f"HTTP/1.1 {status} as told", *(f"{name}: {value}" for name, value in {**headers, **length}.items())]
    return "\r\n".join([*lines, "\r\n"]).encode() + body


class Exchange:
    """The requests and answers of one connection."""

    def __init__(
        self,
        next_deed: Callable[[], Deed | None],
        ask: Callable[[bytes], None],
        tell: Callable[[bytes], None],
        break_off: Callable[[], None],
    ) -> None:
        self._next_deed = next_deed
        self._ask = ask
        self._tell = tell
        self._break_off = break_off
        self._deed: Deed | None = None
        self._whole = False
        self._requests = httptools.HttpRequestParser(_Messages(self._begun, self._complete))
        self._answers = self._parser_of_answers()

    def request(self, data: bytes) -> None:
        """Bytes of a request."""
        self._whole = False
        self._requests.feed_data(data)
        if self._deed is None or self._deed.forward:
            self._ask(data)
        elif self._whole:
            self._answered()

    def answer(self, data: bytes) -> None:
        """Bytes of the answer from behind."""
        if self._deed is None:
            self._tell(data)
        else:
            self._answers.feed_data(data)

    def _begun(self) -> None:
        self._deed = self._next_deed()
        self._answers = self._parser_of_answers()

    def _complete(self) -> None:
        self._whole = True

    def _parser_of_answers(self) -> httptools.HttpResponseParser:
        return httptools.HttpResponseParser(_Messages(lambda: None, self._answered))

    def _answered(self) -> None:
        if self._deed is not None and self._deed.instead is not None:
            self._tell(self._deed.instead)
        else:
            self._break_off()


@dataclass(frozen=True, slots=True)
class _Messages:
    """Callbacks of the parsers."""

    on_message_begin: Callable[[], None]
    on_message_complete: Callable[[], None]
