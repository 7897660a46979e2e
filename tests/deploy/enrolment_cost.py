"""The cost of enrolling: ``python -m tests.deploy.enrolment_cost 4000``: time, bytes the broker writes, and what others wait.

A device that has its account publishes a hundred times a second meanwhile, and waits for each PUBACK.
"""

import re
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

from tests.deploy.guide import Client
from tests.deploy.set_up import SetUpBroker
from tests.system.rig import run_gateway

_EVERY_S = 0.01


class Publisher:
    """Publishes at QoS 1 in a thread of its own, at fixed instants, whatever the broker does meanwhile."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.delays_s: list[float] = []

    def _run(self) -> None:
        due_s = time.perf_counter()
        while not self._ends.wait(max(0.0, due_s - time.perf_counter())):
            self._client.paho.publish("iot/v1/ward-1/water/wm-0001/readings", "{}", qos=1).wait_for_publish(60)
            self.delays_s.append(time.perf_counter() - due_s)  # from when it was due: who waits is not spared
            due_s += _EVERY_S

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def quantile_ms(self, share: float) -> float:
        """The delay that a share keeps."""
        return quantile(self.delays_s, share) * 1000


def quantile(delays_s: list[float], share: float) -> float:
    """The delay that a share of all keeps."""
    return sorted(delays_s)[int(len(delays_s) * share)]


def written_bytes(pid: int) -> int:
    """Bytes that a process caused to be written to disk."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


def main(devices: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        broker = SetUpBroker(Path(folder) / "broker", devices, "--replace", "--yes")
        with broker.service:
            done = run_gateway("devices", "enroll", "wm-0001", "-c", broker.config)
            password = re.findall(r"password +(\S+)$", done.stdout, re.MULTILINE)[0]
            with broker.device("wm-0001", password) as meter, Publisher(meter) as before:
                time.sleep(3)
            assert broker.service.pid is not None
            began_s, at_bytes = time.perf_counter(), written_bytes(broker.service.pid)
            with broker.device("wm-0001", password) as meter, Publisher(meter) as during:
                names = [name for name in broker.names if name != "wm-0001"]
                done = run_gateway("devices", "enroll", *names, "--csv", Path(folder) / "a.csv", "-c", broker.config)
                took_s, wrote = time.perf_counter() - began_s, written_bytes(broker.service.pid) - at_bytes
            assert done.returncode == 0, done.stderr
            print(f"{devices} accounts in {took_s:.1f} s; the broker wrote {wrote / 1e6:.0f} MB")  # noqa: T201 - its result
            for what, one in (("before", before), ("meanwhile", during)):
                print(f"a publisher {what}: p50 {one.quantile_ms(0.5):.1f}, p99 {one.quantile_ms(0.99):.1f} ms")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]))
