"""The catalog: the registry, the utility's profiles, the bundled ones that are named, and the topic filters to subscribe."""

import pytest
from mqtt5 import RetainHandling

from gateway.ingest.catalog import Catalog, load_catalog, state_topics, topic_filters
from gateway.support.config.files import ConfigurationFault
from schemas.quantities import DOMAINS
from tests.site import CODEC, OUR_ENVELOPE, OWN, RADIO, Site

ALWAYS, ONCE = RetainHandling.SEND_ALWAYS, RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS
NATIVE = {"iot/v1/+/+/+/readings": ONCE, "iot/v1/+/+/+/status": ALWAYS}
SERVERS = {
    "application/+/device/+/event/+": ONCE,
    "application/+/device/+/rx": ONCE,
    "mqtt/things/+/uplink": ONCE,
    "v3/+/devices/+/up": ONCE,
}
"""Where network servers publish usually."""


def known(site: Site, also: str | None = None, *, all_shipped: bool = False) -> Catalog:
    """Load the catalog."""
    return load_catalog(site.config, also=also, all_shipped=all_shipped)


def filters(site: Site) -> dict[str, RetainHandling]:
    """Return the topic filters to subscribe."""
    return topic_filters(site.config, known(site))


def faults(site: Site, also: str | None = None) -> list[str]:
    """Return the faults, without the folder."""
    with pytest.raises(ConfigurationFault) as fault:
        known(site, also)
    return [line.replace(f"{site.folder}/", "") for line in fault.value.lines]


# Active profiles.


def test_without_profiles_devices_and_names_nothing_is_loaded(site: Site) -> None:
    (site.folder / "profiles").rmdir()
    assert (known(site).files, filters(site)) == ({}, NATIVE)


@pytest.mark.parametrize(
    ("enable", "device", "active_profiles"),
    [
        pytest.param([], None, set(), id="none-by-itself"),
        pytest.param(["tasmota-energy", "axioma-w1"], None, {"tasmota-energy", "axioma-w1"}, id="enabled"),
        pytest.param([], {"profile": "axioma-w1"}, {"axioma-w1"}, id="named-by-a-device"),
        pytest.param([], {"model": "Qalcosonic W1"}, {"axioma-w1"}, id="its-model-named-by-a-device"),
        pytest.param([], {"model": "em500 pp"}, {"milesight-em500-pp"}, id="the-model-in-another-writing"),
        pytest.param([], {"model": "Milesight EM500-PP"}, {"milesight-em500-pp"}, id="the-model-as-its-profile-is-called"),
        pytest.param([], {"profile": "EM500-PP"}, {"milesight-em500-pp"}, id="a-model-in-place-of-the-profile"),
        pytest.param([], {"model": "nobody's"}, set(), id="a-model-nobody-serves"),
        pytest.param([], {"profile": "axioma-w1", "model": "EM500-PP"}, {"axioma-w1"}, id="the-profile-before-the-model"),
    ],
)
def test_a_shipped_profile_is_in_force_when_it_is_named(
    site: Site, enable: list[str], device: dict[str, str] | None, active_profiles: set[str]
) -> None:
    site.sections["profiles"]["enable"] = enable
    site.devices(*([{"id": "d1", **device}] if device else []))
    found = known(site)
    assert set(found.files) == set(found.profiles.by_name) == active_profiles


def test_the_utilitys_own_profiles_are_always_in_force(site: Site) -> None:
    site.profile("pump")
    site.profile("well")
    assert set(known(site).files) == {"pump", "well"}


def test_a_device_is_found_by_its_eui_in_any_writing(site: Site) -> None:
    site.devices({"id": "24-E1-24-12-6A-14-84-01", "profile": "axioma-w1"})
    assert set(known(site).devices) == {"24-E1-24-12-6A-14-84-01", "24e124126a148401"}


def test_the_codecs_of_the_profiles_in_force_are_known_by_their_names(site: Site) -> None:
    site.profile("mine", RADIO, mine=CODEC)
    site.sections["profiles"]["enable"] = ["axioma-w1", "tasmota-energy"]
    codecs = known(site).codecs
    assert set(codecs) == {"mine.js", "axioma-w1.js"}
    assert codecs["mine.js"].read_text() == CODEC


@pytest.mark.parametrize("order", [["axioma-w1"], []], ids=["beside-the-shipped-profile", "for-a-command"])
def test_a_codec_of_the_utility_takes_the_place_of_a_shipped_one_of_its_name(site: Site, order: list[str]) -> None:
    site.profile("mine", RADIO.replace("NAME.js", "axioma-w1.js"), **{"axioma-w1": CODEC})
    site.sections["profiles"]["enable"] = order
    assert known(site, all_shipped=not order).codecs["axioma-w1.js"].read_text() == CODEC


