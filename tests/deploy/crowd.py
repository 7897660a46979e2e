"""A crowded broker: ``python -m tests.deploy.crowd flood`` and ``... reconnect``; ``--unlimited``: without nftables.

*flood*: 40 devices send messages of 240 kB as fast as loopback carries them, beside 20 that send a reading a second each, from
the same address. *reconnect*: 3,000 meters behind one address come back at the same instant, each with the readings of an hour.
All over TLS with an account each, on a Mosquitto and a gateway as ``gateway setup broker`` sets them up, and a real InfluxDB.

It runs in a network of its own (``unshare --net``), of which it is root: this machine's network and tables are not touched. The
judge is the ledger of the honest senders (crowd_clients.py) against what InfluxDB answers.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway.commands.demo import services
from gateway.commands.demo.services import CHECKOUT
from tests.deploy.crowd_clients import BACKLOG, Task
from tests.deploy.set_up import HOST, SetUpBroker
from tests.influx import query
from tests.system.rig import Gateway, gateway
from tests.waiting import until

_HONEST = 20
_OPEN_FILES = 12_000
_SETTLED_S = 120.0
_DROPS_TOLD_S = 12.0
_LOOK_EVERY_S = 0.1
_INSIDE = "CROWD_IS_INSIDE"

Result = dict[str, Any]


@dataclass
class Crowd:
    """A broker with its devices, InfluxDB and a gateway."""

    folder: Path
    broker: SetUpBroker
    influxdb: services.Service
    gate: Gateway
    host: str

    @property
    def ledger(self) -> Path:
        """The readings that honest devices were told are safe."""
        return self.folder / "ledger.jsonl"

    def clients(self, kind: str, first: int, last: int, **more: int) -> subprocess.Popen[str]:
        """Start clients of a kind, with the accounts from ``first`` to before ``last``."""
        places: dict[str, Any] = {
            "authority": str(self.broker.folder / "pki" / "ca.crt"),
            "accounts": str(self.folder / "accounts.csv"),
            "ledger": str(self.ledger),
        }
        places |= more
        task = Task(kind, self.host, self.broker.devices_port, first=first, last=last, **places)
        command = [sys.executable, "-m", "tests.deploy.crowd_clients", json.dumps(asdict(task))]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)

    def stored(self) -> int:
        """Count the readings in InfluxDB."""
        found = query(self.influxdb.url, "iot", "SELECT COUNT(volume_m3) FROM water")
        return int(found[0]["count"]) if found else 0

    def judged(self) -> Result:
        """Count the readings that were confirmed, and those of them that InfluxDB does not hold."""
        told = {tuple(json.loads(line)) for line in self.ledger.read_text(encoding="utf-8").splitlines()}
        rows = query(self.influxdb.url, "iot", "SELECT volume_m3 FROM water GROUP BY device")
        there = {(row["device"], row["time"], row["volume_m3"]) for row in rows}
        return {"confirmed": len(told), "lost": len(told - there)}

    def named(self) -> set[str]:
        """The devices that the gateway calls flooders now."""
        return set(re.findall(r"device (\S+) sends about", self.gate.troubles()))


@contextmanager
def crowd(folder: Path, devices: int, options: argparse.Namespace) -> Iterator[Crowd]:
    """All of it, with the table of ``gateway setup broker`` loaded or not."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))  # as the drop-in of the service gives
    broker = SetUpBroker(folder / "broker", devices, "--replace")
    accounts = str(folder / "broker" / "state" / "dynamic-security.json")
    broker.command("devices", "enroll", "--all", "--file", accounts, "--csv", str(folder / "accounts.csv"))
    if not options.unlimited:
        subprocess.run(["nft", "-f", broker.folder / "conf.d" / "gateway_broker.nft"], check=True)
    with ExitStack() as running:
        running.enter_context(broker.service)
        influxdb = running.enter_context(services.influxdb(folder))
        sections = json.loads(broker.config.read_text())
        gate = running.enter_context(gateway(broker.config.parent, sections["mqtt"]["url"], influxdb.url, **sections))
        gate.wait_subscribed()
        yield Crowd(folder, broker, influxdb, gate, "::1" if options.ipv6 else HOST)


