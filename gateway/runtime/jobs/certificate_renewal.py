"""Renewal of certificates and keys: a reload reads their files again, and connections opened afterwards use the new ones.

Connections that are open stay open: a certificate counts at the handshake only. Those kept to the database are closed, so that
a write shows at once if the new authority is the right one. A renewal takes two steps, since a reload with a faulty file
changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.ingest.intake.connection import Connection
from gateway.runtime.jobs.certificate_watch import CertificateWatch
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.tls import TlsContexts, tls_contexts, tls_files

Digests = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Renewed:
    """Digests of the files when they were read, and the contexts made of them."""

    digests: Digests
    contexts: TlsContexts


class CertificateRenewal:
    """Puts renewed certificates into force.

    :param in_force: the contexts in force; the pages take theirs from here.
    """

    def __init__(
        self,
        config: Config,
        in_force: TlsContexts,
        connections: Sequence[Connection],
        databases: Sequence[InfluxdbClient],
        watch: CertificateWatch,
    ) -> None:
        self._config = config
        self._in_force = in_force
        self._connections = connections
        self._databases = databases
        self._watch = watch
        self._digests: Digests = {}

    def load(self) -> Renewed | None:
        """Read the files again; None: they are as they were.

        :raises ConfigurationFault: one of them cannot be used.
        """
        digests = {setting: _digest(setting, path) for setting, path in tls_files(self._config).items()}
        return None if digests == self._digests else Renewed(digests, tls_contexts(self._config))

    def replace(self, renewed: Renewed) -> None:
        """Put what was read into force."""
        self._digests, contexts = renewed.digests, renewed.contexts
        self._in_force.pages = contexts.pages
        for connection in self._connections:
            connection.renew(contexts.broker)
        for client in self._databases:
            client.renew(contexts.database)
        self._watch.look_again()


def _digest(setting: str, path: Path) -> bytes:
    try:
        return sha256(path.read_bytes()).digest()
    except OSError as error:
        raise ConfigurationFault([f"{path}: {setting}: cannot be read: {error.strerror}"]) from error
