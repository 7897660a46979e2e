"""The cost of refusals to honest devices: ``python -m tests.deploy.intruder_cost 10``, with 10 intruders a second.

Rounds with and without follow each other, so that whatever else the machine does counts for both. Intruders come from a process
of their own. Time in which broker or publisher stood ready while others had the processor is taken off.
"""

import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median

from tests.deploy.enrolment_cost import quantile
from tests.deploy.guide import Client
from tests.deploy.intruders import INTRUDERS, CertifiedBroker
from tests.waiting import until

_ROUNDS, _ROUND_MESSAGES, _APART_S = 12, 500, 0.01


def _intrude(broker: CertifiedBroker, per_s: float, comes: Event) -> None:
    for intruder in cycle(INTRUDERS):
        comes.wait()
        with suppress(OSError):
            intruder.comes(broker)
        time.sleep(1 / per_s)


def _waits_of(pid: int) -> Callable[[], float]:
    """The seconds in which a process, or one of the threads of this one, stood ready for work, all together."""
    files = [Path(f"/proc/{pid}/schedstat")]
    files += [Path(f"/proc/self/task/{thread.native_id}/schedstat") for thread in threading.enumerate()]
    return lambda: sum(int(file.read_text().split()[1]) for file in files) / 1e9


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _delays_s(meter: Client, pid: int) -> list[float]:
    """The delays of confirmations in one round."""
    waits, delays_s = _waits_of(pid), []
    for _ in range(_ROUND_MESSAGES):
        time.sleep(_APART_S)
        began_s, waited_s = time.perf_counter(), waits()
        meter.publish("iot/v1/ward-1/water/wm-0001/readings", "{}")
        took_s, others_s = time.perf_counter() - began_s, waits() - waited_s
        delays_s.append(max(0.0, took_s - others_s))
    return delays_s


def main(per_s: float) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        broker = CertifiedBroker(Path(folder) / "broker")
        forked = multiprocessing.get_context("fork")
        comes = forked.Event()
        forked.Process(target=_intrude, args=(broker, per_s, comes), daemon=True).start()
        with broker.service:
            broker.command("devices", "enroll", "wm-0001")
            pid = broker.service.pid or 0
            delays_s: dict[bool, list[list[float]]] = {False: [], True: []}
            spent_s = {False: 0.0, True: 0.0}
            with broker.knocking("", "", context=broker.context("wm-0001")) as meter:
                until(lambda: meter.answers)
                for number in range(2 * _ROUNDS):
                    with_intruders = number % 2 == 1
                    (comes.set if with_intruders else comes.clear)()
                    before_s = _processor_s(pid)
                    delays_s[with_intruders].append(_delays_s(meter, pid))
                    spent_s[with_intruders] += _processor_s(pid) - before_s
            refused = sum(broker.says(what) for what in {one.logged for one in INTRUDERS})
        tell(delays_s)
        print(f"{refused} refusals, {(spent_s[True] - spent_s[False]) / refused * 1000:.1f} ms of the broker's processor each")  # noqa: T201


def tell(delays_s: dict[bool, list[list[float]]]) -> None:
    """Print quantiles of all rounds, and the ratio of p99 in the middle of the pairs."""
    for with_intruders, rounds in delays_s.items():
        whole = [one for of_round in rounds for one in of_round]
        shown = ", ".join(f"p{share * 100:g} {quantile(whole, share) * 1000:.2f} ms" for share in (0.5, 0.9, 0.99))
        print(f"{'with' if with_intruders else 'without'} intruders, {len(whole)} messages: {shown}")  # noqa: T201 - its result
    pairs = [quantile(busy, 0.99) / quantile(calm, 0.99) for calm, busy in zip(delays_s[False], delays_s[True], strict=True)]
    print(f"p99 with intruders by that without, the middle of {len(pairs)} pairs: {median(pairs):.2f}")  # noqa: T201


if __name__ == "__main__":
    main(float(sys.argv[1]))
