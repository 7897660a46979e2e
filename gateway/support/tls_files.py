"""The certificates and keys that the configuration names, and the TLS contexts made of them."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config, HttpSection, Influxdb, Mqtt
from gateway.support.config.setting_types import split_url
from gateway.support.tls import resuming_context, server_context, tls_context


@dataclass(slots=True)
class TlsContexts:
    """The contexts for new connections; None: without TLS."""

    broker: ssl.SSLContext | None
    database: ssl.SSLContext | None
    pages: ssl.SSLContext | None


def tls_contexts(config: Config) -> TlsContexts:
    """Read the files and make the contexts.

    :raises ConfigurationFault: a file cannot be used.
    """
    return TlsContexts(broker_tls(config.mqtt), database_tls(config.influxdb), pages_tls(config.http))


def tls_files(config: Config) -> dict[str, Path]:
    """Setting → the file that it names, of those that name one."""
    mqtt, http, influxdb = config.mqtt.tls, config.http.tls, config.influxdb.tls
    files = {
        "http.tls.cert": http.cert,
        "http.tls.key": http.key,
        "mqtt.tls.cert": mqtt.cert,
        "mqtt.tls.key": mqtt.key,
        "mqtt.tls.ca": mqtt.ca,
        "influxdb.tls.ca": influxdb.ca,
        "enrolment.ca": config.enrolment.ca,
    }
    return {setting: path for setting, path in files.items() if path is not None}


def broker_tls(config: Mqtt) -> ssl.SSLContext | None:
    """The context for the broker.

    :raises ConfigurationFault: a file of ``mqtt.tls`` cannot be used.
    """
    if split_url(config.url).scheme != "mqtts":
        return None
    tls = config.tls
    return _made(lambda: tls_context(tls.ca, tls.cert, tls.key), f"{tls.ca or tls.cert}: mqtt.tls: cannot be used")


def database_tls(config: Influxdb) -> ssl.SSLContext | None:
    """The context for InfluxDB.

    :raises ConfigurationFault: ``influxdb.tls.ca`` cannot be used.
    """
    if split_url(config.url).scheme != "https":
        return None
    return _made(lambda: resuming_context(config.tls.ca), f"{config.tls.ca}: influxdb.tls: cannot be used")


def pages_tls(config: HttpSection) -> ssl.SSLContext | None:
    """The context for the pages; None where ``http.tls`` names no certificate.

    :raises ConfigurationFault: certificate or key cannot be used.
    """
    cert, key = config.tls.cert, config.tls.key
    if cert is None or key is None:
        return None
    return _made(lambda: server_context(cert, key), f"{cert}: http.tls: cannot be used with the key {key}")


def _made(make: Callable[[], ssl.SSLContext], fault: str) -> ssl.SSLContext:
    try:
        return make()
    except (ssl.SSLError, OSError) as error:
        raise ConfigurationFault([f"{fault}: {error.strerror or error}"]) from error
