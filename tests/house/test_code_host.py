"""Files for code hosts: they run what any machine runs, and the forms for issues ask for what the gateway can tell."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
FORMS = sorted((CHECKOUT / ".github" / "ISSUE_TEMPLATE").glob("*.yaml"))


def read(path: Path) -> Any:  # noqa: ANN401 - a document of somebody else's form
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - texts alone: `on` is no boolean here


def test_a_code_host_runs_what_any_machine_runs_and_takes_no_movable_part() -> None:
    workflow = read(CHECKOUT / ".github" / "workflows" / "test.yaml")
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]) for step in job["steps"] if "uses" in step)
    assert workflow["permissions"] == {"contents": "read"}
    assert os.access(CHECKOUT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_a_form_has_a_name_and_fields_each_with_a_label_in_both_languages(form: Path) -> None:
    asked = read(form)
    assert asked["name"]
    assert asked["description"]
    fields = [field for field in asked["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields) > 3
    assert all(" · " in field["attributes"]["label"] for field in fields)
    assert {field["type"] for field in fields} <= {"input", "textarea", "dropdown", "checkboxes"}


def test_there_is_a_form_for_a_fault_and_one_for_a_device() -> None:
    assert [form.stem for form in FORMS] == ["bug", "device"]
