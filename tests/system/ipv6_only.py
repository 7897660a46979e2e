"""The whole chain on a machine without IPv4: ``python -m tests.system.ipv6_only FOLDER``, in a network of its own.

Broker, certificates and accounts as `gateway setup` makes them, InfluxDB, gateway, simulated devices, an enrolled one, pages.
"""

import json
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from secrets import token_bytes
from typing import Final

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from gateway.ingest.broker.rights import SALT_BYTES, AclType, BrokerAccount, Right, added
from schemas.enrolment import parse_enrolment
from tests.deploy.set_up import SetUpBroker
from tests.system.rig import Gateway, gateway
from tests.waiting import until

HOST: Final = "::1"
FLEET: Final = BrokerAccount(
    "fleet", [Right(AclType.PUBLISH, f"iot/v1/+/+/+/{last}") for last in ("readings", "status")], "password-of-the-fleet"
)


def entered(folder: Path) -> list[str]:
    """Words before a command that is to run without IPv4, where ``localhost`` is ``::1``."""
    (folder / "hosts").write_text(f"{HOST} localhost\n")
    lacks = f"mount --bind {folder}/hosts /etc/hosts && ip link set lo up && ip address delete 127.0.0.1/8 dev lo"
    unshare = shutil.which("unshare") or "unshare"
    return [unshare, "--map-root-user", "--net", "--mount", "sh", "-c", f'{lacks} && exec "$@"', "sh"]


def _has_ipv4() -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", 0))
        except OSError:
            return False
    return True


def _set_up(folder: Path) -> SetUpBroker:
    """A broker in whose file the simulated devices have an account together."""
    broker = SetUpBroker(folder, 1, "--replace", "--yes", host=HOST)
    accounts = folder / "state" / "dynamic-security.json"
    accounts.write_text(added(accounts.read_text(), [(FLEET, token_bytes(SALT_BYTES))]))
    return broker


def _simulate(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "firmware_sim.cli", *words], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _check(broker: SetUpBroker, gate: Gateway, influxdb: Service) -> None:
    """Check that every reading arrives, and that commands and pages answer."""
    ledger, fleet = str(broker.folder / "ledger.jsonl"), f"{FLEET.name}:{FLEET.password}"
    shared = ("--connections", "shared", "--duration", "3", "--interval", "0.5", "--ledger", ledger)
    _simulate("run", "--devices", "8", "--broker", f"mqtt://{fleet}@localhost:{broker.services_port}", *shared)
    _simulate("verify", "--ledger", ledger, "--influxdb", influxdb.url, "--api", "v1", "--wait", "30", "--no-alarms")
    before = gate.ledger()["written"]
    said = broker.command("devices", "enroll", broker.names[0])
    (line,) = [line for line in said.splitlines() if line.startswith("mqtts://")]
    assert parse_enrolment(line).host == HOST
    _simulate("device", "--as-real", "--from-qr", line, "--interval", "1", "--send", "2", "--gateway", gate.url)
    until(lambda: gate.ledger()["written"] >= before + 2)
    said = broker.command("check", "--connect")
    assert "connected and subscribed" in said
    assert "accepts writes" in said
    assert "enrolment.url: the certificate ends in" in said
    for page in ("/", "/devices", "/metrics", "/api/devices/wm-0001"):
        assert gate.ask(page)[0] == 200, page


def main(folder: Path) -> None:
    """Run the chain, and fail where something needs IPv4."""
    assert not _has_ipv4(), "this is to be run in a network without IPv4"
    broker = _set_up(folder / "broker")
    with broker.service, services.influxdb(folder / "influxdb", ipv6=True) as influxdb:
        sections = json.loads(broker.config.read_text())
        sections["http"] = {"host": HOST}
        with gateway(broker.config.parent, sections["mqtt"]["url"], influxdb.url, **sections) as gate:
            gate.wait_subscribed()
            _check(broker, gate, influxdb)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
