"""A device profile, compiled once from its YAML into plain functions."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

from gateway.core.decoders import bad_payload
from gateway.core.profiles.language import conditions, decoding
from gateway.core.profiles.language.conditions import EMPTY, Holds, TopicFilter, always
from gateway.core.profiles.language.mapping import Common, CompiledPoint, compile_quality
from gateway.core.profiles.language.paths import Get, Node, first_of, parse_path
from gateway.core.profiles.language.points_found import Found
from gateway.core.profiles.language.sources import Cursor, Fault, Scope, Take, compile_source, within
from gateway.core.profiles.language.texts import compile_device, compile_tags, compile_text, may_name_a_device
from gateway.core.profiles.language.times import Times, times_of_envelope
from gateway.core.profiles.mapped import MappedReading, MappingContext
from schemas.profile import Dedup, Profile
from schemas.profile_values import TextSource
from schemas.profile_when import Test, When
from schemas.readings import SEQ_MAX
from schemas.registry import plain_name
from schemas.rejects import DropCause, IgnoreCause
from schemas.topics import is_name

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CodecUse:
    """The maker's codec of a profile.

    :ivar prefer: ``decoded``: if the network server has decoded already, its object is used; ``codec``: the codec always runs.
    :ivar frame: document → the frame's bytes.
    :ivar of_payload: they are the payload of the envelope.
    """

    name: str
    prefer: Literal["decoded", "codec"]
    frame: Get
    of_payload: bool


class ProfileFaults(Exception):  # noqa: N818 - the field's word
    """A profile that cannot be used, with all its faults, each with its key."""

    def __init__(self, file: str, faults: list[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"{file}: {key or 'document'}: {what}" for key, what in faults))
        self.faults = faults


class CompiledProfile:
    """A profile as functions.

    :ivar models: names of models it serves, in lower case, letters and digits only.
    :ivar envelope: ``lorawan`` for that of any network server, or the name of one; None: the payload is the document.
    :ivar by_registry: it takes only devices whose registry entry names it or its model.
    :ivar decode_key: equal for profiles that decode in the same way.
    :ivar read: payload → document; raises Undecodable.
    :ivar prepare: document → document with ``/struct``; once, before all that follows; raises Undecodable.
    :ivar ports: the ports of its frames, from ``match.when``; None: it names no ports.
    :ivar status: topic and payload → True: online, False: offline, None: no status message.
    :ivar clock_offset_ms: the ms that the clocks of its devices show too much.
    :ivar ignores_empty: a message without a single byte is neither data nor a fault.
    :ivar required_params: parameters that every device of it must have in the registry.
    :ivar warnings: keys, each with something that is allowed but probably a mistake.
    """

    def __init__(self, model: Profile, file: str, scope: Scope) -> None:
        """Compile ``model``; faults go to the scope's list."""
        self.name = model.profile
        self.file = file
        self.models = tuple(plain_name(name) for name in model.models)
        self.envelope = decoding.envelope_of(model)
        self.by_registry = model.match.by is not None
        self.predicates = model.match.when.predicates()
        self.clock_offset_ms = model.clock_offset
        self.dedup_window_ms = model.dedup.window if model.dedup else 0
        self.ignores_empty = EMPTY in model.ignore
        self.retained = model.retained
        self.filters = tuple(_filters(model, scope))
        self.status_filters, self.status = conditions.compile_status(model.status, scope)
        scope.captures = frozenset(name for pattern in (*self.filters, *self.status_filters) for name in pattern.names)
        scope.is_frame = self.envelope is not None
        decode = decoding.decode_of(model)
        scope.decoder = self.decoder = "json" if model.match.envelope else decode.as_
        scope.decimal = "" if model.match.envelope else decoding.decimal_of(decode)
        if self.envelope is not None and model.root is None:
            scope.absent = frozenset(["codec"] if model.struct is not None else ["codec", "struct"])
        early = replace(scope)  # before the codec is asked
        if model.codec is not None:
            scope.absent -= {"codec"}
        each, struct = any(point.each is not None for point in model.points), model.struct
        self.decode_key, self.read = _gathered(scope, "decode", _UNREAD, lambda: decoding.compile_decode(decode, has_each=each))
        self._root = _gathered(scope, "root", _WHOLE, lambda: first_of(model.root) if model.root is not None else _WHOLE)
        scope.tests_hold = decoding.tests_hold(model, self.read, self._root)
        self._times = _times(model, scope)
        tags, quality = compile_tags(model.tags, scope), compile_quality(model.historic, model.estimated, scope)
        common = Common(self._times, tags, quality, _sequence_number(model.seq, scope))
        points = [CompiledPoint(spec, scope.below(f"points.{number}"), common) for number, spec in enumerate(model.points)]
        self._points, self._alone = points, points[0] if len(points) == 1 and points[0].is_plain else None
        self.ports, tests = _ports(model)
        self._match = _gathered(scope, "match.when", _ALWAYS, lambda: conditions.compile_when(tests, early))
        self._ignored = conditions.compile_ignored(model, early, of_answers=False)
        self._ignored_answers = conditions.compile_ignored(model, scope, of_answers=True)
        self._device = _text(model.device, "device", early, compile_device)
        self._site = _text(model.site, "site", scope)
        self._dedup = _dedup(model.dedup, scope)
        self.prepare = _gathered(scope, "struct", _WHOLE, lambda: decoding.compile_struct_of(struct) if struct else _WHOLE)
        self.codec = _gathered(scope, "codec", None, lambda: _codec(model))
        self.required_params = frozenset(scope.required)
        self.warnings = tuple(conditions.warnings_of(model))

    def for_any_device(self) -> "CompiledProfile":
        """The same, whatever the registry names."""
        free = copy(self)
        free.by_registry = False
        return free

    def holds(self, document: Node, captures: Mapping[str, str]) -> bool:
        """Tell if all tests of ``match.when`` hold."""
        if self.ports is not None and document["port"] not in self.ports:
            return False
        return self._match is always or self._match(Cursor(self._root(document), captures))

    def ignores(self, document: Node, captures: Mapping[str, str]) -> bool:
        """Tell if one of the rules ``ignore`` that need no codec takes the frame."""
        if not self._ignored:
            return False
        here = Cursor(self._root(document), captures)
        return any(rule(here) for rule in self._ignored)

    def wants(self, context: MappingContext) -> bool:
        """Tell if the codec's result is data: no rule of ``ignore`` that looks at it holds."""
        if not self._ignored_answers:
            return True
        here = self._here(context)
        return not any(rule(here) for rule in self._ignored_answers)

    def take(self, document: Node, captures: Mapping[str, str]) -> Node:
        """The document, prepared; ``IgnoreCause.RULE``: it is no data; None: not for this profile; Undecodable: broken."""
        prepared = document if self.prepare is _WHOLE else self.prepare(document)
        if not self.holds(prepared, captures):
            return None
        return IgnoreCause.RULE if self._ignored and self.ignores(prepared, captures) else prepared

    @property
    def plain_point(self) -> CompiledPoint | None:
        """The one point of a profile for radio frames that only lists fields; None if it has other rules."""
        more = self._ignored, self._ignored_answers, self._site, self._dedup, self._device
        plain = self._match is always and self._root is _WHOLE and self.prepare is _WHOLE and not any(more)
        of_payload = self.codec is None or self.codec.of_payload
        return self._alone if plain and of_payload and self._times is _OF_ENVELOPE else None

    @property
    def tells_device(self) -> bool:
        """True if the profile says where the device's name is; else it is the envelope's, or ``{device}`` in the topic."""
        return self._device is not None

    def device(self, document: Node, captures: Mapping[str, str], properties: Mapping[str, str]) -> str:
        """The device, where the profile says; a message without one is a bad payload."""
        here = Cursor(self._root(document), captures, properties=properties)
        device = self._device(here) if self._device is not None else None
        if not may_name_a_device(device):
            shown = "there is none"
            if isinstance(device, str) and not isinstance(device, DropCause):
                shown = f"{device[:80]!r} is none"
            raise bad_payload(f"profile {self.name}: no device id where the profile looks for it: {shown}")
        return device

    def site(self, context: MappingContext) -> str | None:
        """The site from the profile or the topic."""
        site = self._site(self._here(context)) if self._site is not None else context.captures.get("site")
        return site if isinstance(site, str) and not isinstance(site, DropCause) and is_name(site) else None

    def dedup_key(self, context: MappingContext) -> Hashable | None:
        """Return the key by which two messages of a device are copies; None if the profile names none."""
        if not self._dedup:
            return None
        here = self._here(context)
        found = [take(here) for take in self._dedup]
        key = tuple(repr(part) if isinstance(part, list | dict) else part for part in found)
        return key if any(part is not None for part in key) else None

    def map(self, context: MappingContext) -> list[MappedReading]:
        """The points of a message, in the order of the profile.

        None: the profile wants nothing of it. A point without values: it gave only drops. Undecodable: all of it is a fault.
        """
        here = self._here(context)
        if self._alone is not None:
            return self._alone.take(here, context)
        found = Found()
        for point in self._points:
            point.find(here, context, found)
        return found.all(context)

    def explain(self, context: MappingContext) -> list[tuple[str, Node]]:
        """The steps of :meth:`map` in words, each with its result."""
        here = self._here(context)
        return [*self._times.explain(here, context), *(step for point in self._points for step in point.explain(here, context))]

    def _here(self, context: MappingContext) -> Cursor:
        document = context.document if self._root is _WHOLE else self._root(context.document)
        return Cursor(document, context.captures, context.params, context.properties)


