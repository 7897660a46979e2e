"""Two meters that send in simulated time over a midnight, and what the database has of their hours and of the day."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import paho.mqtt.client as paho

from gateway.ingest.database.store import TimeSpan
from schemas.scaled_clock import ScaledTime
from tests.runtime.jobs.closing_rig import ClosingRig
from tests.system.fleet import publish
from tests.system.rig import Document

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
EVERY: Final = 15 * MINUTE
MIDNIGHT: Final = time.time_ns() // 1_000_000 // DAY * DAY - 2 * DAY + 17 * HOUR
"""In Vietnam, some days ago: VictoriaMetrics exports no future."""
PEAK: Final = MIDNIGHT - 45 * MINUTE
"""The one reading of a greater flow."""
DAY_SPAN: Final = TimeSpan(MIDNIGHT - DAY, MIDNIGHT)
LAST_HOUR: Final = TimeSpan(MIDNIGHT - HOUR, MIDNIGHT)
PATIENCE_S: Final = 300.0
NAMES: Final = ["far", "near"]
SITES: Final = ["of-far", "of-near"]
REGISTRY: Final[list[Document]] = [{"id": name, "site": f"of-{name}", "domain": "water", "interval": "15min"} for name in NAMES]


@dataclass
class TwoMeters:
    """The meters, each at a site of its own."""

    clock: ScaledTime
    client: paho.Client
    rig: ClosingRig
    next_ms: int = MIDNIGHT - 3 * HOUR

    def now_ms(self) -> int:
        """The simulated time."""
        return self.clock.at_ms(time.time_ns())

    def go_on(self, is_over: Callable[[], bool], what: str) -> None:
        """Let both send as time passes, until something is so."""
        end_s = time.monotonic() + PATIENCE_S
        while not is_over():
            assert time.monotonic() < end_s, f"waited in vain: {what}"
            while self.next_ms + 20_000 < self.now_ms():
                reading = {"ts": self.next_ms, "flow_m3_h": 2.0 if self.next_ms == PEAK else 0.5}
                for name in NAMES:
                    publish(self.client, f"iot/v1/of-{name}/water/{name}/readings", json.dumps(reading))
                self.next_ms += EVERY
            time.sleep(0.1)

    def until_closed(self) -> None:
        """Go on until the day was closed, and none of its hours waits for a reading."""
        span = TimeSpan(MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR)
        self.go_on(lambda: len(self.peaks("hourly", span)) == len(NAMES), "the day was closed")

    def until_mended(self, lacking: dict[str, float]) -> None:
        """Go on until hour and day have the peak of both meters, and as many readings of each.

        :param lacking: those that were received when the day was closed.
        """
        peaks = dict.fromkeys(NAMES, 2.0)
        self.go_on(lambda: self.peaks("daily", DAY_SPAN) == peaks, "the roll-up of the day was mended")
        self.go_on(lambda: self.peaks("hourly", LAST_HOUR) == peaks, "that of the hour was mended")
        self.go_on(lambda: self._is_whole(lacking), "its completeness was mended")

    def received(self) -> dict[str, float]:
        """Device → readings of the day, as its completeness has them."""
        return self._values("completeness", "received", DAY_SPAN)

    def _is_whole(self, lacking: dict[str, float]) -> bool:
        received = self.received()
        return received["far"] == received["near"] > lacking["far"]

    def peaks(self, measurement: str, span: TimeSpan) -> dict[str, float]:
        """Device → the greatest flow of a day or hour."""
        return self._values(measurement, "flow_max_m3_h", span)

    def _values(self, measurement: str, name: str, span: TimeSpan) -> dict[str, float]:
        found = self.rig.newest(measurement, name, span, NAMES)
        return {device: value for device, values in found.items() for value in values.values()}
