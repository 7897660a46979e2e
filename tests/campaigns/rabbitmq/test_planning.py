"""Shares from a registry, and the command that sets RabbitMQ up: without a broker."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.admin.broker.share_planning import SharesPlan, client_ids, plan, shares_text
from gateway.core.gateways.sharing import Share
from gateway.support.registry.shares import SharesFile, load_shares
from schemas.registry import RegisteredDevice
from tests.campaigns.rabbitmq.province import register, setup

TWO = ["gateway-1", "gateway-2"]


def device(name: str, site: str | None, domain: str = "water", interval_min: int = 15) -> RegisteredDevice:
    return RegisteredDevice(id=name, site=site, domain=domain, interval=timedelta(minutes=interval_min))  # type: ignore[arg-type]


def planned(*devices: RegisteredDevice, others: list[Share] | None = None) -> SharesPlan:
    return plan(devices, TWO, others or [], lambda one: one.model is not None)


def test_a_site_weighs_what_its_devices_send_in_an_hour() -> None:
    found = planned(
        *(device(f"{site}{n}", site, interval_min=minutes) for site, minutes in (("a", 15), ("b", 5)) for n in range(2))
    )
    assert {(share.site, share.domain): share.weight for share in found.shares} == {("a", "water"): 8, ("b", "water"): 24}


def test_sites_that_can_be_shared_out_evenly_stay_whole() -> None:
    found = planned(
        *(device(f"{site}-{domain}", f"ward-{site}", domain) for site in range(20) for domain in ("water", "power"))
    )
    assert found.is_even
    assert [share.domain for share in found.shares] == [None] * 20


def test_a_site_too_large_for_one_gateway_is_split_by_domain_and_the_small_ones_stay_whole() -> None:
    city = [device(f"{domain}{n}", "city", domain) for domain in ("water", "power", "traffic", "urban") for n in range(20)]
    wards = [device(f"w{n}-{domain}", f"ward-{n}", domain) for n in range(5) for domain in ("water", "power")]
    found = planned(*city, *wards)
    assert found.is_even
    assert {share.site: share.domain for share in found.shares if share.domain is None} == {f"ward-{n}": None for n in range(5)}
    assert [share.domain for share in found.shares if share.site == "city"] == ["water", "power", "traffic", "urban"]


def test_topics_and_groups_weigh_as_much_as_a_usual_site() -> None:
    found = planned(
        *(device(f"{n}", f"ward-{n}") for n in range(10)), others=[Share(topic="application/7/#"), Share(group="g")]
    )
    assert [share.weight for share in found.shares[-2:]] == [4, 4]


def test_devices_of_a_profile_or_without_a_site_make_no_share_and_are_counted() -> None:
    profiled = RegisteredDevice(id="p", site="ward-9", domain="water", model="W1")
    found = planned(device("a", "ward-1"), device("b", None), profiled)
    assert {share.site for share in found.shares} == {"ward-1"}
    assert found.profiled == 1


def test_the_written_file_is_read_as_it_was_planned(tmp_path: Path) -> None:
    others = [Share(topic="application/7/#"), Share(group="true")]
    found = planned(*(device(f"{n}", f"ward-{n}", interval_min=n + 1) for n in range(8)), others=others)
    path = tmp_path / "shares.yaml"
    path.write_text(shares_text(found, "{url: 'http://127.0.0.1:15672', username: w, password_file: f}"))
    read = load_shares(path)
    assert [(one.site, one.domain, one.topic, one.group) for one in read.shares] == [
        (one.site, one.domain, one.topic, one.group) for one in found.shares
    ]
    assert [one.weight for one in read.shares] == pytest.approx([one.weight for one in found.shares], rel=1e-3)
    assert (read.gateways, read.management is not None) == (TWO, True)


def test_client_ids_end_alike_in_what_nobody_can_guess_and_those_that_are_there_stay() -> None:
    assert client_ids(2, "4c7f0e92ab") == ["gateway-1-4c7f0e92ab", "gateway-2-4c7f0e92ab"]
    three = ["gateway-1-4c7f0e92ab", "gateway-3-4c7f0e92ab"]
    assert client_ids(4, "0123456789", three) == [*three, "gateway-2-4c7f0e92ab", "gateway-4-4c7f0e92ab"]
    assert client_ids(1, "0123456789", three) == three[:1]
    assert client_ids(2, "0123456789", ["gateway-1"]) == ["gateway-1", "gateway-1-0123456789"]


def test_a_gateway_is_found_by_the_beginning_of_its_client_id() -> None:
    names = ("gateway-1-4c7f0e92ab", "gateway-10-4c7f0e92ab")
    shares = SharesFile(names, [], leaving=("gateway-2-4c7f0e92ab",))
    assert [shares.gateway_called(name) for name in ("gateway-1", "gateway-10", "gateway-2")] == [*names, *shares.leaving]
    assert [shares.gateway_called(name) for name in ("gateway", "gateway-3", names[0])] == ["gateway", "gateway-3", names[0]]


def test_without_a_registry_there_is_a_file_to_be_filled_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "shares.yaml"
    path.write_text(shares_text(planned(), None))
    assert load_shares(path).shares == []


# The command, without a broker.


def test_the_first_run_needs_a_number_and_a_later_one_keeps_the_file_of_shares(tmp_path: Path) -> None:
    register(tmp_path, ["ward-1", "ward-2"])
    conf = ("--conf", str(tmp_path / "90-gateway.conf"))
    done = setup(tmp_path, *conf)
    assert (done.returncode, done.stderr) == (
        2,
        f"{tmp_path}/shares.yaml: is not there yet; --gateways N says how many share out what comes\n",
    )
    assert setup(tmp_path, *conf, "--gateways", "2", "--dry-run").returncode == 0
    assert not (tmp_path / "shares.yaml").exists()
    assert setup(tmp_path, *conf, "--gateways", "2").returncode == 0
    edited = (tmp_path / "shares.yaml").read_text() + "  - {site: ward-9}\n"
    (tmp_path / "shares.yaml").write_text(edited)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = setup(tmp_path, *conf)
    assert (done.returncode, "shares.yaml: is there, and stays as it is" in done.stdout) == (0, True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    done = setup(tmp_path, *conf, "--gateways", "3")
    first = load_shares(tmp_path / "shares.yaml").gateways
    told = f"gateways: are 2 ({', '.join(first)}), not 3: edit the list there"
    assert (done.returncode, told in done.stderr) == (2, True)
    assert setup(tmp_path, *conf, "--gateways", "3", "--replace", "--yes").returncode == 0
    replaced = load_shares(tmp_path / "shares.yaml").gateways
    assert (len(replaced), replaced[:2]) == (3, first)


def test_no_client_id_of_a_gateway_is_the_same_elsewhere_unless_it_is_named(tmp_path: Path) -> None:
    for number, names in (("1", ()), ("2", ()), ("3", ("--names", "north,south"))):
        register(tmp_path / number, ["ward-1", "ward-2"])
        done = setup(tmp_path / number, "--conf", str(tmp_path / "90.conf"), *(names or ("--gateways", "2")))
        assert done.returncode == 0, done.stderr
    one, other, named = (load_shares(tmp_path / number / "shares.yaml").gateways for number in "123")
    assert {name[:10] for name in (*one, *other)} == {"gateway-1-", "gateway-2-"}
    assert not {*one} & {*other}
    assert named == ["north", "south"]


def test_what_waits_for_a_gateway_that_leaves_is_kept_as_long_as_for_the_others(tmp_path: Path) -> None:
    register(tmp_path, ["ward-1"])
    (tmp_path / "shares.yaml").write_text("gateways: [gateway-1]\nleaving: [gateway-2]\nshares: [{site: ward-1}]\n")
    done = setup(tmp_path, "--conf", str(tmp_path / "90.conf"))
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "secrets" / "rabbitmq-definitions.json").read_text())
    (sessions,) = (one for one in written["policies"] if one["name"] == "gateway-sessions")
    assert sessions["pattern"] == "^mqtt-subscription-(?:gateway-1|gateway-2)qos1$"


def test_client_ids_of_a_file_that_cannot_be_read_are_not_replaced_by_new_ones(tmp_path: Path) -> None:
    register(tmp_path, ["ward-1"])
    (tmp_path / "shares.yaml").write_text("gateways: [")
    done = setup(tmp_path, "--conf", str(tmp_path / "90.conf"), "--gateways", "2", "--replace", "--yes")
    assert (done.returncode, "the client ids there must be kept" in done.stderr) == (2, True)
    assert (tmp_path / "shares.yaml").read_text() == "gateways: ["


def test_devices_whose_names_rabbitmq_takes_apart_are_counted(tmp_path: Path) -> None:
    register(tmp_path, ["ward-1"])
    (tmp_path / "devices.yaml").write_text('devices: [{id: "aa:bb", site: ward-1, domain: water}]\n')
    done = setup(tmp_path, "--conf", str(tmp_path / "90.conf"), "--gateways", "1")
    assert (done.returncode, "1 devices have a colon in their id" in done.stderr) == (0, True)


def test_secrets_are_for_the_owner_and_the_group_and_on_no_screen(tmp_path: Path) -> None:
    register(tmp_path, ["ward-1", "ward-2"])
    done = setup(tmp_path, "--conf", str(tmp_path / "90-gateway.conf"), "--names", "gateway-1,gateway-2")
    secrets = sorted((tmp_path / "secrets").iterdir())
    assert [path.name for path in secrets] == [
        "administration.password",
        "gateway-1.password",
        "gateway-2.password",
        "gateway-watch.password",
        "rabbitmq-definitions.json",
    ]
    assert {path.stat().st_mode & 0o7 for path in secrets} == {0}
    assert not [path for path in secrets if path.read_text().strip() in done.stdout]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--gateways", "0"), "'0' is not a number of gateways from 1 to 64"),
        (("--names", "a b"), "'a b' is no client id"),
        (("--gateways", "2", "--port", "99999"), "'99999' is not a port"),
        (("--gateways", "2", "--apply", "http://guest:guest@127.0.0.1:1"), "--apply: write no user into the address"),
        (("--gateways", "2", "--topic", "a.b/#"), "shares.yaml: shares.2.topic: 'a.b/#' has a dot"),
        (("--gateways", "2", "--apply", "127.0.0.1:15672"), "--apply: '127.0.0.1:15672' is no address"),
        (("--gateways", "2", "--apply", "http://127.0.0.1:1"), "--admin-password-file: name the file"),
        (("--gateways", "2", "--conf", "/proc/none/90.conf"), "/proc/none/90.conf: cannot be written"),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    register(tmp_path, ["ward-1", "ward-2"])
    done = setup(tmp_path, "--conf", str(tmp_path / "90.conf"), *arguments)
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr
