"""Sessions of browsers that showed a token, and wrong tokens: a client that guesses waits longer and longer.

The cookie holds a random name of the session, never the token.
"""

import hashlib
import logging
import math
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.support.access.accounts import UserAccount

COOKIE: Final = "gateway_session"
SECURE_COOKIE: Final = "__Host-gateway_session"
"""Cookie name for HTTPS clients: no plain page of this machine, on any port, can set it."""
SESSION_IDLE_S: Final = 3600.0
"""Idle time after which a session ends; an open page uses it every few seconds."""
SESSION_LASTS_S: Final = 12 * 3600.0
"""Longest session after the login: a shift."""
_SESSIONS_MAX: Final = 1000
_ID_BYTES: Final = 32


@dataclass(slots=True)
class _WebSession:
    account: UserAccount
    began_s: float
    used_s: float


class Sessions:
    """The sessions of this run; a restart ends them all."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._sessions: dict[str, _WebSession] = {}
        """By id, the one used last at the end."""

    def begin(self, account: UserAccount) -> str:
        """Begin a session of an account; return its id. If there are too many, the one idle longest ends."""
        now_s = self._now_s()
        for name in [name for name, session in self._sessions.items() if _is_over(session, now_s)]:
            del self._sessions[name]
        if len(self._sessions) >= _SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]
        name = secrets.token_urlsafe(_ID_BYTES)
        self._sessions[name] = _WebSession(account, now_s, now_s)
        return name

    def use(self, name: str) -> UserAccount | None:
        """Note that a session was used; return its account, or None if ``name`` is no session that goes on."""
        session, now_s = self._sessions.pop(name, None), self._now_s()
        if session is None or _is_over(session, now_s):
            return None
        session.used_s = now_s
        self._sessions[name] = session
        return session.account

    def end(self, name: str) -> None:
        """End a session, if it is one."""
        self._sessions.pop(name, None)


def _is_over(session: _WebSession, now_s: float) -> bool:
    return now_s - session.used_s >= SESSION_IDLE_S or now_s - session.began_s >= SESSION_LASTS_S


log = logging.getLogger("gateway.web")

_FREE_GUESSES: Final = 5
_FIRST_WAIT_S: Final = 10.0
_WAIT_MAX_S: Final = 300.0
_FORGOTTEN_AFTER_S: Final = 900.0
_ADDRESSES_MAX: Final = 1024
_LOG_EVERY_S: Final = 60.0
_NAMED: Final = 5
_DIGEST_BYTES: Final = 16


@dataclass(slots=True)
class _Guesser:
    """The guesses of one address.

    :ivar seen: digests of its last wrong tokens. A program with an old token shows the same one again and again; that is no
        new guess, and must not lock out who sits at the same address.
    """

    guesses: int = 0
    last_s: float = 0.0
    blocked_until_s: float = 0.0
    seen: dict[bytes, None] = field(default_factory=dict)


class Guesses:
    """The table of wrong tokens."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._guessers: dict[str, _Guesser] = {}
        """By address, the one that guessed last at the end."""
        self._key = secrets.token_bytes(16)
        self._unsaid: Counter[str] = Counter()
        self._said_s = -math.inf

    def wait_s(self, address: str) -> int:
        """Full seconds for which who guesses at this address has to wait; 0 for none."""
        guesser = self._guessers.get(address)
        return max(0, math.ceil(guesser.blocked_until_s - self._now_s())) if guesser is not None else 0

    def note(self, address: str, shown: bytes) -> None:
        """Count a wrong token, unless its address has to wait, and log it at most once a minute."""
        now_s = self._now_s()
        guesser = self._guessers.pop(address, None)
        if guesser is None or now_s - guesser.last_s >= _FORGOTTEN_AFTER_S:
            guesser = _Guesser()
        self._guessers[address] = guesser
        if len(self._guessers) > _ADDRESSES_MAX:
            del self._guessers[next(iter(self._guessers))]
        self._say(address, now_s)
        digest = hashlib.blake2s(shown, key=self._key, digest_size=_DIGEST_BYTES).digest()
        if digest in guesser.seen or guesser.blocked_until_s > now_s:
            return
        guesser.seen[digest] = None
        if len(guesser.seen) > _FREE_GUESSES:
            del guesser.seen[next(iter(guesser.seen))]
        guesser.guesses += 1
        guesser.last_s = now_s
        if guesser.guesses >= _FREE_GUESSES:
            doubled = min(guesser.guesses - _FREE_GUESSES, 10)
            guesser.blocked_until_s = now_s + min(_WAIT_MAX_S, _FIRST_WAIT_S * 2**doubled)

    def _say(self, address: str, now_s: float) -> None:
        if len(self._unsaid) < _ADDRESSES_MAX or address in self._unsaid:
            self._unsaid[address] += 1
        if now_s - self._said_s < _LOG_EVERY_S:
            return
        worst = ", ".join(f"{count} from {who}" for who, count in self._unsaid.most_common(_NAMED))
        log.warning("wrong tokens over HTTP: %s%s", worst, " and others" if len(self._unsaid) > _NAMED else "")
        self._said_s = now_s
        self._unsaid.clear()
