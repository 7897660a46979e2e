"""The enrolment of devices as it is configured: who may ask the broker, and by what way devices come to it."""

import ssl
from hashlib import sha256
from pathlib import Path

from gateway.core.mqtt_session import SessionOptions
from gateway.ingest.broker.enrolling import BrokerEntrance, MosquittoAccounts
from gateway.ingest.broker.rabbitmq.enrolling import RabbitMqAccounts
from gateway.ingest.broker.rabbitmq.management import ManagementApi
from gateway.ingest.broker.rights import NativeTopics
from gateway.runtime.pipeline.options import broker_address
from gateway.support.config.files import ConfigurationFault, secret, text_of
from gateway.support.config.model import Config
from gateway.support.config.setting_types import split_url
from gateway.support.tls import tls_context
from schemas.enrolment import DEFAULT_PORT
from schemas.registry import RegisteredDevice


class NotEnrollable(Exception):  # noqa: N818 - it says what the device is
    """The registry does not say where a device publishes; the text says what to do."""


def is_configured(config: Config) -> bool:
    """Tell if devices can be given accounts."""
    return config.enrolment.url is not None and config.enrolment.password_file is not None


def device_accounts(config: Config) -> MosquittoAccounts | RabbitMqAccounts:
    """The accounts of devices on the broker, not open yet; ConfigurationFault if password or certificate cannot be used."""
    enrolment = config.enrolment
    password = secret(None, enrolment.password_file)
    if password is None:
        raise ConfigurationFault(
            ["gateway.yaml: enrolment.password_file: name the file with the password that `gateway setup broker` wrote"]
        )
    address, account = broker_address(config.mqtt), SessionOptions("administration", enrolment.username, password.encode())
    if enrolment.management is None:
        return MosquittoAccounts(address, account)
    tls = tls_context(enrolment.ca) if split_url(enrolment.management).scheme == "https" else None
    return RabbitMqAccounts(ManagementApi(enrolment.management, enrolment.username, password, tls), address, account)


def entrance_of(config: Config) -> BrokerEntrance:
    """The way by which devices come to the broker; ConfigurationFault if it is not configured."""
    url, ca = config.enrolment.url, config.enrolment.ca
    if url is None:
        example = "mqtts://broker.example.vn:8883"
        raise ConfigurationFault([f"gateway.yaml: enrolment.url: write the address that devices connect to, such as {example}"])
    parts = split_url(url)
    return BrokerEntrance(parts.hostname or "", parts.port or DEFAULT_PORT, _fingerprint(ca) if ca else None)


def topics_of_device(name: str, device: RegisteredDevice | None) -> NativeTopics:
    """The topics of a device; NotEnrollable if it is not registered, or has no site or domain."""
    if device is None:
        raise NotEnrollable(f"{name}: is not registered; `gateway devices add {name} --site S --domain D` registers it")
    if not device.site or not device.domain:
        raise NotEnrollable(f"{name}: its topics need a site and a domain; `gateway devices edit {name} --site S --domain D`")
    return NativeTopics(device.site, device.domain, device.id)


def _fingerprint(ca: Path) -> str:
    try:
        return sha256(ssl.PEM_cert_to_DER_cert(text_of(ca).strip())).hexdigest()
    except ValueError as error:
        raise ConfigurationFault([f"{ca}: enrolment.ca: is no certificate: {error}"]) from error
