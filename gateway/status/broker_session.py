"""Findings about the session that the broker keeps for the gateway, and about its queue there."""

import time
from collections.abc import Iterator, Sequence
from typing import Final

from gateway.core.status.session_terms import SessionTerms
from gateway.core.status.verdict import Finding, Level

_LOSS_SHOWN_MS: Final = 86_400_000
_NAMED: Final = 3


def of_session(terms: SessionTerms, now_ms: int, *, shared: bool) -> Iterator[Finding]:
    """Findings about the session.

    :param shared: several gateways share out what comes: the broker's queue is all that keeps a gateway's part.
    """
    if terms.expiry_s is not None:
        granted_s, asked_s = terms.expiry_s
        yield Finding("session_expiry_cut", Level.TROUBLE, {"granted": _span(granted_s), "asked": _span(asked_s)})
    if shared and terms.lost and now_ms - terms.lost_ms < _LOSS_SHOWN_MS:
        last = time.strftime("%Y-%m-%d %H:%M", time.localtime(terms.lost_ms / 1000))
        yield Finding("session_lost", Level.TROUBLE, {"last": last})
    if terms.window is not None:
        granted, asked = terms.window
        yield Finding("window_cut", Level.ATTENTION, {"granted": granted, "asked": asked})
    if terms.missing:
        yield Finding("bindings_missing", Level.TROUBLE, _named(terms.missing))
    if terms.strange:
        yield Finding("bindings_strange", Level.TROUBLE, _named(terms.strange))
    if terms.unroutable:
        yield Finding("unroutable", Level.TROUBLE, {"count": terms.unroutable})
    if terms.unwatched:
        yield Finding("broker_unwatched", Level.ATTENTION, {}, terms.unwatched)


def _named(names: Sequence[str]) -> dict[str, float | str]:
    return {"count": len(names), "some": ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")}


def _span(seconds: int) -> str:
    """A span of time in the largest unit that divides it."""
    for unit, length_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds and not seconds % length_s:
            return f"{seconds // length_s} {unit}"
    return f"{seconds} s"
