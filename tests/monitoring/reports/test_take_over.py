"""Sums are taken over from a database: of whom it has some, in one go, as soon as it answers."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

import pytest

from gateway.commands.demo.services import free_port
from gateway.core.process import Processor
from gateway.core.readings.sums import SumsMode
from gateway.ingest.events import Events
from gateway.monitoring.reports.take_over import SumsTakeOver
from gateway.support.clock import WallClock
from gateway.support.config.model import Config, Influxdb
from tests.core.making import HOUR_MS, message, pipeline, points, topic
from tests.monitoring.reports.stores import Filled
from tests.waiting import PATIENCE_S

NOW_MS = WallClock().now_ms()


def comes(
    into: Processor, values: Mapping[str, float | str], device: str, domain: str = "water", time_ms: int = NOW_MS
) -> list[str]:
    """A device sends its counters; who must be asked for."""
    outcome = into.process(message(json.dumps({"ts": time_ms, **values}).encode(), topic(device, domain)), time_ms)
    return outcome.side_effects.sums_wanted if outcome.side_effects is not None else []


def sums(into: Processor, values: Mapping[str, float | str], device: str, domain: str = "water") -> dict[str, object]:
    """The sums that stand in the next point of a device."""
    outcome = into.process(
        message(json.dumps({"ts": NOW_MS + HOUR_MS, **values}).encode(), topic(device, domain)), NOW_MS + HOUR_MS
    )
    (point,) = points(outcome)
    return {field: value for field, value in point.fields.items() if "sum" in field}


def taking_over(
    config: Influxdb,
    into: Processor,
    events: Events,
    story: Callable[[SumsTakeOver], Awaitable[None]],
    hindrance: Callable[[], str] = lambda: "",
) -> None:
    """Run the questions beside a story."""

    async def both() -> None:
        take_over = SumsTakeOver(Config(influxdb=config), into.streams, into.restore_sums, events, WallClock(), hindrance)
        running = asyncio.create_task(take_over.run())
        await story(take_over)
        running.cancel()

    asyncio.run(both())


class CountingEvents(Events):
    """Counts the questions that got no answer."""

    vain = 0

    def sums_awaited(self, devices: int, why: str) -> None:
        """Count one."""
        self.vain += 1
        super().sums_awaited(devices, why)


async def once(condition: Callable[[], bool]) -> None:
    """Return once it holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - a condition of the parts, which know nothing of us
            await asyncio.sleep(0.01)


async def none_awaits(into: Processor) -> None:
    """Wait until every device has its sums."""
    counted = [device.counters for device in into.streams.devices.values()]
    await once(lambda: not any(counters.awaits for counters in counted if counters is not None))


@pytest.mark.real
def test_devices_go_on_with_the_sums_that_stand_in_the_database(filled: Filled) -> None:
    """By device, counter and lane; a reading that was not believed stands behind the newest sum; one was in a storeroom."""
    filled.write(
        [
            f"water,device=old,site=s1 volume_m3=50,volume_sum_m3=1050,quality=0i {NOW_MS - 900 * 24 * HOUR_MS}",
            (
                f"water,device=m1,site=s1 volume_m3=70,volume_sum_m3=570,volume_reverse_m3=2,volume_reverse_sum_m3=3,"
                f"quality=0i {NOW_MS - 2 * HOUR_MS}"
            ),
            f"water,device=m1,site=s1 volume_m3=9e5,quality=4i {NOW_MS - HOUR_MS}",
            f"traffic,device=t1,lane=1,site=s1 vehicle_count_total=10,vehicle_count_sum=110,quality=0i {NOW_MS - HOUR_MS}",
            f"traffic,device=t1,lane=2,site=s1 vehicle_count_total=20,vehicle_count_sum=20,quality=0i {NOW_MS - HOUR_MS}",
        ]
    )
    into, events = pipeline(sums=SumsMode.ASKED), Events()
    wanted = comes(into, {"volume_m3": 71, "volume_reverse_m3": 2}, "m1") + comes(into, {"volume_m3": 50}, "old")
    wanted += comes(into, {"volume_m3": 5}, "new") + comes(into, {"lane": "1", "vehicle_count_total": 11}, "t1", "traffic")
    assert wanted == ["m1", "old", "new", "t1"]

    async def story(take_over: SumsTakeOver) -> None:
        take_over.want(wanted)
        await none_awaits(into)

    taking_over(filled.config, into, events, story)
    assert sums(into, {"volume_m3": 72, "volume_reverse_m3": 2}, "m1") == {"volume_sum_m3": 572, "volume_reverse_sum_m3": 3}
    assert sums(into, {"volume_m3": 51}, "old") == {"volume_sum_m3": 1051}
    assert sums(into, {"volume_m3": 6}, "new") == {"volume_sum_m3": 6}
    assert sums(into, {"lane": "1", "vehicle_count_total": 12}, "t1", "traffic") == {"vehicle_count_sum": 112}
    assert sums(into, {"lane": "2", "vehicle_count_total": 21}, "t1", "traffic") == {"vehicle_count_sum": 21}


def test_while_the_database_does_not_answer_devices_wait_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.monitoring.reports.take_over._FIRST_WAIT_S", 0.01)
    into, events = pipeline(sums=SumsMode.ASKED), CountingEvents()
    comes(into, {"volume_m3": 5}, "m1")
    nobody = Influxdb(url=f"http://127.0.0.1:{free_port()}", api="v1")

    async def story(take_over: SumsTakeOver) -> None:
        take_over.want(["m1"])
        await once(lambda: events.vain >= 3)

    taking_over(nobody, into, events, story)
    assert sums(into, {"volume_m3": 6}, "m1") == {}
    assert caplog.text.count("1 devices await their sums from InfluxDB") == 1
    assert "does not answer" in events.sums_trouble


@pytest.mark.real
def test_while_another_machine_may_hold_readings_sums_wait_and_are_worked_out_in_the_night(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.monitoring.reports.take_over._FIRST_WAIT_S", 0.01)
    filled.write([f"water,device=m1,site=s1 volume_m3=70,volume_sum_m3=570,quality=0i {NOW_MS - 2 * HOUR_MS}"])
    into, events, hindrances = pipeline(sums=SumsMode.ASKED), CountingEvents(), ["the journal of b may hold readings"]
    wanted = comes(into, {"volume_m3": 71}, "m1")

    async def story(take_over: SumsTakeOver) -> None:
        take_over.want(wanted)
        await once(lambda: events.vain >= 2)
        assert events.sums_trouble == "the journal of b may hold readings"
        hindrances.clear()
        await none_awaits(into)

    taking_over(filled.config, into, events, story, lambda: "".join(hindrances))
    assert sums(into, {"volume_m3": 72}, "m1") == {"volume_sum_m3": 572}
    counters = into.streams.devices["m1"].counters
    assert counters is not None
    assert counters.past.again_ms == NOW_MS - 2 * HOUR_MS
