"""``shares.yaml``: what it says, what is refused, and what a gateway subscribes to by it."""

from pathlib import Path

import pytest
from mqtt5 import RetainHandling

from gateway.core.gateways.sharing import Share
from gateway.ingest.catalog import load_catalog, state_topics, topic_filters
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Mqtt
from gateway.support.registry.shares import SharesFile, leader_of, load_shares, shares_of
from tests.site import Site

ALWAYS, ONCE = RetainHandling.SEND_ALWAYS, RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS
TWO = "gateways: [gateway-1, gateway-2]\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "shares.yaml"
    path.write_text(text)
    return path


def faults(folder: Path, text: str) -> list[str]:
    """The faults, without the folder."""
    path = written(folder, text)
    with pytest.raises(ConfigurationFault) as fault:
        load_shares(path)
    return [line.replace(f"{folder}/", "") for line in fault.value.lines]


def test_each_kind_of_share_is_read_and_one_without_a_weight_has_the_usual_one(tmp_path: Path) -> None:
    text = (
        TWO + "management: {url: http://127.0.0.1:15672, username: gateway-watch, password_file: management.secret}\n"
        "shares:\n"
        "  - {site: ward-1, weight: 1200}\n"
        "  - {site: ward-2, domain: water, weight: 600}\n"
        '  - {topic: "application/7/#"}\n'
        "  - {group: xa-tan-an}\n"
        "  - {site: ward-9, gateway: gateway-2}\n"
    )
    found = load_shares(written(tmp_path, text))
    assert found.gateways == ["gateway-1", "gateway-2"]
    assert found.shares == [
        Share(site="ward-1", weight=1200),
        Share(site="ward-2", domain="water", weight=600),
        Share(topic="application/7/#", weight=900),
        Share(group="xa-tan-an", weight=900),
        Share(site="ward-9", weight=900, gateway="gateway-2"),
    ]
    assert found.management is not None
    assert found.management.password_file == tmp_path / "management.secret"
    assert found.assigned[found.shares[-1]] == "gateway-2"
    assert sorted(map(repr, [*found.of("gateway-1"), *found.of("gateway-2")])) == sorted(map(repr, found.shares))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("shares: []", "shares.yaml: gateways: is missing (line 1)"),
        (
            TWO + "shares: [{site: a, group: b}]",
            "shares.yaml: shares.0: a share is a site, a group or a topic: write one of them",
        ),
        (TWO + "shares: [{weight: 3}]", "shares.yaml: shares.0: a share is a site, a group or a topic: write one of them"),
        (TWO + "shares: [{topic: a, domain: water}]", "shares.yaml: shares.0: a domain belongs to a site; write both"),
        (TWO + "shares: [{site: a, weight: -1}]", "shares.yaml: shares.0.weight: "),
        (TWO + "shares: [{site: a, gateway: c}]", "shares.yaml: shares.0.gateway: c is not among the gateways"),
        ("gateways: [a, a]\nshares: []", "shares.yaml: gateways.1: a occurs twice"),
        (TWO + "shares: [{site: ward.1}]", "shares.yaml: shares.0.site: 'ward.1' has a dot"),
        (TWO + "shares: [{topic: a.b/c}]", "shares.yaml: shares.0.topic: 'a.b/c' has a dot"),
        (TWO + "shares: [{topic: 'a/#/b'}]", "shares.yaml: shares.0.topic: 'a/#/b' is not a topic filter"),
        (TWO + "shares: [{site: a}, {site: a, domain: water}]", "shares.yaml: shares.1: takes messages of shares.0 too"),
        (TWO + "shares: [{topic: 'iot/#'}, {site: a}]", "shares.yaml: shares.0: takes messages of shares.1 too"),
        (TWO + "shares: [{group: a}, {topic: 'spBv1.0/+/NDATA/#'}]", "shares.yaml: shares.1: takes messages of shares.0 too"),
        (TWO + "shares: [{site: a, wieght: 3}]", "shares.yaml: shares.0.wieght: there is no such key"),
        (
            TWO + "management: {url: 'ftp://a', username: b, password_file: c}\nshares: []",
            "shares.yaml: management.url: 'ftp://a'",
        ),
    ],
)
def test_a_faulty_file_is_refused_by_key_and_sentence(tmp_path: Path, text: str, line: str) -> None:
    found = faults(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith(line)


def test_two_domains_of_a_site_are_two_shares(tmp_path: Path) -> None:
    text = TWO + "shares: [{site: a, domain: water}, {site: a, domain: power}, {topic: 'own/+/up'}, {topic: 'own/+/down'}]"
    assert len(load_shares(written(tmp_path, text)).shares) == 4


def test_a_gateway_that_leaves_runs_without_a_share(site: Site) -> None:
    written(site.folder, TWO + "leaving: [gateway-3]\nshares: [{site: a}, {site: b}]")
    site.sections["mqtt"] = {"shares": "shares.yaml", "client_id": "gateway-3"}
    assert topic_filters(site.config, load_catalog(site.config)) == {"gateway/v1/gateway-3/fence": ONCE}
    assert faults(site.folder, TWO + "leaving: [gateway-2]\nshares: []") == [
        "shares.yaml: leaving.0: gateway-2 is among the gateways too (line 2)"
    ]


def test_a_gateway_subscribes_to_its_own_shares_and_to_nothing_by_wildcard(site: Site) -> None:
    written(
        site.folder,
        TWO + "shares: [{site: a, gateway: gateway-1}, {site: b, gateway: gateway-2}, {group: g, gateway: gateway-1}]",
    )
    site.sections["mqtt"] = {"shares": "shares.yaml", "client_id": "gateway-1"}
    site.profile("pump")
    assert topic_filters(site.config, load_catalog(site.config)) == {
        "iot/v1/a/+/+/readings": ONCE,
        "iot/v1/a/+/+/status": ALWAYS,
        "spBv1.0/g/#": ALWAYS,
        "gateway/v1/gateway-1/fence": ONCE,
    }


@pytest.mark.parametrize(
    ("mqtt", "line"),
    [
        (
            {"client_id": "gateway-3"},
            "shares.yaml: gateways: mqtt.client_id gateway-3 is not among them (gateway-1, gateway-2)",
        ),
        ({"shares": "none.yaml"}, "none.yaml: document: cannot be read: No such file or directory"),
    ],
)
def test_a_gateway_that_the_file_does_not_fit_does_not_start(site: Site, mqtt: dict[str, str], line: str) -> None:
    written(site.folder, TWO + "shares: [{site: a}]")
    site.sections["mqtt"] = {"shares": "shares.yaml", **mqtt}
    with pytest.raises(ConfigurationFault) as fault:
        load_catalog(site.config)
    assert [text.replace(f"{site.folder}/", "").startswith(line) for text in fault.value.lines] == [True]


def test_the_states_of_registered_native_devices_of_its_own_shares_are_asked_for_by_name(site: Site) -> None:
    own = "{site: a, gateway: gateway-1}, {site: b, domain: water, gateway: gateway-1}"
    written(site.folder, f"{TWO}shares: [{own}, {{site: c, gateway: gateway-2}}]")
    site.sections["mqtt"] = {"shares": "shares.yaml", "client_id": "gateway-1"}
    site.profile("pump")
    site.devices(
        {"id": "m1", "site": "a", "domain": "water"},
        {"id": "place-2", "source": "m2", "site": "a", "domain": "power"},
        {"id": "m3", "site": "b"},
        {"id": "of-another-gateway", "site": "c", "domain": "water"},
        {"id": "of-another-domain", "site": "b", "domain": "power"},
        {"id": "read-by-a-profile", "site": "a", "domain": "water", "profile": "pump"},
        {"id": "nowhere", "domain": "water"},
    )
    assert state_topics(site.config, load_catalog(site.config)) == [
        "iot/v1/a/water/m1/status",
        "iot/v1/a/power/m2/status",
        "iot/v1/b/water/m3/status",
    ]
    site.sections["mqtt"] = {}
    assert state_topics(site.config, load_catalog(site.config)) == [], "other brokers answer a wildcard"


def test_a_gateway_is_called_by_the_beginning_of_its_name_if_no_other_begins_alike() -> None:
    found = SharesFile(["ward-1", "ward-2", "hill-1"], [], leaving=["old-1"])
    names = {"hill": "hill-1", "old": "old-1", "ward": "ward", "ward-2": "ward-2", "hil": "hil"}
    assert {name: found.gateway_called(name) for name in names} == names


def test_the_leader_is_who_is_named_else_the_first_of_the_list(tmp_path: Path) -> None:
    found = SharesFile(["b", "a"], [])
    assert leader_of(Mqtt(), None) == ""
    assert leader_of(Mqtt(), found) == "b"
    assert leader_of(Mqtt(share_leader="a"), found) == "a"
    assert shares_of(Mqtt()) is None
    path = written(tmp_path, TWO + "shares: [{site: x}, {site: y, weight: 3}]")
    shares = shares_of(Mqtt(shares=path))
    assert shares is not None
    assert [share.weight for share in shares.shares] == [3, 3]
    assert {*shares.of("gateway-1"), *shares.of("gateway-2")} == {*shares.shares}