def flood(folder: Path, options: argparse.Namespace) -> Result:
    """Measure a flood."""
    last, seconds = _HONEST + options.flooders, options.seconds
    how = {"seconds": seconds, "size_bytes": options.size, "messages_each": options.messages_each}
    with crowd(folder, last, options) as there:
        honest = there.clients("steady", 0, _HONEST, seconds=seconds + 5)
        time.sleep(3.0)
        began_s, read_before = time.time(), _read_bytes(there.broker.service)
        half = (_HONEST + last) // 2
        flooding = [there.clients("flood", _HONEST, half, **how), there.clients("flood", half, last, **how)]
        seen: dict[float, set[str]] = {}
        while any(process.poll() is None for process in flooding):
            seen[time.time() - began_s] = there.named()
            time.sleep(_LOOK_EVERY_S)
        read_bytes = _read_bytes(there.broker.service) - read_before
        sender = _result_of(honest)
        time.sleep(_DROPS_TOLD_S)
        until(lambda: not there.gate.status()["mqtt"]["unacknowledged"], _SETTLED_S, what="all is acknowledged")
        until(lambda: not there.gate.pending("memory"), _SETTLED_S, what="all is written")
        names = set[str]().union(*seen.values())
        return {
            "broker_read_mb_s": round(read_bytes / 1e6 / seconds, 1),
            **there.judged(),
            "named_after_s": next((round(at_s, 1) for at_s, named in seen.items() if named), None),
            "innocent_named": sorted(names & set(there.broker.names[:_HONEST])),
            "confirmed_after_s": [round(sender["p50_s"], 3), round(sender["longest_s"], 2)],
            "broker_memory_mb": _peak_mb(there.broker.service),
            "dropped_by_broker": "it dropped" in there.gate.troubles(),
            "said_to_be_open": "nothing limits" in there.gate.troubles(),
        }


def reconnect(folder: Path, options: argparse.Namespace) -> Result:
    """Measure a return of all."""
    with crowd(folder, options.meters, options) as there:
        process = there.clients("backlog", 0, options.meters, together=options.together)
        until(lambda: there.stored() >= options.meters * BACKLOG, 300.0, what="all is stored")
        ended_s, sender = time.time(), _result_of(process)
        return {
            **there.judged(),
            "all_confirmed_after_s": round(sender["ended_s"] - sender["began_s"], 1),
            "all_stored_after_s": round(ended_s - sender["began_s"], 1),
            "connections": sender["connections"],
            "broker_memory_mb": _peak_mb(there.broker.service),
            "gateway_memory_mb": round(there.gate.rss_bytes / 1e6),
            "innocent_named": sorted(there.named()),
        }


def _result_of(process: subprocess.Popen[str]) -> Result:
    """The result that clients printed when they had ended."""
    said, _ = process.communicate()
    found: Result = json.loads(said)
    return found


def _peak_mb(service: services.Service) -> int:
    """The most memory that a service ever held."""
    status = Path(f"/proc/{service.pid}/status").read_text()
    return round(int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6)


def _read_bytes(service: services.Service) -> int:
    """All that a service has read from sockets and files."""
    return int(dict(line.split(": ") for line in Path(f"/proc/{service.pid}/io").read_text().splitlines())["rchar"])


def _held_back() -> list[int]:
    """Packets that the rules dropped, in their order: of a connection by IPv4 and IPv6, of an address, of a network."""
    done = subprocess.run(["nft", "list", "table", "inet", "gateway_broker"], capture_output=True, text=True, check=False)
    return [int(number) for number in re.findall(r"counter packets (\d+)", done.stdout)]


def main() -> int:
    """Measure and print; 1 if something was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.deploy.crowd")
    parser.add_argument("what", choices=["flood", "reconnect"])
    parser.add_argument("--unlimited", action="store_true", help="without the table of nftables")
    parser.add_argument("--flooders", type=int, default=40)
    parser.add_argument("--seconds", type=int, default=20, help="of a flood")
    parser.add_argument("--size", type=int, default=240_000, help="bytes of a flooder's message")
    parser.add_argument("--messages-each", type=int, default=0, help="a flooder comes again after so many")
    parser.add_argument("--meters", type=int, default=3000)
    parser.add_argument("--together", type=int, default=BACKLOG, help="readings in a message of a backlog")
    parser.add_argument("--ipv6", action="store_true", help="by ::1")
    parser.add_argument("--mtu", type=int, default=65_536, help="of loopback")
    options = parser.parse_args()
    if _INSIDE not in os.environ:
        command = ["unshare", "--net", "--", sys.executable, "-m", "tests.deploy.crowd", *sys.argv[1:]]
        return subprocess.run(command, env=os.environ | {_INSIDE: "1"}, check=False).returncode
    subprocess.run(["ip", "link", "set", "lo", "mtu", str(options.mtu), "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="crowd-") as folder:
        found = {"flood": flood, "reconnect": reconnect}[options.what](Path(folder), options)
    print(json.dumps(found | {"packets_held_back": _held_back()}, indent=1))  # noqa: T201 - its result
    return 1 if found["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
