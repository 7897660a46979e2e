"""RabbitMQ's configuration: its listeners, and who may come to them."""

from datetime import timedelta
from pathlib import Path

from gateway.admin.broker.configuration import RabbitMqPlaces, rabbitmq_conf

WEEK = timedelta(weeks=1)


def settings(places: RabbitMqPlaces) -> dict[str, str]:
    """Its keys and values."""
    lines = rabbitmq_conf(places, WEEK, 2000).splitlines()
    return dict(line.split(" = ", 1) for line in lines if line and not line.startswith("#"))


def test_it_listens_where_brokers_do_and_for_other_machines_over_tls_alone() -> None:
    found = settings(RabbitMqPlaces(Path("/b.crt"), Path("/b.key")))
    assert found["mqtt.listeners.ssl.devices"] == "8883"
    assert found["mqtt.listeners.tcp.services"] == "127.0.0.1:1883"
    assert found["listeners.tcp.services"] == "127.0.0.1:5672"
    assert (found["management.tcp.ip"], found["management.tcp.port"]) == ("127.0.0.1", "15672")
    assert (found["ssl_options.certfile"], found["ssl_options.keyfile"]) == ("/b.crt", "/b.key")


def test_sessions_live_as_long_and_hold_as_many_messages_as_the_gateway_asks_for() -> None:
    found = settings(RabbitMqPlaces(Path("/b.crt"), Path("/b.key")))
    assert (found["mqtt.max_session_expiry_interval_seconds"], found["mqtt.prefetch"]) == ("604800", "2000")
    assert found["anonymous_login_user"] == "none"
