"""A gateway on the real broker and the real InfluxDB, for tests that need nothing special of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.system.door import Door
from tests.system.nursery import Nursery
from tests.system.rig import Gateway, gateway
from tests.waiting import until


@pytest.fixture(scope="package", autouse=True)
def _imports_are_made_once() -> Iterator[None]:
    with Nursery() as nursery, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gateway, "nursery", nursery)
        yield


@pytest.fixture
def gate(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Iterator[Gateway]:
    """Subscribed, with all defaults."""
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url) as found:
        found.wait_subscribed()
        yield found


@pytest.fixture
def door(influxdb: Service) -> Iterator[Door]:
    """In InfluxDB's place, open."""
    with Door(influxdb) as found:
        yield found


@pytest.fixture
def gate_behind_door(mosquitto: Service, door: Door, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that reaches InfluxDB through the door."""
    with gateway(tmp_path / "gateway", mosquitto.url, door.url) as found:
        found.wait_subscribed()
        until(lambda: found.status()["influxdb"]["up"], what="its first point about itself is answered")
        yield found
