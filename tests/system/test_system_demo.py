"""``gateway demo`` as people use it: what it prints is tried, and it is ended as a service manager would."""

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from schemas.quantities import DOMAINS
from tests.processes import children
from tests.system.rig import run_gateway
from tests.waiting import until

pytestmark = pytest.mark.real


@contextmanager
def demo(folder: Path, *options: str) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    """A demo with few devices that runs until it is stopped, and the file with what it prints."""
    said = folder / "said"
    command = [sys.executable, "-m", "gateway", "demo", "--devices", "10", "--seconds", "0", "--dir", str(folder), *options]
    with said.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield process, said
        finally:
            process.kill()


def named(said: Path, what: str) -> str:
    """Wait until the demo prints a word, and return the text behind it."""
    found: list[str] = []

    def look() -> bool:
        found[:] = re.findall(rf"^  {what} {{2,}}(.*)$", said.read_text(), re.MULTILINE)
        return bool(found)

    until(look, 30.0, what=f"the demo names: {what}")
    return found[0]


def answer(url: str, token: str = "", *, method: str = "") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = Request(url, headers=headers, method=method or ("POST" if token else "GET"))  # noqa: S310 - of our own child
    with urlopen(request, timeout=10) as reply:  # noqa: S310
        document: dict[str, Any] = json.load(reply)
        return document


def publish(command: str, broker: str) -> None:
    """Do what a ``mosquitto_pub`` of the demo does, without that program."""
    words = shlex.split(command)
    given = dict(zip(words[1::2], words[2::2], strict=True))
    assert (words[0], broker) == ("mosquitto_pub", f"mqtt://{given['-h']}:{given['-p']}")
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(given["-h"], int(given["-p"]))
    client.loop_start()
    client.publish(given["-t"], given["-m"], int(given["-q"])).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def test_the_demo_registers_its_fleet_and_all_that_it_proposes_works(tmp_path: Path) -> None:
    with demo(tmp_path) as (process, said):
        page = named(said, "Watch it here")
        broker, token = named(said, "Broker"), named(said, "Token").split()[0]

        def devices() -> list[dict[str, object]]:
            found: list[dict[str, object]] = answer(f"{page}api/devices")["devices"]
            return found

        until(lambda: len([device for device in devices() if device["online"]]) == 10, 20.0, what="all ten devices report")
        assert all(device["registered"] and device["area"] and device["interval_s"] == 900 for device in devices())
        assert {device["domain"] for device in devices()} == set(DOMAINS)
        publish(named(said, "a meter of your own"), broker)
        until(lambda: "my-meter" in {device["id"] for device in devices()}, what="the meter of one's own is seen")
        publish(named(said, "break a device"), broker)
        broken = named(said, "what became of it").rpartition("/")[2]
        rejects = shlex.split(named(said, "among the rejects"))[1:]
        until(
            lambda: re.search(rf"{broken}.*bad_json|bad_json.*{broken}", run(*rejects)) is not None, what="the reject is listed"
        )
        assert "Xã mô phỏng" in run(*shlex.split(named(said, "who reports"))[1:])
        assert answer(f"{page}api/rejects/replay", token)
        technician = named(said, "Technician").split()[0]
        assert answer(f"{page}api/account", technician, method="GET") == {"name": "lan", "role": "technician"}
        for place in ("try a payload first", "who sees to an alarm", "hand over the shift"):
            with urlopen(named(said, place)) as shown:  # noqa: S310 - of our own child
                assert shown.status == 200
        until(
            lambda: "water_quality@" in run(*shlex.split(named(said, "what is wrong, and was"))[1:]),
            30.0,
            what="the water is bad",
        )
        assert "files written, 0 as they were" in run(*shlex.split(named(said, "dashboards for Grafana"))[1:])
        assert "Volume" in run(*shlex.split(named(said, "what was used"))[1:])
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert "\nall accounted for" in said.read_text()


def run(*arguments: str) -> str:
    return run_gateway(*arguments).stdout


@pytest.mark.parametrize(
    "number",  # the test above ends by SIGTERM, too, and nothing may be left then
    [pytest.param(signal.SIGTERM, id="sigterm", marks=pytest.mark.slow), pytest.param(signal.SIGKILL, id="killed")],
)
def test_whatever_ends_the_demo_nothing_is_left_running(number: signal.Signals, tmp_path: Path) -> None:
    before = set(children())
    with demo(tmp_path) as (process, said):
        named(said, "Token")
        until(lambda: "readings in InfluxDB" in said.read_text(), what="the fleet runs")
        assert set(children()) > before
        process.send_signal(number)
        process.wait(timeout=60)
        until(lambda: set(children()) == before, what="all that it started have ended")
