"""``gateway demo``: the whole system on one machine, with real parts, and a proof at the end that nothing was lost.

A real Mosquitto, a real InfluxDB, the gateway and a simulated fleet run as child processes on free loopback ports. The fleet is
registered and tells the story of a province: two days over two midnights, in under a minute, on a clock that gateway and fleet
share and that then goes on in real time. So reports, completeness and alarms have something to show. At the end the fleet's own
ledger of acknowledged readings and of what was consumed is compared with the contents of InfluxDB, reading by reading.

SIGINT and SIGTERM end the fleet, then the comparison follows; a second signal ends everything at once.
"""

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import yaml

from gateway.commands.demo import services
from gateway.commands.terminal import add_path, number, whole_number
from gateway.support.access.accounts import AccountRole, digest_of
from gateway.support.clock import WallClock
from gateway.support.plain_http import NoAnswer, PlainHttp
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime

_START_PATIENCE_S: Final = 15.0


class DemoFault(Exception):  # noqa: N818 - the field's word
    """The demo cannot go on; the text says why."""


@contextmanager
def child(arguments: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """One of this project's programs as a child, which Ctrl-C does not reach; it is stopped in order."""
    command = [*services.dies_with_parent(), *command_of(*arguments)]
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


def command_of(program: str, *arguments: str) -> list[str]:
    """The command line of one of this project's programs."""
    return [sys.executable, "-m", {"gateway": "gateway", "firmware-sim": "firmware_sim.cli"}[program], *arguments]


def await_page(page: str, gateway: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once the gateway is connected; DemoFault if it ends, or takes too long."""
    deadline_s = time.monotonic() + _START_PATIENCE_S
    while True:
        status = status_of(page)
        if status is not None and status["mqtt"]["connected"]:
            return
        if gateway.poll() is not None or time.monotonic() > deadline_s:
            raise DemoFault(f"the gateway did not start:\n{tail(log)}")
        time.sleep(0.05)


def status_of(page: str) -> dict[str, Any] | None:
    """The gateway's account of itself; None: it does not answer."""
    try:
        answer = PlainHttp(page).send("GET", "/api/status")
    except NoAnswer:
        return None
    document: dict[str, Any] | None = answer.document() if answer.status == HTTPStatus.OK else None
    return document


def tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


_SCENARIO: Final = "province"
_STORY: Final = ("--scenario", _SCENARIO)
_DAYS: Final = 2
_SPEED: Final = 5_760.0
"""Two days pass in half a minute, and what comes before them in some seconds."""
_START_S: Final = 5.0
"""So long gateway and fleet may take to start, at least: the clock begins so much earlier."""
_STARTS: Final = 5.0
"""So much longer than the registry of the fleet they take, on a machine that has other things to do."""
_LIVE_INTERVAL_S: Final = 1
_PATIENCE_H: Final = 8
"""At that speed these hours are five seconds in which a busy machine does something else."""
_SETTLE_PATIENCE_S: Final = 20.0
_VERIFY_WAIT_S: Final = 10
_DATABASE: Final = "iot"
_ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")
_REGISTRY: Final = "devices.yaml"
_TECHNICIAN: Final = "lan"
_ON_MY_WAY, _WORK = "Đang đến nơi · on my way", "Thay pin · a new battery"
"""What people say of two alarms, for those who look at the pages and dashboards."""
_PRESENT_MS: Final = 60_000
"""The clock shows real time when it is no further behind."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway demo``."""
    devices, seconds = "number of simulated devices (default: 300)", "seconds to run; 0: until Ctrl-C (default: 60)"
    command.add_argument("--devices", type=number("a whole number of 1 or more", 1), default=300, metavar="N", help=devices)
    command.add_argument("--seconds", type=whole_number, default=60, metavar="N", help=seconds)
    add_path(command, "--dir", "DIR", "folder that keeps data and logs (default: a temporary one)")
    command.set_defaults(call=demo)


def demo(options: argparse.Namespace) -> int:
    """Run the demo; return 0 if every reading is accounted for, 1 if not or if it could not run."""
    for stop in (signal.SIGINT, signal.SIGTERM):  # also if a shell started it in the background, where SIGINT is ignored
        signal.signal(stop, signal.default_int_handler)
    try:
        with _workplace(options.dir) as place, ExitStack() as stack:
            return _run(place, stack, options.devices, options.seconds)
    except (services.ProgramMissing, services.ServiceFailed, DemoFault, OSError) as fault:
        print(f"\nThe demo cannot run: {fault}", file=sys.stderr)
        return 1


def _run(place: Path, stack: ExitStack, devices: int, seconds: int) -> int:
    _say("Starting Mosquitto, InfluxDB and the gateway ...")
    broker = stack.enter_context(services.mosquitto(services.made(place / "mosquitto")))
    influxdb = stack.enter_context(services.influxdb(services.made(place / "influxdb"), database=_DATABASE))
    config, page = _configure(place, broker.url, influxdb.url)
    began_s = time.monotonic()
    registered = _register(place, devices)
    start_s = max(_START_S, _STARTS * (time.monotonic() - began_s))
    os.environ[VARIABLE] = str(_clock(WallClock().now_ms(), start_s))
    gateway = stack.enter_context(child(["gateway", "run", "-c", str(config)], place / "gateway.log"))
    await_page(page, gateway, place / "gateway.log")
    _say(_what_to_try(place, page, broker, influxdb, registered[0]))
    counts = Counter(device["domain"] for device in registered)
    _say(
        f"{devices} devices ({', '.join(f'{count} {domain}' for domain, count in counts.items())}): two days of the story"
        f" {_SCENARIO!r}, then a reading a second each"
    )
    where = ["--broker", broker.url, "--ledger", str(place / "ledger.jsonl"), "--connections", "shared"]
    how_long = ["--live-interval", str(_LIVE_INTERVAL_S), "--duration", str(seconds)]
    command = ["firmware-sim", "run", *where, *_STORY, "--devices", str(devices), *how_long]
    fleet = stack.enter_context(child(command, place / "fleet.log"))
    try:
        _watch(page, fleet, gateway, seconds, place)
    except KeyboardInterrupt:
        _say("\nStopping the fleet ...")
    fleet.send_signal(signal.SIGINT)
    if fleet.wait(timeout=30) != 0:
        raise DemoFault(f"the fleet failed:\n{tail(place / 'fleet.log')}")
    _settle(page)
    return _verify(place, influxdb.url, page)


def _clock(now_ms: int, start_s: float) -> ScaledTime:
    """A clock that begins at a midnight, so that no day ends before the first reading, and catches up with real time.

    The fleet is there some hours later, and sends for two days or more. Until the next midnight the gateway has the time that
    it needs to ask the database for the sums of all devices.
    """
    begins = datetime.fromtimestamp(now_ms / 1000, _ZONE) - timedelta(_DAYS, start_s * _SPEED)
    midnight_ms = round(begins.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
    return ScaledTime(now_ms, midnight_ms, _SPEED)


@contextmanager
def _workplace(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield Path(tempfile.mkdtemp(prefix="run-", dir=folder.resolve()))
        return
    with tempfile.TemporaryDirectory(prefix="gateway-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made)


def _configure(place: Path, broker_url: str, influxdb_url: str) -> tuple[Path, str]:
    """Write the gateway's configuration; its file and the address of its page."""
    port = services.free_port()
    _write_secret(place / "token", secrets.token_urlsafe(24))
    technician = secrets.token_urlsafe(12)
    _write_secret(place / _TECHNICIAN, technician)
    role = AccountRole.TECHNICIAN.word
    _write_secret(place / "tokens", f"{_TECHNICIAN} {role} {digest_of(technician).hex()}\n")
    config = {
        "mqtt": {"url": broker_url},
        "influxdb": {"url": influxdb_url, "api": "v1", "bucket": _DATABASE},
        "journal": {"path": "data/journal.db", "min_free_bytes": 0},
        "devices": {"registry": _REGISTRY},
        "time": {"late_after": f"{_PATIENCE_H}h", "max_future": f"{_PATIENCE_H}h"},
        "http": {"port": port, "token_file": "token", "tokens_file": "tokens"},
    }
    file = place / "gateway.yaml"
    file.write_text(json.dumps(config, indent=2), encoding="utf-8")
    (services.made(place / "data") / PERMIT).touch()
    return file, f"http://127.0.0.1:{port}"


def _write_secret(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")


def _register(place: Path, devices: int) -> list[dict[str, Any]]:
    """Write the registry of the fleet, as a utility would do, and return its devices."""
    command = command_of("firmware-sim", "registry", *_STORY, "--devices", str(devices))
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        raise DemoFault(f"the fleet has no registry:\n{done.stderr.decode(errors='replace')}")
    (place / _REGISTRY).write_bytes(done.stdout)
    registered: list[dict[str, Any]] = yaml.safe_load(done.stdout)["devices"]
    return registered


def _what_to_try(place: Path, page: str, broker: services.Service, influxdb: services.Service, device: dict[str, Any]) -> str:
    """The addresses, and things to try."""
    gateway, config = Path(sys.executable).with_name("gateway"), place / "gateway.yaml"
    to_broker = f"mosquitto_pub -h {broker.host} -p {broker.port} -q 1 -t iot/v1"
    topic = f"{device['site']}/{device['domain']}/{device['id']}/readings"
    yesterday = datetime.now(_ZONE).date() - timedelta(1)
    return f"""
  Watch it here   {page}/
  Broker          {broker.url}
  InfluxDB        {influxdb.url}  database {_DATABASE}
  Token           {(place / "token").read_text(encoding="utf-8")}  (an administrator; sign in at {page}/login)
  Technician      {(place / _TECHNICIAN).read_text(encoding="utf-8")}  (registers, acknowledges, tries payloads)
  Files           {place}

To try, in another terminal (mosquitto_pub is in the package mosquitto-clients):
  a meter of your own        {to_broker}/xa-01/water/my-meter/readings -m '{{"volume_m3": 12.5}}'
  break a device             {to_broker}/{topic} -m '{{"volume_m3": '
  what became of it          {page}/devices/{device["id"]}
  among the rejects          {gateway} rejects list -c {config}
  try a payload first        {page}/try
  who sees to an alarm       {page}/alarms
  hand over the shift        {page}/shift
  stop InfluxDB, go on       kill -STOP {influxdb.pid}    kill -CONT {influxdb.pid}
  who reports                {gateway} devices coverage -c {config}
  what is wrong, and was     {gateway} alarms history -c {config}
  dashboards for Grafana     {gateway} setup grafana --store influxdb --simulated shown --pages {page} --out {place}/grafana
  what was used              {gateway} report consumption --from {yesterday} --to {yesterday} --by area -c {config}
"""


def _watch(page: str, fleet: "subprocess.Popen[bytes]", gateway: "subprocess.Popen[bytes]", seconds: int, place: Path) -> None:
    """Show progress until the fleet has ended; once its clock shows real time, people see to what there is."""
    started_s, before, is_seen_to = time.monotonic(), 0, False
    while fleet.poll() is None:
        time.sleep(1.0)
        if gateway.poll() is not None:
            raise DemoFault("the gateway ended by itself")
        status = status_of(page)
        if status is not None:
            written = status["ledger"]["written"]
            elapsed_s = int(time.monotonic() - started_s)
            of_all = f" of {seconds}" if seconds else ""
            waiting = sum(status["ledger"]["pending"].values())
            told = datetime.fromtimestamp(status["now"] / 1000, _ZONE)
            _progress(
                f"{elapsed_s:>4}{of_all} s   {told:%a %d %b %H:%M}   {written:>9,} readings in InfluxDB   "
                f"{written - before:>6,}/s   {waiting} wait"
            )
            before = written
            if not is_seen_to and status["now"] > WallClock().now_ms() - _PRESENT_MS:
                is_seen_to = True
                _see_to_alarms(page, place)
    if sys.stdout.isatty():
        print()


def _see_to_alarms(page: str, place: Path) -> None:
    """Acknowledge the worst alarm as the technician, and plan work at the device of the one that stands longest."""
    technician, administrator = (
        PlainHttp(page, {"Authorization": f"Bearer {(place / name).read_text(encoding='utf-8').strip()}"})
        for name in (_TECHNICIAN, "token")
    )
    active = (technician.send("GET", "/api/alarms?most=1000").document() or {}).get("alarms", [])
    if active:
        seen_to, oldest = quote(active[0]["id"]), min(active, key=lambda alarm: alarm["since_ms"])
        technician.send("POST", f"/api/alarms/{seen_to}/acknowledge?{urlencode({'note': _ON_MY_WAY})}")
        work = {"by": "minh", "device": oldest["device"], "for_h": 8, "note": _WORK}
        administrator.send("POST", f"/api/silences?{urlencode(work)}")


def _progress(text: str) -> None:
    """One line that refreshes itself on a terminal, plain lines elsewhere."""
    print(f"\r{text}\x1b[K" if sys.stdout.isatty() else text, end="" if sys.stdout.isatty() else "\n", flush=True)


def _settle(page: str) -> None:
    """Wait until nothing is pending in the gateway."""
    deadline_s = time.monotonic() + _SETTLE_PATIENCE_S
    while time.monotonic() < deadline_s:
        status = status_of(page)
        if status is not None and not any(status["ledger"]["pending"].values()):
            return
        time.sleep(0.1)


def _verify(place: Path, influxdb_url: str, page: str) -> int:
    """Compare the acknowledged readings with InfluxDB, and check the gateway's own ledger."""
    _say("Comparing the fleet's ledger with InfluxDB, reading by reading ...\n")
    where = ["--influxdb", influxdb_url, "--api", "v1", "--bucket", _DATABASE]
    patience = ["--wait", str(_VERIFY_WAIT_S), "--within", str(3600 * _PATIENCE_H)]
    ledger_file = str(place / "ledger.jsonl")
    command = command_of("firmware-sim", "verify", "--ledger", ledger_file, *where, *patience, "--no-alarms")
    verdict = subprocess.run(command, check=False)  # noqa: S603
    status = status_of(page) or {"ledger": {"imbalance": "unknown"}}
    ledger = status["ledger"]
    _say(f"\nThe gateway's ledger: {json.dumps(ledger)}")
    if verdict.returncode == 0 and ledger["imbalance"] == 0:
        _say("all accounted for")
        return 0
    _say("NOT all accounted for")
    return 1


def _say(text: str) -> None:
    print(text, flush=True)
