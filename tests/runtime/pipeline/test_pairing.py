"""The pairing: what waits until a machine is live, and what it says before it acknowledges."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from gateway.ingest.storage.database import Database
from gateway.runtime.pipeline.build import Parts
from gateway.runtime.pipeline.foundation import LiveOnly
from gateway.support.config.files import ConfigurationFault, load
from gateway.support.config.model import Config, Mqtt
from tests.clocks import SetClock
from tests.core.making import NOW_MS
from tests.deploy.test_documented import lanes_there_may_be

RUNS_ON_BOTH: Final = {
    *("intake", "subscriptions", "watch"),  # the intake waits by itself, until the session may be opened
    *("live lane", "probe", "spool", "rejects", "counts of rejects", "drain lane", "unspooled refusals"),
    *("floods", "deliveries", "codecs", "quarantine in", "kept values", "device states", "places", "waits"),
    *(
        "alarms",
        "points of alarms",
        "webhook",
        "alarms of the pair",
        "planned work of the pair",
    ),  # what was decided while it was live
    *("late report", "exchanges", "damage", "salvage", "journal gauge", "drops", "report", "certificates", "rates", "clock"),
    "limit of the port",  # its broker is there for both
    "session move",  # begins when its own session is open
}
"""Lanes of a passive machine: it stores, drains and looks after itself. A new lane takes its place here or below."""

RUNS_LIVE: Final = {
    *("quarantine out", "sums", "resum", "resum at night", "steps"),
    *("rounds for alarms", "hearing of the pair", "active alarms", "alertmanager", "lists of alarms"),
    *("open export", "audit", "periods", "late readings", "usual hours", "registry and events"),
}

IN_NO_PAIR: Final = {"shares left", "shares taken over", "shares told", "bindings", "heard elsewhere"}
OF_THE_PROCESS: Final = {"pages", "supervision", "role"}


@contextmanager
def built(folder: Path, **mqtt: object) -> Iterator[Parts]:
    """A gateway with every lane that there may be."""
    config = Config.model_validate(
        {
            "mqtt": mqtt,
            "journal": {"path": folder / "journal.db"},
            "devices": {"registry": folder / "devices.yaml"},
            "alarms": {"alertmanager": "http://127.0.0.1:1", "webhook": "http://127.0.0.1:1", "mqtt": True},
            "audit": {"mqtt": True},
            "open_data": {"nightly": True},
        }
    )
    database = Database(folder / "journal.db")
    database.open()
    try:
        yield Parts(config, database, SetClock(NOW_MS))
    finally:
        database.close()


def test_every_lane_that_there_may_be_is_decided_upon() -> None:
    lanes = lanes_there_may_be()
    undecided = lanes - RUNS_ON_BOTH - RUNS_LIVE - IN_NO_PAIR - OF_THE_PROCESS
    assert undecided == set(), "a lane takes its place in RUNS_LIVE or RUNS_ON_BOTH, and `built` configures it"
    gone = (RUNS_ON_BOTH | RUNS_LIVE | IN_NO_PAIR | OF_THE_PROCESS) - lanes
    assert gone == set(), "no source names these lanes: take them out"


def test_the_lanes_that_no_pair_has_are_those_of_gateways_that_share_devices(tmp_path: Path) -> None:
    management = "{url: 'http://127.0.0.1:1', username: gateway-watch, password_file: secret}"
    shares = f"gateways: [gateway-1]\nshares: [{{site: s}}]\nmanagement: {management}\n"
    (tmp_path / "shares.yaml").write_text(shares)
    (tmp_path / "secret").write_text("of the watch")

    async def story() -> None:
        with built(tmp_path, shares=tmp_path / "shares.yaml") as parts:
            assert set(parts.lanes) >= IN_NO_PAIR, "`built` configures each lane that there may be"

    asyncio.run(story())


def test_every_lane_is_decided_upon_for_a_passive_machine(tmp_path: Path) -> None:
    async def story() -> None:
        with built(tmp_path, standby={"machine": "a"}) as parts:
            unbuilt = (RUNS_ON_BOTH | RUNS_LIVE) - set(parts.lanes)
            assert unbuilt == set(), (
                "`built` configures each lane that there may be: write the setting that asks for these into it"
            )
            assert set(parts.lanes) <= RUNS_ON_BOTH | RUNS_LIVE, "a lane takes its place in RUNS_LIVE or RUNS_ON_BOTH"
            rooms = (parts.waiting, parts.alarming, parts.watching, parts.closing, parts.processing, parts.receiving)
            marked = {name for room in rooms for name, lane in room.lanes.items() if isinstance(lane, LiveOnly)}
        assert marked == RUNS_LIVE, "LiveOnly marks a lane that speaks for the devices"

    asyncio.run(story())


def test_what_speaks_for_the_devices_waits_until_the_machine_is_live(tmp_path: Path) -> None:
    async def story() -> None:
        with built(tmp_path, standby={"machine": "a"}) as parts:
            pairing = parts.pairing
        assert pairing.watch is not None
        ran: list[str] = []

        async def note(name: str) -> None:
            ran.append(name)

        lanes = pairing.gated({"periods": LiveOnly(lambda: note("periods")), "spool": lambda: note("spool")})
        tasks = [asyncio.create_task(lane()) for lane in lanes.values()]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert ran == ["spool"]
        pairing.watch.live.set()
        await asyncio.gather(*tasks)
        assert ran == ["spool", "periods"]

    asyncio.run(story())


def test_a_machine_alone_has_no_watch_and_waits_for_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        with built(tmp_path) as parts:
            pairing = parts.pairing
        assert pairing.watch is None
        lanes = {"periods": asyncio.Event().wait}
        assert pairing.gated(lanes) is lanes  # type: ignore[arg-type,comparison-overlap]
        assert not pairing.sums_hindrance()

    asyncio.run(story())


def test_sums_are_hindered_by_the_journal_of_the_other_machine(tmp_path: Path) -> None:
    async def story() -> None:
        with built(tmp_path, standby={"machine": "a"}) as parts:
            pairing = parts.pairing
        assert pairing.watch is not None
        pairing.watch.standby.journal_told("b", 12)
        assert "the journal of b" in pairing.sums_hindrance()
        pairing.watch.standby.journal_told("b", 0)
        assert not pairing.sums_hindrance()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("standby", "said"),
    [
        ({"machine": "cabinet a"}, "mqtt.standby.machine"),
        ({"machine": "a", "keep_alive": "100ms"}, "not within 1s and 5min"),
        ({"machine": "a", "keep_alive": "1h"}, "not within 1s and 5min"),
        ({"name": "a"}, "mqtt.standby.name"),
    ],
)
def test_a_wrong_setting_is_named(standby: dict[str, str], said: str, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(json.dumps({"mqtt": {"standby": standby}}))
    with pytest.raises(ConfigurationFault) as fault:
        load(file)
    assert said in str(fault.value)


def test_ways_to_have_several_gateways_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        Mqtt.model_validate({"standby": {"machine": "a"}, "shares": "shares.yaml"})
