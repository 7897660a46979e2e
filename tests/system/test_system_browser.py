"""The pages in a real browser, under the policy they are sent with: they fill, log in, change something, log out."""

import asyncio
from pathlib import Path

import pytest

from gateway.demo.services import Service
from tests.system.chromium import CHROMIUM, Tab, chromium
from tests.system.fleet import client_of, publish, wait_settled
from tests.system.rig import Gateway

pytestmark = [pytest.mark.real, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]

DEVICE = "/devices/m1?language=en"


async def fill_in(tab: Tab, token: str) -> None:
    """Write the token into the page and press its button."""
    await tab.until("document.querySelector('main form button')")
    await tab.value(f"document.querySelector('input[name=token]').value = {token!r}")
    await tab.value("document.querySelector('main form button').click()")


async def visit(tab: Tab, gate: Gateway) -> None:
    await tab.open(f"{gate.url}/?language=en")
    await tab.until("document.getElementById('verdict').textContent.includes('All is well')")
    await tab.open(f"{gate.url}/devices?language=en")
    await tab.until("document.querySelector('.list').textContent.includes('m1')")
    await tab.open(f"{gate.url}{DEVICE}")
    await tab.until("document.getElementById('exchange').hidden === false")
    assert tab.complaints == []
    await tab.value("window.confirm = () => true")
    await tab.value("document.getElementById('exchanged').click()")
    await fill_in(tab, "not-the-token-of-this-gateway")
    await tab.until("document.querySelector('main [role=alert]')?.textContent.includes('Wrong token')")
    assert await tab.value("getComputedStyle(document.querySelector('main form')).display") == "flex", "its style applies"
    await fill_in(tab, gate.token())
    await tab.until(f"location.pathname + location.search === {DEVICE!r}")
    await tab.until("document.getElementById('exchange') && document.getElementById('exchange').hidden === false")
    assert await tab.value("document.cookie") == "", "no script sees the session"
    await tab.value("window.confirm = () => true")
    await tab.value("document.getElementById('exchanged').click()")
    await tab.until("document.getElementById('exchange_said').textContent.includes('Noted')")
    await tab.value("document.querySelector('.account button').click()")
    await tab.until("location.pathname === '/login'")
    assert await tab.value("fetch('/api/rejects/purge', {method: 'POST'}).then(answer => answer.status)") == 401
    assert [said for said in tab.complaints if "401" not in said] == []


def test_a_browser_fills_the_pages_logs_in_changes_and_logs_out(gate: Gateway, mosquitto: Service, tmp_path: Path) -> None:
    with client_of(mosquitto) as client:
        publish(client, "iot/v1/site/water/m1/readings", '{"volume_m3": 12.5}')
        wait_settled(gate, mosquitto)

    async def drive() -> None:
        async with chromium(tmp_path / "profile") as tab:
            await visit(tab, gate)

    asyncio.run(drive())
