"""Stories against the rules that the gateway ships: each rule has a story, and none is due before its rule can raise it."""

from typing import Final

from firmware_sim.stories.table import STORIES
from gateway.core.alarms.rules import Night, Silent
from gateway.core.alarms.shipped import SHIPPED

WITHOUT: Final = {"losses_high"}
"""Rules that want half a month of history of whole families: ``tests/core/alarms/counted_world.py`` has it."""


def test_every_shipped_rule_has_a_story_and_every_alarm_a_rule() -> None:
    alarms = {story.alarm for story in STORIES.values() if story.alarm is not None}
    explained = {name for story in STORIES.values() for name in (*story.may, *story.after)}
    missing = ", ".join(sorted(SHIPPED.by_name.keys() - alarms - WITHOUT))
    assert missing == "", f"firmware_sim/stories/table.py needs a story that raises {missing}"
    unknown = (alarms | explained) - SHIPPED.by_name.keys()
    assert unknown == set(), "stories name alarms that gateway/core/alarms/shipped.py does not have"


def test_an_alarm_is_due_when_its_condition_has_stood_as_long_as_its_rule_wants() -> None:
    for name, story in STORIES.items():
        if story.alarm is not None and not story.days:
            rule = SHIPPED.by_name[story.alarm]
            assert story.for_s == rule.for_ms / 1000 + story.effect.flag_after_s + story.effect.unfolds_in_s, name
            assert story.intervals == (3 if rule.name == "counter_step" or _is_silence(story.alarm) else 0), name


def test_a_leak_of_the_network_lasts_as_many_nights_as_its_rule_wants() -> None:
    nights = {condition.nights for condition in SHIPPED.by_name["leak"].when if isinstance(condition, Night)}
    assert nights == {STORIES["network_leak"].days + 1}, "the first one begins with the midnight from which days are counted"


def _is_silence(alarm: str) -> bool:
    return any(isinstance(condition, Silent) for condition in SHIPPED.by_name[alarm].when)
