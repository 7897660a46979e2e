"""The senders by HTTP: to Alertmanager all alarms again and again, as Prometheus does; to a webhook each change, in order.

Alertmanager holds an alert until its ``endsAt``, and forgets all of them when it starts again. So an alarm is posted when it
begins and when it ends. Each minute all active ones are posted, with an end that lies some minutes ahead, and those that ended
a short while ago, with their true end. Alarms under planned work are not sent, so Alertmanager resolves them.

An alarm that nobody acknowledged in its time is an alert more, with the label ``overdue``, by which it can go to other people;
it ends when somebody acknowledges it.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from random import random
from typing import Final, NamedTuple

import aiohttp
from msgspec.json import encode as to_json

from gateway.core.alarms.alarm import AlarmKey, AlarmState, AlarmTags, Severity
from gateway.core.batching.pacing import Backoff
from gateway.ingest.storage.alarms import Notice
from gateway.monitoring.alarms.documents import alert_document, rfc3339
from gateway.monitoring.alarms.folding import posts
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.monitoring.alarms.outbox import WEBHOOK
from gateway.support.clock import WallClock

_PATIENCE: Final = aiohttp.ClientTimeout(total=10.0)
_QUOTED: Final = 200
_YES: Final = range(200, 300)
_NEVER: Final = frozenset({400, 413, 415, 422})
"""Answers that refuse the body itself. After any other answer it may be taken later, when the receiver was repaired."""
_ALERTMANAGER: Final = "alarms.alertmanager"
_WEBHOOK: Final = "alarms.webhook"
_ALERTS: Final = "/api/v2/alerts"
_AGAIN_AFTER_S: Final = 60.0
_WEBHOOK_AGAIN_S: Final = 2.0
"""Who takes alarms again has a hundred of them within ten seconds if he needs 50 ms for each."""
_HOLDS_MS: Final = 5 * 60_000
_ENDED_FOR_MS: Final = 15 * 60_000
"""The time for which the end of an alarm is repeated: Alertmanager may be away."""
_TOGETHER: Final = 500

Labelled = tuple[AlarmKey, AlarmTags, Severity, bool]
"""An alarm with its labels, by which Alertmanager knows it; True: the alert that it is overdue."""


class NotTaken(Exception):  # noqa: N818 - says what became of it
    """The receiver did not take a message; the text says why. If that ``is_final`` it will never take it."""

    def __init__(self, why: str, *, is_final: bool = False) -> None:
        super().__init__(why)
        self.is_final = is_final


class AlarmReceiver:
    """The receiver at one address."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}

    async def post(self, session: aiohttp.ClientSession, body: bytes) -> None:
        """Post a body; NotTaken if there is no answer, or a refusal."""
        try:
            async with session.post(
                self._url, data=body, headers=self._headers, timeout=_PATIENCE, allow_redirects=False
            ) as response:
                if response.status in _YES:
                    return
                text = (await response.content.read(_QUOTED)).decode(errors="replace").strip()
                raise NotTaken(f"{response.status} {text}".strip(), is_final=response.status in _NEVER)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise NotTaken(str(error) or "no answer within 10 s") from error


class KnownAlert(NamedTuple):
    """An alert that was sent, as a document without its end; and that end, None while it is active."""

    alert: Mapping[str, object]
    ended_ms: int | None = None

    def document(self, now_ms: int) -> dict[str, object]:
        """The alert as it is sent now."""
        return {**self.alert, "endsAt": rfc3339(now_ms + _HOLDS_MS if self.ended_ms is None else self.ended_ms)}


