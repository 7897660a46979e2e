"""Gates that devices without limits of their own share."""

from gateway.core.alarms.rules import Rules
from gateway.core.alarms.views import View
from gateway.core.alarms.watch import Tables
from gateway.core.readings.field_sets import FieldSets
from tests.core.alarms.alarming import above, rule


def test_devices_that_send_the_same_fields_share_their_gates_until_one_is_busy() -> None:
    tables, field_sets = Tables(Rules((rule(above("pressure_kpa", 700)),))), FieldSets()
    pressure, both = field_sets.of(("pressure_kpa",)), field_sets.of(("pressure_kpa", "volume_m3"))
    one, other = View(tables), View(tables)
    for view in (one, other):
        view.table(pressure)
        view.table(both)
    assert one.gates is other.gates
    assert list(one.gates) == [pressure, both]
    one.watch(busy=True)
    assert not one.gates
    assert list(other.gates) == [pressure, both]


def test_a_field_set_that_one_device_sends_is_no_gate_of_another() -> None:
    tables, field_sets = Tables(Rules((rule(above("pressure_kpa", 700)),))), FieldSets()
    pressure, level = field_sets.of(("pressure_kpa",)), field_sets.of(("level_m",))
    one, other = View(tables), View(tables)
    one.table(pressure)
    other.table(pressure)
    one.table(level)
    assert level in one.gates
    assert level not in other.gates
