"""Exchanges of meters in the database, in the measurement ``event``: a gateway whose file was lost reads them there.

An exchange has a point of the kind ``exchange`` at its own time, for panels. What is said of it has points of the kind
``exchange_told``, each at the time when it was said, since some databases do not replace points: the last word counts. Their
fields are ``at_ms``, the time of the exchange, ``final`` and ``register``, as they were told (-1: not told), and ``late``
(1: the sums since then are wrong in the database). Where one counter was meant its name stands behind them, as in
``final_volume_m3``, and the tags of its lane or channel beside those of the device.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from gateway.core.readings.exchanges import StoredExchange, ToldExchange
from gateway.core.readings.line_protocol import tag_text
from gateway.ingest.database.store import Store, TimeSpan
from gateway.monitoring.reports.nearest import NEWEST_MS
from gateway.monitoring.reports.rollup_points import RollupPoint, device_tags
from gateway.monitoring.reports.stored_counters import series_name
from schemas.quantities import SUM_OF
from schemas.registry import RegisteredDevice

EVENT: Final = "event"
_UNTOLD: Final = -1.0
_FIELDS: Final = ("at_ms", "final", "register", "late")
_COUNTERS: Final = ("", *SUM_OF)


def exchange_lines(device: str, registered: RegisteredDevice | None, exchange: StoredExchange, said_ms: int) -> str:
    """The points of an exchange and of what is said of it.

    :param device: the name that the device has in the database.
    """
    told = exchange.told
    counter, *own = (told.field or "").split(",")
    final, register = (_UNTOLD if value is None else value for value in (told.final, told.register))
    said = dict(zip(_named(counter), (float(told.at_ms), final, register, float(exchange.is_late)), strict=True))
    points = [
        RollupPoint(EVENT, _tags(device, registered, "exchange", []), {"value": 1.0}, told.at_ms),
        RollupPoint(EVENT, _tags(device, registered, "exchange_told", own), said, said_ms),
    ]
    return "\n".join(point.line(0) for point in points)


async def stored_exchanges(store: Store, devices: Collection[str], until_ms: int) -> dict[str, list[StoredExchange]]:
    """Read the exchanges of devices that were told before an instant, the oldest first.

    :raises StoreFault: the database does not answer.
    """
    found: dict[str, dict[tuple[str | None, int], StoredExchange]] = defaultdict(dict)
    fields = [name for counter in _COUNTERS for name in _named(counter)]
    window = TimeSpan(until_ms - NEWEST_MS[-1], until_ms)
    async for series, rows in store.rows(EVENT, fields, window, devices):
        tags = series_name(series._asdict())
        for _, values in rows:
            columns = (values[place :: len(_FIELDS)] for place in range(len(_FIELDS)))
            for counter, at_ms, final, register, late in zip(_COUNTERS, *columns, strict=True):
                if at_ms is not None:
                    told = ToldExchange(counter + tags if counter else None, int(at_ms), _told(final), _told(register))
                    found[series.device][told.field, told.at_ms] = StoredExchange(told, is_late=bool(late))
    return {device: sorted(exchanges.values(), key=_at_ms) for device, exchanges in found.items()}


def _named(counter: str) -> list[str]:
    return [f"{field}_{counter}" if counter else field for field in _FIELDS]


def _tags(device: str, registered: RegisteredDevice | None, kind: str, own: list[str]) -> str:
    """The tags of a point; ``own`` are those of the counter, as the core writes them."""
    tags = [("kind", kind), *((key, value) for key, _, value in (tag.partition("=") for tag in own))]
    return tag_text([("device", device), *tags]) if registered is None else device_tags(registered, more=tags)


def _told(value: float | None) -> float | None:
    return None if value is None or value == _UNTOLD else float(value)


def _at_ms(exchange: StoredExchange) -> int:
    return exchange.told.at_ms
