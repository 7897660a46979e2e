"""Makers' codecs beside the running gateway: called in batches, in a child process that is killed and restarted if it hangs.

Theory of operation. A call waits until the loop's turn ends, then goes to the child with the others of that turn, and the child
answers in order. The child says on a shared page which call it is in. If that is the same one for 250 ms, the child is killed,
that call is answered with a fault, and all other unanswered calls are repeated in a new child: nothing else is delayed
for longer, but by a codec that is loaded, which has a limit of its own. If a child ends by itself, the call that it was in is
repeated, as the first one of the new child: others may have filled the old one. If it ends this child too, it is at fault.

Calls of a suspended codec, or all calls while no child can be started or where nothing confines one, are answered at once as
not made: their messages can wait.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, InitVar, dataclass, field
from pathlib import Path
from typing import Final

from gateway.core.message import CodecAsk
from gateway.ingest.codecs.process import BROUGHT_DOWN, KILL_AFTER_S, CodecProcess, available, read_sources
from gateway.ingest.codecs.protocol import (
    GIVEN_BACK,
    SUSPENDED_FOR_S,
    UNCONFINED,
    Call,
    Codec,
    CodecAnswer,
    Greeting,
    arguments,
    read_answer,
)
from gateway.ingest.codecs.transport import CodecTransport

log = logging.getLogger("gateway.codecs")

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_DEATHS: Final = 2


@dataclass
class AsyncCodecs:
    """All codecs of the gateway, taken as text or as files, as by :meth:`replace`; the child starts with the first call.

    ``release`` is told the key of each codec that may be called again, after its calls were answered as not made.

    :ivar trouble: the reason why the child cannot be started; empty if it can.
    :ivar refused: the reason why none is called on this machine, until the gateway starts with another configuration; or empty.
    :ivar unprotected: the protections against codecs that are missing on this machine; None: no child has started yet.
    """

    sources: InitVar[Mapping[str, str | Path]]
    _release: Callable[[str], None]
    _: KW_ONLY
    unconfined: bool = False
    clock: Callable[[], float] = time.monotonic
    restarts: int = 0
    trouble: str = ""
    refused: str = ""
    unprotected: list[str] | None = None
    _missing: str = ""
    _codecs: dict[str, Codec] = field(default_factory=dict)
    _last_number: int = 0
    _waiting: deque[Call] = field(default_factory=deque)
    _link: CodecTransport | None = None
    _needed: asyncio.Event = field(default_factory=asyncio.Event)
    _send_is_due: bool = False

    def __post_init__(self, sources: Mapping[str, str | Path]) -> None:
        self.replace(sources)

    @property
    def pending(self) -> int:
        """The number of calls not answered yet."""
        return len(self._waiting) + (len(self._link.asked) if self._link else 0)

    @property
    def suspended(self) -> dict[str, str]:
        """Suspended codecs, with the reason; one that is suspended for a single device is named with it."""
        now_s = self.clock()
        return {codec.suspended_as: codec.why for codec in self._codecs.values() if codec.is_resting(now_s)}

    @property
    def keys(self) -> list[str]:
        """All codecs."""
        return list(self._codecs)

    def replace(self, sources: Mapping[str, str | Path]) -> None:
        """Replace the codecs; :class:`ConfigurationFault`: files that cannot be read, the codecs stay as they are.

        One with the same text stays as it is, even suspended; earlier calls are still answered.
        """
        texts = read_sources(sources)
        self._missing = available()
        old, self._codecs = self._codecs, {}
        for key, text in texts.items():
            codec = old.get(key)
            if codec is None or codec.source != text:
                self._last_number += 1
                codec = Codec(key, self._last_number, text)
            self._codecs[key] = codec
        if self._link is not None:
            self._link.forget([codec for key, codec in old.items() if self._codecs.get(key) is not codec])
        now_s = self.clock()
        for key, codec in old.items():
            if codec.is_resting(now_s) and self._codecs.get(key, codec) is not codec:
                self._release(key)

    def ask(self, call: CodecAsk, then: Callable[[CodecAnswer], None]) -> None:
        """Call a codec; ``then`` gets the answer, never before this returns, and must not raise.

        How many calls may wait is the caller's business: see :attr:`pending`.
        """
        codec = self._codecs.get(call.codec)
        if codec is None:
            _answer_soon(then, CodecAnswer(None, fault=f"there is no codec {call.codec}"))
        elif self._missing:
            _answer_soon(then, CodecAnswer(None, fault=self._missing))
        elif why := self.refused or self.trouble:
            _answer_soon(then, _not_made(why))
        else:
            self._wait(Call(codec, arguments(call), then, call.device))

    async def run(self) -> None:
        """Keep a child alive from the first call on; end it when cancelled."""
        pause_s = _FIRST_PAUSE_S
        while True:
            await self._needed.wait()
            self._needed.clear()
            self.trouble = await self._serve()
            if self.refused:
                self._give_up(self.refused)
                self._needed.clear()
                continue
            if not self.trouble:
                pause_s = _FIRST_PAUSE_S
                continue
            self._give_up(self.trouble)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            self.trouble = ""
            for key in self._codecs:
                self._release(key)

    async def _serve(self) -> str:
        """Run one child from start to end; return why it could not start, or an empty text."""
        try:
            process = CodecProcess(keep_console=log.isEnabledFor(logging.DEBUG), unconfined=self.unconfined)
        except OSError as error:
            return f"the process for codecs cannot be started: {error}"
        link = CodecTransport(process, self._answered, self._greeted)
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: link, sock=process.connection)
            self._link = link
            self._send()
            await link.gone.wait()
        finally:
            self._link = None
            said = link.end()
        self._ask_again(link)
        return "" if link.is_ready else f"the process for codecs ends at its start and writes {said or 'nothing'}"

    def _give_up(self, why: str) -> None:
        """Answer what waits as not made."""
        log.error("no codec can be called: %s", why)
        while self._waiting:
            self._waiting.popleft().then(_not_made(why))

    def _ask_again(self, link: CodecTransport) -> None:
        """Handle the end of a child: its unanswered calls are repeated, except the call that ended it."""
        culprit = link.culprit()
        self._waiting.extendleft(reversed(link.asked))
        if self.refused:
            return
        if self._waiting:
            self._needed.set()
        if link.is_ready:
            self.restarts += 1
        if culprit is None:
            return
        culprit.deaths += 1
        self._waiting.remove(culprit)
        if not link.is_stuck and culprit.deaths < _DEATHS:
            self._waiting.appendleft(culprit)
        else:
            did = f"took more than {KILL_AFTER_S * 1000:g} ms" if link.is_stuck else BROUGHT_DOWN
            log.warning("codec %s %s; the process is restarted", culprit.codec.key, did)
            self._settle(culprit, CodecAnswer(None, fault=did, overran=True))

    def _wait(self, call: Call) -> None:
        self._waiting.append(call)
        if not self._send_is_due:
            self._send_is_due = True
            asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        """Send the calls of a turn of the loop together."""
        self._send_is_due = False
        if self._link is not None:
            self._link.send(self._allowed())
        elif self._waiting:
            self._needed.set()

    def _allowed(self) -> Iterator[Call]:
        """The waiting calls; those of suspended codecs are answered first."""
        while self._waiting:
            call = self._waiting.popleft()
            if call.codec.why and call.codec.is_suspended(self.clock(), call.device):
                _answer_soon(call.then, _not_made(call.codec.why))
            else:
                yield call

    def _greeted(self, greeting: Greeting) -> None:
        """Note that a child is ready, or refuses to run codecs; missing protections are logged once, not for every child."""
        unprotected = greeting.missing
        if not (greeting.confined or self.unconfined):
            self.refused = UNCONFINED
        elif unprotected and unprotected != self.unprotected:
            log.warning("codecs run with less protection than they could: %s", "; ".join(unprotected))
        self.unprotected = unprotected

    def _answered(self, call: Call, line: bytes) -> None:
        if line == GIVEN_BACK:
            self._wait(call)
            return
        answer = read_answer(line)
        self._settle(call, answer)
        if answer.overran and self._link is not None:
            self._link.overrun_is_known(call.codec)

    def _settle(self, call: Call, answer: CodecAnswer) -> None:
        codec = call.codec
        if answer.overran:
            if codec.overran(answer.fault or "", self.clock(), call.device):
                log.error("codec %s is suspended, its messages wait: it %s", codec.suspended_as, codec.why)
                asyncio.get_running_loop().call_later(SUSPENDED_FOR_S, self._free, codec)
        elif codec.why:
            codec.in_time(self.clock(), call.device)
        call.then(answer)

    def _free(self, codec: Codec) -> None:
        if self._codecs.get(codec.key) is codec:
            self._release(codec.key)


def _answer_soon(then: Callable[[CodecAnswer], None], answer: CodecAnswer) -> None:
    asyncio.get_running_loop().call_soon(then, answer)


def _not_made(why: str) -> CodecAnswer:
    return CodecAnswer(None, fault=why, suspended=True)
