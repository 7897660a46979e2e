"""``gateway demo``: the whole system on one machine, with real parts, and a proof at the end that nothing was lost.

A real Mosquitto, a real InfluxDB, the gateway and a simulated fleet run as child processes on free loopback ports. The fleet is
registered, so that the page shows which devices report. At the end the fleet's own ledger of acknowledged readings is
compared with the contents of InfluxDB, reading by reading.

SIGINT and SIGTERM end the fleet, then the comparison follows; a second signal ends everything at once.
"""

import json
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

from gateway.demo import services
from schemas.scaled_clock import PERMIT

_SHARES: Final = {"water": 0.35, "power": 0.35, "traffic": 0.15, "urban": 0.15}
_INTERVAL_S: Final = 1
_START_PATIENCE_S: Final = 15.0
_SETTLE_PATIENCE_S: Final = 20.0
_VERIFY_WAIT_S: Final = 10
_DATABASE: Final = "iot"
_REGISTRY: Final = "devices.yaml"


class _DemoFault(Exception):  # noqa: N818 - the field's word
    """The demo cannot go on; the text says why."""


def demo(*, devices: int, seconds: int, folder: Path | None) -> int:
    """Run the demo; return 0 if every reading is accounted for, 1 if not or if it could not run."""
    for stop in (signal.SIGINT, signal.SIGTERM):  # also if a shell started it in the background, where SIGINT is ignored
        signal.signal(stop, signal.default_int_handler)
    try:
        with _workplace(folder) as place, ExitStack() as stack:
            return _run(place, stack, devices, seconds)
    except (services.ProgramMissing, services.ServiceFailed, _DemoFault, OSError) as fault:
        print(f"\nThe demo cannot run: {fault}", file=sys.stderr)
        return 1


def _run(place: Path, stack: ExitStack, devices: int, seconds: int) -> int:
    _say("Starting Mosquitto, InfluxDB and the gateway ...")
    broker = stack.enter_context(services.mosquitto(_made(place / "mosquitto")))
    influxdb = stack.enter_context(services.influxdb(_made(place / "influxdb"), database=_DATABASE))
    config, page = _configure(place, broker.url, influxdb.url)
    counts = _fleet_of(devices)
    _register(place, counts)
    gateway = stack.enter_context(_child(["gateway", "run", "-c", str(config)], place / "gateway.log"))
    _await_page(page, gateway, place / "gateway.log")
    _say(_what_to_try(place, page, broker, influxdb))
    _say(f"{devices} devices ({', '.join(f'{count} {domain}' for domain, count in counts.items())}), a reading a second each")
    fleet = stack.enter_context(_child(_fleet_command(broker.url, counts, seconds, place), place / "fleet.log"))
    try:
        _watch(page, fleet, gateway, seconds)
    except KeyboardInterrupt:
        _say("\nStopping the fleet ...")
    fleet.send_signal(signal.SIGINT)
    if fleet.wait(timeout=30) != 0:
        raise _DemoFault(f"the fleet failed:\n{_tail(place / 'fleet.log')}")
    _settle(page)
    return _verify(place, influxdb.url, page)


