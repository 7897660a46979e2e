"""The part of ``gateway check`` about gateways that share readings by ``mqtt.share_group``: which settings fit which broker."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mqtt5 import RetainHandling

from gateway.admin.broker.kinds import BROKERS, SESSION_MAX_S, kind_of
from gateway.support.config.model import Config

_NO_SUMS: Final = (
    "no sums of counters are written: readings of one device go to several gateways, and none knows the whole; "
    "give each gateway devices of its own, and leave it out"
)
_NO_LEADER: Final = (
    "null: no gateway tells of silent devices, and none works out hours and days; "
    "write the client_id of one of them into the file of each"
)
_LONG_SESSION: Final = (
    f"with mqtt.share_group at most {SESSION_MAX_S}s: while the session of a gateway that is away lives, "
    "a broker may give it messages that the others could take"
)

BROKER_ROWS: Final = [
    ("broker", "a member that is away", "what fits"),
    *((kind.name, kind.dead_member, kind.fits) for kind in BROKERS),
]
"""The table of brokers, with its head."""


def group_warnings(config: Config, file: Path) -> Iterator[str]:
    """Yield what may be a mistake in a group."""
    if config.mqtt.share_group is None:
        return
    yield f"{file}: mqtt.share_group: {_NO_SUMS}"
    if config.mqtt.session_expiry.total_seconds() > SESSION_MAX_S:
        yield f"{file}: mqtt.session_expiry: {_LONG_SESSION}"
    if config.mqtt.share_leader is None:
        yield f"{file}: mqtt.share_leader: {_NO_LEADER}"


def broker_warning(config: Config, version: str) -> str:
    """Return what to know of the broker of a group, where its version tells which it is; empty: nothing."""
    kind = kind_of(version) if config.mqtt.share_group is not None else None
    return "" if kind is None else f"{version}: under mqtt.share_group {kind.dead_member}; what fits: {kind.fits}"


def filters_of_guest(filters: dict[str, RetainHandling], config: Config) -> dict[str, RetainHandling]:
    """The filters of a guest, which gets copies: as a member of the group it would take readings away from the gateways."""
    shared, of_guest = f"$share/{config.mqtt.share_group}/", f"$share/{config.mqtt.share_group}-check/"
    return {pattern.replace(shared, of_guest, 1): handling for pattern, handling in filters.items()}
