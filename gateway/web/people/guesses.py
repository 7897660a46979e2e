"""Wrong tokens, counted by address: a client that guesses waits longer and longer."""

import hashlib
import logging
import math
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

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
        """Full seconds for which tokens of this address are refused unchecked; 0 for none."""
        guesser = self._guessers.get(address)
        return max(0, math.ceil(guesser.blocked_until_s - self._now_s())) if guesser is not None else 0

    def note(self, address: str, shown: bytes) -> None:
        """Count a wrong token, and log it at most once a minute."""
        now_s = self._now_s()
        guesser = self._guessers.pop(address, None)
        if guesser is None or now_s - guesser.last_s >= _FORGOTTEN_AFTER_S:
            guesser = _Guesser()
        self._guessers[address] = guesser
        if len(self._guessers) > _ADDRESSES_MAX:
            del self._guessers[next(iter(self._guessers))]
        self._say(address, now_s)
        digest = hashlib.blake2s(shown, key=self._key, digest_size=_DIGEST_BYTES).digest()
        if digest in guesser.seen:
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
