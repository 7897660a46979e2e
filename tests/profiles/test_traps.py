"""Faults of devices in the field: each kind is a case, sent through the whole gateway, with the result it must have."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.cli import main
from gateway.support.config.strict_yaml import parse
from tests.profiles.decoding import ARRIVAL, DryRun, milliseconds

CASES: list[dict[str, Any]] = parse((Path(__file__).parent / "traps.yaml").read_text())
CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "traps.jsonl"
WITH_A_TEST_OF_ITS_OWN = {"yaml_octal"}
"""Traps that are no message."""

A_TEST = "tests: [{topic: status, text: none, expect: unknown_topic}]\n"
"""A profile without tests is refused; the case is the test."""

HEALTH_AND_PLACE = {"device", "site", "area"}
EXPECTATIONS = {"points", "dropped", "duplicates", "ignored", "reject", "waits", "sends", "device"}


def name_of(case: Mapping[str, Any]) -> str:
    return f"{case['id']}-{case['case']}" if "case" in case else str(case["id"])


@pytest.mark.parametrize("case", [pytest.param(case, id=name_of(case)) for case in CASES])
def test_trap_is_met_as_its_case_asks(case: dict[str, Any], tmp_path: Path) -> None:
    inline = {"case.yaml": case["inline"] + A_TEST} if "inline" in case else {}
    dry_run = DryRun(tmp_path, profiles=inline | case.get("codec", {}), devices=case.get("devices", ()))
    messages = case["messages"]

    results = dry_run.decode({key: value for key, value in message.items() if key not in EXPECTATIONS} for message in messages)

    for number, (message, result) in enumerate(zip(messages, results, strict=True), start=1):
        if "profile" in case and result["points"]:
            assert result["profile"] in {case["profile"], "native"}
        assert_as_expected(message, result, f"message {number}: {case['asks']}\n{json.dumps(result, indent=1)}")


def assert_as_expected(message: Mapping[str, Any], result: Mapping[str, Any], why: str) -> None:
    assert result["ignored"] == message.get("ignored"), why
    assert (result["reject"] or {}).get("reason") == message.get("reject"), why
    assert {drop["path"]: drop["cause"] for drop in result["dropped"]} == message.get("dropped", {}), why
    assert result.get("duplicates", 0) == message.get("duplicates", 0), why
    assert (result.get("waits"), result.get("sends")) == (message.get("waits"), message.get("sends")), why
    if "device" in message:
        assert result["device"] == message["device"], why
    expected = message.get("points", [])
    assert len(result["points"]) == len(expected), why
    for wanted, found in zip(expected, result["points"], strict=True):
        fields = dict(found["fields"])
        assert (found["measurement"], fields.pop("quality")) == (wanted["measurement"], wanted.get("quality", 0)), why
        assert fields == pytest.approx(wanted["fields"], abs=1e-9), why
        assert all(isinstance(value, bool | float) for value in fields.values()), why
        tags = {tag: value for tag, value in found["tags"].items() if tag not in HEALTH_AND_PLACE}
        assert tags == wanted.get("tags", {}), why
        if wanted.get("time") != "any":
            assert found["time_ms"] == milliseconds(wanted.get("time", message.get("arrival", ARRIVAL))), why


def test_every_trap_that_is_known_has_a_case() -> None:
    if not CORPUS.exists():
        pytest.skip("the corpus is not here")
    known = {json.loads(line)["id"] for line in CORPUS.read_text().splitlines()}
    assert known == {case["id"] for case in CASES} | WITH_A_TEST_OF_ITS_OWN


def test_number_with_a_leading_zero_in_a_profile_is_refused_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """YAML 1.1 reads 00012074 as octal: 5180 (trap yaml_octal)."""
    profile = """
profile: serial
match: {topic: "serial/{device}", when: {/counter: 00012074}}
points: [{measurement: water, fields: {volume_m3: {path: /counter}}}]
"""
    DryRun(tmp_path, profiles={"serial.yaml": profile})
    assert main(["check", "-c", str(tmp_path / "gateway.yaml")]) == 2
    shown = capsys.readouterr()
    assert "serial.yaml: line 3" in shown.err + shown.out
    assert 'quote it: "00012074"' in shown.err + shown.out


def test_device_that_only_a_user_property_names_is_found(tmp_path: Path) -> None:
    """A broker can put the user name of a publisher into a property, or into the topic (trap id_not_in_message)."""
    profile = """
profile: by-property
match: {topic: "@msg"}
device: {property: username}
points: [{measurement: water, fields: {level_m: {path: /data/J, unit: cm}}}]
tests:
  - topic: "@msg"
    properties: {username: gauge-7}
    payload: {data: {J: 310}}
    expect: [{measurement: water, time: arrival, device: gauge-7, fields: {level_m: 3.1}}]
  - topic: "@msg"
    payload: {data: {J: 310}}
    expect: bad_payload
"""
    DryRun(tmp_path, profiles={"by-property.yaml": profile})
    assert main(["check", "-c", str(tmp_path / "gateway.yaml")]) == 0
