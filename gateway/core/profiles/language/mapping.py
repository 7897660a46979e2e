"""Points: the mapping from one document to points, compiled once and run for every message."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, ValidationError, convert, defstruct
from msgspec.structs import astuple

from gateway.core.profiles.language.conditions import Holds, always, compile_when
from gateway.core.profiles.language.fields import Field, are_missed, compile_fields, read_fields, rules_here, rules_of
from gateway.core.profiles.language.items import NamedFields, Walker
from gateway.core.profiles.language.paths import Node, Nothing, end_of, parse_path
from gateway.core.profiles.language.points_found import Found, quality_of
from gateway.core.profiles.language.sources import Cursor, Fault, Scope, Take
from gateway.core.profiles.language.steps import BOUNDS
from gateway.core.profiles.language.texts import TakeTags, compile_device, compile_tags, joined, may_name_a_device, no_tags
from gateway.core.profiles.language.times import Times
from gateway.core.profiles.mapped import DeviceParams, MappedReading, MappingContext
from gateway.core.readings.line_protocol import Tags, in_order
from gateway.core.readings.native import Drop
from schemas.profile_points import PointSpec
from schemas.profile_when import When
from schemas.quantities import COUNTING, Quality
from schemas.readings import Value
from schemas.rejects import DropCause

QualityRule = Callable[[Cursor], int]
"""The quality bits that the payload itself gives."""


@dataclass(frozen=True, slots=True)
class Common:
    """The parts that all points of a profile share."""

    times: Times
    tags: TakeTags
    quality: QualityRule | None
    seq: Take | None


def compile_quality(historic: When | None, estimated: When | None, scope: Scope) -> QualityRule | None:
    """The function of the rules ``historic`` and ``estimated``; None without rules."""
    rules: list[tuple[Holds, int]] = []
    for key, rule, bit in (("historic", historic, Quality.HISTORIC), ("estimated", estimated, Quality.ESTIMATED)):
        if rule is not None:
            with scope.gather(key):
                rules.append((compile_when(rule, scope), bit))
    if scope.decoder == "sparkplug_b" and scope.in_each:
        rules.append((_is_historical, Quality.HISTORIC))
    if not rules:
        return None
    return lambda here: sum({bit for holds, bit in rules if holds(here)})


def _is_historical(here: Cursor) -> bool:
    return isinstance(here.item, dict) and here.item.get("is_historical") is True


NumberAtKey = tuple[str, float, float]
"""The key of an object of the document where a number stands, and its bounds."""

FieldsRead = tuple[tuple[str, ...], tuple[Value, ...]]
"""Fields in the order of the table, and their values."""


class Numbers:
    """All fields of a point, where each is a number taken as it stands in one object of the document."""

    def __init__(self, of_names: Mapping[str, NumberAtKey]) -> None:
        self._of_names = of_names
        self._names = in_order(of_names)
        self._type: type[Struct] | None = None

    def read(self, holder: object) -> FieldsRead | None:
        """The numbers in that object; None: there are none, or one of them is unusual, and is read with all steps."""
        try:
            numbers = astuple(convert(holder, self._type or self._compile()))
        except ValidationError:
            return None
        if None not in numbers:
            return self._names, numbers
        found = {name: number for name, number in zip(self._names, numbers, strict=True) if number is not None}
        return (tuple(found), tuple(found.values())) if found else None

    def _compile(self) -> type[Struct]:
        """The type of the object, made when the first one comes: many profiles never meet a device."""
        fields = [self._of_names[name] for name in self._names]
        types = [Annotated[float, Meta(ge=low, le=high)] | None for _, low, high in fields]
        members = [(f"at_{place}", kind, None) for place, kind in enumerate(types)]
        keys = {f"at_{place}": key for place, (key, _, _) in enumerate(fields)}
        self._type = defstruct("Numbers", members, rename=keys, gc=False)
        return self._type


class CompiledPoint:
    """One entry of ``points``, compiled.

    :ivar numbers: key of the document → all fields of the point as numbers of the object there; none if one is more than that.
    :ivar rules: field → the rule of the register, if it has one.
    """

    def __init__(self, spec: PointSpec, scope: Scope, common: Common) -> None:
        """Compile ``spec``; faults go to the scope's list."""
        if spec.device is not None:  # only messages name those devices, so the registry cannot be checked for them
            scope = replace(scope, required=set())
        self.measurement = spec.measurement
        self._common = common
        each = spec.each
        self._holds: Holds = always
        self._item_holds: Holds = always
        self._device: Take | None = None
        with scope.gather("when"):
            self._holds = compile_when(spec.when, scope)
        self._walker = Walker(each, scope) if each is not None else None
        inside = scope.below("", in_each=each is not None, around=self._walker.around if self._walker is not None else 0)
        if each is not None and each.when is not None:
            with scope.gather("each.when"):
                self._item_holds = compile_when(each.when, inside)
        times, key = (each.time, "each.time") if each is not None and each.time is not None else (spec.time, "time")
        self._times = Times(times, inside.below(key)) if times is not None else None
        self._tags = compile_tags(spec.tags, inside)
        self._has_tags = self._tags is not no_tags or common.tags is not no_tags
        self._quality = compile_quality(spec.historic, spec.estimated, inside)
        if spec.device is not None:
            with scope.gather("device"):
                self._device = compile_device(spec.device, inside)
        self._fields = compile_fields(spec.fields, self.measurement, inside)
        self._named = NamedFields(spec.map, self.measurement, inside) if spec.map else None
        self.numbers = self._find_numbers()
        fields = self._fields + (self._named.fields() if self._named else [])
        self.rules = rules_of(fields)
        self._wrapping = [field for field in fields if field.wrap is not None]
        with scope.gather(""):
            if not spec.fields and not spec.map:
                raise Fault("", "give fields or map: the contents of the point")
            if spec.map and each is None:
                raise Fault("map", "names belong to items: give each (by says where the name is)")

    @property
    def is_plain(self) -> bool:
        """True if the point is only fields with the time of the message: then :meth:`take` does all that :meth:`find` does."""
        others = (self._walker, self._named, self._times, self._device, self._quality, self._common.quality, self._common.seq)
        plain = self._holds is always and not (self._has_tags or self._wrapping) and all(other is None for other in others)
        return plain and not self._common.times.of_items and self.measurement not in COUNTING

    def _find_numbers(self) -> dict[str, Numbers]:
        found: dict[str, dict[str, NumberAtKey]] = {}
        for field in self._fields:
            if field.when is None and (plain := field.reader.plain) is not None:
                _, low, high = plain
                match parse_path(field.reader.origin).steps:
                    case (str(source), str(key)):
                        found.setdefault(source, {})[field.name] = key, low, high
        return {source: Numbers(numbers) for source, numbers in found.items() if self._are_all(numbers)}

    def _are_all(self, numbers: Mapping[str, NumberAtKey]) -> bool:
        """Tell if these are all fields of the point, each at a key of its own that a type can name."""
        keys = {key for key, _, _ in numbers.values()}
        return len(keys) == len(self._fields) and all(key.isprintable() and _UNNAMEABLE.isdisjoint(key) for key in keys)

    def read(self, document: Node, captures: Mapping[str, str], params: DeviceParams) -> FieldsRead | None:
        """Its fields and their values; None: there are none, or one of them must be dropped."""
        dropped: list[Drop] = []
        values = read_fields(self._fields, Cursor(document, captures, params), dropped)
        names = in_order(values)
        return None if dropped or not values else (names, tuple([values[name] for name in names]))

    def take(self, here: Cursor, context: MappingContext) -> list[MappedReading]:
        """The point of an entry that is plain and alone."""
        dropped: list[Drop] = []
        values = read_fields(self._fields, here, dropped)
        if not values:
            missed = dropped or are_missed(self._fields, here)
            return [MappedReading(self.measurement, {}, dropped=dropped)] if missed else []
        stamp = self._common.times(here, context)
        if stamp is None:  # its time is not believed: it is not written, and must still be counted
            return [MappedReading(self.measurement, {}, dropped=dropped)]
        time_ms, quality = stamp
        if dropped:
            quality |= quality_of(dropped)
        return [MappedReading(self.measurement, values, time_ms, (), quality, dropped, self.rules)]

    def find(self, here: Cursor, context: MappingContext, found: Found) -> None:
        """Add the points of this entry to those found."""
        if not self._holds(here):
            return
        for _ in self._walker.walk(here, found.lose) if self._walker is not None else (None,):
            if self._item_holds(here):
                if self._device is not None:
                    self._enter_device(self._device, here, context)
                self._find_here(here, context, found)
        here.params = context.params  # the next entry may name no device: it has the sender's again

    def _enter_device(self, take: Take, here: Cursor, context: MappingContext) -> None:
        """Use the parameters of the point's own device from here on."""
        here.params = context.params
        device = take(here)
        here.device = device if may_name_a_device(device) else ""
        if here.device:
            here.params = context.params_of(here.device)

    def _find_here(self, here: Cursor, context: MappingContext, found: Found) -> None:
        named: Sequence[Field] = ()
        if self._named is not None:
            meant = self._named.of(here.key)
            if meant is None:
                found.lose([(here.key, DropCause.UNKNOWN_KEY)])
            else:
                here.taken, named = meant.taken, meant.fields
            if not named and not self._fields:
                return
        if self._fields:
            dropped: list[Drop] = []
            values = read_fields(self._fields, here, dropped)
            if values:
                self._add(values, dropped, no_tags, here, context, found)
            elif dropped or are_missed(self._fields, here):
                found.miss(self.measurement, dropped)
        for field in named:
            dropped = []
            values = read_fields((field,), here, dropped)
            dropped = [(here.key, cause) for _, cause in dropped]
            if values or dropped:
                self._add(values, dropped, field.tags, here, context, found)
            elif are_missed((field,), here):
                found.miss(self.measurement, [])

    def _add(
        self, values: dict[str, Any], dropped: list[Drop], own: TakeTags, here: Cursor, context: MappingContext, found: Found
    ) -> None:
        """Add values with the time, tags and quality at the cursor, and with the tags of their own field."""
        common = self._common
        if self._times is not None or common.times.of_items:
            stamp = (self._times or common.times)(here, context)
        else:  # one for the whole message
            stamp = found.stamp = found.stamp or common.times(here, context)
        if stamp is None:
            found.miss(self.measurement, [])
            return
        device = here.device if self._device is not None else None
        if device == "":
            found.lose([("device", DropCause.BAD_TAG)])
            return
        tags: Tags = ()
        if self._has_tags or own is not no_tags:
            tags = joined(joined(common.tags.take(here, dropped), self._tags.take(here, dropped)), own.take(here, dropped))
        quality = 0 if self._quality is None else self._quality(here)
        if common.quality is not None:
            quality |= common.quality(here)
        seq = common.seq(here) if common.seq is not None else None
        time_ms, of_time = stamp
        rules = rules_here(self._wrapping, self.rules, here) if self._wrapping else self.rules
        found.add(MappedReading(self.measurement, values, time_ms, tags, quality | of_time, dropped, rules, device, seq))

    def explain(self, here: Cursor, context: MappingContext) -> Iterator[tuple[str, Node]]:
        """Each field: its raw value, then each step with its result."""
        if not self._holds(here):
            yield f"{self.measurement}: when", False
            return
        if self._walker is None:
            yield from self._explain_here(here, context)
            return
        number = -1
        for number, _ in enumerate(self._walker.walk(here, lambda _: None)):
            if number >= _EXPLAINED_MAX:
                yield f"{self.measurement}: and further items", None
                return
            yield f"{self.measurement}: item {here.key}", here.value
            if self._item_holds(here):
                yield from self._explain_here(here, context)
            else:
                yield f"{self.measurement}: when", False
        if number < 0 and self._walker.origin:
            yield f"{self.measurement}: items of {self._walker.origin}", end_of(parse_path(self._walker.origin), here.document)

    def _explain_here(self, here: Cursor, context: MappingContext) -> Iterator[tuple[str, Node]]:
        meant = self._named.of(here.key) if self._named is not None else None
        if self._device is not None:
            self._enter_device(self._device, here, context)
        for field in [*self._fields, *(meant.fields if meant is not None else ())]:
            origin = f"{field.name} from {field.reader.origin or (here.key if self._walker else 'several')}"
            if field.when is not None and not field.when(here):
                yield origin, Nothing("its when does not hold")
                continue
            value = field.reader.take(here)
            end = field.reader.end(here) if value is None and field.reader.end is not None else value
            yield origin, end
            for step in field.reader.steps:
                if value is None or isinstance(value, DropCause):
                    break
                value = step.run(value, here)
                yield f"{field.name}: {'number' if value is DropCause.WRONG_TYPE and step.name == BOUNDS else step.name}", value
            yield from field.tags.explain(here)
        for tags in (self._common.tags, self._tags):
            yield from tags.explain(here)
        if self._times is not None:
            yield from self._times.explain(here, context)


_EXPLAINED_MAX: Final = 20
_UNNAMEABLE: Final = frozenset('"\\')
"""Characters that no key of a type may have."""
