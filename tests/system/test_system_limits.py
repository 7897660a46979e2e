"""An account with a limit is shown its own devices on every route, and never a foreign one."""

import gzip
import json
import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import pytest

from gateway.commands.demo.services import Service, free_port
from gateway.monitoring.exports.open_files import OpenFiles
from tests.site import Site
from tests.system.fleet import client_of, publish_all
from tests.system.rig import Gateway, gateway
from tests.system.visitor import Answer, Browser
from tests.waiting import PATIENCE_S, until
from tests.web.routes import served_routes

pytestmark = pytest.mark.real

FOREIGN: Final = "feind"
"""A part of all names that the agency must not see."""
REGISTRY: Final = {
    "areas": {"p-01": "An Binh", "x-02": "Feindgebiet"},
    "devices": [
        {"id": "own-1", "site": "s1", "domain": "water", "area": "p-01", "interval": "15min", "parent": "feind-2"},
        {"id": "own-2", "site": "s1", "domain": "water", "area": "p-01", "interval": "15min"},
        {"id": "feind-1", "site": "s1", "domain": "power", "area": "p-01", "interval": "15min"},
        {"id": "feind-2", "site": "feind-s", "domain": "water", "area": "x-02", "interval": "15min"},
        {"id": "feind-3", "site": "s1", "area": "p-01"},
    ],
}
SENT: Final = [
    ("iot/v1/s1/water/own-1/readings", '{"volume_m3": 12.5, "alarm_leak": true}'),
    ("iot/v1/s1/water/own-2/readings", '{"volume_m3": 7.25, "feind_key": 1}'),
    ("iot/v1/s1/water/own-2/readings", '{"feind_key": 1}'),
    ("iot/v1/s1/power/feind-1/readings", '{"voltage_l1_v": 231.5, "alarm_tamper": true}'),
    ("iot/v1/feind-s/water/feind-2/readings", '{"volume_m3": 99.5, "alarm_leak": true}'),
    ("iot/v1/feind-s/water/feind-2/readings", '{"volume_m3": "viel"}'),
    ("iot/v1/s1/water/feind-3/readings", '{"volume_m3": 5.5, "alarm_leak": true}'),
    ("iot/v1/s1/water/feind-4/readings", '{"volume_m3": 4.5}'),
]
NAMES: Final = {
    "month": "2026-10",
    "alarm": "leak@feind-2",
    "number": "1",
    "id": "1",
    "reject": "1",
    "file": "open-2026-10-31-water.csv.gz",
}
OPEN_ROW: Final[dict[str, str | int]] = {
    "day": "2026-10-31",
    "quantity": "volume_used_m3",
    "unit": "m3",
    "value": "1.5",
    "devices": 10,
    "uncovered": 0,
}
OPEN_AREAS: Final = {"p-01": "An Binh", "x-02": "Feindgebiet"}
ENDLESS: Final = "events"


