"""A broker as ``gateway setup broker`` and ``gateway setup certificates`` set it up, and clients of it."""

import json
import ssl
from pathlib import Path

from gateway.commands.demo import services
from tests.deploy.guide import Client
from tests.system.brokers import listens
from tests.system.rig import run_gateway
from tests.waiting import until

HOST = "127.0.0.1"


class SetUpBroker:
    """Broker, authority and registry below one folder; ``host`` is a loopback address."""

    def __init__(self, folder: Path, devices: int = 2, *options: str, host: str = HOST) -> None:
        self.folder, self.host = folder, host
        self.services_port, self.devices_port = services.free_port(host), services.free_port(host)
        for name in ("conf.d", "state", "gateway", "broker", "unit"):
            (folder / name).mkdir(parents=True)
        self.names = [f"wm-{number:04d}" for number in range(1, devices + 1)]
        self.certificates("server", host, "--also", "localhost")
        self._configure()
        usr = services.find_program("mosquitto").parents[1]
        plugins = next(usr.glob("lib/*/mosquitto_dynamic_security.so")).parent
        self.command(
            *("setup", "broker", "--conf", str(folder / "conf.d"), "--state", str(folder / "state")),
            *("--secrets", str(folder / "gateway"), "--plugins", str(plugins), "--service", "node-red"),
            *("--unit", str(folder / "unit")),
            *("--certificate", str(folder / "pki" / f"{host}.crt"), "--key", str(folder / "pki" / f"{host}.key")),
            *("--port", str(self.devices_port), "--services-port", str(self.services_port), *options),
        )
        self.service = self._broker()

    def certificates(self, *words: str) -> str:
        """``gateway setup certificates``; what it printed."""
        done = run_gateway("setup", "certificates", *words, "--to", self.folder / "pki")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def command(self, *words: str) -> str:
        """A command of the gateway that succeeds; what it printed."""
        done = run_gateway(*words, "-c", self.config)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def config(self) -> Path:
        """The gateway's configuration, as the command told."""
        return self.folder / "gateway" / "gateway.yaml"

    def _configure(self) -> None:
        secrets = self.folder / "gateway"
        for name in ("gateway.password", "administration.password", "gateway.session"):
            (secrets / name).touch()  # named before it is written, by `gateway setup broker --replace`
        document = {
            "mqtt": {
                "url": f"mqtt://localhost:{self.services_port}",
                "username": "gateway",
                "password_file": str(secrets / "gateway.password"),
            },
            "enrolment": {
                "url": f"mqtts://{f'[{self.host}]' if ':' in self.host else self.host}:{self.devices_port}",
                "ca": str(self.folder / "pki" / "ca.crt"),
                "password_file": str(secrets / "administration.password"),
            },
        }
        self.config.write_text(json.dumps(document))
        devices = [{"id": name, "site": "ward-1", "domain": "water"} for name in self.names]
        (secrets / "devices.yaml").write_text(json.dumps({"devices": devices}))

    def _broker(self) -> services.Service:
        """Mosquitto with what Debian's own file says, but for where data lie."""
        folder = self.folder / "broker"
        service = services.mosquitto(folder, port=self.services_port, ipv6=":" in self.host)
        lines = ["user root", f"persistence_location {folder}/mosquitto-data/", f"include_dir {self.folder}/conf.d"]
        (folder / "mosquitto.conf").write_text("\n".join([*lines, ""]))
        service.answers = lambda: listens(self.services_port, self.host) and listens(self.devices_port, self.host)
        return service

    def password(self, account: str) -> str:
        """The password of a service."""
        return (self.folder / "gateway" / f"{account}.password").read_text().strip()

    def of_service(self, account: str, client_id: str = "") -> Client:
        """A client with the account of a service."""
        client = Client(client_id)
        client.paho.username_pw_set(account, self.password(account))
        client.begin(self.services_port, self.host)
        until(lambda: client.answers)
        return client

    def knocking(self, account: str, password: str, client_id: str = "", context: ssl.SSLContext | None = None) -> Client:
        """A device at its listener that may not be let in."""
        client = Client(client_id)
        client.paho.username_pw_set(account, password)
        client.paho.tls_set_context(context or ssl.create_default_context(cafile=str(self.folder / "pki" / "ca.crt")))
        client.begin(self.devices_port, self.host)
        return client

    def device(self, account: str, password: str, client_id: str = "") -> Client:
        """A device that got an answer."""
        client = self.knocking(account, password, client_id)
        until(lambda: client.answers)
        return client

    def says(self, what: str) -> int:
        """Count how often the broker's log says something."""
        return self.service.log.read_text().count(what)
