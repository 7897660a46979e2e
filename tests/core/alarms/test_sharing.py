"""The guard that devices without limits of their own share, and what takes it away."""

from collections.abc import Callable
from datetime import UTC, timedelta, timezone
from math import inf

import pytest

from gateway.core.alarms.rules import Limit, Rules, Usual, Values
from gateway.core.alarms.views import View, Views
from gateway.core.alarms.watch import Kept, Tables, is_within
from gateway.core.devices.device import Device
from gateway.core.devices.limits import EVER_MS
from gateway.core.readings.line_protocol import FieldSets
from tests.core.alarms.alarming import above, rule
from tests.core.making import NOW_MS
from tests.rows import each_row


def view_of(name: str, tables: Tables) -> View:
    """Return the view of a new device."""
    view = View(Device(name, None), tables)
    view.device.guard = tables.guard((), -EVER_MS, EVER_MS)
    return view


def test_devices_that_send_the_same_fields_share_their_guard_until_one_is_busy() -> None:
    tables, field_sets = Tables(Rules((rule(above("pressure_kpa", 700)),))), FieldSets()
    pressure, both = field_sets.of(("pressure_kpa",)), field_sets.of(("pressure_kpa", "volume_m3"))
    one, other = view_of("one", tables), view_of("other", tables)
    for view in (one, other):
        view.table(pressure)
        view.table(both)
    assert one.device.guard is other.device.guard
    assert list(one.device.guard.gates) == [pressure, both]
    one.watch(busy=True)
    assert not one.device.guard.gates
    assert list(other.device.guard.gates) == [pressure, both]


def test_guards_that_end_let_no_reading_pass_and_others_take_their_place_for_good() -> None:
    tables, field_sets = Tables(Rules((rule(above("pressure_kpa", 700)),))), FieldSets()
    pressure = (field_sets.of(("pressure_kpa",)),)
    before = tables.guard(pressure)
    tables.end_guards()
    after = tables.guard(pressure)
    assert (before.until_ms, after.until_ms) == (-EVER_MS, EVER_MS)
    assert tables.shares(after)
    assert not tables.shares(before)


def test_a_field_set_that_one_device_sends_is_no_gate_of_another() -> None:
    tables, field_sets = Tables(Rules((rule(above("pressure_kpa", 700)),))), FieldSets()
    pressure, level = field_sets.of(("pressure_kpa",)), field_sets.of(("level_m",))
    one, other = view_of("one", tables), view_of("other", tables)
    one.table(pressure)
    other.table(pressure)
    one.table(level)
    assert level in one.device.guard.gates
    assert level not in other.device.guard.gates


CHANGES: dict[str, Callable[[Views], None]] = {
    "other-rules": lambda views: views.replace_rules(Rules()),
    "another-registry": lambda views: views.replace_registry({}),
    "its-usual-hours": lambda views: views.take_usual("one", {}),
}


@pytest.mark.parametrize("is_busy", [pytest.param(False, id="plain"), pytest.param(True, id="busy")])
@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in CHANGES.items()])
def test_no_reading_passes_a_guard_whose_limits_may_have_changed(change: Callable[[Views], None], *, is_busy: bool) -> None:
    views, device = Views(UTC), Device("one", None)
    views.put(views.look(device, NOW_MS, busy=is_busy))
    assert holds(device)
    change(views)
    assert not holds(device)


def test_the_view_of_a_device_that_the_core_forgot_is_forgotten() -> None:
    views, device = Views(UTC), Device("one", None)
    views.put(views.look(device, NOW_MS, busy=True))
    views.forget(["one"])
    assert not views.look(Device("one", None), NOW_MS, busy=False).is_busy


def test_a_plain_device_that_sent_its_flow_is_known_to_send_it() -> None:
    rules, field_sets, device = Rules((rule(above("flow_m3_h", 9)),)), FieldSets(), Device("one", None)
    views = Views(UTC)
    views.replace_rules(rules)
    view = views.look(device, NOW_MS, busy=False)
    view.table(field_sets.of(("flow_m3_h",)))
    assert view.is_plain
    views.put(view)
    assert views.of(device) is not view
    assert views.of(device).sends_flow


def holds(device: Device) -> bool:
    """Tell if the guard of a device holds now."""
    return device.guard.from_ms <= NOW_MS < device.guard.until_ms


def test_a_usual_hour_holds_from_its_local_beginning_to_its_end() -> None:
    views = Views(timezone(timedelta(hours=5, minutes=30)))
    views.replace_rules(Rules((rule(Values((Limit("flow_m3_h", "above", 2, 2, Usual.HOUR),))),)))
    views.take_usual("one", {"flow_m3_h": [1.0] * 24})
    began_ms = 1_793_491_200_000 - 1_793_491_200_000 % 3_600_000 - 1_800_000
    for after_ms in (0, 1_234_567, 3_599_999):
        device = Device("one", None)
        views.look(device, began_ms + after_ms, busy=False)
        assert (device.guard.from_ms, device.guard.until_ms) == (began_ms, began_ms + 3_600_000)


def test_a_guard_of_one_hour_ends_when_its_device_is_forgotten_or_told_other_hours() -> None:
    changes: list[Callable[[Views], None]] = [lambda views: views.forget(["one"]), CHANGES["its-usual-hours"]]
    for change in changes:
        views, device = Views(UTC), Device("one", None)
        views.replace_rules(Rules((rule(Values((Limit("flow_m3_h", "above", 2, 2, Usual.HOUR),))),)))
        views.take_usual("one", {"flow_m3_h": [1.0] * 24})
        views.put(views.look(device, NOW_MS, busy=False))
        assert holds(device)
        change(views)
        assert not holds(device)


def test_a_view_is_kept_while_its_device_is_busy_and_no_longer() -> None:
    views, device = Views(UTC), Device("one", None)
    view = views.look(device, NOW_MS, busy=True)
    views.put(view)
    assert views.of(device) is view
    view.watch(busy=False)
    views.put(view)
    assert views.of(device) is not view


@each_row(
    "comes",
    [
        lambda views: views.replace_rules(Rules()),
        lambda views: views.replace_registry({}),
        lambda views: views.take_usual("one", {}),
    ],
)
def test_what_a_view_keeps_goes_at_a_reload_and_when_usual_hours_come(comes: Callable[[Views], None]) -> None:
    views, device = Views(UTC), Device("one", None)
    view = views.look(device, NOW_MS, busy=False)
    views.put(view)
    assert views.of(device) is not view, "where nothing is kept no view is"
    view.keep("pressure_kpa", Kept(NOW_MS, 400.0))
    views.put(view)
    assert views.of(device) is view
    comes(views)
    assert (views.of(device) is view, views.of(device).kept) == (False, {})


def test_within_a_range_that_is_turned_round_lies_no_value() -> None:
    """A condition that must see each reading takes it for its gate."""
    assert not any(is_within(((0, inf, -inf),), [value]) for value in (-inf, 0.0, 5.0, inf))
