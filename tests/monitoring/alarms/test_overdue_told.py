"""An alarm that nobody acknowledged is told of again: by the webhook, by an alert more in Alertmanager, by the verdict."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.ingest.storage.database import Database
from gateway.monitoring.alarms.http_senders import AlertmanagerSender
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS
from tests.monitoring.alarms.keeping import HOT, HOT_C, Kept, opened
from tests.monitoring.alarms.receiver import ToldServer
from tests.waiting import until

QUICK = replace(HOT, acknowledge_within_ms=10 * MINUTE_MS)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    with opened(tmp_path) as found:
        yield found


def hot(file: Database) -> Kept:
    """A gateway with an alarm that was just raised."""
    kept = Kept(file, QUICK)
    kept.send(0, HOT_C)
    return kept


def after(kept: Kept, minutes: int) -> None:
    """Let time pass, and make a round."""
    kept.clock.at_ms = NOW_MS + minutes * MINUTE_MS
    for _ in kept.bed.alarms.tick(kept.clock.at_ms, ()):
        pass
    kept.commit()


def test_the_webhook_hears_of_it_again_and_the_verdict_is_urgent(file: Database) -> None:
    kept = hot(file)
    assert kept.keeper.weigh() == (0, 1)
    after(kept, 10)
    assert kept.told == ["raised hot@d1", "overdue hot@d1"]
    assert kept.notices()[-1]["overdue"] == 1
    assert kept.keeper.weigh() == (1, 0), "a warning that nobody sees to has become urgent"
    assert kept.acknowledge("hot@d1")
    assert kept.keeper.weigh() == (0, 1)
    assert kept.notices()[-1]["overdue"] == 0


def test_a_restart_tells_of_it_no_second_time(file: Database) -> None:
    after(hot(file), 10)
    again = Kept(file, QUICK)
    after(again, 19)
    assert again.history == ["raised hot@d1", "overdue hot@d1"]
    after(again, 20)
    assert again.history[-1] == "overdue hot@d1"
    assert len(again.history) == 3


def test_planned_work_is_not_disturbed(file: Database) -> None:
    kept = hot(file)
    kept.plan(2 * HOUR_MS, site="s1")
    after(kept, 60)
    assert kept.told == ["raised hot@d1"]
    assert kept.keeper.weigh() == (0, 0)


def test_alertmanager_gets_an_alert_more_until_somebody_acknowledges_it(file: Database) -> None:
    kept = hot(file)
    with ToldServer() as receiver:
        alertmanager = AlertmanagerSender(kept.keeper, receiver.url, kept.clock, "en")
        after(kept, 10)
        told = asyncio.run(_posted(alertmanager, receiver, 1))
        assert [alert["labels"].get("overdue") for alert in told] == [None, "true"]
        assert {alert["labels"]["alertname"] for alert in told} == {"hot"}
        kept.acknowledge("hot@d1")
        told = asyncio.run(_posted(alertmanager, receiver, 2))
    ends = {alert["labels"].get("overdue", ""): alert["endsAt"] for alert in told}
    assert ends["true"] < ends[""], "it ends now; the alarm itself goes on"


async def _posted(sender: AlertmanagerSender, receiver: ToldServer, times: int) -> list[dict[str, Any]]:
    """Let the sender run until the receiver was told so often; what it was told last."""
    running = asyncio.create_task(sender.run())
    try:
        await asyncio.to_thread(until, lambda: len(receiver.taken) == times)
    finally:
        running.cancel()
    return list(receiver.taken[-1])
