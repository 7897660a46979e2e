"""Encoders of makes against the published frames that stand as tests inside the profiles."""

import json
from base64 import b64decode
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from firmware_sim.makers.reading import MakerReading
from firmware_sim.makers.sparkplug import node_birth
from firmware_sim.makers.table import MAKERS
from firmware_sim.wire.obis import crc16
from firmware_sim.wire.sparkplug_b import FLOAT, INT32, UINT64, SparkplugMetric, sparkplug_payload
from schemas.profile_tests import ExpectedPoint, ProfileTest
from schemas.quantities import HEALTH
from tests.firmware_sim.makers_in_core import shipped
from tests.rows import each_row

HISTORIC = 8
WHOLE = slice(None)
FREE = {"name", "linkquality", "last_seen", "id", "b_pf"}
"""Keys of documents whose values the points do not tell; of a power factor they have no sign."""


class Published(NamedTuple):
    """A test inside a profile whose frame follows from its expected points.

    :ivar more: what the points do not tell.
    :ivar ours: the part of our frame that must be.
    :ivar theirs: this part of the published one.
    """

    profile: str
    test: str
    more: dict[str, Any] = {}  # noqa: RUF012 - never changed
    ours: slice = WHOLE
    theirs: slice = WHOLE


def milliseconds(text: str | int) -> int:
    return text if isinstance(text, int) else round(datetime.fromisoformat(text).timestamp() * 1000)


def published(profile: str, name: str) -> ProfileTest:
    (test,) = [test for test in shipped().profiles[profile].model.tests if test.name == name]
    return test


def reading_of(test: ProfileTest, **more: Any) -> MakerReading:  # noqa: ANN401 - as in MakerReading
    """The reading that gave a frame, from the points it must become."""
    message = test.sequence()[0]
    assert message.expect is not None or test.expect is not None
    points: list[ExpectedPoint] = (message.expect or test.expect).points  # type: ignore[union-attr]
    body = message.payload if isinstance(message.payload, dict) else {}
    told = [point.time for point in points if point.measurement != HEALTH and point.time not in {None, "arrival"}]
    heard = body.get("time") or message.arrival or (told[0] if told else 0)
    values: dict[str, Any] = {}
    health: dict[str, Any] = {}
    for number, point in enumerate(points):
        if number and point.quality == HISTORIC:  # of the log behind the reading
            continue
        (health if point.measurement == HEALTH else values).update(point.fields)
    given: dict[str, Any] = {
        "name": body.get("deviceInfo", {}).get("devEui") or points[0].device or message.topic.split("/")[1],
        "values": values,
        "health": health,
        "time_ms": milliseconds(told[0] if told else heard),
        "heard_ms": milliseconds(heard),
        "counter": body.get("fCnt", 0),
        "tags": points[0].tags,
        "params": {**test.params},
        "rssi_dbm": health.get("rssi_dbm", -97),
    }
    return MakerReading(**{**given, **more})


FRAMES = (
    Published("arad-sonata", "what the maker's codec gives, decoded by the network server"),
    Published("axioma-w1", "extended with temperature: a burst, no register, no log; the clock is set to local time"),
    Published("bmeters-iwm", "no alarm"),
    Published("bmeters-iwm", "half a degree of frost"),
    Published("bosch-parking", "a vehicle has come"),
    Published("bosch-parking", "a heartbeat of an empty space on a cold day", {"health": {"enclosure_temperature_c": -5}}),
    Published("decentlab-dl-ctd10", "water near freezing", {"name": "70b3d5126a142711"}),
    Published("decentlab-dl-pr36", "a device with another pressure range", {"name": "70b3d5126a14032b"}),
    # behind another header of M-Bus; the temperatures of its end have no value
    Published(
        "kamstrup-lorawan",
        "the log of midnight by Vietnam's time, a leak, no temperature",
        ours=slice(1, None),
        theirs=slice(5, -6),
    ),
    Published("milesight-ct101", "a current, and bytes behind it that mean nothing", theirs=slice(4)),
    Published("milesight-em300-di", "pulses of 10 litres, with a record of the afternoon before", theirs=slice(16)),
    Published("milesight-em500-pp", "a pressure and the battery"),
    Published("milesight-em500-pp", "suction is a negative pressure"),
    Published("milesight-em500-swl", "a level and the battery"),
    Published(
        "milesight-vs133",
        "totals of two lines",
        {"values": {"people_in_total": 1000, "people_out_total": 999}},
        theirs=slice(12),
    ),
    Published("milesight-ws523", "all that the meter knows"),
    Published("yobiiq-em4301", "registers of two tariffs, of a quarter of an hour ago", {"counter": 0}),
    # of a current and a power factor the profile keeps no sign
    Published(
        "yobiiq-em4301",
        "voltages, currents, frequency; a current that flows back",
        {"counter": 1},
        slice(36),
        slice(36),
    ),
    Published("yobiiq-em4301", "powers, fed back in one phase", {"counter": 2}, slice(-3), slice(-3)),
)


