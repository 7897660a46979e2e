"""The truth table of devices on real parts: each state in one run, its headline on the page, and the same after a restart."""

import json
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.request import Request, urlopen

import pytest

from gateway.commands.demo.services import Service
from tests.system.fleet import client_of, publish
from tests.system.makes import PORT, Frame, profile
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

EUI: Final = "24e124126a148401"
THROWS: Final = (
    "function decodeUplink(input) { if (input.bytes[0] === 1) throw Error('port 1'); return {data: {pressure: 312}}; }"
)
HOUR_MS: Final = 3_600_000


class Expected(NamedTuple):
    """The verdict on a device: the code of its headline, its colour, and the rung."""

    code: str
    level: str
    rung: str


IN_INFLUXDB = Expected("in_influxdb", "good", "influxdb")
# Device → its verdict.
TABLE: Final[dict[str, Expected]] = {
    "well": IN_INFLUXDB,
    "no-clock": IN_INFLUXDB,
    "sim-1": Expected("well_simulated", "good", "influxdb"),
    "new": Expected("not_heard_yet", "attention", "heard"),
    "never": Expected("never_heard", "trouble", "heard"),
    "kept": Expected("only_retained", "attention", "heard"),
    "silent": Expected("silent", "trouble", "heard"),
    "gone": Expected("said_goodbye", "trouble", "heard"),
    "removed": Expected("not_registered", "attention", "registered"),
    "stranger": Expected("waits_registration", "trouble", "registered"),
    EUI: Expected("profile_error", "trouble", "profile"),
    "state-only": Expected("no_reading_yet", "attention", "payload"),
    "broken": Expected("bad_json", "trouble", "payload"),
    "bytes": Expected("not_utf8", "trouble", "payload"),
    "empty": Expected("bad_payload", "trouble", "payload"),
    "misspelt": Expected("no_quantity_guess", "trouble", "values"),
    "strange": Expected("no_quantity", "trouble", "values"),
    "outside": Expected("values_dropped", "attention", "values"),
    "further": Expected("unknown_key_guess", "attention", "values"),
    "old-clock": Expected("clock_not_believed", "attention", "clock"),
    "fast-clock": Expected("clock_ahead", "attention", "clock"),
    "late": Expected("clock_behind", "attention", "clock"),
    "twice": Expected("time_conflict", "trouble", "clock"),
    "reset": Expected("counter_back", "attention", "counter"),
    "leap": Expected("counter_jumped", "attention", "counter"),
    "refused": Expected("influxdb_rejected", "trouble", "influxdb"),
    "again": IN_INFLUXDB,
}


def topic(name: str, channel: str = "readings") -> str:
    return f"iot/v1/s1/water/{name}/{channel}"


def messages(now_ms: int) -> Iterator[tuple[str, object]]:
    """Device and payload, in order; the time of the first reading of a counter lies a while back."""
    before_ms = now_ms - 60_000
    for name in ("well", "sim-1", "silent", "gone", "removed", "stranger"):
        yield name, {"ts": now_ms, "flow_m3_h": 1}
    yield "no-clock", {"flow_m3_h": 1}
    yield "broken", b'{"flow_m3_h": 1'
    yield "bytes", b"\xff\xfe"
    yield "empty", []
    yield "misspelt", {"ts": now_ms, "volume": 5}
    yield "strange", {"ts": now_ms, "zzz": 5}
    yield "outside", {"ts": now_ms, "flow_m3_h": 1, "ph": 99}
    yield "further", {"ts": now_ms, "flow_m3_h": 1, "presure_kpa": 300}
    yield "old-clock", {"ts": now_ms - 17 * 365 * 24 * HOUR_MS, "flow_m3_h": 1}
    yield "fast-clock", {"ts": now_ms + 180_000, "flow_m3_h": 1}
    yield "late", {"ts": now_ms - 3 * HOUR_MS, "flow_m3_h": 1}
    for name, first, second in (("reset", 1000, 3), ("leap", 10, 9_000_000)):
        yield name, {"ts": before_ms, "volume_m3": first}
        yield name, {"ts": now_ms, "volume_m3": second}
    for flow in (1, 2):
        yield "twice", {"ts": now_ms, "flow_m3_h": flow}
    for _ in range(2):
        yield "again", {"ts": now_ms, "flow_m3_h": 1}
    yield "refused", {"ts": now_ms, "orp_mv": 5}


