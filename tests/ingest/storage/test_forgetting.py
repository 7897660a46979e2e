"""Forgetting in the one SQLite file: every table that can name a device is searched."""

from pathlib import Path

import pytest

from gateway.core import edge_nodes
from gateway.core.readings import sums
from gateway.core.readings.line_protocol import device_of_line
from gateway.ingest.storage import hours_again, keyvalue
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.forgetting import PLACES, DeviceNames, devices_in, forget, found
from gateway.monitoring.alarms import senders
from gateway.runtime.jobs import resums
from gateway.runtime.jobs.periods import sinks

SEARCHED = {"journal", "device_state", "kept", *(table for place in PLACES if (table := getattr(place, "table", "")))}
WITHOUT_DEVICES = {"rejects_stock", "quarantine_stock"}
FOLLOWING = {"quarantine_keys", "quarantine_shares", "quarantine_prefixes"}
"""Kept up by triggers when messages leave the quarantine."""


def test_every_table_is_searched_or_names_no_device(tmp_path: Path) -> None:
    file = Database(tmp_path / "journal.db")
    file.open()
    tables = file.run_here(
        lambda connection: connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    )
    file.close()
    assert {name for (name,) in tables} == SEARCHED | WITHOUT_DEVICES | FOLLOWING, (
        "a table that can name a device stands in PLACES of gateway/ingest/storage/forgetting.py, another in WITHOUT_DEVICES"
    )


def test_values_that_are_kept_for_a_device_are_found_under_every_name_that_others_give_them(tmp_path: Path) -> None:
    mine = [
        f"{sinks._PREFIX}m1",  # noqa: SLF001
        f"{hours_again._AGAIN}m1",  # noqa: SLF001
        f"{sums.KEPT}m1",
        f"{resums._PREFIX}1793491200000 m1",  # noqa: SLF001
        f"{edge_nodes.BIRTH}group/node/m1",
    ]
    others = [f"{sinks._PREFIX}other.m1", f"{sums.KEPT}m11", "newest_time_ms"]  # noqa: SLF001
    file = Database(tmp_path / "journal.db")
    file.open()
    file.run_here(keyvalue.put_all, dict.fromkeys([*mine, *others], "{}"))
    file.run_here(keyvalue.put, senders.STANDING, '["iot/v1/s/water/m1/alarms","iot/v1/s/water/m11/alarms"]')
    assert file.run_here(devices_in) == {"m1", "other.m1", "m11"}
    assert file.run_here(forget, DeviceNames(["m1"]))["kept values"] == len(mine) + 1
    left = file.run_here(keyvalue.get_prefix, "")
    assert left == dict.fromkeys(others, "{}") | {senders.STANDING: '["iot/v1/s/water/m11/alarms"]'}
    assert not any(file.run_here(found, DeviceNames(["m1"])).values())
    file.close()


@pytest.mark.parametrize(
    ("line", "device"),
    [
        ("water,area=A,device=m1,site=s flow_m3_h=1 1", "m1"),
        ("water,device=m1 flow_m3_h=1 1", "m1"),
        ("gateway,gateway=g pending=1 1", None),
        ('water flow_m3_h=1,note="x,device=m1" 1', None),
    ],
)
def test_the_device_of_a_line_is_its_tag_and_nothing_else(line: str, device: str | None) -> None:
    assert device_of_line(line) == device


def test_names_are_whole_and_an_eui_is_one_in_every_writing() -> None:
    names = DeviceNames(["24-E1-24-13-6D-00-00-01", "m1"])
    assert "24e124136d000001" in names
    assert "m11" not in names
    assert names.in_topic("application/1/device/24e124136d000001/event/up")
    assert not names.in_topic("iot/v1/s/water/m11/readings")
