"""The shipped profiles against payloads of real devices, where they are at hand; a profile's own tests stand inside it."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.support.config.strict_yaml import parse
from tests.profiles.decoding import DryRun, point

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
needs_corpora = pytest.mark.skipif(not CORPORA.exists(), reason="the corpora are not here")


def rows(name: str) -> list[dict[str, Any]]:
    path = CORPORA / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def dry_run(tmp_path: Path) -> DryRun:
    return DryRun(tmp_path)


FIELDS = {
    "voltage": "voltage_l1_v",
    "current": "current_l1_a",
    "active_power": "active_power_w",
    "reactive_power": "reactive_power_var",
    "apparent_power": "apparent_power_va",
    "power_factor": "power_factor",
    "frequency": "frequency_hz",
    "energy_import_kWh": "energy_import_kwh",
    "current_n": "current_n_a",
    **{f"voltage_l{phase}": f"voltage_l{phase}_v" for phase in (1, 2, 3)},
    **{f"current_l{phase}": f"current_l{phase}_a" for phase in (1, 2, 3)},
    "active_power_l1": "active_power_l1_w",
    "power_factor_l1": "power_factor_l1",
}
"""What the corpora call a quantity → what it is called here."""


def expected_fields(expected: dict[str, Any]) -> dict[str, float]:
    """The values a corpus expects, in our words; signs of power factors are each maker's own."""
    found = {FIELDS[key]: value for key, value in expected.items() if key in FIELDS and value is not None}
    for kind in ("import", "export"):
        if (energy_wh := expected.get(f"energy_{kind}_Wh")) is not None:
            found[f"energy_{kind}_kwh"] = energy_wh / 1000
    return {field: abs(value) if "factor" in field else value for field, value in found.items()}


def by_channel(result: dict[str, Any]) -> dict[str, dict[str, float]]:
    return {found["tags"].get("channel", ""): found["fields"] for found in result["points"]}


def assert_holds(fields: dict[str, float], expected: dict[str, float]) -> None:
    assert {field: fields.get(field) for field in expected} == pytest.approx(expected, abs=1e-9)


TASMOTA = rows("tasmota")


@pytest.mark.parametrize("row", [pytest.param(row, id=f"row-{at}") for at, row in enumerate(TASMOTA, 1)])
def test_tasmota_energy_in_each_of_its_forms(dry_run: DryRun, row: dict[str, Any]) -> None:
    expected = row["expected"]
    if "quality" in expected:
        results = dry_run.decode(
            {"topic": row["topic"], "payload": payload, "arrival": f"{payload['Time']}+07:00"} for payload in row["payload"]
        )
        wanted = [4 * verdict.startswith("reject") for verdict in expected["quality"]]
        assert [point(result)["fields"]["quality"] for result in results] == wanted
        return
    (result,) = dry_run.decode([{"topic": row["topic"], "payload": row["payload"]}])
    channels = {key.rpartition("_")[2]: value for key, value in expected.items() if key.startswith("energy_import_kWh_")}
    if channels:
        found = by_channel(result)
        assert {channel: found[channel]["energy_import_kwh"] for channel in channels} == channels
    elif fields := expected_fields(expected):
        assert_holds(point(result)["fields"], fields)
    else:
        assert result["reject"]["reason"] == "unknown_topic"  # wind, of which the table knows nothing


@pytest.mark.parametrize("row", [pytest.param(row, id=f"row-{at}") for at, row in enumerate(rows("shelly_gen2"), 1)])
def test_shelly_of_the_second_generation(dry_run: DryRun, row: dict[str, Any]) -> None:
    topic, payload = row["topic"].split(" ")[0], row.get("payload")
    if topic.endswith("events/rpc"):
        payload = {"method": "NotifyStatus", "params": {"ts": 1788422399.5, "em:0": payload}}
    if payload is None:  # an excerpt that is not JSON; its values in full
        payload = {"id": 0, "apower": 375.0, "voltage": 226.0, "current": 1.659, "aenergy": {"total": 134753.219}}
    (result,) = dry_run.decode([{"topic": topic, "payload": payload}])
    found = point(result)
    assert_holds(found["fields"], expected_fields(row["expected"]))
    assert not result["dropped"]


@pytest.mark.parametrize("row", [pytest.param(row, id=f"row-{at}") for at, row in enumerate(rows("zigbee2mqtt"), 1)])
def test_zigbee2mqtt_plug(dry_run: DryRun, row: dict[str, Any]) -> None:
    (result,) = dry_run.decode([{"topic": row["topic"].replace(" ", "-"), "payload": row["payload"]}])
    fields = point(result)["fields"]
    assert_holds(fields, expected_fields(row["expected"]))
    if row["expected"]["active_power"] is None:
        assert "active_power_w" not in fields
        assert result["dropped"] == [{"path": "/power", "cause": "sentinel"}]


TELEGRAMS: dict[str, dict[str, float]] = parse((Path(__file__).parent / "p1_telegrams.yaml").read_text())


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in rows("dsmr_telegrams")])
def test_p1_telegram_becomes_what_stands_in_it(dry_run: DryRun, row: dict[str, Any]) -> None:
    text = row["telegram"].encode("latin-1")
    (result,) = dry_run.decode([{"topic": "dsmr/house-1/telegram", "payload_hex": text.hex()}])
    if row["name"] not in TELEGRAMS:
        assert result["reject"]["reason"] == "unknown_topic"  # heat alone
        return
    fields = point(result)["fields"]
    assert fields.pop("quality") == 1  # telegrams of years ago
    assert fields == pytest.approx(TELEGRAMS[row["name"]], abs=1e-9)


