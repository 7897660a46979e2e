"""The conditions of alarm rules in words, in Vietnamese and English."""

from typing import Final

from gateway.core.alarms.rules import (
    ClockWrong,
    Completeness,
    Condition,
    CounterStep,
    Limit,
    Night,
    Param,
    Rule,
    Silent,
    Usual,
    Values,
)
from schemas.glossary import Words, quantities

_AND: Final = Words(" và ", " and ")
_IS_TRUE: Final = Words("thiết bị báo: {name}", "the device says: {name}")
_DIRECTIONS: Final = {
    "above": Words("{name} trên {limit}", "{name} above {limit}"),
    "below": Words("{name} dưới {limit}", "{name} below {limit}"),
}
_OF_USUAL: Final = {
    Usual.HOUR: Words("{share} mức thường lệ của giờ đó", "{share} of what is usual at this hour"),
    Usual.PEAK: Words("{share} mức thường lệ của giờ cao điểm", "{share} of what is usual at the peak hour"),
}
_OF_PARAM: Final = Words("{share} params.{param}", "{share} of params.{param}")
_DEFAULT: Final = Words(" (không ghi: {default:g})", " (else {default:g})")
_OF_PARENT: Final = Words(" của thiết bị cấp trên", " of the device that it hangs behind")
_UNTIL: Final = Words(", hết khi {limit}", ", over at {limit}")
_SILENT: Final = {
    "device": Words("không có tin nào trong silent_after", "nothing came for its silent_after"),
    "site": Words(
        "quá nửa số thiết bị của địa điểm im lặng (ít nhất ba)",
        "more than half of the site's devices, at least three, are silent",
    ),
}
_NIGHT: Final = Words(
    "lưu lượng thấp nhất ban đêm trên {limit}, {nights} đêm liền",
    "lowest flow of the night above {limit}, {nights} nights in a row",
)
_LEAST: Final = Words(" và trên {least:g} m³/h", " and above {least:g} m³/h")
_COMPLETENESS: Final = Words("dưới {pct:g} % số đo của một ngày đã đến", "less than {pct:g} % of a day's readings arrived")
_STEP: Final = Words(
    "chỉ số nhảy mà không báo thay, {readings} số đo liền",
    "a register stepped without an exchange, {readings} readings in a row",
)
_CLOCK: Final = Words("đồng hồ của thiết bị lệch quá time.max_future", "its clock is off by more than time.max_future")
_FOR: Final = Words("kéo dài {span}", "for {span}")
_CLEAR_AFTER: Final = Words("hết khi đã qua {span}", "over when it has been gone for {span}")


def condition_words(rule: Rule, language: str) -> list[str]:
    """A sentence for each condition of a rule, one of which is enough, and then for how long it must stand."""
    said = [_condition(condition, language) for condition in rule.when]
    spans = ((_FOR, rule.for_ms), (_CLEAR_AFTER, rule.clear_after_ms))
    said += [getattr(words, language).format(span=_span(span_ms)) for words, span_ms in spans if span_ms]
    return list(dict.fromkeys(said))


def rule_document(rule: Rule) -> dict[str, object]:
    """A rule as a document of the API."""
    return {
        "alarm": rule.name,
        "severity": rule.severity.value,
        "text": dict(rule.text),
        "advice": dict(rule.advice),
        "when": {language: condition_words(rule, language) for language in ("vi", "en")},
        "source": rule.source,
    }


def _condition(condition: Condition, language: str) -> str:
    def say(words: Words, **params: object) -> str:
        return str(getattr(words, language)).format(**params)

    match condition:
        case Values():
            return say(_AND).join(_limit(limit, language) for limit in condition.limits)
        case Silent():
            return say(_SILENT[condition.of])
        case Night():
            least = say(_LEAST, least=condition.least_m3_h) if condition.least_m3_h else ""
            limit = _scaled(condition.above, condition.of, "m³/h", language)
            return say(_NIGHT, limit=limit, nights=condition.nights) + least
        case Completeness():
            return say(_COMPLETENESS, pct=100 * condition.below)
        case CounterStep():
            return say(_STEP, readings=condition.readings)
        case ClockWrong():
            return say(_CLOCK)


def _limit(limit: Limit, language: str) -> str:
    name, unit, is_state = quantities(language)[limit.field]
    if is_state:
        text = str(getattr(_IS_TRUE, language)).format(name=name)
    else:
        number = _scaled(limit.value, limit.of, unit, language)
        text = str(getattr(_DIRECTIONS[limit.direction], language)).format(name=name, limit=number)
        if limit.clear != limit.value:
            end = _share(limit.clear, limit.of, unit)
            text += str(getattr(_UNTIL, language)).format(limit=end)
    return text + (getattr(_OF_PARENT, language) if limit.at == "parent" else "")


def _scaled(value: float, of: Param | Usual | None, unit: str, language: str) -> str:
    """A limit as a number with its unit, or as a share of what it is a multiple of."""
    share = _share(value, of, unit)
    if of is None:
        return share
    if not isinstance(of, Param):
        return str(getattr(_OF_USUAL[of], language)).format(share=share)
    text = str(getattr(_OF_PARAM, language)).format(share=share, param=of.name)
    return text if of.default is None else text + str(getattr(_DEFAULT, language)).format(default=of.default)


def _share(value: float, of: Param | Usual | None, unit: str) -> str:
    return f"{value:g} {unit}".rstrip() if of is None else f"{100 * value:g} %"


_SPANS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms"))


def _span(span_ms: int) -> str:
    """A span as it is written in ``alarms.yaml``."""
    length_ms, unit = next((length_ms, unit) for length_ms, unit in _SPANS if span_ms % length_ms == 0)
    return f"{span_ms // length_ms} {unit}"
