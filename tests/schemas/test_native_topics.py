"""The grammar of native topics, and MQTT's rules of topic filters."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.quantities import DOMAINS
from schemas.topics import TOPIC_MAX_BYTES, NativeTopic, is_filter, is_name, matches, parse_topic
from tests.examples import examples
from tests.rows import each_row

NAME_LETTERS = string.ascii_letters + string.digits + "._:-"
NAMES = st.text(NAME_LETTERS, min_size=1, max_size=64)
TOPICS = st.builds(NativeTopic, NAMES, st.sampled_from(DOMAINS), NAMES, st.sampled_from(["readings", "status"]))

# Few different levels, so that filter and topic often agree.
LEVELS = st.sampled_from(["", "a", "b", "é", "$a", "a b"])
TOPIC_NAMES = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)
FILTER_LEVELS = st.lists(LEVELS | st.sampled_from(["+", "+", "#", "a+", "#b"]), min_size=1, max_size=4)


def is_native(topic: str) -> bool:
    """The grammar again, slowly: level by level, letter by letter."""
    levels = topic.split("/")
    if len(levels) != 6 or levels[:2] != ["iot", "v1"]:
        return False
    site, domain, device, channel = levels[2:]
    named = all(0 < len(name) <= 64 and all(letter in NAME_LETTERS for letter in name) for name in (site, device))
    return named and domain in DOMAINS and channel in ("readings", "status")


def is_filter_slowly(pattern: str) -> bool:
    """MQTT 5.0, 4.7.1: ``+`` stands alone in its level, ``#`` alone in the last."""
    levels = pattern.split("/")
    for place, level in enumerate(levels):
        if "#" in level and (level != "#" or place != len(levels) - 1):
            return False
        if "+" in level and level != "+":
            return False
    return pattern != ""


def matches_slowly(levels: list[str], names: list[str]) -> bool:
    """MQTT 5.0, 4.7.1, one level at a time: ``#`` takes its parent and everything below."""
    if not levels:
        return not names
    if levels[0] == "#":
        return True
    return bool(names) and levels[0] in ("+", names[0]) and matches_slowly(levels[1:], names[1:])


@settings(max_examples=examples(200))
@given(TOPICS)
def test_a_native_topic_comes_apart_and_goes_together_again(topic: NativeTopic) -> None:
    assert parse_topic(str(topic)) == topic


@settings(max_examples=examples(400))
@given(TOPICS, st.integers(0), st.integers(0, 2), st.text(max_size=2) | st.sampled_from("/+#\n .%$"))
def test_a_topic_changed_anywhere_is_taken_only_where_the_grammar_takes_it(
    topic: NativeTopic, place: int, cut: int, put: str
) -> None:
    text = str(topic)
    place %= len(text) + 1
    changed = text[:place] + put + text[place + cut :]
    parsed = parse_topic(changed)
    assert (parsed is not None) == is_native(changed)
    assert parsed is None or str(parsed) == changed


@each_row(
    "topic",
    [
        pytest.param("", id="empty"),
        pytest.param("iot/v1/s/water/d", id="no-channel"),
        pytest.param("iot/v1/s/water/d/readings/", id="one-level-more"),
        pytest.param("/iot/v1/s/water/d/readings", id="leading-slash"),
        pytest.param("iot/v2/s/water/d/readings", id="other-version"),
        pytest.param("iot/v1//water/d/readings", id="empty-site"),
        pytest.param("iot/v1/s/water//readings", id="empty-device"),
        pytest.param(f"iot/v1/{'s' * 65}/water/d/readings", id="site-of-65"),
        pytest.param("iot/v1/s/gas/d/readings", id="unknown-domain"),
        pytest.param("iot/v1/s/device_health/d/readings", id="health-is-no-domain"),
        pytest.param("iot/v1/s/Water/d/readings", id="upper-case-domain"),
        pytest.param("iot/v1/s/water/d/commands", id="unknown-channel"),
        pytest.param("iot/v1/s/water/d/readings\n", id="line-feed-behind"),
        pytest.param("iot/v1/trạm/water/d/readings", id="letters-beyond-ascii"),
        pytest.param("iot/v1/s/water/d\u0661/readings", id="digits-beyond-ascii"),
        pytest.param("iot/v1/+/water/d/readings", id="wildcard"),
    ],
)
def test_what_is_no_native_topic_has_no_parts(topic: str) -> None:
    assert parse_topic(topic) is None


@settings(max_examples=examples(200))
@given(NAMES | st.text(max_size=66))
def test_a_name_is_1_to_64_of_its_letters(text: str) -> None:
    assert is_name(text) == (0 < len(text) <= 64 and all(letter in NAME_LETTERS for letter in text))


