"""Changes between two registries, and the needs of an enrolment of a registered device."""

from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.ingest.broker.enrolling import MosquittoAccounts
from gateway.ingest.broker.rabbitmq.management import RabbitMqAccounts
from gateway.ingest.broker.rights import NativeTopics
from gateway.onboarding.registration import (
    NotEnrollable,
    device_accounts,
    differences,
    entrance_of,
    is_configured,
    topics_of_device,
)
from gateway.support.config.files import ConfigurationFault
from schemas.registry import RegisteredDevice, Registry, device_key
from tests.site import Site

KEPT, OLD, GONE = RegisteredDevice("kept"), RegisteredDevice("m1", site="s1"), RegisteredDevice("gone", domain="water")
NEW = RegisteredDevice("m1", site="s2", interval=timedelta(minutes=15))


def test_a_device_that_came_went_or_changed_is_told_with_its_entry_before_and_after() -> None:
    added = RegisteredDevice("added", site="s1")
    before = {device_key(device.id): device for device in (KEPT, OLD, GONE)}
    assert list(differences(before, Registry(devices=[NEW, KEPT, added])).items()) == [
        ("added", (None, {"id": "added", "site": "s1"})),
        ("gone", ({"id": "gone", "domain": "water"}, None)),
        ("m1", ({"id": "m1", "site": "s1"}, {"id": "m1", "site": "s2", "interval": "15min"})),
    ]


def test_only_a_registered_device_with_site_and_domain_has_topics() -> None:
    assert topics_of_device("m1", RegisteredDevice("m1", site="s1", domain="water")) == NativeTopics("s1", "water", "m1")
    with pytest.raises(NotEnrollable, match="m1: is not registered; `gateway devices add m1"):
        topics_of_device("m1", None)
    for lacking in (RegisteredDevice("m1", site="s1"), RegisteredDevice("m1", domain="water")):
        with pytest.raises(NotEnrollable, match="m1: its topics need a site and a domain"):
            topics_of_device("m1", lacking)


def test_devices_get_accounts_where_their_way_and_a_password_are_configured(site: Site) -> None:
    with pytest.raises(ConfigurationFault, match=r"enrolment\.url: write the address that devices connect to"):
        entrance_of(site.config)
    site.sections["enrolment"] = {"url": "mqtts://broker.example.vn"}
    assert not is_configured(site.config)
    entrance = entrance_of(site.config)
    assert (entrance.host, entrance.port) == ("broker.example.vn", 8883)
    site.sections["enrolment"] |= {"password_file": "broker.password"}
    (site.folder / "broker.password").write_text("secret")
    assert is_configured(site.config)


def test_accounts_are_asked_of_the_broker_that_is_configured_by_the_account_that_may_make_them(
    site: Site, tmp_path: Path
) -> None:
    site.sections["enrolment"] = {"url": "mqtts://broker.example.vn:8884"}
    with pytest.raises(ConfigurationFault, match=r"enrolment\.password_file: name the file with the password"):
        device_accounts(site.config)
    (tmp_path / "broker.password").write_text("secret\n")
    site.sections["enrolment"] |= {"password_file": "broker.password"}
    assert isinstance(device_accounts(site.config), MosquittoAccounts)
    for scheme in ("http", "https"):
        site.sections["enrolment"]["management"] = f"{scheme}://broker.example.vn:15671"
        assert isinstance(device_accounts(site.config), RabbitMqAccounts)


def test_devices_know_their_broker_by_the_fingerprint_of_its_authority(site: Site, tmp_path: Path) -> None:
    body = b64encode(b"a certificate").decode()
    (tmp_path / "ca.crt").write_text(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n\n")
    site.sections["enrolment"] = {"url": "mqtts://broker.example.vn:8884", "ca": "ca.crt"}
    entrance = entrance_of(site.config)
    line = entrance.enrolment(NativeTopics("s1", "water", "m1"), "s3cret")
    assert (entrance.port, line.ca_sha256) == (8884, sha256(b"a certificate").hexdigest())
    assert (line.username, line.topic) == ("m1", "iot/v1/s1/water/m1/readings")
    (tmp_path / "ca.crt").write_text("no certificate")
    with pytest.raises(ConfigurationFault, match=r"ca\.crt: enrolment\.ca: is no certificate"):
        entrance_of(site.config)
