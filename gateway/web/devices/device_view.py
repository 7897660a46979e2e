"""A device as its page shows it: its document, and its ladder as programs get it and in the words of one language."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from gateway.core.alarms.alarm import AlarmState
from gateway.core.alarms.rules import Rules
from gateway.core.alarms.shipped import SHIPPED
from gateway.core.status.ladder import Ladder
from gateway.core.status.rungs import Rung, RungState
from gateway.ingest.database.store import StoredSeries
from gateway.support.i18n.formats import Formats
from gateway.support.i18n.glossary import closed_lists
from gateway.support.i18n.ladder import NAMES, RUNGS, rung_words
from gateway.web.devices.device_charts import SparklineKey
from gateway.web.http.handlers import Document
from gateway.web.http.pages import PageTexts
from schemas.details import in_vietnamese
from schemas.glossary import QuantityWords, Words, quantities
from schemas.quantities import HEALTH
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
    """A rung in words."""

    name: str
    said: str
    advice: str  # the next thing to do; empty: nothing
    detail: str  # the finding in one message, in the reader's language where there is a sentence for it
    link: str  # the place at which it is done; empty: none of the pages
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


_POINTS_SHOWN: Final = 3
_OWN_TAGS: Final = ("channel", "lane", "direction", "vehicle_class")
_BITS: Final = tuple(1 << bit for bit in range(8))


class ShownValue(NamedTuple):
    """A value of a reading, if it ``alarms``, and a small line of its last hours, empty where there are too few."""

    name: str
    text: str
    unit: str
    alarms: bool
    spark: str = ""


class ShownReading(NamedTuple):
    """A reading with its quality in words."""

    title: str
    moment: str
    values: list[ShownValue]
    quality: str


class ShownAlarm(NamedTuple):
    """An active alarm of the device."""

    text: str
    advice: str
    since: str
    severity: str


FactRow = tuple[str, str]
"""A line of facts: its label and its text."""


class ShownDevice(NamedTuple):
    """A device in words; readings that are not the ``newest`` are ``older``, and ``left_out`` of them not listed."""

    headline: SaidRung
    rungs: list[SaidRung]
    newest: list[ShownReading]
    older: list[ShownReading]
    left_out: int
    alarms: list[ShownAlarm]
    registers: list[FactRow]
    about: list[FactRow]


class DeviceTexts:
    """Says devices in one language, at one moment."""

    def __init__(
        self, texts: PageTexts, formats: Formats, now_ms: int, sparks: Mapping[SparklineKey, str] = MappingProxyType({})
    ) -> None:
        self._sparks = sparks
        self._t = texts.text
        self._f = formats
        self._ladder = LadderTexts(texts, formats, now_ms)
        self._language = texts.language
        self._names: Mapping[str, QuantityWords] = quantities(texts.language)
        self._codes = closed_lists(texts.language)

    def device(self, document: Document, found: Ladder, alarms: Iterable[AlarmState], rules: Rules) -> ShownDevice:
        """Say a device, by the document that ``/api/devices/{id}`` answers, its ladder and its active alarms."""
        result: Mapping[str, Any] = document["result"] or {"points": [], "points_left_out": 0}
        readings = [self._reading(point, waits=document["fate"] == "waiting") for point in _in_order(result["points"])]
        return ShownDevice(
            self._ladder.rung(found.headline, document["id"]),
            [self._ladder.rung(rung, document["id"]) for rung in found.rungs],
            readings[:_POINTS_SHOWN],
            readings[_POINTS_SHOWN:],
            result["points_left_out"],
            [self._alarm(state, rules) for state in alarms],
            [self._register(counter) for counter in document["counters"]],
            [(label, text) for label, text in self._about(document) if text],
        )

    def _reading(self, point: Mapping[str, Any], *, waits: bool) -> ShownReading:
        fields = dict(point["fields"])
        quality, _ = fields.pop("quality"), fields.pop("seq", None)
        bits = ", ".join(self._codes[f"quality_{bit}"] for bit in _BITS if quality & bit)
        tags = [point["tags"][tag] for tag in _OWN_TAGS if tag in point["tags"]]
        own = tuple(point["tags"].get(tag, "") for tag in StoredSeries._fields[1:])
        sparks = {field: self._sparks.get((point["measurement"], field, own), "") for field in fields}
        values = [self._value(field, value)._replace(spark=sparks[field]) for field, value in fields.items()]
        title = " · ".join([self._t(point["measurement"]), *tags])
        good = self._t("not_written") if waits else bits or self._t("good")
        return ShownReading(title, self._f.moment(point["time_ms"]), values, good)

    def _value(self, field: str, value: float | bool) -> ShownValue:  # noqa: FBT001 - a value of a reading
        name, unit, _ = self._names.get(field, QuantityWords(field, "", state=False))
        if isinstance(value, bool):
            return ShownValue(name, self._t("yes" if value else "no"), "", value and field.startswith("alarm_"))
        return ShownValue(name, self._f.number(value), unit, alarms=False)

    def _alarm(self, state: AlarmState, rules: Rules) -> ShownAlarm:
        rule = rules.by_name.get(state.key.alarm)
        text, advice = (rule.text[self._language], rule.advice[self._language]) if rule is not None else (state.key.alarm, "")
        return ShownAlarm(text, advice, self._f.moment(state.since_ms), self._t(state.severity.value))

    def _register(self, counter: Mapping[str, Any]) -> FactRow:
        field, *tags = counter["name"].split(",")
        name, unit, _ = self._names.get(field, QuantityWords(field, "", state=False))
        parts = [self._t("counter_exchanged")]
        if counter["value"] is not None:
            parts = [self._f.with_unit(counter["value"], unit), self._f.moment(counter["time_ms"])]
        if counter["sum"] is not None:
            parts.append(f"{self._t('sum')}: {self._f.with_unit(counter['sum'], unit)}")
        return " · ".join([name, *tags]), " · ".join(parts)

    def _about(self, document: Document) -> Iterator[tuple[str, str | None]]:
        t, f = self._t, self._f
        params = ", ".join(f"{name} = {value}" for name, value in (document.get("params") or {}).items())
        offset_s, interval_s, missing = document["clock_offset_s"], document["interval_s"], document["seq_missing"]
        yield t("site"), document["site"]
        yield t("area"), document.get("area_name") or document["area"]
        yield t("address"), document.get("address")
        yield t("domain"), t(document["domain"]) if document["domain"] else None
        yield t("profile"), (document["result"] or {}).get("profile") or document.get("profile")
        yield t("model"), document.get("model")
        yield t("serial"), document.get("serial")
        yield t("interval"), f.span(interval_s) if interval_s else None
        yield t("installed"), document.get("installed")
        yield t("params"), params
        yield t("clock_offset"), f.with_unit(offset_s, "s") if offset_s is not None else None
        yield t("seq_missing"), f.number(missing) if missing else None


def _in_order(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The newest reading, what the device says of its own health, and the older readings."""
    health = [point for point in points if point["measurement"] == HEALTH]
    others = sorted((point for point in points if point not in health), key=lambda point: point["time_ms"], reverse=True)
    return [*others[:1], *health, *others[1:]]
