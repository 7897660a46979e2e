"""One device whose alarm begins and ends thousands of times: everybody else's alarms are told, in time."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.demo.services import Service, free_port
from tests.system.alarming import active, alarm_gateway, leaking, points
from tests.system.fleet import client_of, publish, publish_all
from tests.system.rig import Document
from tests.waiting import until

pytestmark = pytest.mark.real

TOGGLES = 14_000
OTHERS = 100
ANSWER_S = 0.05
AWAY_S = 20.0
WITHIN_S = 10.0


class Ledger:
    """A ledger of what a receiver took, with the time of each; it shares nothing with the gateway but HTTP."""

    def __init__(self) -> None:
        self.port = free_port()
        self.rows: list[tuple[float, Any]] = []

    @property
    def url(self) -> str:
        """Its address, whether it is there or not."""
        return f"http://127.0.0.1:{self.port}/alarms"

    def told(self, change: str) -> dict[str, float]:
        """Device → the time at which this was told of it for the first time."""
        found: dict[str, float] = {}
        for at_s, body in self.rows:
            if body["change"] == change:
                found.setdefault(body["device"], at_s)
        return found

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Take what comes, for 50 ms each."""
        rows = self.rows

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(ANSWER_S)
                rows.append((time.monotonic(), body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def entry(device: str) -> Document:
    return {"id": device, "site": "q1", "domain": "water", "area": "p1", "interval": "1h"}


def topic(device: str) -> str:
    return f"iot/v1/q1/water/{device}/readings"


@pytest.mark.slow
def test_a_device_that_toggles_all_the_time_keeps_no_alarm_of_others_from_the_webhook(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    ledger = Ledger()
    others = [f"m{number:03d}" for number in range(OTHERS)]
    devices = [entry(name) for name in ["flapper", *others]]
    told = {"webhook": ledger.url}
    with (
        alarm_gateway(tmp_path / "gateway", mosquitto, influxdb.url, devices, alarms=told) as gate,
        client_of(mosquitto) as client,
    ):
        gate.wait_subscribed()
        began_s = time.monotonic()
        for number in range(TOGGLES):
            if number % (TOGGLES // OTHERS) == 0:
                publish(client, topic(others[number * OTHERS // TOGGLES]), leaking())
            publish_all(client, [(topic("flapper"), leaking(leaks=number % 2 == 0))])
        time.sleep(max(0.0, AWAY_S - (time.monotonic() - began_s)))  # it is away for so long at least
        assert not ledger.rows
        able_s = time.monotonic()
        with ledger.serving():
            until(lambda: ledger.told("raised").keys() >= set(others), within_s=WITHIN_S, what="all others are told")
            last_s = max(at_s for device, at_s in ledger.told("raised").items() if device != "flapper") - able_s
            until(lambda: "flapper" in ledger.told("raised"), what="so is the one that changes all the time")
            until(lambda: "flapper" in ledger.told("cleared"), what="and that it has ended")
        flapping = [body for _, body in ledger.rows if body["device"] == "flapper"]
        history = gate.document("/api/alarms/history?place=flapper")["history"]
        figures = f"{last_s:.1f} s, {len(flapping)} posts of the flapper, {len(history)} rows, {len(points(influxdb))} points"
        (tmp_path / "figures").write_text(figures)
        assert last_s <= WITHIN_S, figures
        assert sorted(active(gate)) == [f"leak@{name}" for name in others], "the state is true"
        assert len(history) <= 40, figures
        assert gate.said("given up") == 0
