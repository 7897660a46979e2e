"""RabbitMQ's configuration file."""

from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from string import Template


@dataclass(frozen=True, slots=True)
class RabbitMqPlaces:
    """Ports of the listeners, and the files of certificates.

    :ivar clients_ca: the authority of those who come over TLS; None: they need a password and no certificate.
    """

    certificate: Path
    key: Path
    clients_ca: Path | None = None
    devices_port: int = 8883
    services_port: int = 1883
    amqp_port: int = 5672
    management_port: int = 15672


def rabbitmq_conf(places: RabbitMqPlaces, session_expiry: timedelta, receive_maximum: int) -> str:
    """The file for RabbitMQ's ``conf.d``, by which no session ends early and none is slow.

    :param session_expiry: the wish of a gateway; the broker allows no less than the seven days that are usual.
    :param receive_maximum: the wish of a gateway.
    """
    template = (files("gateway.admin.broker") / "rabbitmq.conf").read_text(encoding="utf-8")
    return Template(template).substitute(
        devices_port=places.devices_port,
        services_port=places.services_port,
        amqp_port=places.amqp_port,
        management_port=places.management_port,
        certificate=places.certificate,
        key=places.key,
        client_certificates=_client_certificates(places.clients_ca),
        session_expiry_s=int(max(session_expiry, timedelta(days=7)).total_seconds()),
        prefetch=receive_maximum,
    )


def _client_certificates(ca: Path | None) -> str:
    if ca is None:
        return "# Clients show a password. With `--client-certificates` each shows a certificate too, or a certificate alone."
    lines = [
        "# Whoever comes shows a certificate. Its name is the account of who has no password, and the client id of a device.",
        f"ssl_options.cacertfile = {ca}",
        "ssl_options.verify = verify_peer",
        "ssl_options.fail_if_no_peer_cert = true",
        "ssl_cert_login_from = common_name",
        "mqtt.ssl_cert_login = true",
        "mqtt.ssl_cert_client_id_from = subject_alternative_name",
        "mqtt.ssl_cert_login_san_type = dns",
    ]
    return "\n".join(lines)
