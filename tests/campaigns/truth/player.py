"""The world played on a fast clock: messages are sent when their time comes, parts stop and start, people tell."""

import heapq
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.campaigns.truth.calendar import BEGIN_S, HOUR_S, at_s
from tests.campaigns.truth.faults import FASTER_FROM_H, OUTAGES, SLOW_FROM_H, Fault, Outage
from tests.campaigns.truth.parts import CLOCK, HOST, Broker, Gateway, Store, libraries
from tests.campaigns.truth.registers import Exchanged
from tests.campaigns.truth.town import registry
from tests.campaigns.truth.world import World

SLOW: Final = 60.0
"""At most so fast clocks are wrong and parts stop: a reading that takes a second is a minute late."""
LEAD_S: Final = 0.04
"""Real seconds that a message takes at a fast pace: it is sent so much earlier, at most two minutes of the world."""
FASTER: Final = 600.0
"""The pace of the night after, in which nothing is judged and sums are worked out again."""
MOST_LEAD_S: Final = 120.0
START_S: Final = 15.0
_RETRY_S: Final = 0.3
Tell = Callable[[str], None]


class Pace(NamedTuple):
    """A clock that runs fast."""

    real_ms: int
    simulated_ms: int
    speed: float

    @classmethod
    def starting(cls, simulated_s: float, speed: float, in_s: float = 0.0) -> "Pace":
        """Return one that shows a time in so many real seconds."""
        return cls(round((time.time() + in_s) * 1000), round(simulated_s * 1000), speed)

    def now_s(self) -> float:
        """The time of the world."""
        return (self.simulated_ms + (time.time() * 1000 - self.real_ms) * self.speed) / 1000

    def __str__(self) -> str:
        return f"{self.real_ms},{self.simulated_ms},{self.speed:g}"


