"""The words of gateways about their shares in the database, in the measurement ``share``.

A point has the name of the share in its tag ``device`` and the gateway in its tag ``channel``, as series are told apart
everywhere; its fields are ``stage`` (:class:`gateway.core.gateways.tenures.Stage`), ``waiting``, the devices that await their
sums, and ``kept``. A gateway writes its word behind the readings that it speaks of, so whoever reads it finds them.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from gateway.core.gateways.tenures import Stage, Stages
from gateway.core.readings.line_protocol import tag_text
from gateway.ingest.database.store import Store, TimeSpan

SHARE: Final = "share"
_FIELDS: Final = ("stage", "waiting", "kept")
REACH_MS: Final = 40 * 86_400_000
"""A gateway that runs says it each day; one that is down for longer than this is not waited for."""
APART_MS: Final = 3_600_000
"""Clocks of gateways differ."""


class Claim(NamedTuple):
    """The newest word of one gateway about a share.

    :ivar waiting: devices that await their sums there.
    :ivar is_kept: it reads the share until those do to whom it goes, and no longer.
    """

    stage: Stage
    waiting: int = 0
    is_kept: bool = False


Tenants = Mapping[str, Mapping[str, int | None]]
"""Share → gateway that said something of it → the time since which it reads it; None: it does not."""
Claims = Mapping[str, Mapping[str, Claim]]
"""Share → gateway → its newest word."""


def claim_line(share: str, gateway: str, claim: Claim, at_ms: int) -> str:
    """The point of a gateway's word."""
    tags = tag_text([("channel", gateway), ("device", share)])
    numbers = (float(claim.stage), float(claim.waiting), float(claim.is_kept))
    said = ",".join(f"{field}={number!r}" for field, number in zip(_FIELDS, numbers, strict=True))
    return f"{SHARE}{tags} {said} {at_ms}"


async def claims(store: Store, shares: Collection[str], now_ms: int) -> Claims:
    """Read what gateways say of some shares."""
    found: dict[str, dict[str, Claim]] = defaultdict(dict)
    async for series, rows in store.rows(SHARE, _FIELDS, _window(now_ms), shares):
        for _, (stage, waiting, kept) in rows:
            if stage is not None:
                found[series.device][series.channel] = Claim(Stage(int(stage)), int(waiting or 0), bool(kept))
    return found


async def newest_claims(store: Store, window: TimeSpan) -> Claims:
    """Read how far gateways said last that they are with all shares; who said nothing in a span of time is left out."""
    found: dict[str, dict[str, Claim]] = defaultdict(dict)
    async for series, (stage, kept) in store.newest(SHARE, ("stage", "kept"), window):
        if stage is not None:
            found[series.device][series.channel] = Claim(Stage(int(stage)), is_kept=bool(kept))
    return found


def stages_told(found: Claims) -> Mapping[str, Stages]:
    """Share → gateway → how far it is with it."""
    return {share: {gateway: claim.stage for gateway, claim in told.items()} for share, told in found.items()}


async def tenants(store: Store, shares: Collection[str], now_ms: int) -> Tenants:
    """Read since when gateways read some shares."""
    found: dict[str, dict[str, int | None]] = defaultdict(dict)
    async for series, rows in store.rows(SHARE, _FIELDS, _window(now_ms), shares):
        of_share = found[series.device]
        for time_ms, (stage, *_) in rows:
            if stage is not None:
                began_ms = of_share.get(series.channel)
                reads = stage >= Stage.TAKING_OVER
                of_share[series.channel] = (time_ms if began_ms is None else began_ms) if reads else None
    return found


def _window(now_ms: int) -> TimeSpan:
    return TimeSpan(now_ms - REACH_MS, now_ms + APART_MS)