@each_row("frame", [pytest.param(frame, id=f"{frame.profile}: {frame.test}") for frame in FRAMES])
def test_the_bytes_of_a_frame_are_the_published_ones(frame: Published) -> None:
    test = published(frame.profile, frame.test)
    (message,) = MAKERS[frame.profile].encode(reading_of(test, **frame.more))
    ours, theirs = (b64decode(payload["data"]) for payload in (json.loads(message.payload), test.payload))
    assert ours[frame.ours].hex() == theirs[frame.theirs].hex()


DOCUMENTS = (
    ("ams-han", "list 3, the registers", 9),
    ("neuron-plc", "values-format; one tag could not be read", 5),
    ("shelly-gen2-channel", "a switch with a meter", 5),
    ("shelly-gen2-em", "three phases, the neutral not measured", 17),
    ("shelly-gen2-emdata", "watt hours", 2),
    ("tasmota-energy", "one circuit, its clock right", 11),
    ("tasmota-energy", "three phases, one register", 10),
    ("wmbusmeters-electricity", "three phases, feeding in", 8),
    ("wmbusmeters-water", "a meter that tells all", 5),
    ("zigbee2mqtt-plug", "everything", 5),
    ("zigbee2mqtt-sensor", "air", 5),
    ("zigbee2mqtt-sensor", "water on the floor of a pump house", 5),
)