class Stage:
    """The running parts, and the world that is played on them.

    :ivar gateways: one for each store; all hear the same messages.
    :ivar lags_s: hour since 1970 → how late messages were sent in it.
    """

    def __init__(self, world: World, folder: Path, stores: list[str], speed: float, *, has_clock_faults: bool) -> None:
        self.world = world
        self.broker = Broker(folder / "broker")
        self.stores = [Store(name, folder / name) for name in stores]
        url = f"mqtt://{HOST}:{self.broker.port}"
        told = registry(world.meters)
        self.gateways = [Gateway(folder / f"gateway-{store.name}", url, store, told) for store in self.stores]
        for part in (self.broker, *self.stores):
            part.environment |= libraries()
        self.pace = Pace.starting(BEGIN_S, speed)
        self._has_clock_faults = has_clock_faults
        self._publisher = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="world", clean_session=False)
        self._publisher.max_queued_messages_set(0)
        self._publisher.max_inflight_messages_set(500)
        self._publisher.reconnect_delay_set(1, 1)
        self.sent = 0
        self.refused: list[str] = []
        self.lags_s: dict[int, float] = {}

    @contextmanager
    def running(self) -> Iterator["Stage"]:
        """Start all parts; stop them at the end."""
        with ExitStack() as parts:
            for part in (self.broker, *self.stores):
                part.start()
                parts.callback(part.stop)
            self._set_pace(Pace.starting(BEGIN_S, self.pace.speed, START_S))
            for gateway in self.gateways:
                parts.callback(gateway.stop)
                gateway.start()
            self._publisher.connect(HOST, self.broker.port)
            self._publisher.loop_start()
            parts.callback(self._publisher.loop_stop)
            parts.callback(self._publisher.disconnect)
            yield self

    def _set_pace(self, pace: Pace) -> None:
        self.pace = pace
        for gateway in self.gateways:
            gateway.environment[CLOCK] = str(pace)

    def play(self, tell: Tell) -> None:
        """Let the world pass."""
        deeds = self._deeds()
        messages = self.world.messages()
        next_one = 0
        told_s = 0.0
        while next_one < len(messages) or deeds:
            now_s = self.pace.now_s()
            while deeds and deeds[0][0] <= now_s:
                _, _, deed = heapq.heappop(deeds)
                deed(deeds)
                now_s = self.pace.now_s()
            until_s = now_s + min(LEAD_S * self.pace.speed, MOST_LEAD_S)
            while next_one < len(messages) and messages[next_one].at_s <= until_s:
                self._note_lag(now_s, now_s - messages[next_one].at_s)
                self._publisher.publish(messages[next_one].topic, messages[next_one].payload, qos=1)
                next_one += 1
            if time.monotonic() > told_s:
                told_s = time.monotonic() + 1.0
                passed = (now_s - BEGIN_S) / 86_400
                tell(f"day {passed:5.2f} of {self.world.days}, {next_one:,} of {len(messages):,} messages")
            time.sleep(0.004)
        self.sent = next_one

    def _note_lag(self, now_s: float, lag_s: float) -> None:
        """Remember how late the world sent on a busy machine: a reading of a clock that is ahead is filed so late."""
        hour = int(now_s // HOUR_S)
        self.lags_s[hour] = max(self.lags_s.get(hour, 0.0), lag_s)

    # What happens besides messages. Deeds are (time, number, what); a deed may put further ones behind it.

    def _deeds(self) -> "Deeds":
        found: Deeds = []
        for exchange in self.world.exchanges():
            for gateway in self.gateways:
                self._later(found, exchange.told_s or 0.0, self._telling(exchange, gateway))
        for fault in self.world.clocks():
            if (told_h := fault.told_h) is not None:
                for gateway in self.gateways:
                    self._later(found, at_s(fault.day, fault.hour + told_h), self._answering(fault, gateway))
        last = self.world.days - 1
        if self._has_clock_faults:
            self._later(found, at_s(last, SLOW_FROM_H), lambda _: self._change_pace(SLOW))
            self._later(found, at_s(last, FASTER_FROM_H), lambda _: self._change_pace(FASTER))
        for outage in OUTAGES:
            if outage.is_last_day and self._has_clock_faults:
                self._plan(found, outage, at_s(last, outage.hour))
            elif not outage.is_last_day and outage.day < last:
                self._plan(found, outage, at_s(outage.day, outage.hour))
        return found

    def _later(self, deeds: "Deeds", when_s: float, deed: "Deed") -> None:
        self._number = getattr(self, "_number", 0) + 1
        heapq.heappush(deeds, (when_s, self._number, deed))

    def _telling(self, exchange: Exchanged, gateway: Gateway) -> "Deed":
        query = {"field": exchange.field, "at_ms": round(exchange.at_s * 1000), "final": exchange.final}
        query |= {"register": exchange.register, "force": 1}
        return self._posting(gateway, f"/api/devices/{quote(exchange.device)}/exchange?{urlencode(query)}")

    def _answering(self, fault: Fault, gateway: Gateway) -> "Deed":
        """Answer the question about a clock, on the page where a device is changed."""
        (row,) = registry([self.world.by_id[fault.device]])["devices"]
        fields = {key: value for key, value in row.items() if key not in {"id", "params"}}
        fields |= {f"params.{key}": value for key, value in row.get("params", {}).items()}
        fields |= {"params.clock_offset": f"{fault.hours:g}h"}
        if isinstance(parents := fields.get("parent"), list):
            fields["parent"] = ", ".join(parents)
        return self._posting(gateway, f"/register/{quote(fault.device)}/edit", urlencode(fields))

    def _posting(self, gateway: Gateway, path: str, body: str | None = None) -> "Deed":
        def tell(deeds: "Deeds") -> None:
            try:
                status, answer = gateway.ask(path, "POST", body)
            except OSError:
                self._later(deeds, self.pace.now_s() + _RETRY_S * self.pace.speed, tell)
                return
            if status not in {200, 303}:
                self.refused.append(f"{gateway.name} {path}: {status} {answer[:200]}")

        return tell

    def _change_pace(self, speed: float) -> None:
        """Go on at another pace, with gateways that start anew.

        They are killed: one that ends in order runs on at the old pace meanwhile, and saves a time that is hours ahead.
        """
        for gateway in self.gateways:
            gateway.tell_to_end(signal.SIGKILL)
        self._set_pace(Pace.starting(self.pace.now_s(), speed))
        for gateway in self.gateways:
            gateway.wait_ended()
            gateway.start(waits=False)

    def _plan(self, deeds: "Deeds", outage: Outage, when_s: float) -> None:
        parts = self.stores if outage.part == "database" else [self.broker] if outage.part == "broker" else self.gateways
        number = signal.SIGKILL if outage.part == "kill" else signal.SIGTERM

        def stop(_: "Deeds") -> None:
            for part in parts:
                part.stop(number)

        def start(_: "Deeds") -> None:
            for part in parts:
                part.start(waits=False)  # the world does not wait

        self._later(deeds, when_s, stop)
        self._later(deeds, when_s + outage.hours * HOUR_S, start)


Deed = Callable[["Deeds"], None]
Deeds = list[tuple[float, int, "Deed"]]
