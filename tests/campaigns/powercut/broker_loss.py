"""Mosquitto's loss in a power cut while the gateway is away: ``python -m tests.campaigns.powercut.broker_loss 120 --rate 5``.

Devices publish at QoS 1 for a session that is away. The broker is killed a second before it would save again, which is the
worst moment, and started again; counted is what it had confirmed and has no more.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from tests.system.fleet import client_of, publish
from tests.waiting import until

_TOPIC = "iot/v1/site/water/m1/readings"
_TAKES_S = 5.0
"""Enough to take what waits."""


class Absent:
    """A client with a session that lasts, which is away for the most part."""

    def __init__(self, broker: Service) -> None:
        self._broker = broker
        self.heard: list[bytes] = []
        self._subscribed = False

    @contextmanager
    def here(self) -> Iterator[None]:
        """Connect, subscribe and take what waits, as long as this lasts."""
        client = paho.Client(CallbackAPIVersion.VERSION2, "gateway", clean_session=False)
        client.on_message = lambda _client, _data, message: self.heard.append(bytes(message.payload))
        client.on_subscribe = lambda *_: setattr(self, "_subscribed", True)
        self._subscribed = False
        client.connect(self._broker.host, self._broker.port)
        client.subscribe("#", qos=1)
        client.loop_start()
        until(lambda: self._subscribed)
        yield
        client.disconnect()
        client.loop_stop()


def configured(folder: Path, lines: list[str], *, tuned: bool) -> Service:
    """A broker with further lines in its configuration, in the place of those of the same key."""
    broker = services.mosquitto(folder, tuned=tuned)
    conf = folder / "mosquitto.conf"
    keys = {line.split()[0] for line in lines}
    kept = [line for line in conf.read_text().splitlines() if (line.split() or [""])[0] not in keys]
    before = next(number for number, line in enumerate(kept) if line.startswith("listener"))
    conf.write_text("\n".join([*kept[:before], *lines, *kept[before:], ""]))
    return broker


def publish_for(broker: Service, seconds: float, rate: float) -> int:
    """Publish at QoS 1 for some time; return how many the broker confirmed."""
    with client_of(broker) as client:
        ends_s, number = time.monotonic() + seconds, 0
        while time.monotonic() < ends_s:
            publish(client, _TOPIC, str(number).rjust(200))
            number += 1
            time.sleep(1 / rate)
    return number


def publish_many(broker: Service, first: int, count: int) -> None:
    """Publish so many at QoS 1, each confirmed."""
    with client_of(broker) as client:
        for number in range(first, first + count):
            publish(client, _TOPIC, str(number).rjust(200))


def main() -> None:
    """Measure and print a row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("autosave_s", type=int)
    parser.add_argument("--rate", type=float, default=5.0)
    parser.add_argument("--as-shipped", action="store_true", help="as Debian ships it, without province.conf")
    parser.add_argument("--on-changes", action="store_true", help="save after so many changes, not seconds")
    given = parser.parse_args()
    lines = [f"autosave_interval {given.autosave_s}"] + ["autosave_on_changes true"] * given.on_changes
    seconds = 20 / given.rate if given.on_changes else given.autosave_s - 1
    with tempfile.TemporaryDirectory() as folder:
        broker = configured(Path(folder), lines, tuned=not given.as_shipped)
        absent = Absent(broker)
        with broker:
            began_s = time.monotonic()
            with absent.here():
                pass
            sent = publish_for(broker, seconds - (time.monotonic() - began_s), given.rate)
            broker.kill()
            broker.start()
            broker.wait_ready()
            with absent.here():
                time.sleep(_TAKES_S)
        left = len(set(absent.heard))
        print(f"{'; '.join(lines)}: {sent} confirmed in {seconds:g} s, {sent - left} lost")  # noqa: T201 - its result


if __name__ == "__main__":
    main()