def entries() -> list[dict[str, Any]]:
    """The registry."""
    quick = {"never": "1s", "silent": "1s"}
    known: list[dict[str, Any]] = [
        {"id": name, "site": "s1", "domain": "water", "silent_after": quick.get(name, "1h")}
        for name in TABLE
        if name not in {"stranger", EUI}
    ]
    return [*known, {"id": EUI, "site": "s1", "profile": "pressure", "silent_after": "1h"}]


def verdict(gate: Gateway, name: str) -> Expected | None:
    """The headline of a device; None: nobody knows it yet."""
    status, body = gate.ask(f"/api/devices/{name}")
    if status != 200:
        return None
    found = json.loads(body)["ladder"]
    return Expected(found["headline"]["code"], found["level"], found["headline"]["rung"])


def wait_for_all(gate: Gateway, table: Mapping[str, Expected | None]) -> None:
    """Wait until all headlines are those of a table."""
    found: dict[str, Expected | None] = dict.fromkeys(table)

    def all_are_right() -> bool:
        found.update({name: verdict(gate, name) for name, wanted in table.items() if found.get(name) != wanted})
        return found == table

    with suppress(AssertionError):
        until(all_are_right, within_s=10)
    assert found == table


def fix_type(database: Service, line: str) -> None:
    """Write a point: with it the type of its field is fixed."""
    request = Request(f"{database.url}/write?db=iot", line.encode())  # noqa: S310 - a database of the test
    with urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.status == 204


def tell_all(site: Gateway, broker: Service) -> None:
    """Bring each device into its state."""
    now_ms = time.time_ns() // 1_000_000
    with client_of(broker) as client:
        for name, payload in messages(now_ms):
            publish(client, topic(name), payload if isinstance(payload, bytes) else json.dumps(payload))
        publish(client, topic("gone", "status"), '{"state": "offline"}')
        publish(client, topic("state-only", "status"), '{"state": "online"}')
        frame = Frame(EUI, 7, now_ms, 312, PORT)
        publish(client, frame.topic, frame.payload(b"\1"))
        until(lambda: site.ledger()["rejected"] >= 8 and not site.ledger()["pending"]["journal"], what="all are settled")
    registry = {"devices": [entry for entry in entries() if entry["id"] != "removed"]}
    (site.folder / "devices.yaml").write_text(json.dumps(registry))
    site.send_signal(signal.SIGHUP)


def test_each_state_of_a_device_has_its_headline_and_keeps_it_over_a_restart(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    fix_type(influxdb, 'water,device=other orp_mv="text"')
    folder = tmp_path / "gateway"
    folder.mkdir()
    profile(folder, "pressure", THROWS)
    (folder / "devices.yaml").write_text(json.dumps({"devices": entries()}))
    with client_of(mosquitto) as client:
        kept = json.dumps({"ts": time.time_ns() // 1_000_000, "flow_m3_h": 1})
        publish(client, topic("kept"), kept, retain=True)
    devices, http = (
        {"unknown": "quarantine", "registry": "devices.yaml"},
        {"grafana": "https://grafana.example/d/x?var-device={device}"},
    )
    with gateway(folder, mosquitto.url, influxdb.url, devices=devices, profiles={"path": "profiles"}, http=http) as site:
        site.wait_subscribed()
        tell_all(site, mosquitto)
        wait_for_all(site, TABLE)
        before = {name: site.document(f"/api/devices/{name}") for name in TABLE if name != "removed"}
        _said_in_both_languages(site)
        assert site.terminate() == 0
        site.start()
        site.wait_subscribed()
        wait_for_all(site, TABLE | {"removed": None})
        for name, found in before.items():
            after = site.document(f"/api/devices/{name}")
            assert {key: after[key] for key in ("last_seen", "last_message")} == {
                key: found[key] for key in ("last_seen", "last_message")
            }, name
        influxdb.stop()
        with client_of(mosquitto) as client:
            publish(client, topic("well"), '{"flow_m3_h": 2}')
        until(lambda: verdict(site, "well") == Expected("in_journal", "attention", "influxdb"), what="it waits on disk")
        mosquitto.stop()
        until(lambda: verdict(site, "well") == Expected("broker_away", "attention", "heard"), what="nobody can be heard")


def _said_in_both_languages(site: Gateway) -> None:
    """The page says the headline, and what to do, in its reader's language."""
    page = site.ask("/devices/misspelt?language=vi")[1]
    assert "Có phải volume là volume_m3?" in page
    assert 'href="https://grafana.example/d/x?var-device=misspelt"' in page
    assert "Did you mean volume_m3 by volume?" in site.ask("/devices/misspelt?language=en")[1]
