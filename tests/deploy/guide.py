"""The guide's steps for the broker, taken with stand-ins for root: every command of it runs, below a folder of the test."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from tests.system.brokers import listens
from tests.waiting import until

DEPLOY = Path(__file__).parents[2] / "deploy"
GUIDE = (DEPLOY / "README.md").read_text(encoding="utf-8")
STAND_INS = {
    "sudo": 'exec "$@"',
    "systemctl": "exit 0",
    "gateway": 'exec {python} -m gateway "$@"',
    "install": """for word; do
        shift
        [ "$word" = -o ] || [ "$word" = mosquitto ] || set -- "$@" "$word"
    done
    exec /usr/bin/install "$@\"""",
    "mosquitto_passwd": 'LD_LIBRARY_PATH={libraries} exec {passwd} -b "$1" "$2" "password of $2"',
}
"""The files belong to who runs the test, not to the user mosquitto; passwords are not asked for."""


def blocks(heading: str) -> list[str]:
    """The fenced blocks of a chapter of the guide."""
    _, _, chapter = GUIDE.partition(f"\n## {heading}\n")
    return re.findall(r"^```(?:sh)?\n(.*?)^```$", chapter.partition("\n## ")[0], re.MULTILINE | re.DOTALL)


class Province:
    """A broker set up as the guide says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.devices_port, self.services_port = services.free_port(), services.free_port()
        self._lay_out()
        certificates, setting_up, *_ = blocks("The broker, by hand")
        self.run(certificates + "\nissue wm-0002\nissue gateway-1\n")
        self.run(setting_up)
        self.run("sudo mosquitto_passwd /etc/mosquitto/services.passwd node-red")
        self.service = self._broker()

    def _lay_out(self) -> None:
        """The folders that Debian's packages bring, the checkout, and the programs that stand in."""
        for name in ("conf.d", "certs", "ca_certificates"):
            (self.folder / "etc" / "mosquitto" / name).mkdir(parents=True)
        for name in ("mosquitto", "nftables"):
            (self.work / "deploy" / name).mkdir(parents=True)
            for file in (DEPLOY / name).iterdir():
                (self.work / "deploy" / name / file.name).write_text(self.here(file.read_text(encoding="utf-8")))
        programs = self.folder / "programs"
        programs.mkdir()
        passwd = services.find_program("mosquitto").parents[1] / "bin" / "mosquitto_passwd"
        libraries = ":".join(map(str, passwd.parents[1].glob("lib/*-linux-gnu*")))
        for name, text in STAND_INS.items():
            filled = text.replace("{passwd}", str(passwd)).replace("{libraries}", libraries)
            filled = filled.replace("{python}", sys.executable)
            (programs / name).write_text(f"#!/bin/sh\n{filled}\n")
            (programs / name).chmod(0o755)

    def here(self, text: str) -> str:
        """The same with the folder, the ports and the address of this test."""
        text = re.sub(r"^listener 8883$", f"listener {self.devices_port}", text, flags=re.MULTILINE)
        text = re.sub(r"^listener 1883 ", f"listener {self.services_port} ", text, flags=re.MULTILINE)
        return text.replace("/etc/", f"{self.folder}/etc/").replace("IP:192.0.2.10", "IP:127.0.0.1")

    def run(self, commands: str) -> str:
        """Run commands of the guide; what they printed."""
        environment = os.environ | {"PATH": f"{self.folder}/programs:{os.environ['PATH']}"}
        words = ["sh", "-euc", self.here(commands)]
        done = subprocess.run(words, cwd=self.work, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{commands}\n{done.stderr}"
        return done.stdout

    def _broker(self) -> Service:
        """Mosquitto with what Debian's own file says, but for where data lie."""
        folder = self.folder / "broker"
        folder.mkdir()
        service = services.mosquitto(folder, port=self.services_port)
        lines = ["user root", "persistence true", f"persistence_location {folder}/mosquitto-data/"]
        lines += ["sys_interval 1", f"include_dir {self.folder}/etc/mosquitto/conf.d"]
        (folder / "mosquitto.conf").write_text("\n".join([*lines, ""]))
        service.answers = lambda: listens(self.services_port) and listens(self.devices_port)
        return service

    def add_listener(self) -> int:
        """The listener for a gateway elsewhere; its port."""
        (text,) = [block for block in blocks("The broker, by hand") if block.startswith("listener ")]
        port = services.free_port()
        file = self.folder / "etc" / "mosquitto" / "conf.d" / "services.conf"
        file.write_text(self.here(text).replace("listener 8884", f"listener {port}"))
        return port

    def device(self, account: str, client_id: str = "", *, port: int | None = None) -> "Client":
        """A device with its certificate, which names itself as it likes."""
        client = self.knocking(account, client_id, port=port)
        until(lambda: client.answers)
        return client

    def knocking(self, account: str | None, client_id: str = "", *, port: int | None = None) -> "Client":
        """A client at the listener of the devices that may not be let in: with a certificate, or with a service's password."""
        client = Client(client_id)
        if account is None:
            client.paho.username_pw_set("gateway", "password of gateway")
            client.paho.tls_set(str(self.work / "ca.crt"))
        else:
            ca, certificate, key = (str(self.work / name) for name in ("ca.crt", f"{account}.crt", f"{account}.key"))
            client.paho.tls_set(ca, certificate, key)
        client.begin(port or self.devices_port)
        return client

    def of_service(self, account: str, password: str | None = None, client_id: str = "") -> "Client":
        """A client with the account of a service, rightly or not."""
        client = Client(client_id)
        client.paho.username_pw_set(account, f"password of {account}" if password is None else password)
        client.begin(self.services_port)
        until(lambda: client.answers)
        return client


class Client:
    """A client of MQTT 3.1.1 that remembers what it was told."""

    def __init__(self, client_id: str = "") -> None:
        self.paho = paho.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=True, reconnect_on_failure=False)
        self.heard: list[tuple[str, bytes]] = []
        self.answers: list[str] = []
        self.ends = 0
        self.paho.on_connect = lambda *given: self.answers.append(str(given[3]))
        self.paho.on_disconnect = lambda *_: self._ended()
        self.paho.on_message = lambda _client, _data, message: self.heard.append((message.topic, bytes(message.payload)))

    def _ended(self) -> None:
        self.ends += 1

    def begin(self, port: int, host: str = "127.0.0.1") -> None:
        """Begin to connect; what the broker answers will be in ``answers``."""
        self.paho.connect(host, port)
        self.paho.loop_start()

    def publish(self, topic: str, payload: str) -> None:
        """Publish at QoS 1; return when the broker has confirmed it."""
        self.paho.publish(topic, payload, qos=1).wait_for_publish(10)

    def subscribe(self, *patterns: str) -> None:
        """Subscribe and wait for the answer."""
        answered: list[object] = []
        self.paho.on_subscribe = lambda *given: answered.append(given)
        for pattern in patterns:
            self.paho.subscribe(pattern, qos=1)
        until(lambda: len(answered) == len(patterns))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()