@contextmanager
def _workplace(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield Path(tempfile.mkdtemp(prefix="run-", dir=folder.resolve()))
        return
    with tempfile.TemporaryDirectory(prefix="gateway-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _configure(place: Path, broker_url: str, influxdb_url: str) -> tuple[Path, str]:
    """Write the gateway's configuration; its file and the address of its page."""
    port = services.free_port()
    token = place / "token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_urlsafe(24), encoding="utf-8")
    config = {
        "mqtt": {"url": broker_url},
        "influxdb": {"url": influxdb_url, "api": "v1", "bucket": _DATABASE},
        "journal": {"path": "data/journal.db", "min_free_bytes": 0},
        "devices": {"registry": _REGISTRY},
        "http": {"port": port, "token_file": token.name},
    }
    file = place / "gateway.yaml"
    file.write_text(json.dumps(config, indent=2), encoding="utf-8")
    (_made(place / "data") / PERMIT).touch()
    return file, f"http://127.0.0.1:{port}"


@contextmanager
def _child(arguments: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """One of this project's programs as a child, which Ctrl-C does not reach; it is stopped in order."""
    command = [*services.dies_with_parent(), *_command(*arguments)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _command(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", {"gateway": "gateway", "firmware-sim": "firmware_sim.cli"}[program], *arguments]


def _fleet_of(devices: int) -> dict[str, int]:
    counts = {domain: int(devices * share) for domain, share in _SHARES.items()}
    counts["water"] += devices - sum(counts.values())
    return counts


def _fleet_options(counts: dict[str, int]) -> list[str]:
    numbers = [word for domain, count in counts.items() for word in (f"--{domain}", str(count))]
    return [*numbers, "--interval", str(_INTERVAL_S), "--speed", "1"]


def _fleet_command(broker_url: str, counts: dict[str, int], seconds: int, place: Path) -> list[str]:
    where = ["--broker", broker_url, "--ledger", str(place / "ledger.jsonl")]
    return ["firmware-sim", "run", *where, *_fleet_options(counts), "--duration", str(seconds)]


def _register(place: Path, counts: dict[str, int]) -> None:
    """Write the registry of the fleet, as a utility would do."""
    command = _command("firmware-sim", "registry", *_fleet_options(counts))
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        raise _DemoFault(f"the fleet has no registry:\n{done.stderr.decode(errors='replace')}")
    (place / _REGISTRY).write_bytes(done.stdout)


def _what_to_try(place: Path, page: str, broker: services.Service, influxdb: services.Service) -> str:
    """The addresses, and things to try."""
    gateway, config = Path(sys.executable).with_name("gateway"), place / "gateway.yaml"
    to_broker = f"mosquitto_pub -h {broker.host} -p {broker.port} -q 1 -t iot/v1/xa-01/water/my-meter/readings"
    return f"""
  Watch it here   {page}/
  Broker          {broker.url}
  InfluxDB        {influxdb.url}  database {_DATABASE}
  Token           {(place / "token").read_text(encoding="utf-8")}  (for changes, at {page}/)
  Files           {place}

To try, in another terminal (mosquitto_pub is in the package mosquitto-clients):
  a meter of your own        {to_broker} -m '{{"volume_m3": 12.5}}'
  an invalid message         {to_broker} -m 'hello'
  see it among the rejects   {gateway} rejects list -c {config}
  who reports                {gateway} devices coverage -c {config}
  InfluxDB hangs, goes on    kill -STOP {influxdb.pid}    kill -CONT {influxdb.pid}
"""


def _await_page(page: str, gateway: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline_s = time.monotonic() + _START_PATIENCE_S
    while True:
        status = _status(page)
        if status is not None and status["mqtt"]["connected"]:
            return
        if gateway.poll() is not None or time.monotonic() > deadline_s:
            raise _DemoFault(f"the gateway did not start:\n{_tail(log)}")
        time.sleep(0.05)


def _watch(page: str, fleet: "subprocess.Popen[bytes]", gateway: "subprocess.Popen[bytes]", seconds: int) -> None:
    """Show progress until the fleet has ended."""
    started_s, before = time.monotonic(), 0
    while fleet.poll() is None:
        time.sleep(1.0)
        if gateway.poll() is not None:
            raise _DemoFault("the gateway ended by itself")
        status = _status(page)
        if status is not None:
            written = status["ledger"]["written"]
            elapsed_s = int(time.monotonic() - started_s)
            of_all = f" of {seconds}" if seconds else ""
            waiting = sum(status["ledger"]["pending"].values())
            _progress(
                f"{elapsed_s:>4}{of_all} s   {written:>9,} readings in InfluxDB   {written - before:>6,}/s   {waiting} wait"
            )
            before = written
    if sys.stdout.isatty():
        print()


def _progress(text: str) -> None:
    """One line that refreshes itself on a terminal, plain lines elsewhere."""
    print(f"\r{text}\x1b[K" if sys.stdout.isatty() else text, end="" if sys.stdout.isatty() else "\n", flush=True)


def _settle(page: str) -> None:
    """Wait until nothing is pending in the gateway."""
    deadline_s = time.monotonic() + _SETTLE_PATIENCE_S
    while time.monotonic() < deadline_s:
        status = _status(page)
        if status is not None and not any(status["ledger"]["pending"].values()):
            return
        time.sleep(0.1)


def _verify(place: Path, influxdb_url: str, page: str) -> int:
    """Compare the acknowledged readings with InfluxDB, and check the gateway's own ledger."""
    _say("Comparing the fleet's ledger with InfluxDB, reading by reading ...\n")
    options = ["--ledger", str(place / "ledger.jsonl"), "--influxdb", influxdb_url, "--api", "v1", "--bucket", _DATABASE]
    command = _command("firmware-sim", "verify", *options, "--wait", str(_VERIFY_WAIT_S))
    verdict = subprocess.run(command, check=False)  # noqa: S603
    status = _status(page) or {"ledger": {"imbalance": "unknown"}}
    ledger = status["ledger"]
    _say(f"\nThe gateway's ledger: {json.dumps(ledger)}")
    if verdict.returncode == 0 and ledger["imbalance"] == 0:
        _say("all accounted for")
        return 0
    _say("NOT all accounted for")
    return 1


def _status(page: str) -> dict[str, Any] | None:
    try:
        with urlopen(f"{page}/api/status", timeout=5) as answer:  # noqa: S310 - our own child
            document: dict[str, Any] = json.load(answer)
            return document
    except (URLError, OSError, HTTPException, ValueError):
        return None


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def _say(text: str) -> None:
    print(text, flush=True)