@needs_corpora
def test_sparkplug_session_of_a_power_analyser(dry_run: DryRun) -> None:
    session = [row for row in rows("sparkplug_b") if "EVN-QuangTri" in row["topic"]]
    results = dry_run.decode(
        {"topic": row["topic"], "payload_base64": row["payload_b64"], "arrival": "2024-11-12T10:28:20Z"} for row in session
    )
    node_birth, birth, data, historical, unknown, death = results
    assert (node_birth["ignored"], death["ignored"]) == ("not_data", "status")
    assert birth["device"] == "EVN-QuangTri.TBA-0001.PM-1"
    assert point(birth)["fields"] == pytest.approx(
        {"voltage_l1_v": 229.5, "current_l1_a": 12.25, "active_power_w": -1500, "energy_import_kwh": 50859.78, "quality": 0}
    )
    assert point(data)["fields"] == {"voltage_l1_v": 230.25, "active_power_w": 1499, "quality": 0}
    assert (point(historical)["time_ms"], point(historical)["fields"]) == (
        1731403515000,
        {"energy_import_kwh": 50859.0, "quality": 8},
    )
    assert not unknown["points"]
    assert unknown["waits"]["cause"] == "no_birth"
    assert unknown["sends"] == ["spBv1.0/EVN-QuangTri/NCMD/TBA-0001"]


@needs_corpora
def test_sparkplug_devices_that_are_no_meters_do_not_become_points(dry_run: DryRun) -> None:
    others = [row for row in rows("sparkplug_b") if "EVN-QuangTri" not in row["topic"]]
    results = dry_run.decode({"topic": row["topic"], "payload_base64": row["payload_b64"]} for row in others)
    assert not any(result["points"] for result in results)


@pytest.mark.parametrize("row", [pytest.param(row, id=row["example"]) for row in rows("senml_rfc8428")])
def test_senml_pack_is_read_and_its_temperatures_are_water(dry_run: DryRun, row: dict[str, Any]) -> None:
    """The examples of the standard are no meters; what one of them calls temperature is taken, the rest left out.

    One tells of two probes at one time. To this profile both are one device: the second has another value for the same point.
    """
    (result,) = dry_run.decode([{"topic": "senml/probe-1/water", "payload": row["pack"], "arrival": "2017-06-29T23:49:39Z"}])
    told = [(record["t"], record["v"]) for record in row["resolved"] or [] if record["n"].endswith("temperature")]
    wanted = [value for number, (at, value) in enumerate(told) if at not in [before for before, _ in told[:number]]]
    assert [found["fields"]["temperature_c"] for found in result["points"] if "temperature_c" in found["fields"]] == wanted
    assert ((result["reject"] or {}).get("reason") == "time_conflict") is (len(wanted) < len(told))


WATER, POWER = ("water", {"volume_m3": 5.5, "quality": 1}), ("power", {"energy_import_kwh": 9.25, "quality": 1})


@pytest.mark.parametrize(
    ("media", "wanted"),
    [
        *[pytest.param(media, WATER, id=media) for media in ("water", "cold water", "warm water", "hot water")],
        pytest.param("electricity", POWER, id="electricity"),
        *[pytest.param(media, None, id=media) for media in ("gas", "heat", "heat cost allocation", "room sensor")],
    ],
)
def test_wmbusmeters_takes_water_and_electricity_and_nothing_else(
    dry_run: DryRun, media: str, wanted: tuple[str, dict[str, float]] | None
) -> None:
    telegram = {"media": media, "id": "60405060", "total_m3": 5.5, "total_energy_consumption_kwh": 9.25}
    (result,) = dry_run.decode([{"topic": "wmbusmeters/meter-1", "payload": telegram}])
    if wanted is None:
        assert result["reject"]["reason"] == "unknown_topic"
    else:
        assert (point(result)["measurement"], point(result)["fields"]) == wanted


def test_every_profile_of_a_topic_goes_with_all_others(dry_run: DryRun) -> None:
    """No message is ambiguous while all shipped profiles are active."""
    messages = [
        {"topic": "tele/plug-1/SENSOR", "payload": {"ENERGY": {"Total": 1.5}}},
        {"topic": "shelly-1/status/em:0", "payload": {"a_voltage": 230}},
        {"topic": "shelly-1/status/em1:0", "payload": {"voltage": 230}},
        {"topic": "shelly-1/events/rpc", "payload": {"method": "NotifyStatus", "params": {"em:0": {"a_voltage": 230}}}},
        {"topic": "zigbee2mqtt/plug-1", "payload": {"power": 1}},
        {"topic": "neuron/app/plc-1/fast", "payload": {"node": "plc-1", "values": {"ph": 7}}},
    ]
    profiles = [result["profile"] for result in dry_run.decode(messages)]
    assert profiles == [
        *("tasmota-energy", "shelly-gen2-em", "shelly-gen2-channel"),
        *("shelly-gen2-rpc", "zigbee2mqtt-plug", "neuron-plc"),
    ]
