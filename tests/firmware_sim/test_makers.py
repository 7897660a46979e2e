"""Fleets of makes: what a device was given to say is what its profile reads."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from firmware_sim.arguments import SERVER_NAMES
from firmware_sim.cli import main
from firmware_sim.compare import compare
from firmware_sim.maker_firmware import MakerFirmware
from firmware_sim.maker_fleet import build_maker_fleet
from firmware_sim.makers.table import MAKERS, encoder
from firmware_sim.query import StoredPoint
from firmware_sim.wire.lorawan import SERVERS
from firmware_sim.wire.senml import FORMS
from gateway.ingest.codecs.process import SyncCodecs
from gateway.support.config.bundled_profiles import names
from schemas.scenario import Scenario
from tests.firmware_sim.makers_in_core import as_row, came_of, core_of, must_stand, readings, shipped_codecs

INTERVAL_S = 977.0
"""Not a divisor of the hour, so that readings fall on all minutes of it."""
FEW = 10
MANY = 200
ON_THE_WAY = Scenario.model_validate(
    {"about": "x", "faults": dict.fromkeys(("duplicate", "retransmit", "reorder", "delay", "drop"), 0.12)}
)
DEVICES = 5
"""So many devices of a make, each with so many readings."""


@pytest.fixture
def codecs() -> Iterator[SyncCodecs]:
    with shipped_codecs() as calls:
        yield calls


def said_of(profile: str, form: str, codecs: SyncCodecs, change: Mapping[str, str] | None = None) -> list[list[dict[str, Any]]]:
    """The points of three readings of a device whose messages have a form."""
    fleet = build_maker_fleet({profile: 1}, [form], INTERVAL_S, 1)
    core = core_of(fleet, INTERVAL_S, codecs, change)
    return [[as_row(point) for point in came_of(core, message, now_ms)] for now_ms, message in readings(fleet, 3, INTERVAL_S)]


def stands_as_it_was_given(profile: str, number: int, codecs: SyncCodecs) -> None:
    fleet = build_maker_fleet({profile: DEVICES}, [], INTERVAL_S, 1)
    core = core_of(fleet, INTERVAL_S, codecs)
    sent = list(readings(fleet, number, INTERVAL_S))
    for now_ms, message in sent:
        came = sorted((as_row(point) for point in came_of(core, message, now_ms)), key=repr)
        assert came == must_stand(message, now_ms), message.payload
    if MAKERS[profile].clock_ms:
        assert len({(message.topic, message.payload) for _, message in sent}) == len(sent)


def test_every_shipped_profile_has_an_encoder() -> None:
    assert MAKERS.keys() == names(), "a profile needs an encoder in the table of firmware_sim/makers/table.py"
    assert encoder("unheard-of") is None


@pytest.mark.parametrize("profile", MAKERS)
def test_what_an_encoder_was_given_is_what_its_profile_decodes(profile: str, codecs: SyncCodecs) -> None:
    stands_as_it_was_given(profile, FEW, codecs)


@pytest.mark.slow
@pytest.mark.parametrize("profile", MAKERS)
def test_a_thousand_readings_are_decoded_as_they_were_given(profile: str, codecs: SyncCodecs) -> None:
    stands_as_it_was_given(profile, MANY, codecs)


@pytest.mark.parametrize("profile", [profile for profile, maker in MAKERS.items() if maker.is_lorawan])
def test_all_five_network_servers_say_the_same_of_a_frame(profile: str, codecs: SyncCodecs) -> None:
    first, *others = [said_of(profile, server, codecs) for server in SERVERS]
    assert all(first)
    assert len(others) == 4
    assert all(other == first for other in others)


def test_a_pack_in_cbor_says_what_it_says_in_json(codecs: SyncCodecs) -> None:
    in_json, in_cbor = [said_of("senml-water", form, codecs, {"decode": f"senml_{form}"}) for form in FORMS]
    assert all(in_json)
    assert in_cbor == in_json


@pytest.mark.parametrize("profile", MAKERS)
def test_messages_that_are_lost_late_or_repeated_leave_an_account_that_holds(profile: str, codecs: SyncCodecs) -> None:
    fleet = build_maker_fleet({profile: 2}, [], INTERVAL_S, 1)
    core = core_of(fleet, INTERVAL_S, codecs)
    rows: list[dict[str, Any]] = []
    stored: dict[object, tuple[str, StoredPoint]] = {}
    for now_ms, message in readings(fleet, 20, INTERVAL_S, ON_THE_WAY):
        rows += [json.loads(row) | {"at": now_ms} for row in message.rows]
        for point in came_of(core, message, now_ms):
            key = (point.measurement, point.time_ms, *point.tags.items())
            stored[key] = (point.measurement, StoredPoint(point.tags, point.time_ms, point.fields))
    for measurement in {row["m"] for row in rows}:
        points = [point for name, point in stored.values() if name == measurement]
        found = compare(measurement, [row for row in rows if row["m"] == measurement], points, (), 60_000)
        assert found.findings == []
    assert profile == "sparkplug-power" or any("dup" in row for row in rows) or not MAKERS[profile].clock_ms


def test_the_command_line_knows_all_network_servers() -> None:
    assert tuple(SERVERS) == SERVER_NAMES


@pytest.mark.parametrize(
    ("profile", "sentence"),
    [
        pytest.param("axioma=2", "did you mean axioma-w1?", id="unknown"),
        pytest.param("nothing-like-it", "firmware-sim profiles lists", id="nothing near"),
        pytest.param("axioma-w1=many", "'many' is not a number from 1 to 100000", id="no number"),
        pytest.param("axioma-w1=0", "'0' is not a number from 1 to 100000", id="none"),
        pytest.param("kamstrup-lorawan=2", "steps of 60 s", id="its clock is too coarse"),
    ],
)
def test_a_fleet_that_cannot_be_is_refused_with_a_sentence(
    profile: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--profile", profile]) == 2
    assert sentence in capsys.readouterr().err


def test_beside_makes_only_those_devices_are_simulated_that_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["registry", "--profile", "axioma-w1=2", "--profile", "milesight-em300-di"]) == 0
    devices = yaml.safe_load(capsys.readouterr().out)["devices"]
    assert [device["profile"] for device in devices] == ["axioma-w1", "axioma-w1", "milesight-em300-di"]
    assert devices[2]["params"] == {"pulse_weight": 10}
    assert len({device["source"] for device in devices}) == 3
    assert main(["registry", "--profile", "axioma-w1=2", "--water", "1"]) == 0
    assert len(yaml.safe_load(capsys.readouterr().out)["devices"]) == 2 + 1


def test_the_list_of_encoders_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(MAKERS)


def test_an_edge_node_begins_with_births_and_again_when_it_is_asked() -> None:
    (device,) = build_maker_fleet({"sparkplug-power": 1}, [], INTERVAL_S, 1)
    assert device.identity is not None
    firmware = MakerFirmware(device, device.identity, 1)
    verbs = []
    for number in range(5):
        if number == 3:
            firmware.be_born()
        verbs.append([message.topic.split("/")[2] for message in firmware.measure(float(number), 1_793_491_200_000 + number)])
    assert verbs == [["NBIRTH", "DBIRTH"], ["DDATA"], ["DDATA"], ["NBIRTH", "DBIRTH"], ["DDATA"]]


def test_the_same_seed_gives_the_same_payloads() -> None:
    counts = dict.fromkeys(MAKERS, 1)
    first, again, other = (
        [message.payload for _, message in readings(build_maker_fleet(counts, [], INTERVAL_S, seed), 3, INTERVAL_S)]
        for seed in (1, 1, 2)
    )
    assert again == first
    assert other != first
