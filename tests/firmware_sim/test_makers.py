"""Fleets of makes: what a device was given to say is what its profile reads."""

import pytest

from firmware_sim.maker_fleet import build_maker_fleet
from firmware_sim.makers.table import MAKERS, encoder
from firmware_sim.wire.lorawan import SERVERS
from firmware_sim.wire.senml import FORMS
from gateway.config.bundled_profiles import names
from tests.firmware_sim.makers_in_core import as_row, came_of, core_of, must_stand, readings

INTERVAL_S = 977.0
"""Not a divisor of the hour, so that readings fall on all minutes of it."""
FEW = 50
MANY = 1000


def test_every_shipped_profile_has_an_encoder() -> None:
    assert MAKERS.keys() == names()
    assert encoder("unheard-of") is None


def _stands_as_it_was_given(profile: str, number: int, form: str = "") -> int:
    """The number of distinct payloads."""
    fleet = build_maker_fleet({profile: 1}, [form], INTERVAL_S, 1)
    payloads = set()
    with core_of(fleet, INTERVAL_S) as core:
        for now_ms, message in readings(fleet, number, INTERVAL_S):
            came = sorted((as_row(point) for point in came_of(core, message, now_ms)), key=repr)
            assert came == must_stand(message, now_ms), message.payload
            payloads.add(message.payload)
    return len(payloads)


@pytest.mark.parametrize("profile", MAKERS)
def test_what_an_encoder_was_given_is_what_its_profile_decodes(profile: str) -> None:
    assert _stands_as_it_was_given(profile, FEW) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("profile", MAKERS)
def test_a_thousand_readings_are_decoded_as_they_were_given(profile: str) -> None:
    _stands_as_it_was_given(profile, MANY)


@pytest.mark.parametrize("profile", [profile for profile, maker in MAKERS.items() if maker.is_lorawan])
def test_all_five_network_servers_say_the_same_of_a_frame(profile: str) -> None:
    said = []
    for server in SERVERS:
        fleet = build_maker_fleet({profile: 1}, [server], INTERVAL_S, 1)
        with core_of(fleet, INTERVAL_S) as core:
            sent = list(readings(fleet, 3, INTERVAL_S))
            said.append([[as_row(point) for point in came_of(core, message, now_ms)] for now_ms, message in sent])
    assert said[0][0]
    assert all(one == said[0] for one in said)


def test_a_pack_in_cbor_says_what_it_says_in_json() -> None:
    said = []
    for form in FORMS:
        fleet = build_maker_fleet({"senml-water": 1}, [form], INTERVAL_S, 1)
        with core_of(fleet, INTERVAL_S, {"decode": f"senml_{form}"}) as core:
            said.append(
                [
                    as_row(point)
                    for now_ms, message in readings(fleet, 3, INTERVAL_S)
                    for point in came_of(core, message, now_ms)
                ]
            )
    assert said[0]
    assert said[0] == said[1]
