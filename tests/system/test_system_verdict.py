"""The verdict of a running gateway, as the page gets it, and as a browser shows it in both languages."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.system.fleet import client_of, publish
from tests.system.rig import Document, Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/{}/{}/readings"
DEVICES = {"m1": "water", "m2": "water", "p1": "power"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
BROWSER = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@pytest.fixture
def site(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with three registered devices that sent once, and are silent after three seconds."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    entries = [{"id": name, "domain": domain, "silent_after": "3s"} for name, domain in DEVICES.items()]
    (folder / "devices.yaml").write_text(json.dumps({"devices": entries}))
    with gateway(folder, mosquitto.url, influxdb.url) as found, client_of(mosquitto) as client:
        found.wait_subscribed()
        for name, domain in DEVICES.items():
            publish(client, TOPIC.format(domain, name), '{"battery_pct": 88}')
        until(lambda: found.ledger()["written"] == len(DEVICES), what="all are heard")
        yield found


def findings(gate: Gateway) -> dict[str, Document]:
    return {found["key"]: found["params"] for found in gate.status()["verdict"]["findings"]}


def seen(gate: Gateway, path: str, profile: Path) -> str:
    """A page as a browser holds it after a few seconds."""
    assert CHROMIUM is not None
    command = [CHROMIUM, *BROWSER, f"--user-data-dir={profile}", "--timeout=4000", "--dump-dom", f"{gate.url}{path}"]
    return subprocess.run(command, capture_output=True, check=False, timeout=60, text=True).stdout


def test_when_all_devices_are_dead_the_verdict_says_so(site: Gateway) -> None:
    assert site.status()["verdict"] == {"level": "good", "findings": []}
    until(lambda: findings(site) == {"all_silent": {"total": 3}}, what="they are silent")
    assert site.status()["verdict"]["level"] == "trouble"
    assert site.status()["devices"] == {"online": 0, "silent": 3, "new": 0, "unknown": 0}
    assert site.troubles() == "", "the gateway itself is well"


def test_rejects_are_in_the_verdict_and_those_kept_outlive_a_restart(gate: Gateway, mosquitto: Service) -> None:
    with client_of(mosquitto) as client:
        for _ in range(2):
            publish(client, TOPIC.format("water", "m1"), "?")
    until(lambda: findings(gate).get("rejects_lately") == {"count": 2, "minutes": 10, "reason": "bad_json"})
    assert gate.status()["verdict"]["level"] == "attention"
    assert gate.terminate() == 0
    gate.start()
    gate.wait_ready()
    until(lambda: gate.status()["rejects_kept"] == {"bad_json": 2}, what="they are counted")
    assert gate.status()["rejects"] == {}


def test_an_outage_shows_what_comes_beside_what_is_written(gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    until(lambda: gate.status()["influxdb"]["up"], what="it is answered")
    influxdb.stop()
    with client_of(mosquitto) as client:
        for number in range(50):
            publish(client, TOPIC.format("water", "m1"), json.dumps({"flow_m3_h": number}))
    until(lambda: sum(gate.status()["rates"]["received"]) > 0, what="what came is a rate")
    assert sum(gate.status()["rates"]["written"]) == 0
    until(lambda: "influxdb_away" in findings(gate), what="the outage is told")
    influxdb.start()
    until(lambda: sum(gate.status()["rates"]["written"]) > 0, what="it is written")


def test_a_page_that_is_opened_gets_the_curve_of_the_last_two_minutes(gate: Gateway) -> None:
    until(lambda: len(gate.status()["rates"]["received"]) >= 2, what="some seconds passed")
    first = json.loads(gate.shown().removeprefix("data: "))
    assert len(first["rates"]["received"]) == len(first["rates"]["written"]) >= 2


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize(
    ("language", "headline", "sentence", "other"),
    [
        pytest.param("vi", "Có sự cố", "Cả 3 thiết bị đều im lặng", "devices are silent", id="vietnamese"),
        pytest.param("en", "Trouble", "All 3 devices are silent", "thiết bị đều im lặng", id="english"),
    ],
)
def test_a_browser_shows_the_verdict_in_the_language_chosen(
    site: Gateway, tmp_path: Path, language: str, headline: str, sentence: str, other: str
) -> None:
    until(lambda: findings(site), what="they are silent")
    pages: list[str] = []

    def shown() -> bool:
        pages.append(seen(site, f"/?language={language}", tmp_path / f"profile-{len(pages)}"))
        return headline in pages[-1].partition("<script>")[0]

    until(shown, within_s=40.0, what="the page has heard from the gateway")
    body = pages[-1].partition("<script>")[0]
    assert (sentence in body, other in body) == (True, False)
    assert 'href="?language=vi"' in body
    assert 'href="?language=en"' in body
    assert f'lang="{language}" hreflang="{language}" aria-current="true"' in body
