"""The command that measures public catalogues: it finds the examples of each, and says in what a codec differs from them."""

import json
from pathlib import Path

import pytest

from tests.catalogues.__main__ import difference, main

CODEC = """function decodeUplink(input) {
    if (input.fPort === 9) return {errors: ["unknown port"]};
    return {data: {n: input.bytes[0] / 3, at: input.recvTime}};
}"""
AT = "2026-03-04T05:06:07.123"


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def things_network(folder: Path) -> None:
    write(folder / "vendor/acme/meter.js", CODEC)
    example = {
        "input": {"fPort": 1, "bytes": [7], "recvTime": f"{AT}456Z"},
        "output": {"data": {"n": 7 / 3, "at": f"{AT}456Z"}},
    }
    wrong = {"description": "wrong", "input": {"fPort": 1, "bytes": [7], "recvTime": AT}, "output": {"data": {"n": 5}}}
    fault = {"input": {"fPort": 9, "bytes": []}, "output": {"errors": ["unknown port"]}}
    decoder = {"fileName": "meter.js", "examples": [example, wrong, fault]}
    write(folder / "vendor/acme/meter-codec.yaml", json.dumps({"uplinkDecoder": decoder}))
    write(folder / "vendor/acme/index.yaml", "endDevices: [meter]")


def chirpstack(folder: Path) -> None:
    write(folder / "vendors/acme/codecs/meter.js", "function decodeUplink(input) { return {data: {n: input.fPort}}; }")
    tests = '[{"name": "t", "input": {"fPort": 0xa, "bytes": [1]}, "expected": {"data": {"n": 10}}}]'
    write(folder / "vendors/acme/codecs/test_decode_meter.json", tests)


def thingpark(folder: Path) -> None:
    driver = folder / "vendors/acme/drivers/meter"
    write(driver / "package.json", '{"main": "main.js"}')
    write(driver / "main.js", f"var driver = (() => {{ {CODEC} return {{decodeUplink}}; }})();")
    given = {"fPort": 1, "bytes": "06", "recvTime": AT}
    up = {"type": "uplink", "description": "up", "input": given, "output": {"data": {"n": 2, "at": f"{AT}Z"}, "errors": []}}
    write(driver / "examples.json", json.dumps([up, {"type": "downlink-encode", "input": {"data": {}}, "output": {}}]))
    older = folder / "vendors/acme/drivers/older"
    write(older / "package.json", "{}")
    write(older / "index.js", "function decodeUplink(input) { return {level: input.bytes[0]}; }")
    write(older / "examples/a.examples.json", '[{"type": "uplink", "fPort": 1, "bytes": "05", "data": {"level": 5}}]')


def test_the_examples_of_each_catalogue_are_found_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for make in (things_network, chirpstack, thingpark):
        make(tmp_path / make.__name__)
    assert main([tmp_path / make.__name__ for make in (things_network, chirpstack, thingpark)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"vendor/acme/meter.js: wrong: /n should be 5, but is {7 / 3}",
        "The Things Network: 2 of 3 examples as their makers wrote them, 66.7%",
        "ChirpStack: 1 of 1 examples as their makers wrote them, 100.0%",
        "ThingPark: 2 of 2 examples as their makers wrote them, 100.0%",
    ]


def test_a_folder_without_examples_says_what_to_give(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([tmp_path]) == 1
    assert "give the folder of a checkout" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("should", "found", "text"),
    [
        pytest.param({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2.0}]}, "", id="alike"),
        pytest.param({"a": None}, {}, "", id="nothing"),
        pytest.param({"a": True}, {"a": 1}, "/a should be True, but is 1", id="true-and-one"),
        pytest.param([1], [1, 2], "/ should be [1], but is [1, 2]", id="lists-of-other-lengths"),
        pytest.param({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "/a/0/b should be 1, but is 2", id="deep-inside"),
        pytest.param("2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00.123Z", "", id="times-to-the-millisecond"),
    ],
)
def test_a_difference_is_told_by_its_place(should: object, found: object, text: str) -> None:
    assert difference(should, found) == text
