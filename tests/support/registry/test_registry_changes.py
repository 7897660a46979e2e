"""Changes of the registry before anything is written: what they make of it, and what is refused in words for the field."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.support.registry.changes import (
    PLACE,
    ChangeRefused,
    RegistryChange,
    add,
    change_of,
    edit_device,
    filled,
    retire,
    with_source,
)
from schemas.registry import RegisteredDevice, Registry
from tests.rows import each_row

EUI = "24e124136d000001"
REGISTRY = Registry(
    areas={"A1": "Bản Mế"},
    devices=[
        RegisteredDevice("main", domain="water", serial="7", params={"k": 1, "m": 2}),
        RegisteredDevice("wm-1", domain="water", parent="main"),
        RegisteredDevice(EUI, source="24-E1-24-13-6D-00-00-02"),
    ],
)


def refused(make: Any, *arguments: Any) -> dict[str, str]:  # noqa: ANN401 - of any change
    with pytest.raises(ChangeRefused) as found:
        make(REGISTRY, *arguments)
    return found.value.faults


def only(change: RegistryChange) -> RegisteredDevice:
    ((_, after),) = change.changed.values()
    return after


def test_a_device_is_added_with_its_filled_keys() -> None:
    change = add(REGISTRY, {"id": "new", "site": "s1", "area": "", "interval": "15min", "params": {"k": ""}})
    assert change.added == [RegisteredDevice("new", site="s1", interval=timedelta(minutes=15))]
    assert change.registry.devices == [*REGISTRY.devices, *change.added]


@each_row(
    ("document", "key", "says"),
    [
        pytest.param({"id": "MAIN "}, "id", "may hold 1 to 64", id="no-id"),
        pytest.param({"id": "main"}, "id", "main is registered already", id="twice"),
        pytest.param({"id": EUI.upper()}, "id", "is registered already", id="twice-in-another-writing"),
        pytest.param({"id": "n", "area": "A9"}, "area", "A9 is not among the areas", id="area"),
        pytest.param({"id": "n", "parent": "none"}, "parent", "none is not among the devices", id="parent"),
        pytest.param({"id": "n", "domain": "power", "parent": "main"}, "parent", "measures water", id="other-domain"),
        pytest.param({"id": "n", "source": "main"}, "source", "is also the id of main", id="source-taken"),
        pytest.param({"id": "n", "lat": "north"}, "lat", "'north' is not a number", id="place"),
        pytest.param({"id": "n", "interval": "soon"}, "interval", "soon", id="interval"),
        pytest.param({"id": "n", "color": "red"}, "color", "there is no such key", id="key"),
    ],
)
def test_a_device_at_fault_is_refused_with_a_sentence_for_the_field(document: dict[str, Any], key: str, says: str) -> None:
    assert says in refused(add, document)[key]


def test_all_fields_at_fault_are_told_at_once() -> None:
    assert refused(add, {"id": "n", "lat": 91, "domain": "wine"}).keys() == {"lat", "domain"}


def test_an_edit_changes_what_it_names_and_an_empty_value_takes_a_key_away() -> None:
    after = only(edit_device(REGISTRY, "main", {"serial": "", "site": "s2", "params": {"k": "", "n": 3}}))
    assert after == RegisteredDevice("main", site="s2", domain="water", params={"m": 2, "n": 3})
    assert not edit_device(REGISTRY, "main", {"serial": "7"}), "nothing differs"


def test_an_edit_keeps_the_id_and_finds_it_in_any_writing() -> None:
    assert only(edit_device(REGISTRY, "24-E1-24-13-6D-00-00-01", {"site": "s1"})).id == EUI
    assert "never changes" in refused(edit_device, "main", {"id": "other"})["id"]
    assert "'gone' is not in the registry" in refused(edit_device, "gone", {})["id"]


def test_what_an_edit_does_to_another_device_is_told() -> None:
    assert refused(edit_device, "main", {"domain": "power"}) == {
        "id": "wm-1: parent: main measures power, wm-1 water: there is no balance of the two"
    }
    assert "through itself" in refused(edit_device, "main", {"parent": "wm-1"})["parent"]


def test_a_parent_is_retired_after_its_children() -> None:
    assert refused(retire, "main") == {"id": "main is the parent of wm-1; give them another parent first"}
    assert [device.id for device in retire(REGISTRY, "wm-1").registry.devices] == ["main", EUI]


def test_a_meter_that_replaces_another_sends_under_a_name_of_its_own() -> None:
    assert only(with_source(REGISTRY, "wm-1", "new one")) == RegisteredDevice("wm-1", "new one", domain="water", parent="main")
    assert refused(with_source, "wm-1", "main") == {"source": "main has the name 'main' already"}


def test_a_change_tells_whether_anything_changes_and_what_is_new_or_changed() -> None:
    assert not RegistryChange(REGISTRY, REGISTRY)
    added, changed = add(REGISTRY, {"id": "x"}), edit_device(REGISTRY, "main", {"serial": "8"})
    assert added
    assert changed
    assert retire(REGISTRY, "wm-1")
    assert not edit_device(REGISTRY, "main", {"serial": "7"})
    both = change_of(REGISTRY, [RegisteredDevice("x")], {0: RegisteredDevice("main")}, [2])
    assert [device.id for device in both.devices] == ["x", "main"]
    assert [device.id for device in both.registry.devices] == ["main", "wm-1", "x"]
    assert [device.id for device in both.retired.values()] == [EUI]
    assert both.registry.areas == REGISTRY.areas


def test_a_move_changes_where_a_device_is() -> None:
    assert PLACE == ("site", "area", "parent", "lat", "lon", "address")


def test_a_parent_of_many_is_refused_with_some_of_them() -> None:
    many = Registry(devices=[RegisteredDevice("main"), *(RegisteredDevice(f"m{at}", parent="main") for at in range(6))])
    for registry, shown in ((many, "m0, m1, m2, m3, m4 ..."), (replace(many, devices=many.devices[:6]), "m0, m1, m2, m3, m4")):
        with pytest.raises(ChangeRefused) as found:
            retire(registry, "main")
        assert found.value.faults == {"id": f"main is the parent of {shown}; give them another parent first"}
        assert str(found.value) == f"main: id: main is the parent of {shown}; give them another parent first"


def test_a_name_that_is_not_registered_is_refused_as_it_was_written_but_not_at_length() -> None:
    assert refused(retire, "x" * 100) == {"id": f"{'x' * 80!r} is not in the registry; register it first"}
    assert refused(add, {"id": "main"}) == {"id": "main is registered already"}
    assert refused(add, {"id": "x", "area": "A9"}) == {"area": "A9 is not among the areas"}
    assert filled({"a": None, "b": "", "c": {}, "d": 0, "e": False}) == {"d": 0, "e": False}


def test_a_source_that_another_device_has_is_refused() -> None:
    assert refused(with_source, "main", "wm-1") == {"source": "wm-1 has the name 'wm-1' already"}
    after = only(with_source(REGISTRY, "main", "new-1"))
    assert (after.id, after.source) == ("main", "new-1")
