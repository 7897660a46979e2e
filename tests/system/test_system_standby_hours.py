"""Two machines, one session: readings in the journal of the one are added to hours and a day that the other one closed."""

import time
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.monitoring.reports.stores import Filled
from tests.runtime.jobs.closing_rig import ClosingRig
from tests.system.fleet import client_of
from tests.system.pair import pair
from tests.system.two_meters import DAY_SPAN, EVERY, HOUR, MIDNIGHT, MINUTE, PEAK, REGISTRY, TwoMeters
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

SPEED = 300.0


def test_a_day_is_right_once_the_machine_that_held_readings_of_it_back_has_written_them(
    mosquitto: Service, influxdb: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ScaledTime(time.time_ns() // 1_000_000, MIDNIGHT - 3 * HOUR - 5 * MINUTE, SPEED)
    monkeypatch.setenv(VARIABLE, str(clock))
    for name in ("a", "b"):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "data" / PERMIT).touch()
    journal = {"path": "data/journal.db", "min_free_bytes": 0}
    with (
        pair(tmp_path, mosquitto, influxdb, keep_alive_s=2, devices=REGISTRY, journal=journal) as machines,
        client_of(mosquitto) as client,
    ):
        meters = TwoMeters(clock, client, ClosingRig(tmp_path, Filled(influxdb)))
        live, standby = machines.by_role()
        live.gate.wait_subscribed()
        meters.go_on(lambda: meters.next_ms >= MIDNIGHT - HOUR - 20 * MINUTE, "two hours have gone")
        live.influxdb.reset()
        meters.go_on(lambda: meters.next_ms > PEAK + EVERY, "it received the peak, and wrote nothing")
        until(lambda: live.gate.pending("journal") > 0, what="it stands in the journal")
        live.gate.kill_at_rest()
        meters.go_on(lambda: standby.role == "live", "the other machine goes on")
        meters.until_closed()
        assert meters.peaks("daily", DAY_SPAN) == {"far": 0.5, "near": 0.5}, (
            "it could not know of what waits on the dead machine"
        )
        lacking = meters.received()

        live.influxdb.heal()
        live.gate.start()
        meters.until_mended(lacking)
        assert (live.role, standby.role) == ("passive", "live")
