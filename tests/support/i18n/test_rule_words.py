"""Rules in words: each shipped condition can be said in both languages, with its limits."""

import pytest

from gateway.core.alarms.rules import Limit, Night, Param, Rule, Usual, Values
from gateway.core.alarms.shipped import SHIPPED
from gateway.support.i18n.alarm_words import condition_words, rule_document
from tests.core.alarms.alarming import rule
from tests.rows import each_row

USUAL = Limit("flow_m3_h", "above", 2, 1.5, Usual.HOUR)
PEAK = Limit("flow_m3_h", "above", 3, 3, Usual.PEAK)
OF_PARAM = Limit("level_m", "below", 1, 1, Param("level_low_m", 3.5))
OF_PARENT = Limit("pressure_kpa", "below", 150, 150, at="parent")
LEAKS = Limit("alarm_leak", "above", 0, 0)


@pytest.mark.parametrize("language", ["vi", "en"])
@each_row("shipped", SHIPPED.rules, ids=lambda shipped: shipped.name)
def test_each_shipped_rule_is_said_in_both_languages(shipped: Rule, language: str) -> None:
    words = condition_words(shipped, language)
    assert words
    assert not any(sign in word for word in words for sign in "{}")
    assert rule_document(shipped)["when"]


_SAID = (
    (Values((Limit("ph", "below", 6, 6.1),)), "Độ pH dưới 6, hết khi 6.1", "pH below 6, over at 6.1"),
    (
        Values((USUAL,)),
        "Lưu lượng trên 200 % mức thường lệ của giờ đó, hết khi 150 %",
        "Flow above 200 % of what is usual at this hour, over at 150 %",
    ),
    (
        Values((PEAK,)),
        "Lưu lượng trên 300 % mức thường lệ của giờ cao điểm",
        "Flow above 300 % of what is usual at the peak hour",
    ),
    (
        Values((LEAKS, OF_PARENT)),
        "thiết bị báo: Báo rò rỉ và Áp suất dưới 150 kPa của thiết bị cấp trên",
        "the device says: Leak alarm and Pressure below 150 kPa of the device that it hangs behind",
    ),
    (
        Values((OF_PARAM,)),
        "Mực nước dưới 100 % params.level_low_m (không ghi: 3.5)",
        "Level below 100 % of params.level_low_m (else 3.5)",
    ),
    (
        Night(0.05, nights=2),
        "lưu lượng thấp nhất ban đêm trên 0.05 m³/h, 2 đêm liền",
        "lowest flow of the night above 0.05 m³/h, 2 nights in a row",
    ),
)


@pytest.mark.parametrize(("condition", "vi", "en"), _SAID, ids=["limit", "usual", "peak", "parent", "parameter", "night"])
def test_conditions_name_limits_and_what_they_are_multiples_of(condition: Values | Night, vi: str, en: str) -> None:
    found = rule(condition)
    assert (condition_words(found, "vi"), condition_words(found, "en")) == ([vi], [en])


def test_how_long_it_must_stand_is_said_once() -> None:
    some = rule(Values((Limit("alarm_leak", "above", 0, 0),)), for_ms=90_000)
    assert condition_words(some, "en") == ["the device says: Leak alarm", "for 90 s"]
