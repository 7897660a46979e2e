"""RabbitMQ's configuration file."""

from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from string import Template


@dataclass(frozen=True, slots=True)
class RabbitMqPlaces:
    """Ports of the listeners, and the files of the broker's certificate."""

    certificate: Path
    key: Path
    devices_port: int = 8883
    services_port: int = 1883
    amqp_port: int = 5672
    management_port: int = 15672


def rabbitmq_conf(places: RabbitMqPlaces, session_expiry: timedelta, receive_maximum: int) -> str:
    """The file for RabbitMQ's ``conf.d``, by which no session ends early and none is slow.

    :param session_expiry: the wish of a gateway; the broker allows no less than the seven days that are usual.
    :param receive_maximum: the wish of a gateway.
    """
    template = (files("gateway.rabbitmq") / "rabbitmq.conf").read_text(encoding="utf-8")
    return Template(template).substitute(
        devices_port=places.devices_port,
        services_port=places.services_port,
        amqp_port=places.amqp_port,
        management_port=places.management_port,
        certificate=places.certificate,
        key=places.key,
        session_expiry_s=int(max(session_expiry, timedelta(days=7)).total_seconds()),
        prefetch=receive_maximum,
    )
