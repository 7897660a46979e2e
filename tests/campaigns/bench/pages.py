"""Open pages beside 1,000 readings a second: what one costs, and what 50 event streams do to the delay of readings.

The gateway is one and the same; spans without anybody and spans with onlookers take turns. The streams are followed over one
address, as by the screens of a control room behind one router.
"""

from contextlib import ExitStack, nullcontext
from statistics import median
from typing import Final

from gateway.commands.demo.services import Service, mosquitto
from tests.campaigns.bench.children import Plan, door, gateway, get, helper
from tests.campaigns.bench.figures import Bar, Baseline, Figure
from tests.campaigns.bench.latency import Run, meet_devices, run

_RATE: Final = 1000
_PAIRS, _SPAN_S = 10, 3.0
_STREAMS: Final = 50
_PAGES: Final = {"start": "the start page", "device": "a device's page"}
"""Kind of onlooker → what is open."""
_OPEN: Final = 10
_NOBODY: Final = "without them"


def measure(plan: Plan) -> list[Figure]:
    """The p99 with and without streams, and the share of a core of an open page of each kind."""
    folder, pairs = plan.fresh("pages"), 3 if plan.quick else _PAIRS
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder, tuned=False))
        stub = running.enter_context(door(folder))
        gate = running.enter_context(gateway(folder, broker.url, stub.url))
        meet_devices(broker)
        get(gate, "/api/ledger")  # the pages are loaded for their first client
        site = _Site(plan, broker, stub, gate)
        found = [site.streams(pairs)]
        found += [site.page(kind, title, pairs // 2 or 1) for kind, title in _PAGES.items()]
    return found


class _Site:
    def __init__(self, plan: Plan, broker: Service, stub: Service, gate: Service) -> None:
        self._plan = plan
        self._broker = broker
        self._stub = stub
        self._gate = gate

    def streams(self, pairs: int) -> Figure:
        """The median p99 with the streams, beside that without."""
        spans = self._spans("events", _STREAMS, pairs)
        with_them, without = (median(span.percentile_ms(99) for span in spans[kind]) for kind in ("events", ""))
        name = f"p99 with {_STREAMS} open event streams"
        return Figure("pages", name, "ms", with_them, Baseline(_NOBODY, without), Bar(1.1, of_ratio=True), pairs)

    def page(self, kind: str, title: str, pairs: int) -> Figure:
        """The share of a core that one open page takes."""
        spans = self._spans(kind, _OPEN, pairs)
        shares = [_share(busy) - _share(calm) for busy, calm in zip(spans[kind], spans[""], strict=True)]
        return Figure("pages", f"CPU of {title}, open", "% of a core", median(shares) / _OPEN * 100, None, Bar(1.0), pairs)

    def _spans(self, kind: str, number: int, pairs: int) -> dict[str, list[Run]]:
        found: dict[str, list[Run]] = {kind: [], "": []}
        for pair in range(pairs):
            for each in (kind, "")[:: 1 if pair % 2 else -1]:
                folder = self._plan.fresh("onlooker")
                with helper(folder, "onlooker", self._gate.port, each, number) if each else nullcontext():
                    found[each].append(run(self._broker, self._stub, self._gate, (_RATE, _SPAN_S)))
            ours, theirs = (found[each][-1] for each in (kind, ""))
            self._plan.say(
                f"{number} of {kind}: p99 {ours.percentile_ms(99):.1f}, without {theirs.percentile_ms(99):.1f} ms;"
                f" {_share(ours):.3f}, without {_share(theirs):.3f} of a core"
            )
        return found


def _share(span: Run) -> float:
    """The share of a core that the gateway used."""
    return span.cpu_us * _RATE / 1e6
