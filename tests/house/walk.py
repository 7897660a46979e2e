"""The way of a native reading through a running gateway, from its bytes to its PUBACK: ``python -m tests.house.walk``.

Each call of a function of the gateway is a step, as one who reads the code goes on to that function; a folder is a room.
Broker and database are stand-ins in threads of their own, which are not traced. What a clock calls meanwhile, as the keeper of
alarms, makes a walk longer and never shorter: so of many readings the shortest walk counts.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final, NamedTuple

import mqtt5

from gateway.commands.run import run
from gateway.support.config.files import load
from tests.waiting import PATIENCE_S, until

GATEWAY: Final = Path(__file__).parents[2] / "gateway"
_READINGS: Final = 20
_REST_S: Final = 0.02
_PUBACK: Final = 0x40


class Step(NamedTuple):
    """A function that was called, and its file below ``gateway/``."""

    file: str
    function: str

    @property
    def room(self) -> Path:
        """Its folder."""
        return Path(self.file).parent


Walk = Sequence[Step]


def files(walk: Walk) -> int:
    """Count the files that a reader opens."""
    return len({step.file for step in walk})


def changes_of_room(walk: Walk) -> int:
    """Count how often the next function lies in another folder."""
    return sum(one.room != other.room for one, other in pairwise(walk))


def walk() -> Walk:
    """Run a gateway in this thread, which must be the main one, and return the shortest of its walks."""
    steps: list[Step] = []
    root, walks = f"{GATEWAY}{os.sep}", list[Walk]()

    def trace(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(root):
            steps.append(Step(frame.f_code.co_filename.removeprefix(root), frame.f_code.co_qualname))

    def publish(broker: socket.socket) -> None:
        try:
            walks.extend(_walks(broker, steps))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    with (
        TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as broker,
        ThreadingHTTPServer(("127.0.0.1", 0), _InfluxDB) as database,
    ):
        threads = [threading.Thread(target=database.serve_forever), threading.Thread(target=publish, args=(broker,))]
        for thread in threads:
            thread.start()
        config = load(_configuration(Path(folder), broker.getsockname()[1], database.server_port))
        sys.setprofile(trace)
        try:
            run(config)
        finally:
            sys.setprofile(None)
            database.shutdown()
            for thread in threads:
                thread.join()
    return min(walks, key=len)


def _configuration(folder: Path, broker_port: int, database_port: int) -> Path:
    (folder / "devices.yaml").write_text("devices: [{id: wm-1, site: ward-1, domain: water}]\n")
    sections = {
        "mqtt": {"url": f"mqtt://127.0.0.1:{broker_port}"},
        "influxdb": {"url": f"http://127.0.0.1:{database_port}"},
        "journal": {"min_free_bytes": 0},
        "http": {"port": 0},
    }
    file = folder / "gateway.yaml"
    file.write_text(json.dumps(sections))
    return file


def _walks(server: socket.socket, steps: list[Step]) -> Iterator[Walk]:
    """Be the broker of one client: publish one reading after the other, each when all is at rest after the one before."""
    server.settimeout(PATIENCE_S)
    broker, _ = server.accept()
    with broker:
        broker.settimeout(PATIENCE_S)
        broker.recv(4096)
        broker.sendall(mqtt5.ConnAckPacket().write())
        broker.recv(4096)
        for number in range(1, _READINGS + 1):
            payload = json.dumps({"ts": time.time_ns() // 1_000_000, "seq": number, "volume_m3": 12.5 + number})
            reading = mqtt5.PublishPacket(
                "iot/v1/ward-1/water/wm-1/readings", payload.encode(), qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=number
            )
            _wait_for_rest(steps)
            began = len(steps)
            broker.sendall(reading.write())
            until(lambda: broker.recv(4096)[0] == _PUBACK, what="the reading is acknowledged")
            _wait_for_rest(steps)
            yield steps[began:]


def _wait_for_rest(steps: list[Step]) -> None:
    """Return once no function of the gateway was called for a moment."""

    def rests() -> bool:
        before = len(steps)
        time.sleep(_REST_S)
        return len(steps) == before

    until(rests, what="the gateway is at rest")


class _InfluxDB(BaseHTTPRequestHandler):
    """Takes all lines, and knows nothing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/query"):
            self.do_GET()
        else:
            self.send_response(204)
            self.end_headers()

    def do_GET(self) -> None:
        body = b'{"results":[{"statement_id":0}]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        """Serve until the client is gone, however it goes."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Print the figures, then the steps by room."""
    found = walk()
    lines = [f"{files(found)} files, {changes_of_room(found)} changes of room"]
    for before, step in pairwise((Step("", ""), *found)):
        lines += ["", str(step.room)] if step.room != before.room else []
        lines.append(f"  {Path(step.file).name} {step.function}")
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    main()
