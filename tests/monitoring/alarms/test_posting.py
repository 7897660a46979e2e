"""Receivers that do not take a notice: what they would never take is passed over, all else is posted again."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from gateway.commands.demo.services import free_port
from gateway.monitoring.alarms.documents import rfc3339
from gateway.monitoring.alarms.http_senders import AlarmReceiver, AlertmanagerSender, NotTaken, WebhookSender
from tests.core.making import MINUTE_MS, NOW_MS
from tests.ingest.delivery.delivering import until
from tests.monitoring.alarms.keeping import COLD_C, HOT_C, Kept, opened
from tests.monitoring.alarms.receiver import ToldServer


@pytest.fixture
def server() -> Iterator[ToldServer]:
    with ToldServer() as told:
        yield told


async def refusal(url: str) -> NotTaken:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(NotTaken) as refused:
            await AlarmReceiver(url).post(session, b"{}")
    return refused.value


@pytest.mark.parametrize(
    ("statuses", "is_final"),
    [([400, 413, 415, 422], True), ([302, 401, 403, 404, 408, 429, 500, 503], False)],
    ids=["body", "all-else"],
)
def test_only_an_answer_about_the_body_itself_is_final(server: ToldServer, statuses: list[int], *, is_final: bool) -> None:
    server.answers = [*statuses]
    found = [asyncio.run(refusal(server.url)) for _ in statuses]
    assert [(str(why), why.is_final) for why in found] == [(str(status), is_final) for status in statuses]


def test_a_receiver_that_is_away_may_come_back() -> None:
    assert not asyncio.run(refusal(f"http://127.0.0.1:{free_port()}/told")).is_final


def test_a_notice_that_is_refused_for_ever_holds_nobody_up_and_one_refused_for_now_keeps_its_place(
    server: ToldServer, tmp_path: Path
) -> None:
    async def posted(kept: Kept) -> None:
        sender = asyncio.create_task(WebhookSender(kept.keeper, server.url, None).run())
        await until(lambda: len(server.taken) == 2)
        await until(lambda: not kept.told)
        sender.cancel()

    with opened(tmp_path) as file:
        kept = Kept(file)
        for minute, (temperature_c, device) in enumerate(((HOT_C, "d1"), (COLD_C, "d1"), (HOT_C, "d2"))):
            kept.send(minute * MINUTE_MS, temperature_c, device)
        server.answers = [422, 503]
        asyncio.run(posted(kept))
    told = [f"{body['change']} {body['device']}" for body in server.bodies]
    assert told == ["raised d1", "cleared d1", "cleared d1", "raised d2"], "what was taken of a notice is not posted again"
    assert kept.keeper.events.given_up["webhook"].most() == ["d1 (1)"]


def test_a_receiver_that_takes_nothing_is_named_until_it_takes_something(
    server: ToldServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as file:
        kept = Kept(file)
        kept.send(0, HOT_C)
        events = kept.keeper.events

        async def posted() -> None:
            server.answers = [503]
            sender = asyncio.create_task(WebhookSender(kept.keeper, server.url, "secret").run())
            await until(lambda: events.untold)
            assert events.untold == {"alarms.webhook": "503"}
            await until(lambda: not kept.told)
            sender.cancel()

        asyncio.run(posted())
    assert events.untold == {}
    assert set(server.tokens) == {"Bearer secret"}
    assert "alarms.webhook takes no alarms: 503; trying again" in caplog.text


@pytest.mark.parametrize("answers", [[], [503]], ids=["at once", "again after a refusal"])
def test_alertmanager_gets_what_began_and_what_ended(server: ToldServer, tmp_path: Path, answers: list[int]) -> None:
    with opened(tmp_path) as file:
        kept = Kept(file)
        kept.send(0, HOT_C)

        async def posted() -> None:
            server.answers = answers
            sender = asyncio.create_task(AlertmanagerSender(kept.keeper, f"{server.url}/", kept.clock, "en").run())
            await until(lambda: server.taken)
            kept.bed.push(NOW_MS + MINUTE_MS, {"temperature_c": COLD_C})
            kept.clock.at_ms = NOW_MS + MINUTE_MS
            await kept.keeper.commit()
            await until(lambda: len(server.taken) == 2)
            sender.cancel()

        asyncio.run(posted())
        assert kept.keeper.events.untold == {}
    ((began,), (ended,)) = server.taken[:2]
    assert began["labels"]["alertname"] == "hot"
    assert began["endsAt"] == rfc3339(NOW_MS + 5 * MINUTE_MS)
    assert ended["endsAt"] == rfc3339(NOW_MS + MINUTE_MS)
    assert ended["startsAt"] == began["startsAt"] == rfc3339(NOW_MS)


class Told:
    """A receiver in memory."""

    def __init__(self) -> None:
        self.bodies: list[list[dict[str, Any]]] = []

    async def post(self, _: object, body: bytes) -> None:
        """Take a body."""
        self.bodies.append(json.loads(body))


def test_many_alerts_are_posted_some_hundred_at_a_time_and_an_end_for_a_quarter_of_an_hour(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        kept, told = Kept(file), Told()
        for number in range(501):
            kept.bed.device(f"d{number}", None)
            kept.bed.push(NOW_MS, {"temperature_c": HOT_C}, f"d{number}")
        kept.commit()
        sender = AlertmanagerSender(kept.keeper, "http://127.0.0.1", kept.clock, "en")
        sender._receiver = cast("AlarmReceiver", told)  # noqa: SLF001 - in the place of one at an address
        began = sender._look()  # noqa: SLF001 - a look, without its post
        assert asyncio.run(sender._post(cast("Any", None), began))  # noqa: SLF001
        assert [len(body) for body in told.bodies] == [500, 1]
        assert sender._look() == []  # noqa: SLF001
        kept.plan()
        assert len(sender._look()) == 501, "planned work is the end for Alertmanager"  # noqa: SLF001
        ended_ms = kept.clock.at_ms
        for after_ms, known in ((15 * MINUTE_MS, 501), (15 * MINUTE_MS + 1, 0)):
            kept.clock.at_ms = ended_ms + after_ms
            sender._look()  # noqa: SLF001
            assert len(sender._known) == known  # noqa: SLF001
