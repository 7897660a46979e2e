"""Meters that publish while a site moves: they know what each of their readings, and each sum, must be."""

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.commands.demo.services import Service
from schemas.quantities import Quality
from tests.campaigns.rabbitmq.moving import SITE, now_ms
from tests.influx import query
from tests.system.fleet import connect
from tests.waiting import PATIENCE_S

STEP = 0.0625
"""What a meter counts between two readings, a minute apart by its clock: less than 10 m3/h, which is usual after any gap.

A gateway that was killed goes on from what it had saved, and doubts a step that would be faster.
"""
BEGIN = 100.0
TICK_S = 0.05
_TOGETHER = 200
"""Rounds that wait for their acknowledgements together: the client queues some ten thousand messages."""
DOUBTED = 2
"""Readings after a reset that are not believed yet."""


class Meters:
    """Meters with a clock, whose registers were reset now and then, and sensors without a clock and without a counter.

    :ivar sent: device → number of its readings, all of which the broker has acknowledged once :meth:`send` has returned.
    """

    def __init__(self, broker: Service, *, meters: int, sensors: int, readings_max: int) -> None:
        self.meters = [f"m{number}" for number in range(meters)]
        self.sensors = [f"n{number}" for number in range(sensors)]
        self.sent: dict[str, int] = defaultdict(int)
        self.resets: list[int] = []
        self._begin_ms = now_ms() - readings_max * 60_000
        self._client = connect(broker, "meters")

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def total(self, number: int) -> float:
        """The sum of a meter's reading."""
        return BEGIN + STEP * (number - sum(reset <= number for reset in self.resets))

    def register(self, number: int) -> float:
        """The register that a meter shows; it begins at 0 after a reset."""
        last = max((reset for reset in self.resets if reset <= number), default=None)
        return BEGIN + STEP * number if last is None else STEP * (number - last)

    def reset_next(self) -> None:
        """Have all meters reset before the next reading."""
        self.resets.append(self.sent[self.meters[0]])

    def send(self, rounds: int) -> None:
        """Send so many readings of each; return when the broker has acknowledged them."""
        for at in range(0, rounds, _TOGETHER):
            some = range(min(_TOGETHER, rounds - at))
            for sent in [self._publish(device) for _ in some for device in (*self.meters, *self.sensors)]:
                sent.wait_for_publish(10 * PATIENCE_S)
                assert sent.is_published()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send meanwhile, some readings at a time."""
        stopping = threading.Event()

        def work() -> None:
            while not stopping.wait(TICK_S * len(self.meters) / 10):
                self.send(1)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()

    def _publish(self, device: str):  # type: ignore[no-untyped-def] # noqa: ANN202 - paho's own
        number = self.sent[device]
        self.sent[device] += 1
        told: dict[str, float] = {"seq": number}
        if device in self.sensors:
            told["flow_m3_h"] = number % 500 / 4
        else:
            told |= {"ts": self._begin_ms + number * 60_000, "volume_m3": self.register(number)}
        return self._client.publish(f"iot/v1/{SITE}/water/{device}/readings", json.dumps(told), qos=1)

    # What must stand in the database.

    def assert_stored(self, influxdb: Service) -> None:
        """Check that all stands there: once, or with bit 64; and each sum is right, and none is missing that can be known."""
        rows = query(influxdb.url, "iot", "SELECT seq, volume_m3, volume_sum_m3, quality FROM water GROUP BY device")
        found: dict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)
        for row in rows:
            found[row["device"], row["seq"]].append(row)
        wanted = {(device, number) for device, sent in self.sent.items() for number in range(sent)}
        assert set(found) == wanted, (len(wanted - set(found)), sorted(wanted - set(found))[:5])
        twice = [
            key
            for key, points in found.items()
            if sum(not int(point["quality"]) & Quality.MAY_STAND_TWICE for point in points) > 1
        ]
        assert not twice, (len(twice), twice[:5])
        wrong = [
            (device, number, point)
            for (device, number), (point, *_) in found.items()
            if device in self.meters and point["volume_sum_m3"] != self._sum(number)
        ]
        assert not wrong, (len(wrong), wrong[:5])

    def _sum(self, number: int) -> float | None:
        is_doubted = any(reset <= number < reset + DOUBTED for reset in self.resets)
        return None if number == 0 or is_doubted else self.total(number)