class AlertmanagerSender:
    """Posts to ``alarms.alertmanager``."""

    def __init__(self, keeper: AlarmKeeper, url: str, clock: WallClock, language: str) -> None:
        self._keeper = keeper
        self._receiver = AlarmReceiver(url.rstrip("/") + _ALERTS)
        self._clock = clock
        self._language = language
        self._known: dict[Labelled, KnownAlert] = {}

    async def run(self) -> None:
        """Post until cancelled: changes at once, all alerts each minute, and sooner again after a post that failed."""
        seen, all_at_s, backoff = -1, 0.0, Backoff(1.0, _AGAIN_AFTER_S)
        async with aiohttp.ClientSession() as session:
            while True:
                is_time = time.monotonic() >= all_at_s
                changed = self._look()
                is_taken = await self._post(session, list(self._known) if is_time else changed)
                if is_taken:
                    backoff.reset()
                if is_time or not is_taken:
                    wait_s = _AGAIN_AFTER_S if is_taken else backoff.next_s(random())  # noqa: S311 - jitter is no secret
                    all_at_s = time.monotonic() + wait_s
                seen = await self._keeper.changed.after(seen, max(0.0, all_at_s - time.monotonic()))

    def _look(self) -> list[Labelled]:
        """Compare the known alerts with the active alarms; return those that began or ended."""
        keeper, known, now_ms = self._keeper, self._known, self._clock.now_ms()
        told = keeper.told()
        active = {_labelled(state): state for state in told}
        active |= {_labelled(state, overdue=True): state for state in told if state.is_overdue}
        began = [name for name in active if name not in known or known[name].ended_ms is not None]
        ended = [name for name, alert in known.items() if alert.ended_ms is None and name not in active]
        for name in began:
            known[name] = KnownAlert(alert_document(active[name], keeper.rules, self._language, overdue=name[-1]))
        for name in ended:
            known[name] = known[name]._replace(ended_ms=now_ms)
        for name in [name for name, (_, at_ms) in known.items() if at_ms is not None and now_ms - at_ms > _ENDED_FOR_MS]:
            del known[name]
        return began + ended

    async def _post(self, session: aiohttp.ClientSession, names: Sequence[Labelled]) -> bool:
        """Post alerts; False: Alertmanager did not take them."""
        now_ms = self._clock.now_ms()
        try:
            for at in range(0, len(names), _TOGETHER):
                alerts = [self._known[name].document(now_ms) for name in names[at : at + _TOGETHER]]
                await self._receiver.post(session, to_json(alerts))
        except NotTaken as why:
            self._keeper.events.not_taken(_ALERTMANAGER, str(why))
            return False
        self._keeper.events.taken(_ALERTMANAGER)
        return True


def _labelled(state: AlarmState, *, overdue: bool = False) -> Labelled:
    return state.key, state.tags, state.severity, overdue


class WebhookSender:
    """Posts to ``alarms.webhook``."""

    def __init__(self, keeper: AlarmKeeper, url: str, token: str | None) -> None:
        self._keeper = keeper
        self._receiver = AlarmReceiver(url, token)

    async def run(self) -> None:
        """Post until cancelled. A notice that is not taken is posted again, and those behind it wait."""
        keeper, seen, backoff = self._keeper, -1, Backoff(_WEBHOOK_AGAIN_S / 4, _WEBHOOK_AGAIN_S)
        async with aiohttp.ClientSession() as session:
            while True:
                while (notice := keeper.outbox.take(WEBHOOK)) is not None:
                    if await self._tell(session, notice):
                        backoff.reset()
                    else:
                        await asyncio.sleep(backoff.next_s(random()))  # noqa: S311 - jitter is no secret
                seen = await keeper.changed.after(seen)

    async def _tell(self, session: aiohttp.ClientSession, notice: Notice) -> bool:
        """Post what a notice tells, in order; False: it was not taken, and what is left of it waits."""
        keeper = self._keeper
        for body, left in posts(notice.body):
            try:
                await self._receiver.post(session, body)
            except NotTaken as why:
                if not why.is_final:
                    keeper.events.not_taken(_WEBHOOK, str(why))
                    keeper.outbox.put_back(notice._replace(body=left))
                    return False
                keeper.refused(_WEBHOOK, str(why), notice)
        keeper.taken([notice])
        keeper.events.taken(_WEBHOOK)
        return True
