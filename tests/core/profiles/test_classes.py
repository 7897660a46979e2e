"""Classes of vehicles that a profile gives itself, and texts in it that may be meant as paths."""

import pytest

from tests.core.profiling import faults


def counted(tag: str) -> str:
    """A profile of one count with a class of vehicles."""
    fields = "{vehicle_count: /n, interval_s: {literal: 60}}"
    return f"points: [{{measurement: traffic, tags: {{vehicle_class: {tag}}}, fields: {fields}}}]"


@pytest.mark.parametrize(
    ("tag", "key"),
    [
        pytest.param("{literal: moto}", ".literal", id="literal"),
        pytest.param("{path: /c, enum: {1: moto, 2: car}}", ".enum.1", id="enum"),
        pytest.param("{path: /c, enum: {1: car, '*': rest}}", ".enum.*", id="rest-of-an-enum"),
        pytest.param("{path: /c, default: moto}", ".default", id="default"),
        pytest.param("{literal: car, upper: true}", ".literal", id="literal-behind-its-steps"),
    ],
)
def test_a_vehicle_class_of_the_profile_that_is_none_is_refused(tag: str, key: str) -> None:
    (fault,) = faults(counted(tag))
    assert fault.startswith(f"points.0.tags.vehicle_class{key}: ")
    assert "is not a class of vehicles; there are: motorcycle, bicycle, pedestrian, car," in fault


@pytest.mark.parametrize(
    "tag",
    ["{literal: car}", "bus", "{literal: CAR, lower: true}", "{path: /c, enum: {1: car, '*': null}}", "{path: /c}", "/c"],
)
def test_a_vehicle_class_of_the_list_or_of_the_payload_is_let_in(tag: str) -> None:
    assert faults(counted(tag)) == []


@pytest.mark.parametrize("key", ["device", "site"])
@pytest.mark.parametrize("text", ["[0]/id", "meter/id", "ids[0]"])
def test_a_bare_text_that_looks_like_a_path_is_refused(key: str, text: str) -> None:
    (fault,) = faults(f"{key}: '{text}'\npoints: [{{measurement: water, fields: {{ph: /ph}}}}]")
    assert fault == f"{key}: '{text}' may be a text or a path; write {{literal: '{text}'}} or {{path: '/{text}'}}"