def compile_profile(model: Profile, *, file: str) -> CompiledProfile:
    """Compile a profile; :class:`ProfileFaults` has all its faults."""
    scope = Scope(faults=[])
    profile = CompiledProfile(model, file, scope)
    _check(model, scope)
    if scope.faults:
        raise ProfileFaults(file, [(fault.key, fault.what) for fault in scope.faults])
    return profile


def _filters(model: Profile, scope: Scope) -> Iterator[TopicFilter]:
    for text in model.match.topic or ():
        with scope.gather("match.topic"):
            yield conditions.parse_filter(text)


def _check(model: Profile, scope: Scope) -> None:
    with scope.gather("decode"):
        if decoding.envelope_of(model) and model.decode is not None and (model.decode.as_ != "json" or model.decode.nested):
            raise Fault("", "an envelope is JSON and brings the bytes to /payload; leave decode out")
    with scope.gather("root"):
        if model.root is not None and model.struct is not None:
            raise Fault("", "cannot be combined with struct; say with struct.of where the bytes are")
    with scope.gather("points"):
        if not model.points and not model.status:
            raise Fault("", "give at least one; it names what the payload holds")


def _gathered(scope: Scope, key: str, otherwise: T, compile_part: Callable[[], T]) -> T:
    """Compile a part of the profile; return a stand-in if it is faulty."""
    with scope.gather(key):
        return compile_part()
    return otherwise


