"""The page of completeness: the figures of the command, worked out behind the page, to print and as CSV."""

import json
from contextlib import suppress
from csv import DictReader
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.commands.demo.services import Service, free_port
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
        page = text_of(browser, f"/completeness?language=en&month={month}")
        asked = ["--from", month, "--to", month, "--by", "area", "--step", "month", "--csv"]
        said = run_gateway("report", "completeness", "-c", gate.config, *asked).stdout
        assert browser.ask("GET", "/completeness?month=1999-01").status == 400
    assert csv.splitlines() == said.splitlines()
    (row,) = (row for row in DictReader(csv.splitlines()) if row["domain"] == "water")
    assert (row["received"], row["on_time"]) == ("3", "0"), "they came late"
    assert "Phường An Bình · Water" in page
    assert "1 devices are left out" in page


@pytest.mark.slow
def test_a_report_that_fails_says_why_and_one_under_way_ends_with_the_gateway(mosquitto: Service, tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "devices.yaml").write_text(json.dumps({"devices": DEVICES, "areas": {"p-01": "P"}}))
    with gateway(folder, mosquitto.url, f"http://127.0.0.1:{free_port()}") as gate:
        browser = Browser(gate)
        path = "/completeness?language=en"
        until(lambda: "It could not be worked out" in text_of(browser, path), what="the database is away")
        assert browser.ask("GET", "/completeness.csv").status == 503
        this_month = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).replace(day=1)
        other = (this_month - timedelta(days=1)).strftime("%Y-%m")
        assert "being worked out" in text_of(browser, f"{path}&month={other}")
        until(lambda: reports_of(gate.config), what="the process has begun")
    assert reports_of(gate.config) == []


def reports_of(config: Path) -> list[str]:
    """The processes that work out a report with this configuration."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            lines.append(process.joinpath("cmdline").read_text().replace("\0", " "))
    return [line for line in lines if str(config) in line and " report " in line]
