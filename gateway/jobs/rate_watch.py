"""The watch over rates: messages received and readings written each second, for the status page."""

import asyncio
import time
from typing import Final

from gateway.core.delivery.rates import Rates
from gateway.core.ledger import Ledger

_LOOK_EVERY_S: Final = 1.0


async def watch_rates(rates: Rates, ledger: Ledger) -> None:
    """Note the counts each second until cancelled."""
    while True:
        rates.sample(time.monotonic(), ledger.received["mqtt"], ledger.total("written"))
        await asyncio.sleep(_LOOK_EVERY_S)