def common(ours: Any, theirs: Any) -> tuple[Any, Any, int]:  # noqa: ANN401 - whatever JSON holds
    """The parts of two documents under the same keys, and how many values they have."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        parts = {key: common(ours[key], theirs[key]) for key in (ours.keys() & theirs.keys()) - FREE}
        count = sum(number for _, _, number in parts.values())
        return {key: part for key, (part, _, _) in parts.items()}, {key: part for key, (_, part, _) in parts.items()}, count
    return ours, theirs, len(ours) if isinstance(ours, list) else 1


@each_row(("profile", "name", "values"), DOCUMENTS)
def test_the_values_of_a_document_are_the_published_ones(profile: str, name: str, values: int) -> None:
    test = published(profile, name)
    (message,) = MAKERS[profile].encode(reading_of(test))
    ours, theirs, count = common(json.loads(message.payload), test.sequence()[0].payload)
    assert ours == theirs
    assert count >= values, "the published document has the same keys"


TOPICS: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("shelly-gen1", "the power of the second relay", {"energy_import_kwh": 1.5, "relay_on": False}),
    ("shelly-gen1", "its energy, 90,000 watt-minutes", {"active_power_w": 0.0, "relay_on": False}),
    ("shelly-gen1", "the relay opened", {"active_power_w": 0.0, "energy_import_kwh": 1.5}),
    ("shelly-gen1-sensor", "H&T", {}),
    ("shelly-gen1-3em", "its register", {"energy_import_kwh": 3601.5}),
)


@pytest.mark.parametrize(("profile", "name", "values"), TOPICS)
def test_a_value_of_a_topic_is_written_as_published(profile: str, name: str, values: dict[str, float]) -> None:
    test = published(profile, name)
    for message in test.sequence():
        one = ProfileTest.model_validate(
            {"topic": message.topic, "text": message.text, "expect": message.expect or test.expect, "arrival": 0}
        )
        told = reading_of(one, heard_ms=0, time_ms=0)
        reading = replace(told, values=told.values | values)
        written = {sent.topic: sent.payload.decode() for sent in MAKERS[profile].encode(reading)}
        assert written[message.topic.replace("/relay/1", "/relay/0")] == message.text


def test_births_and_data_of_an_edge_node_are_the_published_bytes() -> None:
    messages = published("sparkplug-power", "births, data by alias, a flush from the node's memory").sequence()
    birth_ms, data_ms = 1_788_422_390_000, 1_788_422_400_000
    metrics = [
        SparkplugMetric(FLOAT, 231.5, birth_ms, "Voltage/L1", 1),
        SparkplugMetric(INT32, 4200, birth_ms, "Power/Active", 2),
        SparkplugMetric(UINT64, 7_654_321, birth_ms, "Energy/Import", 3),
    ]
    assert node_birth(birth_ms) == messages[0].body()
    assert sparkplug_payload(birth_ms, metrics, 1) == messages[1].body()
    assert sparkplug_payload(data_ms, [SparkplugMetric(INT32, -350, data_ms, alias=2)], 2) == messages[2].body()


def test_lines_and_checksum_of_a_telegram_are_the_published_ones() -> None:
    test = published("dsmr-p1", "DSMR 5, two tariffs, feeding in")
    theirs = test.body().decode().replace("\r\n", "\n").replace("\n", "\r\n")
    (message,) = MAKERS["dsmr-p1"].encode(reading_of(test))
    ours = message.payload.decode().split("\r\n")
    assert set(ours[:-2]) <= set(theirs.split("\r\n"))
    body, _, checksum = theirs.partition("!")
    assert f"{crc16(f'{body}!'.encode()):04X}" == checksum.strip()


SENML: tuple[tuple[str, str, dict[str, Any], list[int]], ...] = (
    ("senml-water", "a pack of one meter", {}, [3, 4]),
    (
        "senml-traffic",
        "two lanes of one interval; m/s and a ratio become km/h and percent",
        {"values": {"vehicle_count": 12, "interval_s": 60}, "tags": {"lane": "1"}},
        [0, 1],
    ),
)


@pytest.mark.parametrize(("profile", "name", "more", "records"), SENML)
def test_records_of_a_senml_pack_are_the_published_ones(
    profile: str, name: str, more: dict[str, Any], records: list[int]
) -> None:
    """Those whose unit is ours; the names of devices are free."""
    test = published(profile, name)
    (message,) = MAKERS[profile].encode(reading_of(test, **more))
    ours = json.loads(message.payload)
    assert ours[0]["bt"] == test.payload[0]["bt"]
    without_base = [{key: value for key, value in record.items() if key not in {"bn", "bt"}} for record in ours]
    for number in records:
        theirs = {key: value for key, value in test.payload[number].items() if key not in {"bn", "bt"}}
        assert theirs in without_base


def test_a_report_of_telraam_has_the_published_form() -> None:
    test = published("telraam", "an hour of a street")
    values = {"vehicle_count": 140, "interval_s": 3600, "speed_p85_km_h": 38.5}
    tags = {"vehicle_class": "car", "direction": "in"}
    (message,) = MAKERS["telraam"].encode(reading_of(test, values=values, tags=tags))
    (ours,), (theirs,) = json.loads(message.payload)["report"], test.payload["report"]
    for key in ("date", "interval", "car_lft", "v85", "timezone"):
        assert ours[key] == theirs[key]


def test_a_notification_of_shelly_has_the_published_form() -> None:
    test = published("shelly-gen2-rpc", "registers and channels in one notification")
    (message,) = MAKERS["shelly-gen2-rpc"].encode(reading_of(test, values={"energy_import_kwh": 2.5, "energy_export_kwh": 0}))
    ours, theirs = json.loads(message.payload)["params"], test.payload["params"]
    assert (ours["ts"], ours["emdata:0"]) == (theirs["ts"], theirs["emdata:0"])


def test_no_make_is_without_a_published_frame() -> None:
    tables = {frame.profile for frame in FRAMES} | {row[0] for row in (*DOCUMENTS, *TOPICS, *SENML)}
    assert MAKERS.keys() - tables == {"dsmr-p1", "shelly-gen2-rpc", "sparkplug-power", "telraam"}, (
        "a message as the maker published it stands in FRAMES or another table of this file; these have tests of their own"
    )
