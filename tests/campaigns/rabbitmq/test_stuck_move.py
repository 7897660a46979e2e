"""A move that waits for another machine is told on the pages of all gateways, also of one that has no part in it."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.campaigns.rabbitmq.moving import QUORUM, SETTINGS, reload, write_shares
from tests.campaigns.rabbitmq.node import rabbitmq
from tests.influx import query
from tests.system.fleet import client_of, publish
from tests.system.rig import Document, Gateway, gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

GONE, FORGETFUL, NEW, THIRD = "gateway-0", "gateway-1", "gateway-2", "gateway-3"
BEFORE = {"orphan": GONE, "left-behind": FORGETFUL, "not-taken": NEW, "own": THIRD}
AFTER = {"orphan": NEW, "left-behind": NEW, "not-taken": FORGETFUL, "own": THIRD}
TOLD_WITHIN_S = 240.0
ENDS_WITHIN_S = 90.0

Told = set[tuple[str, str, str, str]]
"""Key of a finding, who waits, for whom, and the shares."""

DEAD_OR_FORGETFUL: Told = {
    ("move_not_left", NEW, GONE, "orphan"),
    ("move_not_left", NEW, FORGETFUL, "left-behind"),
}
EXPECTED: Mapping[str, Told] = {
    FORGETFUL: {*DEAD_OR_FORGETFUL, ("move_kept", NEW, "", "not-taken")},
    NEW: {*DEAD_OR_FORGETFUL, ("move_not_read", NEW, FORGETFUL, "not-taken")},
    THIRD: {*DEAD_OR_FORGETFUL, ("move_not_read", NEW, FORGETFUL, "not-taken")},
}
"""What each page must say: who has the old file cannot know to whom a share goes."""


def shares(given: Mapping[str, str]) -> Document:
    """A file of shares; who has none of them is not on its list."""
    return {"gateways": sorted({*given.values()}), "shares": [{"site": site, "gateway": one} for site, one in given.items()]}


@contextmanager
def four(broker: Service, influxdb: Service, folder: Path) -> Iterator[dict[str, Gateway]]:
    """Four gateways, each with a file of its own, of which the third leads."""
    with ExitStack() as running:
        gates = {}
        for name in (GONE, FORGETFUL, NEW, THIRD):
            mqtt = {"client_id": name, "shares": "shares.yaml", "share_leader": THIRD}
            gates[name] = gateway(folder / name, broker.url, influxdb.url, mqtt=mqtt)
            write_shares(gates[name], shares(BEFORE))
            running.enter_context(gates[name])
        for gate in gates.values():
            gate.wait_subscribed()
        yield gates


def told(gate: Gateway) -> Told:
    """Return the findings of its page about moves."""
    findings = [found for found in gate.status()["verdict"]["findings"] if found["key"].startswith("move_")]
    return {(found["key"], *(found["params"][name] for name in ("waiting", "gateway", "some"))) for found in findings}


def waits(gate: Gateway) -> float:
    """Return the number in its metrics."""
    (number,) = re.findall(r"^gateway_waits_for_others (\S+)$", gate.ask("/metrics")[1], re.MULTILINE)
    return float(number)


def test_a_forgotten_file_and_a_gateway_off_the_list_and_dead_are_told_on_all_pages_within_four_minutes(
    influxdb: Service, tmp_path: Path
) -> None:
    with (
        rabbitmq(tmp_path / "rabbitmq", SETTINGS, QUORUM) as broker,
        four(broker, influxdb, tmp_path) as gates,
        client_of(broker) as client,
    ):
        stages = "SELECT last(stage) FROM share WHERE stage = 3 GROUP BY device"
        until(lambda: len(query(influxdb.url, "iot", stages)) == len(BEFORE), what="each has its site")
        gates.pop(GONE).kill()
        for name in (NEW, THIRD):
            reload(gates[name], shares(AFTER))
        began_s = time.monotonic()
        took_s: dict[str, float] = {}
        while len(took_s) < len(gates) and time.monotonic() - began_s < TOLD_WITHIN_S:
            for name in gates.keys() - took_s.keys():
                if told(gates[name]) == EXPECTED[name]:
                    took_s[name] = time.monotonic() - began_s
            time.sleep(0.5)
        print({name: round(seconds) for name, seconds in took_s.items()})  # noqa: T201 - pytest -s shows how long it took
        assert {name: told(gate) for name, gate in gates.items()} == EXPECTED
        assert min(took_s.values()) > TOLD_WITHIN_S - 60 - 15, "a move that goes on is not told"

        assert [waits(gate) for gate in gates.values()] == [3.0, 3.0, 3.0]
        shown = gates[THIRD].command("status").stdout
        assert f"{NEW} waits for {GONE} to leave 1 shares (orphan)" in shown
        publish(client, "iot/v1/orphan/water/m1/readings", '{"pressure_kpa": 1}')
        queue = f"mqtt-subscription-{GONE}qos1"
        until(lambda: broker.management.depth(queue) == 1, what="a copy waits for the dead one, too")

        reload(gates[FORGETFUL], shares(AFTER))
        gone = gates[NEW].command("move", "orphan", "--to", NEW, "--yes", "--gone", GONE)
        assert gone.returncode == 0, gone.stderr
        until(lambda: not any(map(told, gates.values())), ENDS_WITHIN_S, what="it ends by itself")
        assert [waits(gate) for gate in gates.values()] == [0.0, 0.0, 0.0]
        for gate in gates.values():
            assert gate.command("status").stdout.count("waits for") == 0
