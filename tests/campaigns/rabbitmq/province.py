"""A province on RabbitMQ as ``gateway setup rabbitmq`` sets it up: files, a node with them, policies and accounts."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import yaml

from gateway.commands.demo.services import free_port
from tests.campaigns.rabbitmq.node import Node, rabbitmq
from tests.system.rig import run_gateway

OWN_LISTENERS = ("listeners.tcp.services", "management.tcp.ip", "management.tcp.port")
"""Settings that a test's node has from its rig."""


@dataclass(frozen=True)
class Province:
    """The node, and the folder with ``gateway.yaml``, ``shares.yaml`` and secrets."""

    node: Node
    folder: Path
    devices_port: int

    def setup(self, *arguments: str) -> CompletedProcess[str]:
        """``gateway setup rabbitmq --apply``."""
        return setup(
            self.folder, "--apply", self.node.management.url, "--admin-password-file", str(self.folder / "admin"), *arguments
        )

    def password(self, name: str) -> str:
        """The password of an account."""
        return (self.folder / "secrets" / f"{name}.password").read_text().strip()

    def mqtt(self, name: str) -> dict[str, str]:
        """The section of that name for a gateway."""
        return {
            "client_id": name,
            "username": name,
            "password_file": str(self.folder / "secrets" / f"{name}.password"),
            "shares": str(self.folder / "shares.yaml"),
        }


def setup(folder: Path, *arguments: str) -> CompletedProcess[str]:
    """``gateway setup rabbitmq -c FOLDER/gateway.yaml ARGUMENTS``."""
    return run_gateway("setup", "rabbitmq", "-c", folder / "gateway.yaml", *arguments)


def register(folder: Path, sites: Sequence[str]) -> None:
    """Write the configuration, and a registry with a device at each site."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gateway.yaml").write_text("devices: {registry: devices.yaml}\n")
    devices = [{"id": f"{site}-m1", "site": site, "domain": "water", "interval": "15min"} for site in sites]
    (folder / "devices.yaml").write_text(yaml.safe_dump({"devices": devices}))


def settings_in(conf: Path) -> dict[str, str]:
    """The settings of a configuration of RabbitMQ."""
    return dict(re.findall(r"^([^#\s]+) = (.*)$", conf.read_text(), re.MULTILINE))


@contextmanager
def province(folder: Path, sites: Sequence[str], *options: str, advanced: str = "") -> Iterator[Province]:
    """Follow the guide: write the files, start a node with them, set the rest over its API.

    :param advanced: the text of ``advanced.config``, if there is one.
    """
    register(folder, sites)
    done = run_gateway("setup", "certificates", "server", "localhost", "--also", "127.0.0.1", "--to", folder / "certs")
    assert done.returncode == 0, done.stderr
    port, conf = free_port(), folder / "90-gateway.conf"
    files = ("--conf", conf, "--certificate", folder / "certs" / "localhost.crt", "--key", folder / "certs" / "localhost.key")
    done = setup(folder, *map(str, files), "--port", str(port), "--services-port", str(free_port()), *options)
    assert done.returncode == 0, done.stderr
    settings = {key: value for key, value in settings_in(conf).items() if key not in OWN_LISTENERS}
    (folder / "admin").write_text("guest\n")
    with rabbitmq(folder / "rabbitmq", settings, advanced) as node:
        shares = folder / "shares.yaml"
        shares.write_text(shares.read_text().replace("http://127.0.0.1:15672", node.management.url))
        found = Province(node, folder, port)
        done = found.setup()
        assert done.returncode == 0, done.stderr + done.stdout
        yield found
