"""Devices whose id is another one than in the past: said at the start, in the log and on the page, how many and which."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gateway.core.devices.streams import Streams
from gateway.core.status.verdict import Level
from gateway.ingest.events import Events
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.device_memory import DeviceMemory
from gateway.ingest.storage.device_snapshots import DeviceSnapshots, _replace
from gateway.monitoring.status.troubles import of_itself
from gateway.support.clock import WallClock
from gateway.support.i18n.findings import sentence
from schemas.device_ids import device_id
from schemas.registry import RegisteredDevice, Registry
from tests.core.alarms.alarming import Bed

SOCKET = "Ổ cắm bàn"
SEEN = '{"seen":1793491200000}'


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    """The file of an earlier version."""
    database = Database(tmp_path / "journal.db")
    database.open()
    yield database
    database.close()


def start(file: Database, lines: Mapping[str, str] | None = None, *devices: RegisteredDevice) -> Events:
    """Start with this file and return the messages."""
    if lines:
        file.run_here(_replace, dict(lines), set())
    events, streams = Events(), Streams(Registry(devices=[*devices]).by_id())
    DeviceSnapshots(file, events, streams, DeviceMemory(events, WallClock()), Bed().alarms, 20_000, WallClock()).load()
    return events


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize(
    ("lines", "devices", "change"),
    [
        pytest.param({"__c_m_b_n": SEEN}, [RegisteredDevice("kitchen", source=SOCKET)], "__c_m_b_n → kitchen", id="registered"),
        pytest.param(
            {"kitchen": f'{{"seen":1,"source":"{SOCKET}"}}'}, [], f"kitchen → {device_id(SOCKET)}", id="left-the-registry"
        ),
    ],
)
def test_a_device_whose_id_changes_is_said_at_the_start(
    file: Database,
    caplog: pytest.LogCaptureFixture,
    lines: dict[str, str],
    devices: list[RegisteredDevice],
    change: str,
) -> None:
    events = start(file, lines, *devices)
    assert said(caplog) == [f"1 devices have another id from now on: {change}"]
    (finding,) = of_itself(events, clock_doubted=False, imbalance=0)
    assert finding.level is Level.ATTENTION
    assert sentence(finding).startswith(f"Devices with another id from now on: 1 ({change}")


def test_ids_that_an_earlier_version_may_have_made_of_names_are_said_once(
    file: Database, caplog: pytest.LogCaptureFixture
) -> None:
    start(file, {"__c_m_b_n": SEEN, "m1": SEEN})
    assert said(caplog) == ["1 devices may have, where their names are not plain, another id from now on: __c_m_b_n"]
    caplog.clear()
    start(file)
    assert said(caplog) == []


def test_of_many_only_some_are_named(file: Database, caplog: pytest.LogCaptureFixture) -> None:
    start(file, {f"m_{number}": SEEN for number in range(1000)})
    (line,) = said(caplog)
    assert line.startswith("1000 devices may have")
    assert len(line) < 300


@pytest.mark.parametrize(
    ("lines", "devices"),
    [
        pytest.param({"m1": SEEN}, [RegisteredDevice("m1")], id="plain-names"),
        pytest.param(
            {"kitchen": f'{{"seen":1,"source":"{SOCKET}"}}'}, [RegisteredDevice("kitchen", source=SOCKET)], id="as-before"
        ),
        pytest.param({device_id(SOCKET): f'{{"source":"{SOCKET}"}}'}, [], id="made-of-the-name-as-before"),
        pytest.param({"m1": '{"source":1', "m2": '["source"]'}, [], id="damaged"),
    ],
)
def test_a_device_that_keeps_its_id_is_not_told(
    file: Database, caplog: pytest.LogCaptureFixture, lines: dict[str, str], devices: list[RegisteredDevice]
) -> None:
    assert not start(file, lines, *devices).changed_ids
    assert said(caplog) == []
