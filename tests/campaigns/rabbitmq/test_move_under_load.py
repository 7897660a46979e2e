"""A site moves while readings wait for its old gateway, and come meanwhile; gateways are killed on the way."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.core.gateways.tenures import Stage
from tests.campaigns.rabbitmq.meters import Meters
from tests.campaigns.rabbitmq.moving import NEW, OLD, Pair, given_to, pair, reload, write_shares
from tests.system.rig import Gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(1800)]

METERS, SENSORS = 45, 5
PATIENCE_S = 600.0
MISSING = "gateway_sequence_missing_total"


def again(gate: Gateway) -> None:
    gate.start()
    gate.wait_ready()


def missing(gate: Gateway) -> float:
    """The gaps that a gateway saw in the sequences of devices: there are some when their order is broken."""
    lines = [line for line in gate.ask("/metrics")[1].splitlines() if line.startswith(MISSING)]
    return sum(float(line.split()[-1]) for line in lines)


def killed_old(gates: Pair, waiting: int) -> None:
    until(lambda: gates.old.ledger()["written"] > waiting / 5, PATIENCE_S, what="the old one is at work")
    gates.old.kill()
    again(gates.old)


def killed_new(gates: Pair, _: int) -> None:
    until(lambda: gates.told(NEW) is Stage.TAKING_OVER, PATIENCE_S, what="the new one reads")
    gates.new.kill()
    again(gates.new)


def nobody(_gates: Pair, _waiting: int) -> None:
    """Kill none."""


@pytest.mark.parametrize(
    ("waiting", "first", "kill"),
    [
        (100_000, NEW, nobody),
        (20_000, OLD, nobody),
        (20_000, NEW, killed_old),
        (20_000, OLD, killed_new),
    ],
)
def test_a_site_moves_without_a_loss_or_a_wrong_sum(
    influxdb: Service, tmp_path: Path, waiting: int, first: str, kill: Callable[[Pair, int], None]
) -> None:
    rounds = waiting // (METERS + SENSORS)
    with (
        pair(tmp_path, influxdb) as gates,
        closing(Meters(gates.broker, meters=METERS, sensors=SENSORS, readings_max=rounds + 3000)) as meters,
    ):
        meters.send(1)
        for name in meters.meters:
            until(lambda name=name: sum_known(gates.old, name), what="its sums are known")
        assert gates.old.terminate() == 0
        meters.send(rounds * 9 // 10)
        meters.reset_next()  # what the new one must not go on from stands until the old one is nearly empty
        meters.send(rounds - rounds * 9 // 10)
        until(lambda: gates.waiting(OLD) >= waiting, what="all wait")
        with meters.sending():
            if first == NEW:
                reload(gates.new)
            write_shares(gates.old, given_to(NEW))
            again(gates.old)
            if first == OLD:
                reload(gates.new)
            kill(gates, waiting)
            until(lambda: gates.told(NEW) is Stage.TAKING_OVER, PATIENCE_S, what="the new one reads")
        meters.reset_next()
        meters.send(5)
        with meters.sending():
            until(lambda: gates.told(OLD) is Stage.LEFT, PATIENCE_S, what="the old one is empty")
            gates.holds(NEW, PATIENCE_S)
        meters.send(1)
        until(lambda: not gates.waiting(NEW) and not gates.waiting(OLD), PATIENCE_S, what="nothing waits")
        until(lambda: not gates.new.document("/api/late-sums")["devices"], PATIENCE_S, what="the sums are worked out")
        meters.assert_stored(influxdb)
        if kill is nobody:
            assert (missing(gates.old), missing(gates.new)) == (0, 0), "each device in its order"


def sum_known(gate: Gateway, name: str) -> bool:
    return all(counter["sum"] is not None for counter in gate.document(f"/api/devices/{name}")["counters"])
