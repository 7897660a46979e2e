"""Brokers that want to see something: a password, a certificate, a right to subscribe."""

import base64
import hashlib
import json
import socket
import subprocess
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.commands.demo import services
from gateway.commands.demo.services import Service


@dataclass(frozen=True)
class GuardedBroker:
    """One broker with two doors: the gateway's, and one without a lock for the devices of a test."""

    service: Service
    devices: Service


def guarded(folder: Path, *lines: str, per_listener: bool = True) -> GuardedBroker:
    """A broker whose door for gateways is guarded as ``lines`` of mosquitto.conf say.

    :param per_listener: that one has passwords and rights of its own; Mosquitto keeps nothing then for who is away.
    """
    folder.mkdir()
    service = services.mosquitto(folder)
    open_port = services.free_port()
    (folder / "mosquitto.conf").write_text(
        "\n".join(
            [
                f"per_listener_settings {str(per_listener).lower()}",
                "user root",
                f"listener {service.port} 127.0.0.1",
                *lines,
                f"listener {open_port} 127.0.0.1",
                "allow_anonymous true",
                "",
            ]
        )
    )
    service.answers = lambda: listens(open_port)
    return GuardedBroker(service, replace(service, port=open_port))


def password_entry(username: str, password: str) -> str:
    """A line of Mosquitto's password_file."""
    salt = b"twelve bytes"
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{username}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


def only_subscribe(folder: Path, pattern: str) -> list[str]:
    """Lines of mosquitto.conf that refuse every subscription but ``pattern``."""
    usr = services.find_program("mosquitto").parents[1]
    plugin = next(usr.glob("lib/*/mosquitto_dynamic_security.so"))
    rights = {
        "defaultACLAccess": {"publishClientSend": True, "publishClientReceive": True, "subscribe": False, "unsubscribe": True},
        "roles": [
            {"rolename": "reader", "acls": [{"acltype": "subscribeLiteral", "topic": pattern, "priority": 0, "allow": True}]}
        ],
        "groups": [{"groupname": "everybody", "roles": [{"rolename": "reader"}]}],
        "anonymousGroup": "everybody",
        "clients": [],
    }
    file = folder / "rights.json"
    file.write_text(json.dumps(rights))
    return ["allow_anonymous true", f"plugin {plugin}", f"plugin_opt_config_file {file}"]


class Authority:
    """A certificate authority made by ``openssl`` for one test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self.certificate = folder / "ca.crt"
        self._openssl("ca", "-subj", "/CN=authority of a test")

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate for ``name`` at 127.0.0.1, and its key."""
        authority = ["-CA", str(self.certificate), "-CAkey", str(self._folder / "ca.key")]
        self._openssl(name, "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", *authority)
        return self._folder / f"{name}.crt", self._folder / f"{name}.key"

    def _openssl(self, name: str, *arguments: str) -> None:
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        files = ["-keyout", f"{name}.key", "-out", f"{name}.crt"]
        subprocess.run(
            ["openssl", "req", "-x509", "-days", "2", *key, *files, *arguments],
            cwd=self._folder,
            check=True,
            capture_output=True,
        )


def listens(port: int, host: str = "127.0.0.1") -> bool:
    with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as probe:
        return probe.connect_ex((host, port)) == 0
