"""A run: the clock that makes the fleet measure, its connections and its ledger."""

import asyncio
import resource
import selectors
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

from firmware_sim.clock import RunClock
from firmware_sim.connections import ConnectionPlan
from firmware_sim.fleet import SimDevice, build_fleet, in_families
from firmware_sim.ledger import LedgerFile
from firmware_sim.maker_firmware import AnyFirmware, firmware_of
from firmware_sim.maker_fleet import build_maker_fleet, spread
from firmware_sim.progress import TallyDisplay
from firmware_sim.publish import Account, BrokerAccess, FateTally, Link, now_ms
from firmware_sim.simulated import MOST_BEHIND_S, SimulatedPlan, SimulatedRun
from schemas.scenario import Scenario

REACH_S: Final = 10.0
CONNECT_S: Final = 0.005
"""Each connection may take so much longer: ten thousand need some seconds, and send at an even rate once all stand."""
"""So long the fleet looks for its broker before it gives up."""
DRAIN_S: Final = 10.0
"""So long it waits at the end for what is not acknowledged."""
FLUSH_S: Final = 0.5
WAITING_MESSAGES: Final = 100_000
"""Most messages that wait in memory, all devices together: about 100 MB."""
BEHIND_S: Final = 1.0
"""A fleet that is later than this does not catch up, it goes on from now."""
REST_S: Final = 0.001
"""Above 1,000 readings/s the fleet measures once a millisecond: waking up for each reading would cost more than the reading."""
YIELD_EVERY: Final = 128
"""Readings that are late are measured in a row; after so many the connections get a turn."""
FEWEST_WAITING: Final = 10
OTHER_FILES: Final = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run.

    :ivar counts: domain, or kind as ``water-meter`` → number of devices.
    :ivar makers: profile → number of devices of that make.
    :ivar forms: network server and form of packs of devices of makes.
    :ivar interval_s: simulated seconds between two readings of a device.
    :ivar speed: simulated seconds per real second.
    :ivar duration_s: real seconds; 0 runs until stopped.
    :ivar simulated: a span of simulated time with events; None: now, and nothing happens.
    :ivar shared: few connections carry all devices, instead of one each.
    """

    broker: BrokerAccess
    counts: Mapping[str, int]
    interval_s: float
    speed: float
    duration_s: float
    seed: int
    scenario: Scenario
    shared: bool
    ledger: Path | None
    simulated: SimulatedPlan | None = None
    makers: Mapping[str, int] = field(default_factory=dict)
    forms: tuple[str, ...] = ()

    def fleet(self) -> list[SimDevice]:
        """Its devices, in the order they report."""
        native = build_fleet(self.counts, self.interval_s, self.seed, self.scenario.sites)
        if not self.makers:
            return native
        return in_families(spread([native, build_maker_fleet(self.makers, self.forms, self.interval_s, self.seed)]))

    def connections(self) -> ConnectionPlan:
        """Its way to the broker."""
        return ConnectionPlan(self.broker, self.shared, self.scenario.sleeps, self.seed)

    def share_since(self, began_s: float) -> Callable[[], float]:
        """Make the function that tells how much of a run in real time is over; nobody knows that of one without end."""
        return lambda: (time.monotonic() - began_s) / self.duration_s if self.duration_s else 0.0


@dataclass(slots=True)
class Stop:
    """Asked to stop; asked twice, not to wait for anything."""

    asked: asyncio.Event
    urgent: asyncio.Event

    @classmethod
    def on_signals(cls) -> "Stop":
        """Asked by SIGINT and SIGTERM."""
        stop = cls(asyncio.Event(), asyncio.Event())
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.ask)
        return stop

    def ask(self) -> None:
        """Stop, or hurry."""
        (self.urgent if self.asked.is_set() else self.asked).set()


def run(plan: Plan) -> int:
    """Run the fleet; the exit status: 0, or 3 when the broker was not reached.

    :raises OSError: when the ledger cannot be written, or so many files not opened.
    """
    fleet = plan.fleet()
    _allow_files(OTHER_FILES + plan.connections().number(fleet))
    # select() waits to the microsecond where epoll rounds up to the millisecond; it is for few connections only.
    selector = selectors.SelectSelector() if plan.shared else selectors.DefaultSelector()
    with (
        LedgerFile(plan.ledger) as ledger,
        asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner,
    ):
        return runner.run(_run(plan, fleet, ledger))


def _allow_files(number: int) -> None:
    """Raise the limit of open files as far as one may: Debian starts programs with 1,024.

    :raises OSError: when that is not far enough.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        raise OSError(
            f"{number} open files are needed, {hard} allowed: take --connections shared, or raise ulimit -Hn {number} as root"
        )
    if soft != resource.RLIM_INFINITY and soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


