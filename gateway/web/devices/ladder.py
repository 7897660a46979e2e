"""The ladder of a device as programs get it, and as its page says it."""

from typing import Final, NamedTuple
from urllib.parse import quote

from gateway.core.alarms.shipped import SHIPPED
from gateway.core.status.ladder import Ladder
from gateway.core.status.rungs import Rung, RungState
from gateway.support.i18n.formats import Formats
from gateway.support.i18n.glossary import closed_lists
from gateway.support.i18n.ladder import NAMES, RUNGS, rung_words
from gateway.web.http.handlers import Document
from gateway.web.http.pages import PageTexts
from schemas.details import in_vietnamese
from schemas.glossary import Words, quantities
from schemas.registry import CLOCK_OFFSET
from schemas.rejects import RejectReason

_SHORT_S: Final = 60.0
_REGISTER: Final = "/register/{device}"
_EXCHANGE: Final = "/devices/{device}/exchange"
_LINKS: Final = {
    "waits_registration": _REGISTER,
    "not_registered": _REGISTER,
    RejectReason.UNKNOWN_DEVICE: _REGISTER,
    RejectReason.AMBIGUOUS_PROFILE: _REGISTER,
    "counter_back": _EXCHANGE,
    "counter_jumped": _EXCHANGE,
    "broker_away": "/",
    "gateway_clock_doubted": "/",
    "in_journal": "/",
    "given_up": "/",
    "alarm_urgent": "/alarms?search={device}",
    "alarm_active": "/alarms?search={device}",
}
"""Code → the page, or the place on the device's own, at which the advice is followed."""


def ladder_document(found: Ladder) -> Document:
    """A ladder as programs get it: codes and arguments."""
    return {
        "level": found.level.value,
        "headline": _rung_document(found.headline),
        "rungs": [_rung_document(rung) for rung in found.rungs],
    }


def verdict_document(found: Ladder) -> Document:
    """The verdict alone, for lists."""
    return {"level": found.level.value, "rung": found.headline.name.value, "code": found.headline.code}


def _rung_document(rung: Rung) -> Document:
    return {
        "rung": rung.name.value,
        "state": rung.state.value,
        "level": rung.level.value,
        "code": rung.code,
        "args": dict(rung.args),
    }


class SaidRung(NamedTuple):
    """A rung in words.

    :ivar advice: the next thing to do; empty: nothing.
    :ivar detail: the finding in one message, in the reader's language where there is a sentence for it.
    :ivar link: the place at which it is done; empty: none of the pages.
    """

    name: str
    said: str
    advice: str
    detail: str
    link: str
    state: RungState
    level: str


class LadderTexts:
    """Says ladders in one language, at one moment."""

    def __init__(self, texts: PageTexts, formats: Formats, now_ms: int) -> None:
        self._texts = texts
        self._formats = formats
        self._now_ms = now_ms
        self._codes = closed_lists(texts.language)

    def rung(self, rung: Rung, device: str) -> SaidRung:
        """Say a rung of a device."""
        words, args = rung_words(rung.code), {key: self._shown(key, value) for key, value in rung.args.items()}
        said, advice = (self._in_words(text).format_map(args) if text else "" for text in (words.said, words.advice))
        detail = str(rung.args.get("detail", ""))
        detail = in_vietnamese(detail) if self._texts.language == "vi" else detail
        shown = "" if "{detail}" in words.said.en or "{keys}" in words.said.en else detail
        asked = quote(str(rung.args.get(CLOCK_OFFSET, "")))
        link = f"{_REGISTER}?{CLOCK_OFFSET}={asked}" if asked else _LINKS.get(rung.code, "")
        link = link.format(device=quote(device))
        return SaidRung(self._in_words(RUNGS[rung.name]), said, advice, shown, link, rung.state, rung.level.value)

    def _in_words(self, words: Words) -> str:
        return words.vi if self._texts.language == "vi" else words.en

    def _shown(self, key: str, value: float | str) -> str:
        """An argument as the language writes it; the end of its key tells what it is."""
        if isinstance(value, str):
            return self._name(key, value)
        if key == "heard_ms":
            return self._ago(value)
        if key.endswith("_ms"):
            return self._formats.moment(value)
        if key.endswith("_s"):
            return self._formats.with_unit(value, "s", 3) if abs(value) < _SHORT_S else self._formats.span(value)
        return self._formats.number(value)

    def _name(self, key: str, value: str) -> str:
        if key == "counter":
            field, *tags = value.split(",")
            names = quantities(self._texts.language)
            return " · ".join([names[field].name if field in names else field, *tags])
        if key == "alarm":
            rule = SHIPPED.by_name.get(value)
            return rule.text[self._texts.language] if rule is not None else f"{value}."
        if value in NAMES:
            return self._in_words(NAMES[value])
        return self._codes.get(value, value) if key == "cause" else value

    def _ago(self, ms: float) -> str:
        seconds = max(0.0, (self._now_ms - ms) / 1000)
        return self._texts.text("ago", self._formats.span(seconds)) if seconds >= 1 else self._texts.text("just_now")
