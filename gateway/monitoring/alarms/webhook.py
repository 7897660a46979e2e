"""The sender to a webhook: it posts each change of an alarm as a JSON document, in order."""

import asyncio
from random import random
from typing import Final

import aiohttp

from gateway.core.batching.pacing import Backoff
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.monitoring.alarms.outbox import WEBHOOK
from gateway.monitoring.alarms.posting import AlarmReceiver, NotTaken

_KEY: Final = "alarms.webhook"


class WebhookSender:
    """Posts to ``alarms.webhook``."""

    def __init__(self, keeper: AlarmKeeper, receiver: AlarmReceiver) -> None:
        self._keeper = keeper
        self._receiver = receiver

    async def run(self) -> None:
        """Post until cancelled. A notice that is not taken is posted again, and those behind it wait."""
        keeper, seen, backoff = self._keeper, -1, Backoff(1.0, 300.0)
        async with aiohttp.ClientSession() as session:
            while True:
                while waiting := keeper.outbox.first(WEBHOOK, 1):
                    try:
                        await self._receiver.post(session, waiting[0].body.encode())
                    except NotTaken as why:
                        if not why.is_final:
                            keeper.events.not_taken(_KEY, str(why))
                            await asyncio.sleep(backoff.next_s(random()))  # noqa: S311 - jitter is no secret
                            continue
                        keeper.events.refused(_KEY, str(why))
                    keeper.taken(waiting)
                    keeper.events.taken(_KEY)
                    backoff.reset()
                seen = await keeper.changed.after(seen)


def webhook_sender(keeper: AlarmKeeper, url: str, token: str | None) -> WebhookSender:
    """Make one that posts to ``url``."""
    return WebhookSender(keeper, AlarmReceiver(url, token))
