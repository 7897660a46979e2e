"""The shipped profiles against payloads of real devices, where they are at hand; a profile's own tests stand inside it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.profiles.decoding import Desk, point

CORPORA = Path(__file__).parents[2] / ".." / "shared" / "corpora"
needs_corpora = pytest.mark.skipif(not CORPORA.exists(), reason="the corpora are not here")


def rows(name: str) -> list[dict[str, Any]]:
    path = CORPORA / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


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
def test_tasmota_energy_in_each_of_its_forms(desk: Desk, row: dict[str, Any]) -> None:
    expected = row["expected"]
    if "quality" in expected:
        results = desk.decode(
            {"topic": row["topic"], "payload": payload, "arrival": f"{payload['Time']}+07:00"} for payload in row["payload"]
        )
        wanted = [4 * verdict.startswith("reject") for verdict in expected["quality"]]
        assert [point(result)["fields"]["quality"] for result in results] == wanted
        return
    (result,) = desk.decode([{"topic": row["topic"], "payload": row["payload"]}])
    channels = {key.rpartition("_")[2]: value for key, value in expected.items() if key.startswith("energy_import_kWh_")}
    if channels:
        found = by_channel(result)
        assert {channel: found[channel]["energy_import_kwh"] for channel in channels} == channels
    elif fields := expected_fields(expected):
        assert_holds(point(result)["fields"], fields)
    else:
        assert result["reject"]["reason"] == "unknown_topic"  # wind, of which the table knows nothing


@pytest.mark.parametrize("row", [pytest.param(row, id=f"row-{at}") for at, row in enumerate(rows("shelly_gen2"), 1)])
def test_shelly_of_the_second_generation(desk: Desk, row: dict[str, Any]) -> None:
    topic, payload = row["topic"].split(" ")[0], row.get("payload")
    if topic.endswith("events/rpc"):
        payload = {"method": "NotifyStatus", "params": {"ts": 1788422399.5, "em:0": payload}}
    if payload is None:  # an excerpt that is no JSON; the same values in full
        payload = {"id": 0, "output": True, "apower": 375.0, "voltage": 226.0, "current": 1.659, "aenergy": {"total": 134753.219}}
    (result,) = desk.decode([{"topic": topic, "payload": payload}])
    found = point(result)
    assert_holds(found["fields"], expected_fields(row["expected"]))
    assert not result["dropped"]


@pytest.mark.parametrize("row", [pytest.param(row, id=f"row-{at}") for at, row in enumerate(rows("zigbee2mqtt"), 1)])
def test_zigbee2mqtt_plug(desk: Desk, row: dict[str, Any]) -> None:
    (result,) = desk.decode([{"topic": row["topic"].replace(" ", "-"), "payload": row["payload"]}])
    fields = point(result)["fields"]
    assert_holds(fields, expected_fields(row["expected"]))
    if row["expected"]["active_power"] is None:
        assert "active_power_w" not in fields
        assert result["dropped"] == [{"path": "/power", "cause": "sentinel"}]


DSMR: dict[str, dict[str, float]] = {
    "TELEGRAM_V2_2": {
        **{"energy_import_t1_kwh": 1.001, "energy_import_t2_kwh": 1.001, "energy_export_t1_kwh": 1.001},
        **{"energy_export_t2_kwh": 1.001, "active_power_w": 1010, "relay_on": True},
    },
    "TELEGRAM_V3": {
        **{"energy_import_t1_kwh": 12345.678, "energy_import_t2_kwh": 12345.678, "energy_export_t1_kwh": 12345.678},
        **{"energy_export_t2_kwh": 12345.678, "active_power_w": 1190, "relay_on": True},
    },
    "TELEGRAM_V4_2": {
        **{"energy_import_t1_kwh": 1581.123, "energy_import_t2_kwh": 1435.706, "energy_export_t1_kwh": 0},
        **{"energy_export_t2_kwh": 0, "active_power_w": 2027, "active_power_l1_w": 170, "active_power_l2_w": 1247},
        **{"active_power_l3_w": 209, "current_l1_a": 0, "current_l2_a": 6, "current_l3_a": 2},
    },
    "TELEGRAM_V5": {
        **{"energy_import_t1_kwh": 4.426, "energy_import_t2_kwh": 2.399, "energy_export_t1_kwh": 2.444},
        **{"energy_export_t2_kwh": 0, "active_power_w": 244, "active_power_l1_w": 70, "active_power_l2_w": 32},
        **{"active_power_l3_w": 142, "voltage_l1_v": 230, "voltage_l2_v": 230, "voltage_l3_v": 229, "current_l1_a": 0.48},
        **{"current_l2_a": 0.44, "current_l3_a": 0.86},
    },
    "TELEGRAM_V5_TWO_MBUS": {
        **{"energy_import_t1_kwh": 2130.115, "energy_import_t2_kwh": 245.467, "energy_export_t1_kwh": 0},
        **{"energy_export_t2_kwh": 0, "active_power_w": 111, "active_power_l1_w": 56, "active_power_l2_w": 0},
        **{"active_power_l3_w": 55, "voltage_l1_v": 229.9, "voltage_l2_v": 229.2, "voltage_l3_v": 222.9, "current_l1_a": 0},
        **{"current_l2_a": 0, "current_l3_a": 1},
    },
    "TELEGRAM_FLUVIUS_V171": {
        **{"energy_import_t1_kwh": 0.034, "energy_import_t2_kwh": 15.758, "energy_export_t1_kwh": 0},
        **{"energy_export_t2_kwh": 0.011, "active_power_w": 0, "active_power_l1_w": 0, "active_power_l2_w": 0},
        **{"active_power_l3_w": 0, "max_demand_w": 2589, "voltage_l1_v": 234.7, "voltage_l2_v": 234.7, "voltage_l3_v": 234.7},
        **{"current_l1_a": 0, "current_l2_a": 0, "current_l3_a": 0, "relay_on": True},
    },
    "TELEGRAM_FLUVIUS_V171_ALT": {
        **{"energy_import_t1_kwh": 301.548, "energy_import_t2_kwh": 270.014, "energy_export_t1_kwh": 0.005},
        **{"energy_export_t2_kwh": 0, "active_power_w": 338, "active_power_l1_w": 47, "active_power_l2_w": 179},
        **{"active_power_l3_w": 111, "max_demand_w": 3064, "voltage_l1_v": 232.9, "voltage_l2_v": 228.1, "voltage_l3_v": 228.1},
        **{"current_l1_a": 0.27, "current_l2_a": 0.88, "current_l3_a": 0.52, "relay_on": True},
    },
    "TELEGRAM_ESY5Q3DB1024_V304": {
        **{"energy_import_kwh": 52185.7825309, "energy_export_kwh": 19949.3221493, "active_power_w": 2124.86},
        **{"active_power_l1_w": 747.85, "active_power_l2_w": 737.28, "active_power_l3_w": 639.73},
    },
    "TELEGRAM_ESY5Q3DA1004_V304": {
        **{"energy_import_kwh": 32549.5061662, "active_power_w": 1688.21},
        **{"active_power_l1_w": 557.29, "active_power_l2_w": 521.62, "active_power_l3_w": 609.30},
    },
    "TELEGRAM_SAGEMCOM_T210_D_R": {
        **{"energy_import_kwh": 6545.766, "energy_import_t1_kwh": 5017.12, "energy_import_t2_kwh": 1528.646},
        **{"energy_export_kwh": 0.058, "energy_export_t1_kwh": 0, "energy_export_t2_kwh": 0.058, "active_power_w": 286},
        **{"reactive_energy_import_kvarh": 0.747, "reactive_energy_export_kvarh": 3897.726, "reactive_power_var": -166},
    },
    "TELEGRAM_ISKRA_IE": {
        **{"energy_import_t1_kwh": 10.181, "energy_import_t2_kwh": 10.182, "energy_export_t1_kwh": 10.281},
        **{"energy_export_t2_kwh": 10.282, "active_power_w": -100, "active_power_l1_w": -10, "active_power_l2_w": -10},
        **{"active_power_l3_w": -10, "voltage_l1_v": 242.5, "voltage_l2_v": 241.7, "voltage_l3_v": 243.3, "current_l1_a": 0},
        **{"current_l2_a": 0, "current_l3_a": 0, "relay_on": True},
    },
    "TELEGRAM_V5_EON_HU": {
        **{"energy_import_kwh": 173.64, "energy_import_t1_kwh": 47.719, "energy_import_t2_kwh": 125.921},
        **{"energy_import_t3_kwh": 0, "energy_import_t4_kwh": 0, "energy_export_kwh": 627.177, "energy_export_t1_kwh": 401.829},
        **{"energy_export_t2_kwh": 225.348, "energy_export_t3_kwh": 0, "energy_export_t4_kwh": 0, "active_power_w": -2601},
        **{"reactive_energy_import_kvarh": 0.123, "reactive_energy_export_kvarh": 303.131, "frequency_hz": 50},
        **{"voltage_l1_v": 240.4, "voltage_l2_v": 239.1, "voltage_l3_v": 241.2, "current_l1_a": 3, "current_l2_a": 4},
        **{"current_l3_a": 3, "relay_on": True},
    },
}
"""What stands in each telegram, read by eye."""


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in rows("dsmr_telegrams")])
def test_p1_telegram_becomes_what_stands_in_it(desk: Desk, row: dict[str, Any]) -> None:
    text = row["telegram"].encode("latin-1")
    (result,) = desk.decode([{"topic": "dsmr/house-1/telegram", "payload_hex": text.hex()}])
    if row["name"] not in DSMR:
        assert result["reject"]["reason"] == "unknown_topic"  # heat alone
        return
    fields = point(result)["fields"]
    assert fields.pop("quality") == 1  # telegrams of years ago
    assert fields == pytest.approx(DSMR[row["name"]], abs=1e-9)


@needs_corpora
def test_sparkplug_session_of_a_power_analyser(desk: Desk) -> None:
    session = [row for row in rows("sparkplug_b") if "EVN-QuangTri" in row["topic"]]
    results = desk.decode(
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
def test_sparkplug_devices_that_are_no_meters_do_not_become_points(desk: Desk) -> None:
    others = [row for row in rows("sparkplug_b") if "EVN-QuangTri" not in row["topic"]]
    results = desk.decode({"topic": row["topic"], "payload_base64": row["payload_b64"]} for row in others)
    assert not any(result["points"] for result in results)


@pytest.mark.parametrize("row", [pytest.param(row, id=row["example"]) for row in rows("senml_rfc8428")])
def test_senml_pack_is_read_and_its_temperatures_are_water(desk: Desk, row: dict[str, Any]) -> None:
    """The examples of the standard are no meters; what one of them calls temperature is taken, the rest left out."""
    (result,) = desk.decode([{"topic": "senml/probe-1/water", "payload": row["pack"], "arrival": "2017-06-29T23:49:39Z"}])
    wanted = [record["v"] for record in row["resolved"] or [] if record["n"].endswith("temperature")]
    assert [found["fields"]["temperature_c"] for found in result["points"] if "temperature_c" in found["fields"]] == wanted


MEDIA = ["gas", "heat", "heat cost allocation", "electricity", "cold water", "warm water", "water", "room sensor"]


@pytest.mark.parametrize("media", MEDIA)
def test_wmbusmeters_takes_water_and_electricity_and_nothing_else(desk: Desk, media: str) -> None:
    telegram = {"media": media, "id": "60405060", "total_m3": 5.5, "total_energy_consumption_kwh": 9.25}
    (result,) = desk.decode([{"topic": "wmbusmeters/meter-1", "payload": telegram}])
    wanted: Iterator[tuple[str, dict[str, float]]] = iter([("water", {"volume_m3": 5.5}), ("power", {"energy_import_kwh": 9.25})])
    by_domain = dict(wanted)
    domain = "water" if "water" in media else "power" if media == "electricity" else None
    if domain is None:
        assert result["reject"]["reason"] == "unknown_topic"
    else:
        found = point(result)
        assert (found["measurement"], found["fields"]) == (domain, {**by_domain[domain], "quality": 1})


def test_every_profile_of_a_topic_goes_with_all_others(desk: Desk) -> None:
    """With all shipped profiles in force at once no message of one is ambiguous."""
    messages = [
        {"topic": "tele/plug-1/SENSOR", "payload": {"ENERGY": {"Total": 1.5}}},
        {"topic": "shelly-1/status/em:0", "payload": {"a_voltage": 230}},
        {"topic": "shelly-1/status/em1:0", "payload": {"voltage": 230}},
        {"topic": "shelly-1/events/rpc", "payload": {"method": "NotifyStatus", "params": {"em:0": {"a_voltage": 230}}}},
        {"topic": "zigbee2mqtt/plug-1", "payload": {"power": 1}},
        {"topic": "neuron/app/plc-1/fast", "payload": {"node": "plc-1", "values": {"ph": 7}}},
    ]
    profiles = [result["profile"] for result in desk.decode(messages)]
    assert profiles == [
        *("tasmota-energy", "shelly-gen2-em", "shelly-gen2-channel"),
        *("shelly-gen2-rpc", "zigbee2mqtt-plug", "neuron-plc"),
    ]
