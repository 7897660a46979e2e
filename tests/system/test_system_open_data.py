"""The open data of a running gateway: written in the night by itself, and shown."""

import json
import time
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.monitoring.exports.open_files import OpenFiles
from tests.system.rig import Document, gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

_NOON = 12


def zone_where_it_is_noon() -> str:
    """A zone whose clocks show about twelve. Etc/GMT+5 is five hours behind Greenwich."""
    hour = time.gmtime().tm_hour
    return f"Etc/GMT{hour - _NOON:+d}" if hour != _NOON else "Etc/GMT"


def test_the_open_data_of_yesterday_and_of_a_week_ago_are_there_by_themselves(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "devices.yaml").write_text(
        "devices: [{id: m1, domain: water, area: A1}]\nareas: {A1: An Bình}\n", encoding="utf-8"
    )
    sections: dict[str, Document] = {"open_data": {"nightly": True}, "time": {"zone": zone_where_it_is_noon()}}
    with gateway(folder, mosquitto.url, influxdb.url, **sections) as gate:
        gate.wait_subscribed()
        until(lambda: len(gate.document("/api/exports")["files"]) == 2, 120, what="both days are written")
        files = gate.document("/api/exports")["files"]
        page = gate.ask("/exports")[1]
        catalogue = json.loads(gate.ask("/exports/catalog.jsonld")[1])
    assert {file["rows"] for file in files} == {0}, "one meter is a household"
    assert [file.name for file in OpenFiles(gate.journal).listed()] == [file["name"] for file in files]
    assert all(file["name"] in page for file in files)
    assert len(catalogue["dcat:dataset"][0]["dcat:distribution"]) == 2
