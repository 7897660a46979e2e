"""Steps to confirm stand in a database so that they can be read from there again."""

import pytest

from gateway.core.readings.sums import StepState, StepToConfirm
from gateway.ingest.database.store import Store, TimeSpan
from gateway.monitoring.reports.stored_counters import StepsOf, step_line, steps_to_confirm, stored_steps
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.points import DAY, HOUR, START
from tests.monitoring.reports.stores import Filled

REGISTERED = RegisteredDevice(id="m1", site="s1", area="north")
WATER = StepToConfirm("volume_m3", 804.987, 943.0, START, START + 14 * HOUR, is_told=True)
LANE = StepToConfirm("vehicle_count_total,lane=2", 90_000.0, 5.0, START, START + HOUR, is_told=True)
SAID = START + DAY


def test_a_step_stands_with_both_registers_and_their_times() -> None:
    assert step_line("m1", REGISTERED, WATER, SAID) == (
        f"event,area=north,device=m1,kind=step,site=s1 step_volume_m3=1.0,before_volume_m3=804.987,after_volume_m3=943.0,"
        f"from_ms_volume_m3={START}.0,first_ms_volume_m3={START + 14 * HOUR}.0,held_out_volume_m3=138.013 {SAID}"
    )
    used = step_line("t1", None, LANE.said(StepState.USED), SAID)
    assert used.startswith("event,device=t1,kind=step_used,lane=2 step_vehicle_count_total=2.0,before_")


@pytest.mark.real
def test_steps_are_read_again_as_people_said_last(filled: Filled) -> None:
    async def asked(store: Store) -> tuple[StepsOf, StepsOf, StepsOf]:
        devices, now_ms = {"m1", "t1"}, SAID + DAY
        month, later = TimeSpan(START, SAID), TimeSpan(SAID, SAID + DAY)
        return (
            await stored_steps(store, devices, now_ms),
            await steps_to_confirm(store, devices, month, now_ms),
            await steps_to_confirm(store, devices, later, now_ms),
        )

    filled.write([step_line("m1", REGISTERED, WATER, SAID), step_line("t1", None, LANE, SAID)])
    assert filled.ask(asked) == ({"m1": [WATER], "t1": [LANE]}, {"m1": [WATER], "t1": [LANE]}, {})
    used, gone = WATER._replace(state=StepState.USED), LANE._replace(state=StepState.GONE)
    filled.write([step_line("m1", REGISTERED, used, SAID + 1), step_line("t1", None, gone, SAID + 1)])
    assert filled.ask(asked) == ({"m1": [used], "t1": []}, {}, {})
    filled.write([step_line("m1", REGISTERED, WATER, SAID + 2)])
    assert filled.ask(asked)[1] == {"m1": [WATER]}, "it was opened again"