def test_a_parameter_that_a_profile_demands_is_missed_by_device(site: Site) -> None:
    text = OWN.replace("{ph: /ph}", "{volume_m3: {path: /n, scale: {param: pulse_weight}}}")
    site.profile("pulses", text)
    site.devices(
        {"id": "m1", "profile": "pulses"},
        {"id": "m2", "profile": "pulses", "params": {"pulse_weight": 0.1}},
        {"id": "m3"},
    )
    assert known(site).without_params() == [
        (("devices", 0, "params", "pulse_weight"), "is missing; profile pulses needs it of m1")
    ]


# For a command: all shipped profiles are asked too.


@pytest.mark.parametrize(
    ("also", "asked"),
    [
        pytest.param("pump", {"pump"}, id="by-name"),
        pytest.param("axioma-w1", {"axioma-w1"}, id="a-shipped-one-by-name"),
        pytest.param("Qalcosonic W1", {"axioma-w1"}, id="by-model"),
    ],
)
def test_only_the_profile_that_is_meant_is_asked(site: Site, also: str, asked: set[str]) -> None:
    site.profile("pump")
    assert set(known(site, also=also).files) == asked


def test_a_profile_may_be_meant_by_its_file_wherever_it_lies(site: Site) -> None:
    """A file beside it is not a profile; the registry names a profile that is not used."""
    site.profile("pump")
    site.devices({"id": "d1", "profile": "pump"})
    for folder in (site.folder, site.folder / "profiles"):
        (folder / "draft.yaml").write_text(OWN.replace("NAME", "draft"))
        assert set(known(site, also=str(folder / "draft.yaml")).files) == {"draft"}
        (folder / "draft.yaml").unlink()


def test_a_draft_that_lies_elsewhere_finds_its_codec_and_its_envelope_beside_it(site: Site) -> None:
    (site.folder / "draft.yaml").write_text(RADIO.replace("envelope: lorawan", "envelope: our").replace("NAME", "draft"))
    (site.folder / "draft.js").write_text(CODEC)
    (site.folder / "envelopes").mkdir()
    (site.folder / "envelopes" / "our.yaml").write_text(OUR_ENVELOPE)
    found = known(site, also=str(site.folder / "draft.yaml"))
    assert found.codecs == {"draft.js": site.folder / "draft.js"}
    assert found.profiles.envelopes is not None
    assert [envelope.name for envelope in found.profiles.envelopes.of("our")] == ["our"]


def test_who_names_a_profile_need_not_register_the_device(site: Site) -> None:
    assert known(site, also="EM500-PP").profiles.by_name["milesight-em500-pp"].by_registry is False
    assert known(site, all_shipped=True).profiles.by_name["milesight-em500-pp"].by_registry


def test_at_a_desk_all_that_is_shipped_is_asked_too(site: Site) -> None:
    site.profile("strips", OWN.replace("own/{device}/NAME", "tele/{device}/SENSOR").replace("own/d/NAME", "tele/d/SENSOR"))
    assert {"strips", "tasmota-energy", "axioma-w1"} <= set(known(site, all_shipped=True).files)


def test_at_a_desk_a_profile_of_the_utility_takes_the_place_of_one_that_would_take_its_messages(site: Site) -> None:
    shipped = known(site, also="tasmota-energy").files["tasmota-energy"].path.read_text(encoding="utf-8")
    site.profile("plugs", shipped.replace("profile: tasmota-energy", "profile: plugs"))
    files = known(site, all_shipped=True).files
    assert "plugs" in files
    assert "tasmota-energy" not in files


# Faults.


@pytest.mark.parametrize(
    ("enable", "device", "fault"),
    [
        pytest.param(
            ["tasmota"], {}, "profiles: profiles.enable: there is no profile tasmota; the profiles are ", id="enabled"
        ),
        pytest.param(
            [],
            {"profile": "axioma"},
            "devices.yaml: devices.0.profile: there is no profile axioma; did you mean axioma-w1? (line ",
            id="registry",
        ),
        pytest.param([], {"profil": "axioma-w1"}, "devices.yaml: devices.0.profil: there is no such key (line ", id="key"),
    ],
)
def test_a_name_that_is_none_is_told_with_file_and_key(
    site: Site, enable: list[str], device: dict[str, str], fault: str
) -> None:
    site.sections["profiles"]["enable"] = enable
    site.devices({"id": "d1", **device})
    (line,) = faults(site)
    assert line.startswith(fault)


def test_a_faulty_profile_is_told_although_nobody_names_it(site: Site) -> None:
    site.profile("pump", OWN.replace("ph: /ph", "pH: /ph"))
    (line,) = faults(site)
    assert line.startswith("profiles/pump.yaml: points.0.fields.pH: ")


def test_two_profiles_in_force_that_take_the_same_messages_are_told(site: Site) -> None:
    site.profile("a", OWN.replace("{device}/NAME", "{device}/x"))
    site.profile("b", OWN.replace("{device}/NAME", "{meter}/x").replace("points:", "device: {topic: meter}\npoints:"))
    (line,) = faults(site)
    assert line.startswith("profiles/b.yaml: match: takes the same messages as ")
    assert set(known(site, also="a").files) == {"a"}


