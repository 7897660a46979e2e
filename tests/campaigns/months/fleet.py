"""The fleet of a campaign as a process of its own: ``python -m tests.campaigns.months.fleet BROKER LEDGER PLAN``."""

import os
import sys
from pathlib import Path

from firmware_sim.publish import BrokerAccess
from firmware_sim.run import Plan, run
from firmware_sim.scenarios.loader import scenario
from firmware_sim.simulated import SimulatedPlan
from schemas.scaled_clock import VARIABLE, parse_scaled_time
from tests.campaigns.months.plan import INTERVAL_S, MonthsPlan


def main(broker: str, ledger: str, plan: str) -> int:
    """Let the devices of a plan measure; the exit status of ``firmware-sim run``."""
    wanted = MonthsPlan.from_json(plan)
    return run(
        Plan(
            broker=BrokerAccess.parse(broker, None),
            counts=wanted.counts,
            interval_s=INTERVAL_S,
            speed=wanted.speed,
            duration_s=0.0,
            seed=wanted.seed,
            scenario=scenario("normal"),
            shared=True,
            ledger=Path(ledger),
            simulated=SimulatedPlan(wanted.span, parse_scaled_time(os.environ[VARIABLE]), wanted.wanted),
        )
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
