"""Sessions of browsers that showed a token: the cookie holds a random name of the session, never the token."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.support.access.accounts import UserAccount

COOKIE: Final = "gateway_session"
SECURE_COOKIE: Final = "__Host-gateway_session"
"""Cookie name for HTTPS clients: no plain page of this machine, on any port, can set it."""
COOKIES: Final = frozenset({COOKIE, SECURE_COOKIE})
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