def test_a_profile_that_is_not_there_is_told_with_those_that_are(site: Site) -> None:
    (line,) = faults(site, also="nobody")
    assert line.startswith("--profile: there is no profile nobody; the profiles are axioma-w1, ")


# Subscriptions.

STATUS = """
profile: NAME
match: {topic: "own/{device}/NAME"}
points: [{measurement: water, fields: {ph: /ph}}]
status: [{topic: "own/{device}/online"}]
tests: [{topic: own/d/NAME, payload: {ph: 7}, expect: [{measurement: water, time: arrival, fields: {ph: 7}}]}]
"""


def test_profiles_subscribe_their_topics_and_states_always_come(site: Site) -> None:
    site.profile("pump", STATUS)
    assert filters(site) == {**NATIVE, "own/+/pump": ONCE, "own/+/online": ALWAYS}


def test_a_topic_of_data_that_is_also_one_of_states_always_comes(site: Site) -> None:
    site.profile("online", STATUS)
    assert filters(site) == {**NATIVE, "own/+/online": ALWAYS}


def test_radio_devices_are_heard_where_network_servers_publish(site: Site) -> None:
    site.sections["profiles"]["enable"] = ["axioma-w1"]
    assert filters(site) == {**NATIVE, **SERVERS}


def test_a_radio_profile_with_topics_of_its_own_subscribes_only_these(site: Site) -> None:
    site.profile("mine", RADIO.replace("envelope: lorawan", "envelope: lorawan, topic: 'lns/{dev_eui}/up'"), mine=CODEC)
    assert filters(site) == {**NATIVE, "lns/+/up": ONCE}


def test_an_envelope_of_the_utility_brings_its_topics(site: Site) -> None:
    (site.folder / "profiles" / "our.yaml").write_text(OUR_ENVELOPE)
    site.profile("mine", RADIO.replace("envelope: lorawan", "envelope: our"), mine=CODEC)
    assert filters(site) == {**NATIVE, "our/+/up": ONCE}


def test_sparkplug_is_subscribed_whole(site: Site) -> None:
    """Data means nothing without births, and deaths tell of devices; the topics of the profile lie within."""
    site.sections["profiles"]["enable"] = ["sparkplug-power"]
    assert filters(site) == {**NATIVE, "spBv1.0/#": ALWAYS}


def test_a_filter_that_another_covers_is_left_out(site: Site) -> None:
    """A broker would deliver twice."""
    site.sections["mqtt"]["subscriptions"] = ["iot/v1/+/+/+/readings", "iot/v1/#", "own/#"]
    site.profile("pump")
    assert filters(site) == {"iot/v1/#": ONCE, "own/#": ONCE}


def test_filters_that_only_overlap_stay_both(site: Site) -> None:
    site.sections["mqtt"]["subscriptions"] = ["own/+", "own/#", "other/+/x", "other/y/+"]
    assert set(filters(site)) == {"own/#", "other/+/x", "other/y/+"}


def test_sparkplug_groups_that_the_configuration_names_take_the_place_of_all(site: Site) -> None:
    site.sections["profiles"]["enable"] = ["sparkplug-power"]
    site.sections["mqtt"] = {"subscriptions": ["spBv1.0/north/#"]}
    assert filters(site) == {"spBv1.0/north/#": ALWAYS}


# States, which RabbitMQ does not give to a wildcard.


def states(site: Site, shares: str | None) -> list[str]:
    """The topics of states that the gateway asks for by name."""
    site.sections["mqtt"] = {"client_id": "gateway-1"}
    if shares is not None:
        (site.folder / "shares.yaml").write_text(f"gateways: [gateway-1, gateway-2]\nshares: {shares}\n")
        site.sections["mqtt"]["shares"] = "shares.yaml"
    return state_topics(site.config, known(site))


def test_the_state_of_each_native_device_of_the_gateways_own_shares_is_asked_for_by_name(site: Site) -> None:
    site.devices(
        {"id": "m1", "site": "q1", "domain": "water"},
        {"id": "m2", "site": "q2", "domain": "water", "source": "meter-2"},
        {"id": "m3", "site": "q2", "domain": "power"},
        {"id": "m4", "site": "q3", "domain": "water"},
        {"id": "m5", "site": "q1", "domain": "water", "model": "Qalcosonic W1"},
        {"id": "m6"},
    )
    mine = "[{site: q1, gateway: gateway-1}, {site: q2, domain: water, gateway: gateway-1}, {site: q3, gateway: gateway-2}]"
    assert states(site, mine) == ["iot/v1/q1/water/m1/status", "iot/v1/q2/water/meter-2/status"]
    assert states(site, None) == [], "a gateway that reads all has them by its wildcard"


def test_the_state_of_a_device_of_no_domain_is_asked_for_in_each(site: Site) -> None:
    site.devices({"id": "m1", "site": "q1"})
    found = states(site, "[{site: q1, gateway: gateway-1}]")
    assert found == [f"iot/v1/q1/{domain}/m1/status" for domain in DOMAINS]
