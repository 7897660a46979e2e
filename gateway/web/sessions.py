"""Sessions of browsers that showed the token: the cookie holds a random name of the session, never the token."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

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
    began_s: float
    used_s: float


class Sessions:
    """The sessions of this run; a restart ends them all."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._sessions: dict[str, _WebSession] = {}
        """By id, the one used last at the end."""

    def begin(self) -> str:
        """Begin a session; return its id. If there are too many, the one idle longest ends."""
        now_s = self._now_s()
        for name in [name for name, session in self._sessions.items() if _is_over(session, now_s)]:
            del self._sessions[name]
        if len(self._sessions) >= _SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]
        name = secrets.token_urlsafe(_ID_BYTES)
        self._sessions[name] = _WebSession(now_s, now_s)
        return name

    def use(self, name: str) -> bool:
        """Tell if ``name`` is a session that goes on, and note that it was used."""
        session, now_s = self._sessions.pop(name, None), self._now_s()
        if session is None or _is_over(session, now_s):
            return False
        session.used_s = now_s
        self._sessions[name] = session
        return True

    def end(self, name: str) -> None:
        """End a session, if it is one."""
        self._sessions.pop(name, None)


def _is_over(session: _WebSession, now_s: float) -> bool:
    return now_s - session.used_s >= SESSION_IDLE_S or now_s - session.began_s >= SESSION_LASTS_S
