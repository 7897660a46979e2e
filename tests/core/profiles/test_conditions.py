"""``when``: what a message, a point, an item or a field must be like to count."""

import pytest

from tests.core.profiling import compiled, faults, points
from tests.rows import each_row

DOCUMENT = {
    "n": 3,
    "text": "Sensor 12",
    "numeric": "3",
    "yes": True,
    "list": [1],
    "map": {"a": 1},
    "null": None,
    "flags": 0b0110,
    "state": "on",
}


@each_row(
    ("when", "holds"),
    [
        pytest.param("/n: 3", True, id="value"),
        pytest.param("/n: 3.0", True, id="the-same-number"),
        pytest.param("/n: 4", False, id="another-value"),
        pytest.param("/n: [1, 3]", True, id="one-of-several"),
        pytest.param("/n: [1, 2]", False, id="none-of-several"),
        pytest.param("/numeric: 3", True, id="number-sent-as-text"),
        pytest.param("/n: '3'", True, id="number-written-as-text"),
        pytest.param("/yes: true", True, id="true"),
        pytest.param("/n: true", False, id="three-is-not-true"),
        pytest.param("/yes: 1", False, id="true-is-not-one"),
        pytest.param("/state: on", True, id="yaml-reads-on-as-true"),
        pytest.param("/text: Sensor*", True, id="glob"),
        pytest.param("/text: 'Sensor ??'", True, id="glob-of-characters"),
        pytest.param("/text: sensor*", False, id="glob-in-another-case"),
        pytest.param("/n: '*'", False, id="a-number-is-no-text"),
        pytest.param("/text: '[S]*'", False, id="brackets-mean-themselves"),
        pytest.param("/n: number", True, id="number"),
        pytest.param("/yes: number", False, id="true-is-no-number"),
        pytest.param("/text: text", True, id="text"),
        pytest.param("/yes: boolean", True, id="boolean"),
        pytest.param("/list: [list, map]", True, id="one-of-two-types"),
        pytest.param("/map: map", True, id="map"),
        pytest.param("/null: 'null'", True, id="null"),
        pytest.param("/null: null", True, id="null-without-quotes"),
        pytest.param("/n: null", False, id="a-value-is-not-null"),
        pytest.param("/n: [null, 3]", True, id="null-or-a-value"),
        pytest.param("/null: {is: null}", True, id="null-in-the-long-form"),
        pytest.param("/n: {type: null}", False, id="the-type-null-in-the-long-form"),
        pytest.param("/n: present", True, id="present"),
        pytest.param("/null: present", False, id="null-is-not-present"),
        pytest.param("/null: absent", True, id="null-is-absent"),
        pytest.param("/w: absent", True, id="absent"),
        pytest.param("/w: [absent, 3]", True, id="absent-or-a-value"),
        pytest.param("/flags: {mask: 4}", True, id="a-bit"),
        pytest.param("/flags: {mask: 8}", False, id="not-that-bit"),
        pytest.param("/flags: {mask: 6, is: 6}", True, id="pattern-under-a-mask"),
        pytest.param("/text: {is: number}", False, id="a-word-meant-as-it-is"),
        pytest.param("/n: 3, /text: text", True, id="both-hold"),
        pytest.param("/n: 3, /text: number", False, id="one-does-not"),
        pytest.param("any_present: [/w, /n]", True, id="any-present"),
        pytest.param("any_present: [/w, /null]", False, id="none-present"),
        pytest.param("kind: '[ab]'", False, id="named-level-with-another-text"),
        pytest.param("kind: [SENSOR, STATE]", True, id="named-level-of-the-topic"),
    ],
)
def test_a_message_is_taken_when_all_tests_hold(when: str, holds: bool) -> None:  # noqa: FBT001 - a column of the table
    profile = compiled(
        f"match: {{topic: 'tele/{{device}}/{{kind}}', when: {{{when}}}}}\npoints: [{{measurement: water, fields: {{ph: /n}}}}]"
    )
    assert profile.holds(DOCUMENT, {"device": "d", "kind": "SENSOR"}) is holds


def test_more_tests_make_a_profile_more_particular() -> None:
    profile = compiled("match: {topic: t, when: {/a: 1, /b: present, any_present: [/c, /d]}}\nstatus: [{topic: s}]")
    assert profile.predicates == 3


def test_a_test_of_a_point_inside_of_each_is_of_the_document_and_one_of_each_is_of_the_item() -> None:
    text = """
points:
  - measurement: water
    when: {/ok: true}
    each: {of: /list, when: {valid: true}}
    tags: {channel: {key: true}}
    fields: {ph: v}
"""
    items = [{"v": 7, "valid": True}, {"v": 8, "valid": False}]
    assert [found.values for found in points(text, {"ok": True, "list": items})] == [{"ph": 7.0}]
    assert points(text, {"ok": False, "list": items}) == []


@pytest.mark.parametrize(
    ("ignored", "document"),
    [
        pytest.param("{/type: join}", {"type": "join"}, id="one-rule"),
        pytest.param("[{/type: join}, {/port: [0, 5]}]", {"port": 5}, id="one-of-several"),
        pytest.param("[{kind: STATE}]", {}, id="by-the-topic"),
    ],
)
def test_what_a_rule_ignores_is_no_data_and_no_fault(ignored: str, document: object) -> None:
    text = f"match: {{topic: 't/{{device}}/{{kind}}'}}\nignore: {ignored}\npoints: [{{measurement: water, fields: {{ph: /n}}}}]"
    profile = compiled(text)
    assert profile.ignores(document, {"kind": "STATE"})
    assert not profile.ignores({"type": "data", "port": 1}, {"kind": "SENSOR"})


def test_a_rule_without_a_test_would_ignore_everything_and_is_a_fault() -> None:
    assert faults("ignore: [{}]\nstatus: [{topic: s}]") == ["ignore.0: an empty rule would ignore everything"]


def test_a_glob_on_a_long_text_ends_soon() -> None:
    profile = compiled("match: {topic: t, when: {/v: 'a*a*a*a*a*a*b'}}\nstatus: [{topic: s}]")
    assert not profile.holds({"v": "a" * 100_000}, {})