@settings(max_examples=examples(300))
@given(FILTER_LEVELS.map("/".join) | st.text("ab/+#", max_size=6))
def test_filters_are_told_from_other_text_as_the_reference_does(pattern: str) -> None:
    assert is_filter(pattern) == is_filter_slowly(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("iot/\0", id="nul"),
        pytest.param("é" * (TOPIC_MAX_BYTES // 2 + 1), id="too-many-bytes"),
        pytest.param("iot/\ud800", id="half-a-surrogate-pair"),
    ],
)
def test_text_mqtt_cannot_carry_is_no_filter(pattern: str) -> None:
    assert not is_filter(pattern)


def test_a_filter_may_be_as_long_as_mqtt_allows() -> None:
    assert is_filter("a" * TOPIC_MAX_BYTES)


@settings(max_examples=examples(500))
@given(FILTER_LEVELS.map("/".join).filter(is_filter_slowly), TOPIC_NAMES)
def test_a_filter_takes_the_topics_the_reference_takes(pattern: str, topic: str) -> None:
    hidden = topic.startswith("$") and pattern[0] in "+#"
    assert matches(pattern, topic) == (not hidden and matches_slowly(pattern.split("/"), topic.split("/")))


@settings(max_examples=examples(200))
@given(TOPIC_NAMES.filter(lambda topic: not topic.startswith("$")), st.data())
def test_a_filter_made_from_a_topic_takes_it(topic: str, data: st.DataObject) -> None:
    names = topic.split("/")
    kept = data.draw(st.integers(0, len(names)), label="levels kept")
    levels = [data.draw(st.sampled_from([name, "+"]), label="level") for name in names[:kept]]
    assert matches("/".join([*levels, "#"]), topic)
    if kept == len(names):
        assert matches("/".join(levels), topic)


@each_row(
    ("pattern", "topic", "taken"),
    [
        pytest.param("sport/tennis/player1/#", "sport/tennis/player1", True, id="hash-takes-its-parent"),
        pytest.param("sport/tennis/+", "sport/tennis/player1/ranking", False, id="plus-takes-one-level"),
        pytest.param("sport/+", "sport", False, id="plus-needs-a-level"),
        pytest.param("sport/+", "sport/", True, id="plus-takes-an-empty-level"),
        pytest.param("+/+", "/finance", True, id="leading-slash-is-a-level"),
        pytest.param("+", "/finance", False, id="leading-slash-is-not-nothing"),
        pytest.param("#", "$SYS/broker/uptime", False, id="hash-hides-dollar"),
        pytest.param("+/monitor/Clients", "$SYS/monitor/Clients", False, id="plus-hides-dollar"),
        pytest.param("$SYS/#", "$SYS/monitor/Clients", True, id="dollar-asked-for"),
        pytest.param("a/$b/#", "a/$b/c", True, id="dollar-further-in-is-a-letter"),
        pytest.param("ACCOUNTS", "Accounts", False, id="case-counts"),
        pytest.param("iot/v1/+/+/+/readings", "iot/v1/s/water/d/status", False, id="other-channel"),
    ],
)
def test_the_examples_of_the_mqtt_standard(pattern: str, topic: str, *, taken: bool) -> None:
    assert matches(pattern, topic) == taken


@pytest.mark.parametrize(
    ("pattern", "other", "covered"),
    [
        pytest.param("a/#", "a/+/c", True, id="hash-covers-plus"),
        pytest.param("a/#", "a/+/#", True, id="hash-covers-a-later-hash"),
        pytest.param("a/#", "a", True, id="hash-covers-its-parent"),
        pytest.param("a/+", "a/b", True, id="plus-covers-a-word"),
        pytest.param("+/b", "+/b", True, id="itself"),
        pytest.param("a/+", "a/#", False, id="plus-does-not-cover-hash"),
        pytest.param("a/+/#", "a/#", False, id="a-later-hash-does-not-cover-hash"),
        pytest.param("a/b", "a/+", False, id="a-word-does-not-cover-plus"),
        pytest.param("#", "$SYS/#", False, id="hash-does-not-cover-dollar"),
    ],
)
def test_a_filter_takes_another_when_it_takes_all_that_the_other_takes(pattern: str, other: str, *, covered: bool) -> None:
    assert matches(pattern, other) == covered


@settings(max_examples=examples(500))
@given(FILTER_LEVELS.map("/".join).filter(is_filter_slowly), FILTER_LEVELS.map("/".join).filter(is_filter_slowly), TOPIC_NAMES)
def test_what_a_covered_filter_takes_the_other_takes_too(pattern: str, other: str, topic: str) -> None:
    if matches(pattern, other) and matches(other, topic):
        assert matches(pattern, topic)
