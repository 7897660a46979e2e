"""A month for accounting with a real gateway: a meter falls silent, a person estimates, the month is closed, and corrected."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.commands.demo.services import Service
from gateway.support.access.accounts import own_token_file
from tests.system.fleet import client_of, publish
from tests.system.rig import Gateway, gateway
from tests.system.test_system_handling import text_of
from tests.system.visitor import Browser
from tests.waiting import until

pytestmark = pytest.mark.real

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
AMOUNTS = "/api/devices/m1/amounts"


def said(gate: Gateway, *arguments: str) -> str:
    done = gate.command(*arguments)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def billing(gate: Gateway, month: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said(gate, "report", "billing", "--month", month, "--json").splitlines()]


def tell(gate: Gateway, kind: str, first: datetime, last: datetime, amount: str, *more: str) -> None:
    """Tell an amount; return when the database has it."""
    before = gate.document(AMOUNTS)["amounts"]
    days = ("--from", f"{first:%Y-%m-%d}", "--to", f"{last:%Y-%m-%d}")
    said(gate, "devices", kind, "m1", *days, "--amount", amount, "--by", "Lan", "--note", "battery", *more)
    until(lambda: gate.document(AMOUNTS)["amounts"] != before, what="it stands in the database")


def test_a_month_is_estimated_closed_and_corrected(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    midnight = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    end = midnight.replace(day=min(midnight.day, 28))
    begin = (end.replace(day=1) - timedelta(days=1)).replace(day=end.day)
    month, following = f"{begin:%Y-%m}", f"{end:%Y-%m}"
    params = {"contract": "HD-0001", "reading_day": end.day}
    meter = {"id": "m1", "site": "s", "domain": "water", "interval": "1d", "params": params}
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "devices.yaml").write_text(json.dumps({"devices": [meter]}))

    def reads(day: int) -> None:
        ts = round((begin + timedelta(days=day)).timestamp() * 1000)
        publish(client, "iot/v1/s/water/m1/readings", json.dumps({"ts": ts, "volume_m3": 500 + 2 * day}))

    with gateway(folder, mosquitto.url, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        reads(-1)
        until(lambda: gate.document("/api/devices/m1")["counters"][0]["sum"] is not None, what="its sums were asked for")
        for day in range(10):
            reads(day)
        until(lambda: gate.ledger()["written"] == 11)
        (line,) = billing(gate, month)
        assert (line["contract"], line["used"], line["cause"]) == ("HD-0001", None, "no reading after it")

        tell(gate, "estimate", begin + timedelta(days=9), end - timedelta(days=1), "8.5")
        (line,) = billing(gate, month)
        assert (line["used"], line["mark"], line["cause"]) == (26.5, "estimated", None)
        assert "Estimate" in text_of(Browser(gate), "/devices/m1/amounts?language=en")
        token = own_token_file(gate.journal).read_text().strip()
        assert gate.ask(f"/api/billing/{month}/close", "POST", token=token)[0] == 200
        assert "entries, whole" in said(gate, "audit", "verify")

        tell(gate, "correct", begin, begin + timedelta(days=1), "-1.5")
        (fix,) = [row for row in billing(gate, following) if row["kind"] == "correction"]
        assert (fix["month"], fix["sealed"], fix["used"]) == (month, 26.5, -1.5)
        tell(gate, "correct", begin, begin + timedelta(days=1), "-1.5", "--undo")
        assert [row["kind"] for row in billing(gate, following)] == ["use"]
        assert [row["used"] for row in billing(gate, month)] == [26.5]
