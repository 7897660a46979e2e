"""Options and limits of single parts, taken from the configuration."""

import re
from typing import Final

from gateway.core.gateways.standby import PairTopics
from gateway.core.mqtt_session import SessionOptions
from gateway.ingest.delivery.batch_queue import DeliveryLimits
from gateway.ingest.intake.connection import BrokerAddress
from gateway.ingest.storage.settlement import Limits
from gateway.support.config.files import ConfigurationFault, secret
from gateway.support.config.model import Config, Mqtt
from gateway.support.config.setting_types import split_url
from gateway.support.tls import broker_tls

_ENDING: Final = re.compile("[A-Za-z0-9]{16,64}")


def broker_address(config: Mqtt) -> BrokerAddress:
    """Return the first address of the broker, with the certificates for it, as :func:`broker_addresses` does."""
    return broker_addresses(config)[0]


def broker_addresses(config: Mqtt) -> list[BrokerAddress]:
    """Return the addresses of all nodes of the broker, with the certificates for them, if these can be used."""
    tls = broker_tls(config)
    parts = map(split_url, config.addresses().values())
    return [BrokerAddress(str(each.hostname), each.port or (8883 if tls else 1883), tls) for each in parts]


def session_options(config: Config) -> SessionOptions:
    """Return the options of the session with the broker."""
    mqtt = config.mqtt
    password = secret(mqtt.password, mqtt.password_file)
    return SessionOptions(
        client_id=_session_id(mqtt),
        username=mqtt.username,
        password=password.encode() if password is not None else None,
        session_expiry_s=int(mqtt.session_expiry.total_seconds()),
        receive_maximum=mqtt.receive_maximum,
        frame_max_bytes=config.limits.payload_bytes + 131072,
    )


def _session_id(mqtt: Mqtt) -> str:
    """The client id of the session; ConfigurationFault if its secret end cannot be read, or is none."""
    ending = secret(None, mqtt.client_id_file)
    if ending is None:
        return mqtt.client_id
    if not _ENDING.fullmatch(ending):
        raise ConfigurationFault(
            [f"{mqtt.client_id_file}: mqtt.client_id_file: its first line must be 16 to 64 of A-Z a-z 0-9"]
        )
    return f"{mqtt.client_id}-{ending}"


def delivery_limits(config: Config) -> DeliveryLimits:
    """Return the limits that delivery keeps."""
    return DeliveryLimits(
        config.batch.max_delay.total_seconds(),
        config.batch.max_readings,
        config.batch.stall.total_seconds(),
        config.mqtt.receive_maximum,
        config.limits.memory_bytes,
    )


def storage_limits(config: Config) -> Limits:
    """Return the limits of rejects and quarantine."""
    may_give_up = config.journal.when_full == "drop_oldest"
    return Limits(config.rejects.max_bytes, config.devices.quarantine_max_bytes, config.journal.min_free_bytes, may_give_up)


def pair_topics(mqtt: Mqtt) -> PairTopics | None:
    """The topics of the pair that a configuration names; None: the machine stands alone."""
    machine = mqtt.standby.machine
    return None if machine is None else PairTopics(mqtt.client_id, machine)
