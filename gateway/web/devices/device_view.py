"""A device as its page shows it: its document and its ladder in one language."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gateway.core.alarms.alarm import AlarmState
from gateway.core.alarms.rules import Rules
from gateway.core.status.ladder import Ladder
from gateway.ingest.database.store import StoredSeries
from gateway.support.i18n.formats import Formats
from gateway.support.i18n.glossary import closed_lists
from gateway.web.devices.device_charts import SparklineKey
from gateway.web.devices.ladder import LadderTexts, SaidRung
from gateway.web.http.handlers import Document
from gateway.web.http.pages import PageTexts
from schemas.glossary import QuantityWords, quantities
from schemas.quantities import HEALTH

_POINTS_SHOWN: Final = 3
_OWN_TAGS: Final = ("channel", "lane", "direction", "vehicle_class")
_BITS: Final = tuple(1 << bit for bit in range(8))


class ShownValue(NamedTuple):
    """A value of a reading.

    :ivar alarms: it tells of an alarm.
    :ivar spark: a small line of its last hours; empty where there are too few.
    """

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
    """A device in words.

    :ivar newest: its newest readings; ``older``: the others of its last message.
    :ivar left_out: readings of that message that are not listed.
    """

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
        """Say a device.

        :param document: as ``/api/devices/{id}`` answers.
        :param alarms: its active ones.
        """
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