@pytest.fixture
def site(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with devices of several domains and areas, all of which have alarms, rejects or wait."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "devices.yaml").write_text(json.dumps(REGISTRY))
    share_openly(OpenFiles(folder / "data" / "journal.db"))
    sections = {"http": {"tokens_file": "tokens"}, "devices": {"unknown": "quarantine"}}
    found = gateway(folder, mosquitto.url, influxdb.url, **sections)
    admitted(found, "--domain", "water", "--area", "p-01")
    with found:
        found.wait_subscribed()
        with client_of(mosquitto) as client:
            publish_all(client, SENT)
        until(lambda: found.ledger()["received"] == len(SENT) and not found.pending("memory"), what="all are settled")
        until(lambda: len(found.document("/api/alarms")["alarms"]) >= 4, what="alarms are raised")
        until(lambda: len(found.document("/api/alarms/history")["history"]) >= 4, what="and stand in the history")
        for device in ("own-1", "feind-2"):
            planned = f"/api/silences?device={device}&note=exchange%20at%20{device}&for_h=1&by=Lan"
            assert found.ask(planned, "POST", token=found.token())[0] == 200
        yield found


def share_openly(files: OpenFiles) -> None:
    """Write open data of two domains and two areas."""
    made = []
    for domain in ("water", "power"):
        rows = [OPEN_ROW | {"domain": domain, "area": area, "area_name": name} for area, name in OPEN_AREAS.items()]
        made.append(files.write("2026-10-31", domain, rows, 0))
    files.keep(made, date(2026, 1, 1))


def admitted(site: Gateway, *limit: str) -> str:
    """The token of an agency, as the command shows it once."""
    done = site.command("setup", "access", "so-xay-dung", *limit)
    assert done.returncode == 0, done
    token = done.stdout.split("\n\n")[1].strip()
    (site.folder / "token-of-agency").write_text(token)
    return token


def asked(site: Gateway, method: str, path: str, **headers: str) -> Answer:
    """An answer to the agency; of a stream its first event, of a packed file what is in it."""
    token = (site.folder / "token-of-agency").read_text()
    headers = {"Authorization": f"Bearer {token}", **headers}
    is_packed = path.endswith(".gz")
    if not path.endswith(ENDLESS) and not is_packed:
        return Browser(site).ask(method, path, **headers)
    with closing(HTTPConnection(site.host, site.port, timeout=PATIENCE_S)) as connection:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        body = gzip.decompress(response.read()) if is_packed and response.status == 200 else response.readline()
        return Answer(response.status, dict(response.getheaders()), body.decode())


def test_no_route_shows_an_account_with_a_limit_a_foreign_device(site: Gateway, tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    table = Site(tmp_path / "table")
    table.sections["http"] = {"port": free_port()}
    routes = served_routes(table)
    assert len(routes) > 60, "the routes are those of the server"
    everybody, shown, faults = [], [], []
    for method, pattern in routes:
        for device in ("own-1", "own-2", "feind-1", "feind-2", "feind-3", "feind-4"):
            path = pattern.format_map({"device": device, **NAMES})
            answer = asked(site, method, path, Accept="application/json" if "/api/" in path else "text/html")
            said = answer.body.replace(device, "").lower()
            if FOREIGN in said or (device.startswith(FOREIGN) and device in path and answer.status < 400):
                faults.append((method, path, answer.status))
            elif answer.status == 200:
                shown.append(pattern)
            if "{device}" not in pattern:
                break
        if (
            method == "GET"
            and not pattern.endswith((ENDLESS, "{file}", ".xlsx"))
            and FOREIGN in Browser(site).ask("GET", path).body
        ):
            everybody.append(path)
    assert faults == []
    assert len(everybody) > 10, "who may see all sees them: the walk finds what there is"
    assert {"/devices", "/devices/{device}", "/api/devices", "/api/alarms", "/api/coverage", "/completeness"} <= {*shown}


@pytest.mark.slow
def test_an_account_with_a_limit_sees_its_own_devices_until_it_ends(site: Gateway) -> None:
    sees_its_own_devices_and_figures(site)
    a_foreign_device_answers_as_one_that_does_not_exist(site)
    a_browser_begins_with_the_devices(site)
    assert site.command("setup", "access", "so-xay-dung", "--remove").returncode == 0
    site.send_signal(signal.SIGHUP)
    until(lambda: asked(site, "POST", "/api/decode").status == 401, what="the account has ended")


def sees_its_own_devices_and_figures(site: Gateway) -> None:
    def told(path: str) -> dict[str, list[dict[str, object]]]:
        found: dict[str, list[dict[str, object]]] = json.loads(asked(site, "GET", path).body)
        return found

    assert [device["id"] for device in told("/api/devices")["devices"]] == ["own-1", "own-2"]
    assert {device["id"] for device in told("/api/devices?search=s1")["devices"]} == {"own-1", "own-2"}
    assert [alarm["device"] for alarm in told("/api/alarms")["alarms"]] == ["own-1"]
    assert {change["device"] for change in told("/api/alarms/history")["history"]} == {"own-1"}
    assert [(group["area"], group["domain"], group["registered"]) for group in told("/api/coverage")["groups"]] == [
        ("p-01", "water", 2)
    ]
    device = json.loads(asked(site, "GET", "/api/devices/own-1").body)
    assert device["result"]["points"][0]["fields"]["volume_m3"] == 12.5
    assert "last_message" not in device, "one message may carry readings of several devices"
    assert told("/api/series/own-1")["series"]
    assert [file["name"] for file in told("/api/exports")["files"]] == [NAMES["file"]]
    assert asked(site, "GET", f"/exports/{NAMES['file']}").body.splitlines()[1:] == [
        "2026-10-31,p-01,An Binh,water,volume_used_m3,m3,1.5,10,0,,,"
    ]
    for name in ("open-2026-10-31-power.csv.gz", "catalog.jsonld", "index.json", "..%2Fjournal.db"):
        assert asked(site, "GET", f"/exports/{name}").status == 404, name
    assert json.loads(asked(site, "GET", "/api/account").body) == {
        "name": "so-xay-dung",
        "role": "read",
        "domain": "water",
        "areas": ["p-01"],
    }
    until(lambda: asked(site, "GET", "/completeness.csv").status == 200, what="the report is made")
    rows = asked(site, "GET", "/completeness.csv").body.splitlines()
    everybody = Browser(site).ask("GET", "/completeness.csv").body.splitlines()
    assert rows == [everybody[0], *(row for row in everybody[1:] if "p-01" in row and "water" in row)]
    assert len(rows) == 2 < len(everybody)


def a_foreign_device_answers_as_one_that_does_not_exist(site: Gateway) -> None:
    for path in ("/devices/{}", "/api/devices/{}", "/api/series/{}", "/api/devices/{}/events", "/devices/{}/charts"):
        foreign, nobody = (asked(site, "GET", path.format(name)) for name in ("feind-2", "xeind-9"))
        assert foreign.status == nobody.status == 404, path
        assert foreign.body.replace("feind-2", "") == nobody.body.replace("xeind-9", "")


def a_browser_begins_with_the_devices(site: Gateway) -> None:
    browser = Browser(site)
    assert browser.log_in((site.folder / "token-of-agency").read_text()).headers["Location"] == "/"
    assert browser.ask("GET", "/").headers["Location"] == "/devices"
    page = browser.ask("GET", "/devices", Accept="text/html").body
    assert "own-1" in page
    assert 'href="/rejects"' not in page, "links to pages that would refuse it are left out"
    assert browser.ask("GET", "/rejects").status == 403
