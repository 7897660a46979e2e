"""Receivers that do not take a notice: what they would never take is passed over, all else is posted again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from gateway.commands.demo.services import free_port
from gateway.monitoring.alarms.http_senders import AlarmReceiver, NotTaken, WebhookSender
from tests.core.making import MINUTE_MS
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
        for minute, temperature_c in enumerate((HOT_C, COLD_C, HOT_C)):
            kept.send(minute * MINUTE_MS, temperature_c)
        server.answers = [422, 503]
        asyncio.run(posted(kept))
    assert [body["change"] for body in server.bodies] == ["raised", "cleared", "cleared", "raised"]
