"""RabbitMQ with ``gateway setup rabbitmq --client-certificates``: a certificate is account and client id of a device."""

import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.demo.services import CHECKOUT, Service
from gateway.ingest.broker.rabbitmq.accounts import device_account
from gateway.ingest.broker.rabbitmq.management import joined
from gateway.ingest.broker.rights import NativeTopics
from tests.campaigns.rabbitmq.clients import NOBODY, REFUSED, SUCCESS, Client, client
from tests.campaigns.rabbitmq.province import Province, province
from tests.system.rig import gateway, run_gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

READINGS = "iot/v1/ward-1/water/m1/readings"
WORD = "secret"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    """A node whose port for devices wants certificates, the accounts of two devices, and certificates of all."""
    folder = tmp_path_factory.mktemp("rabbitmq") / "province"
    wanted = ("--names", "gateway-1,gateway-2", "--client-certificates", str(folder / "certs" / "ca.crt"))
    with province(folder, ["ward-1", "ward-2"], *wanted) as found:
        for use, name in (("client", "m1"), ("client", "m_2"), ("service", "gateway-1")):
            certify(found, use, name)
        accounts = [device_account(NativeTopics("ward-1", "water", name), WORD) for name in ("m1", "m_2")]
        found.node.management.ask("definitions", "POST", joined(one.definitions() for one in accounts))
        yield found


def certify(found: Province, action: str, name: str) -> Path:
    """``gateway setup certificates ACTION NAME``; the certificate."""
    done = run_gateway("setup", "certificates", action, name, "--yes", "--to", found.folder / "certs")
    assert done.returncode == 0, done.stderr
    return found.folder / "certs" / f"{name}.crt"


def over_tls(found: Province, certificate: str | None) -> dict[str, Any]:
    """Wishes of a client that comes to the port for devices."""
    folder = found.folder / "certs"
    shown = {} if certificate is None else {"certificate": folder / f"{certificate}.crt"}
    return {"port": found.devices_port, "tls": str(folder / "ca.crt"), **shown}


@pytest.fixture
def gateway_1(shared: Province) -> Iterator[Client]:
    """The session of a gateway, open and bound to a site."""
    with client(shared.node, "gateway-1", shared.password("gateway-1"), clean=False, expiry_s=600) as found:
        assert found.subscribe("iot/v1/ward-1/+/+/readings") == "Granted QoS 1"
        yield found


@pytest.mark.parametrize("name", ["m1", "m_2"])
def test_a_device_comes_by_its_certificate_alone_and_may_what_its_account_may(shared: Province, name: str) -> None:
    with client(shared.node, name, "", **over_tls(shared, name)) as device:
        assert device.answer == SUCCESS
        assert device.subscribe(f"iot/v1/ward-1/water/{name}/command") == "Granted QoS 1"
        assert device.publish(f"iot/v1/ward-1/water/{name}/status") == SUCCESS
        assert device.publish("iot/v1/ward-1/water/m9/readings").startswith("ended: ")


@pytest.mark.parametrize("password", ["", WORD])
def test_a_device_cannot_even_close_the_connection_of_a_gateway(shared: Province, gateway_1: Client, password: str) -> None:
    with client(shared.node, "m1", password, "gateway-1", **over_tls(shared, "m1")) as thief:
        assert thief.answer == "Client identifier not valid"
    with client(shared.node, "m1", password, **over_tls(shared, "m1")) as device:
        assert device.publish(READINGS) == SUCCESS
    until(lambda: gateway_1.received == [READINGS], what="the gateway reads on over the connection that it had")
    assert gateway_1.ended is None


def test_a_password_without_a_certificate_is_not_enough_over_tls(shared: Province) -> None:
    with client(shared.node, "m1", WORD, **over_tls(shared, None)) as found:
        assert (found.answer, found.ended is None) == ("", False)


def test_a_certificate_of_another_authority_is_refused(shared: Province, tmp_path: Path) -> None:
    assert run_gateway("setup", "certificates", "client", "m1", "--to", tmp_path / "other").returncode == 0
    wanted = over_tls(shared, None) | {"certificate": tmp_path / "other" / "m1.crt"}
    with client(shared.node, "m1", "", **wanted) as found:
        assert (found.answer, found.ended is None) == ("", False)


def test_a_certificate_whose_account_is_gone_is_refused(shared: Province) -> None:
    account = device_account(NativeTopics("ward-1", "water", "m3"), WORD)
    certify(shared, "client", "m3")
    shared.node.management.ask("definitions", "POST", joined([account.definitions()]))
    with client(shared.node, "m3", "", **over_tls(shared, "m3")) as device:
        assert device.publish("iot/v1/ward-1/water/m3/status") in {SUCCESS, NOBODY}
    shared.node.management.ask("users/m3", "DELETE")
    with client(shared.node, "m3", "", **over_tls(shared, "m3")) as device:
        assert device.answer in {REFUSED, "Bad user name or password"}


