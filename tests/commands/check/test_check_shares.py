"""``gateway check`` of a gateway that shares a province with others: what cannot work is refused, what may be wrong is said."""

from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.site import Site
from tests.system.rig import run_gateway

SHARES = "gateways: [gateway-1, gateway-2]\nshares: [{site: ward-1, weight: 10}, {site: ward-2, domain: water, weight: 10}]\n"


def check(site: Site, *devices: dict[str, Any], text: str = SHARES, **mqtt: str) -> CompletedProcess[str]:
    """``gateway check``."""
    site.devices(*devices)
    (site.folder / "shares.yaml").write_text(text)
    site.sections["mqtt"] = {"shares": "shares.yaml"} | mqtt
    assert site.config
    done = run_gateway("check", "-c", site.folder / "gateway.yaml")
    return CompletedProcess(done.args, done.returncode, done.stdout, done.stderr.replace(f"{site.folder}/", ""))


def meter(name: str, place: str, domain: str = "water", **more: str) -> dict[str, Any]:
    return {"id": name, "site": place, "domain": domain, **more}


def test_what_a_gateway_reads_is_told(site: Site) -> None:
    done = check(site, meter("m1", "ward-1"), meter("m2", "ward-2"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "shares.yaml: gateway-1 has 1 of 2 shares, 50% of the readings" in done.stdout
    assert "  iot/v1/ward-1/+/+/readings" in done.stdout or "  iot/v1/ward-2/water/+/readings" in done.stdout
    assert "iot/v1/+/" not in done.stdout


def test_of_hundreds_of_topic_filters_the_first_are_shown(site: Site) -> None:
    sites = ", ".join(f"{{site: ward-{number}}}" for number in range(200))
    done = check(site, text=f"gateways: [gateway-1]\nshares: [{sites}]\n")
    assert done.stdout.count("  iot/v1/ward-") == 50
    assert "  ... and 35" in done.stdout  # 350, and what the gateway hears itself


@pytest.mark.parametrize(
    ("device", "line"),
    [
        (meter("m2", "ward-3"), "devices.yaml: devices.1.site: ward-3 (water) is in no share: no gateway reads it"),
        (meter("m2", "ward-2", "power"), "devices.yaml: devices.1.site: ward-2 (power) is in no share: no gateway reads it"),
        (meter("m2", "ward.1"), "devices.yaml: devices.1.site: 'ward.1' has a dot, which is a level of its own in RabbitMQ"),
        (meter("m.2", "ward-1"), "devices.yaml: devices.1.id: 'm.2' has a dot"),
        (
            meter("gateway-2", "ward-1"),
            "devices.yaml: devices.1.id: gateway-2 is a gateway: at the broker the device could be it",
        ),
        (meter("m2", "ward-1", source="a.b"), "devices.yaml: devices.1.source: 'a.b' has a dot"),
    ],
)
def test_a_device_that_no_gateway_would_hear_is_a_fault(site: Site, device: dict[str, Any], line: str) -> None:
    done = check(site, meter("m1", "ward-1"), device)
    assert done.returncode == 2
    assert [text.startswith(line) for text in done.stderr.splitlines()] == [True]


def test_a_site_in_no_share_is_told_once_for_all_its_devices(site: Site) -> None:
    done = check(site, *(meter(f"m{number}", "ward-3") for number in range(50)))
    assert done.stderr.count("ward-3 (water) is in no share") == 1


def test_a_share_of_a_topic_takes_a_site_too(site: Site) -> None:
    shares = "gateways: [gateway-1]\nshares: [{topic: 'iot/v1/+/water/#'}]\n"
    assert check(site, meter("m1", "ward-7"), text=shares).returncode == 0


def test_a_device_of_a_profile_needs_no_share_of_its_site_but_a_topic(site: Site) -> None:
    done = check(site, meter("m1", "ward-9", model="Qalcosonic W1"))
    assert done.returncode == 0
    assert "1 registered devices send by profiles: their messages come to no gateway" in done.stderr


@pytest.mark.parametrize(
    ("shares", "warning"),
    [
        (
            "gateways: [gateway-1, gateway-2]\nshares: [{site: a, weight: 9}, {site: c, weight: 1, gateway: gateway-1}]\n",
            "split a large site by domain",
        ),
        (
            "gateways: [gateway-1, gateway-2]\nshares: [{site: a, gateway: gateway-2}]\n",
            "none is of gateway-1: it reads nothing",
        ),
    ],
)
def test_what_may_be_a_mistake_is_a_warning(site: Site, shares: str, warning: str) -> None:
    done = check(site, text=shares)
    assert (done.returncode, warning in done.stderr) == (0, True), done.stderr


def test_a_missing_password_for_rabbitmqs_api_is_a_fault_since_the_gateway_would_not_start(site: Site) -> None:
    management = "management: {url: 'http://127.0.0.1:1', username: gateway-watch, password_file: watch.password}\n"
    done = check(site, meter("m1", "ward-1"), meter("m2", "ward-2"), text=SHARES + management)
    assert (done.returncode, done.stderr) == (2, "watch.password: document: cannot be read: No such file or directory\n")


@pytest.mark.parametrize(
    ("mqtt", "line"),
    [
        ({"client_id": "gateway-7"}, "shares.yaml: gateways: mqtt.client_id gateway-7 is not among them"),
        ({"shares": "no.yaml"}, "no.yaml: document: cannot be read: No such file or directory"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(site: Site, mqtt: dict[str, str], line: str) -> None:
    done = check(site, **mqtt)
    assert done.returncode == 2
    assert line in done.stderr
