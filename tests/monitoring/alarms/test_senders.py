"""Alarms told to InfluxDB and to the broker, and their fate when nobody takes them."""

import asyncio
import gzip
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.core.batching.write_result import Answer
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.monitoring.alarms.senders import STANDING, AlarmLists, PointSender
from tests.clocks import SetClock
from tests.core.making import MINUTE_MS
from tests.ingest.delivery.delivering import note_waits, until
from tests.monitoring.alarms.keeping import COLD_C, HOT_C, Kept, opened

TOPIC = "iot/v1/s1/water/d1/alarms"


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    with opened(tmp_path) as found:
        yield found


class Influx:
    """Takes writes, and answers as it was told to."""

    def __init__(self, *answers: int) -> None:
        self.answers = [*answers]
        self.written: list[list[str]] = []

    async def write(self, body: bytes) -> Answer:
        """Take a write."""
        status = self.answers.pop(0) if self.answers else 204
        if status == 204:
            self.written.append(gzip.decompress(body).decode().split("\n"))
        return Answer(status, "no", 0.0)


def sender_of(kept: Kept, influx: Influx, *own: bool, is_open: bool = False) -> PointSender:
    """A sender; InfluxDB takes the gateway's own point, or as ``own`` says at first."""
    closed = asyncio.Event()
    closed.set()
    breaker = SimpleNamespace(closed=closed, is_open=is_open)
    taken = [*own]

    async def takes_self_point() -> bool:
        return taken.pop(0) if taken else True

    probe = SimpleNamespace(takes_self_point=takes_self_point)
    return PointSender(kept.keeper, cast("Any", influx), cast("Any", breaker), cast("Any", probe), kept.clock)


async def run_until(sender: PointSender, condition: Callable[[], object]) -> None:
    task = asyncio.create_task(sender.run())
    await asyncio.wait_for(until(condition), 5)
    task.cancel()


def test_each_change_is_written_once_and_forgotten(file: Database) -> None:
    kept, influx = Kept(file), Influx()
    kept.send(0, HOT_C)
    points = kept.points
    asyncio.run(run_until(sender_of(kept, influx), lambda: not kept.points))
    assert influx.written == [points[0].split("\n")]
    kept.send(MINUTE_MS, COLD_C)
    asyncio.run(run_until(sender_of(kept, influx), lambda: not kept.points))
    assert len(influx.written) == 2


def test_changes_wait_while_influxdb_is_away_and_those_it_refuses_hold_nobody_up(
    file: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, influx = Kept(file), Influx(503, 503, 422)
    waits = note_waits(monkeypatch)
    kept.send(0, HOT_C)
    asyncio.run(run_until(sender_of(kept, influx), lambda: not kept.points))
    assert (influx.written, influx.answers) == ([], [])
    assert len(waits) == 2
    assert waits[0] < waits[1]
    assert "influxdb refuses 1 changes of alarms, which are left out: 422 no" in caplog.text
    assert caplog.records[-1].levelno == logging.ERROR


def test_changes_wait_while_influxdb_refuses_whatever_it_is_given(
    file: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where its organisation is gone: it takes not even the gateway's own point."""
    kept, influx = Kept(file), Influx(400, 400)
    note_waits(monkeypatch)
    kept.send(0, HOT_C)
    asyncio.run(run_until(sender_of(kept, influx, False, False), lambda: not kept.points))  # noqa: FBT003 - answers
    assert len(influx.written) == 1
    assert "left out" not in caplog.text


def test_active_alarms_are_repeated_unless_influxdb_is_in_trouble(file: Database) -> None:
    kept = Kept(file)
    kept.send(0, HOT_C)

    class Stopped(SetClock):
        slept: list[float] = []  # noqa: RUF012 - of one test

        async def sleep(self, seconds: float) -> None:
            """Note how long; stop at the second look."""
            self.slept.append(seconds)
            if len(self.slept) > 1:
                raise asyncio.CancelledError

    for is_open, writes in ((True, 0), (False, 1)):
        influx, Stopped.slept = Influx(), []
        sender = sender_of(kept, influx, is_open=is_open)
        sender._clock = Stopped(kept.clock.at_ms)  # noqa: SLF001 - its own clock
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(sender.repeat())
        assert len(influx.written) == writes
        assert Stopped.slept == [300.0, 300.0]
    assert influx.written[0][0].startswith("alarm,alarm=hot,")


class Broker:
    """Keeps what is published and retained; away while it is told to be."""

    def __init__(self) -> None:
        self.retained: dict[str, list[dict[str, Any]]] = {}
        self.published: list[str] = []
        self.is_away = False

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        """Take a message."""
        assert retain
        if not self.is_away:
            self.retained[topic] = json.loads(payload)
            self.published.append(topic)
        return not self.is_away


def lists_of(kept: Kept, broker: Broker) -> AlarmLists:
    return AlarmLists(kept.keeper, cast("Any", broker), kept.file)


def standing(file: Database) -> list[str]:
    return list(json.loads(file.run_here(keyvalue.get, STANDING) or "[]"))


def test_a_list_stands_while_alarms_do_and_is_emptied_when_they_have_ended(file: Database) -> None:
    kept, broker = Kept(file), Broker()
    lists = lists_of(kept, broker)
    kept.send(0, HOT_C)
    assert asyncio.run(lists.publish(again=False))
    assert [alarm["id"] for alarm in broker.retained[TOPIC]] == ["hot@d1"]
    assert standing(file) == [TOPIC]
    asyncio.run(lists.wait(taken=True))
    asyncio.run(lists.publish(again=False))
    assert broker.published == [TOPIC], "nothing changed"
    kept.send(1000, HOT_C + 1)
    asyncio.run(lists.publish(again=False))
    assert broker.published == [TOPIC], "a value changes with each reading"
    kept.acknowledge("hot@d1")
    asyncio.run(lists.publish(again=False))
    kept.plan()
    asyncio.run(lists.publish(again=False))
    assert broker.published == [TOPIC] * 3
    assert broker.retained[TOPIC][0]["silenced"]
    asyncio.run(lists.publish(again=True))
    assert broker.published == [TOPIC] * 4, "all each hour"
    kept.send(MINUTE_MS, COLD_C)
    asyncio.run(lists.publish(again=False))
    assert broker.retained[TOPIC] == []
    assert standing(file) == [TOPIC]
    asyncio.run(lists.publish(again=True))
    assert standing(file) == [], "emptied twice, and forgotten"


def test_what_a_run_left_is_emptied_by_the_next_one_once_the_broker_is_there(file: Database) -> None:
    kept, broker = Kept(file), Broker()
    asyncio.run(keyvalue.save(file, STANDING, json.dumps([TOPIC])))
    lists = lists_of(kept, broker)
    broker.is_away = True
    assert not asyncio.run(lists.publish(again=True))
    assert standing(file) == [TOPIC]
    broker.is_away = False
    assert asyncio.run(lists.publish(again=False))
    assert broker.retained == {TOPIC: []}
    for damaged in ("{", '{"a":1}', "[1]"):
        asyncio.run(keyvalue.save(file, STANDING, damaged))
        assert asyncio.run(lists_of(kept, Broker()).publish(again=False))


def test_a_device_that_no_topic_can_name_has_no_list(file: Database) -> None:
    kept, broker = Kept(file), Broker()
    for name, site, domain in (("d/2", "s1", "water"), ("d3", "s 1", "water"), ("d4", "s1", "heat"), ("d5", "s5", "power")):
        kept.bed.device(name, None, domain=domain, site=site)
        kept.send(0, HOT_C, name)
    assert len(kept.active) == 4
    asyncio.run(lists_of(kept, broker).publish(again=False))
    assert list(broker.retained) == ["iot/v1/s5/power/d5/alarms"]


def test_the_next_list_waits_for_a_change_and_a_try_for_seconds(file: Database) -> None:
    kept = Kept(file)
    lists, waits = lists_of(kept, Broker()), []

    async def after(seen: int, within_s: float) -> int:
        waits.append((seen, within_s))
        return 7

    kept.keeper.changed.after = after  # type: ignore[method-assign, assignment]
    asyncio.run(lists.wait(taken=True))
    asyncio.run(lists.wait(taken=False))
    assert waits == [(-1, 3600.0), (7, 5.0)]
