"""The list of alarms on the status page, in a real browser: in both languages, and who is logged in acknowledges."""

import asyncio
from pathlib import Path

import pytest

from gateway.demo.services import Service
from tests.system.alarming import active, alarm_gateway, leaking
from tests.system.chromium import CHROMIUM, Tab, chromium
from tests.system.fleet import client_of, publish
from tests.system.rig import Gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]

LIST = "document.getElementById('active').textContent"


async def visit(tab: Tab, gate: Gateway) -> None:
    await tab.open(f"{gate.url}/?language=en")
    await tab.until(f"{LIST}.includes('A leak is suspected')")
    await tab.until("document.getElementById('verdict').textContent.includes('Other active alarms: 1')")
    assert "warning" in await tab.value(LIST)
    assert await tab.value("document.querySelectorAll('.alarms button').length") == 0, "who is not logged in only reads"
    assert await tab.value("document.querySelector('.alarms a').getAttribute('href')") == "devices/own"
    await tab.open(f"{gate.url}/login?language=vi")
    await tab.until("document.querySelector('main form button')")
    await tab.value(f"document.querySelector('input[name=token]').value = {gate.token()!r}")
    await tab.value("document.querySelector('main form button').click()")
    await tab.until("location.pathname === '/'")
    await tab.open(f"{gate.url}/?language=vi")
    await tab.until(f"{LIST}.includes('Nghi rò rỉ')")
    await tab.value("document.querySelector('.alarms button').click()")
    await tab.value("document.querySelectorAll('.alarms input')[0].value = 'Lan <b>'")
    await tab.value("document.querySelectorAll('.alarms input')[1].value = 'đang đến'")
    await tab.value("document.querySelector('.alarms form').requestSubmit()")
    await tab.until(f"{LIST}.includes('Lan <b> đã tiếp nhận: đang đến')")
    assert await tab.value("document.querySelectorAll('.alarms button').length") == 0
    await tab.value("document.querySelector('#rules summary').click()")
    await tab.until("document.getElementById('rule_list').textContent.includes('Độ pH dưới 6')")
    assert tab.complaints == []


def test_a_browser_lists_alarms_and_who_is_logged_in_acknowledges(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    async def drive(gate: Gateway) -> None:
        async with chromium(tmp_path / "profile") as tab:
            await visit(tab, gate)

    with alarm_gateway(tmp_path / "gateway", mosquitto, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish(client, "iot/v1/q1/water/own/readings", leaking())
        until(lambda: active(gate), what="the alarm is there")
        asyncio.run(drive(gate))
        known = active(gate)["leak@own"]["acknowledged"]
        assert (known["by"], known["note"]) == ("Lan <b>", "đang đến")
        publish(client, "iot/v1/q1/water/own/readings", leaking(leaks=False))
        until(lambda: not active(gate), what="it ends")