async def _run(plan: Plan, fleet: Sequence[SimDevice], ledger: LedgerFile) -> int:
    stop = Stop.on_signals()
    tally = FateTally()
    simulated = SimulatedRun(plan.simulated, fleet, plan.scenario, plan.seed) if plan.simulated is not None else None
    firmwares: Sequence[AnyFirmware] = (
        [firmware_of(device, plan.scenario, plan.seed) for device in fleet] if simulated is None else simulated.firmwares()
    )
    limit = max(WAITING_MESSAGES // plan.connections().number(fleet), FEWEST_WAITING)
    clock = simulated.clock.now_ms if simulated is not None else now_ms
    of_each = plan.connections().links(firmwares, Account(tally, ledger.acknowledged, limit, clock))
    ways, links = list(zip(firmwares, of_each, strict=True)), list(dict.fromkeys(of_each))
    async with asyncio.TaskGroup() as tasks:
        connections = [tasks.create_task(link.run(), name="connection") for link in links]
        if not await _reached(links, stop):
            _cancel(connections)
            sys.stderr.write(f"firmware-sim: broker {plan.broker} not reachable: {links[0].trouble or 'no answer'}\n")
            return 3
        began_s = time.monotonic()
        progress = TallyDisplay(tally, links, plan.share_since(began_s) if simulated is None else simulated.share, began_s)
        aside = [tasks.create_task(_flush(ledger)), tasks.create_task(progress.show())]
        measuring = tasks.create_task(
            _measure(plan, ways) if simulated is None else simulated.measure(ways, tally, ledger), name="measuring"
        )
        await _within(plan.duration_s or None, stop.asked.wait(), asyncio.wait([measuring]))
        measured_s = time.monotonic() - progress.began_s
        _cancel([measuring])
        for firmware, link in ways:
            for message in firmware.flush():
                link.put(message)
        for link in links:
            link.close()
        await _within(DRAIN_S, asyncio.wait(connections), stop.urgent.wait())
        _cancel([*connections, *aside])
    progress.end(measured_s)
    return 0 if simulated is None else _kept_up(simulated.clock, is_live=simulated.is_live)


def _kept_up(clock: RunClock, *, is_live: bool) -> int:
    """Say how far the fleet was behind its clock; the exit status. One that goes on in real time has caught up."""
    if clock.behind_s <= MOST_BEHIND_S or is_live:
        sys.stdout.write(f"at most {clock.behind_s:,.0f} simulated seconds behind the clock\n")
        return 0
    sys.stderr.write(
        f"firmware-sim: the fleet was {clock.behind_s:,.0f} simulated seconds behind its clock: lower --speed, "
        "or what it sends is of the past\n"
    )
    return 1


async def _reached(links: Sequence[Link], stop: Stop) -> bool:
    """Wait until all are connected; whether any is when their time is over (or nobody wants to know any more)."""

    async def all_connected() -> None:
        for link in links:
            await link.connected.wait()

    await _within(REACH_S + CONNECT_S * len(links), all_connected(), stop.asked.wait())
    return stop.asked.is_set() or any(link.connected.is_set() for link in links)


async def _measure(plan: Plan, ways: Sequence[tuple[AnyFirmware, Link]]) -> None:
    """Let one device after the other measure, at even distances, forever."""
    loop = asyncio.get_running_loop()
    gap_s = plan.interval_s / plan.speed / len(ways)
    began_s = loop.time()
    rest_s = REST_S if gap_s < REST_S else 0.0
    simulated_s = time.time()
    for number in count():
        late_s = loop.time() - (began_s + number * gap_s)
        if late_s < 0:
            await asyncio.sleep(max(-late_s, rest_s))
        elif late_s > BEHIND_S:
            began_s += late_s
        elif number % YIELD_EVERY == 0:
            await asyncio.sleep(0)
        firmware, link = ways[number % len(ways)]
        instant_s = simulated_s + number * gap_s * plan.speed
        for message in firmware.measure(instant_s, time.time_ns() // 1_000_000):
            link.put(message)


async def _flush(ledger: LedgerFile) -> None:
    while True:
        await asyncio.sleep(FLUSH_S)
        ledger.flush()


async def _within(seconds: float | None, *any_of: Coroutine[Any, Any, object]) -> None:
    """Return once one of them is done, or after ``seconds``; what is left of them is cancelled."""
    tasks = [asyncio.create_task(each) for each in any_of]
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    _cancel(tasks)


def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
