"""The page of completeness: the figures of the command, worked out behind the page, to print and as CSV."""

import json
from csv import DictReader
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.demo.services import Service
from tests.system.fleet import client_of, publish
from tests.system.rig import gateway, run_gateway
from tests.system.test_system_handling import text_of
from tests.system.visitor import Browser
from tests.waiting import until

pytestmark = pytest.mark.real

DEVICES = [
    {"id": "m1", "site": "s", "domain": "water", "area": "p-01", "interval": "1min"},
    {"id": "m2", "site": "s", "domain": "power", "area": "p-01", "interval": "15min"},
    {"id": "m3", "site": "s", "domain": "water"},
]


def test_a_month_is_shown_as_the_command_has_it(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "devices.yaml").write_text(json.dumps({"devices": DEVICES, "areas": {"p-01": "Phường An Bình"}}))
    last = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).replace(day=1, hour=0) - timedelta(days=3)
    month, sent_ms = last.strftime("%Y-%m"), round(1000 * last.timestamp())
    with gateway(folder, mosquitto.url, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        for minute in range(3):
            publish(client, "iot/v1/s/water/m1/readings", json.dumps({"ts": sent_ms + 60_000 * minute, "volume_m3": 12}))
        until(lambda: gate.ledger()["written"] == 3)
        browser = Browser(gate)
        assert "being worked out" in text_of(browser, f"/completeness?language=en&month={month}")
        until(lambda: browser.ask("GET", f"/completeness.csv?month={month}").status == 200, what="it is worked out")
        csv = browser.ask("GET", f"/completeness.csv?month={month}").body.removeprefix("\ufeff")
        page = text_of(browser, f"/completeness?language=en&month={month}&name=Lan")
        asked = ["--from", month, "--to", month, "--by", "area", "--step", "month", "--csv"]
        said = run_gateway("report", "completeness", "-c", gate.config, *asked).stdout
        assert browser.ask("GET", "/completeness?month=1999-01").status == 400
    assert csv.splitlines() == said.splitlines()
    (row,) = (row for row in DictReader(csv.splitlines()) if row["domain"] == "water")
    assert (row["received"], row["on_time"]) == ("3", "0"), "they came late"
    assert "Phường An Bình · Water" in page
    assert "1 devices are left out" in page
    assert "Lan" in page