_WHOLE: Final[Get] = parse_path("/").get
_ALWAYS: Final[Holds] = always
_UNREAD: Final[tuple[Hashable, decoding.ReadBytes]] = ("", lambda _: None)
"""Stand-ins for faulty parts, until all faults are reported."""


def _ports(model: Profile) -> tuple[frozenset[int] | None, When]:
    """The ports that ``match.when`` names, and the other tests: most radio frames are recognised by their port alone."""
    when = model.match.when
    test = when.tests().get(_PORT) if decoding.envelope_of(model) is not None and model.root is None else None
    ports = [value for value in test.is_ or () if type(value) is int] if test is not None else []
    if not ports or test != Test.model_validate({"is": ports}):
        return None, when
    return frozenset(ports), when.without(_PORT)


_PORT: Final = "/port"
_OF_ENVELOPE: Final = times_of_envelope()


def _times(model: Profile, scope: Scope) -> Times:
    if model.time is not None:
        return Times(model.time, scope.below("time"))
    return _OF_ENVELOPE if decoding.envelope_of(model) is not None else Times([], scope)


def _text(
    source: TextSource | None, key: str, scope: Scope, compiled: Callable[[TextSource, Scope], Take] = compile_text
) -> Take | None:
    return None if source is None else _gathered(scope, key, None, lambda: compiled(source, scope))


def _sequence_number(source: TextSource | None, scope: Scope) -> Take | None:
    take = _text(source, "seq", scope)
    if take is None:
        return None

    def number(here: Cursor) -> int | None:
        text = take(here)
        number = int(text) if isinstance(text, str) and text.isdecimal() and len(text) < _DIGITS else None
        return number if number is not None and number <= SEQ_MAX else None

    return number


_DIGITS: Final = 20


def _dedup(dedup: Dedup | None, scope: Scope) -> tuple[Take, ...]:
    takes = []
    for number, source in enumerate(dedup.key if dedup else ()):
        with scope.gather(f"dedup.key.{number}"):
            take = compile_source(source, scope)
            if take is None:
                raise Fault("", "say where the part of the key comes from: a path")
            takes.append(take)
    return tuple(takes)


def _codec(model: Profile) -> CodecUse | None:
    codec = model.codec
    if codec is None:
        return None
    if model.prefer is not None and codec.prefer is not None and model.prefer != codec.prefer:
        raise Fault("prefer", f"is {codec.prefer} here and {model.prefer} beside codec; give it once")
    with within("bytes"):
        prefer = model.prefer or codec.prefer or "decoded"
        return CodecUse(codec.file, prefer, parse_path(codec.bytes).get, codec.bytes == "/payload")