@pytest.mark.parametrize("with_password", [True, False])
def test_a_gateway_on_another_machine_comes_by_the_certificate_of_a_service_with_or_without_its_password(
    shared: Province, influxdb: Service, tmp_path: Path, *, with_password: bool
) -> None:
    folder = shared.folder / "certs"
    tls = {"ca": str(folder / "ca.crt"), "cert": str(folder / "gateway-1.crt"), "key": str(folder / "gateway-1.key")}
    mqtt: dict[str, Any] = {**shared.mqtt("gateway-1"), "tls": tls}
    if not with_password:
        del mqtt["username"], mqtt["password_file"]
    with gateway(tmp_path / "gateway", f"mqtts://localhost:{shared.devices_port}", influxdb.url, mqtt=mqtt) as gate:
        gate.wait_subscribed()
        done = gate.command("check", "--connect")
        assert (done.returncode, "connected and subscribed" in done.stdout) == (0, True), done.stderr
        assert gate.status()["mqtt"]["connected"]


def test_a_renewed_certificate_of_the_broker_is_shown_once_its_cache_is_cleared(shared: Province) -> None:
    before = shown_certificate(shared)
    assert shown_certificate(shared) == before
    certify(shared, "renew", "localhost")
    shared.node.ctl("eval", "ssl:clear_pem_cache().")
    until(lambda: shown_certificate(shared) != before, what="the new one is shown")
    with client(shared.node, "m1", "", **over_tls(shared, "m1")) as device:
        assert device.answer == SUCCESS


def test_a_renewed_certificate_of_a_device_is_as_good_as_the_old_one(shared: Province) -> None:
    certify(shared, "renew", "m_2")
    with client(shared.node, "m_2", "", **over_tls(shared, "m_2")) as device:
        assert device.answer == SUCCESS
    with client(shared.node, "m_2", "", "gateway-2", **over_tls(shared, "m_2")) as thief:
        assert thief.answer == "Client identifier not valid"


def test_with_the_advanced_settings_of_the_guide_a_revoked_certificate_is_refused_and_a_name_may_have_a_colon(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "province"
    certs = folder / "certs"
    guide = (CHECKOUT / "docs" / "rabbitmq-certificates.md").read_text()
    (advanced,) = re.findall(r"```erlang\n(.*?)```", guide, re.DOTALL)
    advanced = advanced.replace("/etc/rabbitmq/certs/broker", f"{certs}/localhost").replace("/etc/rabbitmq/certs", str(certs))
    wanted = ("--names", "gateway-1", "--client-certificates", str(certs / "ca.crt"))
    with province(folder, ["ward-1"], *wanted, advanced=advanced) as found:
        for name in ("m1", "aa:bb"):
            certify(found, "client", name)
            account = device_account(NativeTopics("ward-1", "water", name), WORD)
            found.node.management.ask("definitions", "POST", joined([account.definitions()]))

        def answer(name: str) -> str:
            with client(found.node, name, "", **over_tls(found, name)) as device:
                return device.answer

        assert answer("m1") == ""  # without the list nobody comes
        put = re.findall(r"^cp ca.crl .*$", guide, re.MULTILINE)[0].replace("/etc/rabbitmq/certs", str(certs))
        subprocess.run(["sh", "-ec", put], cwd=certs, check=True)
        until(lambda: answer("m1") == SUCCESS, what="a device comes once the list is there")
        assert answer("aa:bb") == SUCCESS
        certify(found, "revoke", "m1")
        subprocess.run(["sh", "-ec", put], cwd=certs, check=True)
        until(lambda: answer("m1") == "", what="the revoked certificate is refused")
        assert answer("aa:bb") == SUCCESS
        with client(found.node, "aa:bb", WORD) as device:
            assert device.publish("iot/v1/ward-1/water/aa:bb/status") in {SUCCESS, NOBODY}


def test_devices_come_over_ipv6_too(shared: Province) -> None:
    assert shown_certificate(shared, "::1") == shown_certificate(shared)


def shown_certificate(found: Province, host: str = "127.0.0.1") -> bytes | None:
    """The certificate that the broker shows."""
    context = ssl.create_default_context(cafile=str(found.folder / "certs" / "ca.crt"))
    with (
        socket.create_connection((host, found.devices_port), 30.0) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        return secured.getpeercert(binary_form=True)
