"""Devices behind a concentrator: several in one payload, each with its own name, parameters and interval."""

from schemas.quantities import Quality
from schemas.registry import RegisteredDevice
from tests.core.making import points
from tests.core.profiled import MANY, meters, pipeline, process, profile


def test_each_device_of_a_payload_has_its_own_parameters() -> None:
    text = MANY.replace("{path: v}", "{path: v, scale: {param: pulse_weight, default: 1}}")
    into = pipeline(text, devices=[RegisteredDevice("m2", params={"pulse_weight": 0.25})])
    assert [each.values["volume_m3"] for each in points(process(into, meters("m1", "m2"), "hub/h"))] == [0, 0.25]


def test_what_a_device_of_a_payload_lacks_is_as_for_the_one_that_sent_it() -> None:
    scaled = MANY.replace("{path: v}", "{path: v, scale: {param: pulse_weight, default: 1}}")
    text = f"{scaled}  - {{measurement: device_health, fields: {{battery_v: {{path: /b, scale: {{param: pulse_weight}}}}}}}}"
    devices = [RegisteredDevice("h", params={"pulse_weight": 10}), RegisteredDevice("m2", params={"pulse_weight": 0.25})]
    found = points(process(pipeline(text, devices=devices), meters("m1", "m2", "m3") | {"b": 0.25}, "hub/h"))
    assert [[*each.values.values()] for each in found] == [[0], [0.25], [20], [2.5]]


def test_a_device_behind_a_concentrator_is_registered_under_the_name_it_is_sent_by() -> None:
    text = MANY.replace("{path: v}", "{path: v, scale: {param: pulse_weight, default: 1}}")
    into = pipeline(text, devices=[RegisteredDevice("dong-ho-2", source="đồng hồ 2", params={"pulse_weight": 0.25})])
    found = points(process(into, meters("m1", "đồng hồ 2"), "hub/h"))
    assert [(each.tags["device"], each.values["volume_m3"]) for each in found] == [("m1", 0), ("dong-ho-2", 0.25)]


def test_a_concentrator_need_not_have_the_parameters_of_the_devices_behind_it() -> None:
    scaled = profile(MANY.replace("{path: v}", "{path: v, scale: {param: pulse_weight}}"))
    assert scaled.required_params == frozenset()
    (found,) = points(
        process(
            pipeline(MANY.replace("{path: v}", "{path: v, scale: {param: w}}, ph: p")),
            {"meters": [{"id": "m1", "v": 5, "p": 7}]},
            "hub/h",
        )
    )
    assert (found.values, found.fields["quality"]) == ({"ph": 7.0}, Quality.VALUE_DROPPED | Quality.GATEWAY_TIME)


def test_the_interval_of_a_counting_device_behind_a_concentrator_is_its_own() -> None:
    text = MANY.replace("measurement: water", "measurement: traffic").replace("volume_m3: {path: v}", "vehicle_count: v")
    devices = [RegisteredDevice("h", params={"interval_s": 60}), RegisteredDevice("m2", params={"interval_s": 900})]
    found = points(process(pipeline(text, devices=devices), meters("m1", "m2"), "hub/h"))
    assert [each.values["interval_s"] for each in found] == [60, 900]
