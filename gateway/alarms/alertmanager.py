"""Tells an Alertmanager of all alarms, again and again, as Prometheus does.

Alertmanager holds an alert until its ``endsAt``, and forgets all of them when it starts again. So each minute, and at each
change, all active alarms are posted with an end that lies some minutes ahead, and those that ended a while longer with their
true end. Alarms under planned work are not sent, and so resolve.
"""

from collections.abc import Sequence
from random import random
from typing import Final

import aiohttp
from msgspec.json import encode as to_json

from gateway.alarms.documents import alert, rfc3339
from gateway.alarms.keeper import AlarmKeeper
from gateway.alarms.posting import AlarmReceiver, NotTaken
from gateway.clock import WallClock
from gateway.core.alarms.alarm import AlarmKey, AlarmState, AlarmTags, Severity
from gateway.core.delivery.backoff import Backoff

_KEY: Final = "alarms.alertmanager"
PATH: Final = "/api/v2/alerts"
_AGAIN_AFTER_S: Final = 60.0
_HOLDS_MS: Final = 5 * 60_000
_ENDED_FOR_MS: Final = 15 * 60_000
"""Ends are repeated so long: Alertmanager may be away."""
_TOGETHER: Final = 500

Labelled = tuple[AlarmKey, AlarmTags, Severity]
"""An alarm and all that Alertmanager knows it by."""
Alert = dict[str, object]


class AlertmanagerSender:
    """Posts to ``alarms.alertmanager``."""

    def __init__(self, keeper: AlarmKeeper, receiver: AlarmReceiver, clock: WallClock, language: str) -> None:
        self._keeper = keeper
        self._receiver = receiver
        self._clock = clock
        self._language = language
        self._told: dict[Labelled, Alert] = {}
        self._ended: dict[Labelled, tuple[int, Alert]] = {}

    async def run(self) -> None:
        """Post until cancelled; sooner than in a minute to an Alertmanager that was away."""
        seen, backoff = -1, Backoff(1.0, _AGAIN_AFTER_S)
        async with aiohttp.ClientSession() as session:
            while True:
                is_taken = await self._post(session, self._alerts())
                if is_taken:
                    backoff.reset()
                again_s = _AGAIN_AFTER_S if is_taken else backoff.next_s(random())  # noqa: S311 - jitter is no secret
                seen = await self._keeper.changed.after(seen, again_s)

    def _alerts(self) -> list[Alert]:
        """All alerts to send now."""
        keeper, now_ms = self._keeper, self._clock.now_ms()
        active = {_labelled(state): alert(state, keeper.rules, self._language, now_ms + _HOLDS_MS) for state in keeper.told()}
        ended = {name: (now_ms, told) for name, told in self._told.items()} | self._ended
        self._told = active
        self._ended = {
            name: (at_ms, told)
            for name, (at_ms, told) in ended.items()
            if name not in active and now_ms - at_ms < _ENDED_FOR_MS
        }
        return [*active.values(), *({**told, "endsAt": rfc3339(at_ms)} for at_ms, told in self._ended.values())]

    async def _post(self, session: aiohttp.ClientSession, alerts: Sequence[Alert]) -> bool:
        """Post alerts; False: they are not taken."""
        try:
            for at in range(0, len(alerts), _TOGETHER):
                await self._receiver.post(session, to_json(alerts[at : at + _TOGETHER]))
        except NotTaken as why:
            self._keeper.events.not_taken(_KEY, str(why))
            return False
        self._keeper.events.taken(_KEY)
        return True


def _labelled(state: AlarmState) -> Labelled:
    return state.key, state.tags, state.severity
