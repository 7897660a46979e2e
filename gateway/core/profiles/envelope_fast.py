"""Fast path for the usual message of an envelope: one call of a decoder that is made for the envelope's paths.

Nearly every message of a network server has everything at its usual place, and most of its content is not needed. So only the
parts of the document are decoded, by their types, and the rest is skipped. A message that is unusual in any way is left to
:meth:`gateway.core.profiles.envelopes.Envelope.unwrap`, which knows all forms and names the fault.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, Literal, NamedTuple

import msgspec

from gateway.core.decoders.plain import from_hex, json_of_frame, may_be_unbounded
from gateway.core.message import Undecodable
from gateway.core.profiles.envelope_fields import Radio, eui_of, radio_of
from gateway.core.profiles.language.paths import parse_path
from schemas.envelope import EnvelopeSpec
from schemas.profile_values import FirstOf
from schemas.profile_when import Test


class Unwrapped(dict[str, Any]):
    """The parts of an envelope by name. The raw message and the radio signal are worked out on demand."""

    __slots__ = ("message", "radio")
    message: bytes
    radio: Callable[[object], Radio]

    def __missing__(self, key: str) -> Any:  # noqa: ANN401 - whatever the message holds
        if key == "raw":
            self[key] = json_of_frame(self.message)
        elif key in {"rssi", "snr"}:
            self["rssi"], self["snr"] = self.radio(self["raw"])
        else:
            raise KeyError(key)
        return self[key]

    def __or__(self, other: dict[str, Any]) -> "Unwrapped":  # type: ignore[override] # it stays what it is
        """The same with further parts."""
        both = Unwrapped(self)
        both.update(other)
        both.message, both.radio = self.message, self.radio
        return both


EnvelopeRow = tuple[str, bytes | None, Any, int | None, int | None, str | float | None, str | None]
"""Device, as it is written, payload, decoded, port, frame counter, time and model of a message."""


class PlainEnvelope(NamedTuple):
    """Reader of an envelope's usual message.

    :ivar row: message → its parts; None: it is unusual.
    :ivar is_usual: parts and message → False: it takes the slow path, as one without a frame.
    :ivar document: parts and message, and the device where it is known by now → the document of a profile.
    """

    row: Callable[[bytes], EnvelopeRow | None]
    is_usual: Callable[[EnvelopeRow, bytes], bool]
    document: Callable[[EnvelopeRow, bytes, str], Unwrapped]


class _Intricate(Exception):  # noqa: N818 - says what it is
    """The envelope has a test or a path that no type can express."""


class _Leaf(NamedTuple):
    """A path, with the default for a message that has nothing there."""

    type: Any
    default: object = None


_NEEDED: Final = object()
_DEVICE: Final = _Leaf(str, _NEEDED)
_FRAMES: Final = {"base64": _Leaf(bytes | None), "hex": _Leaf(str | None)}
_ANYTHING: Final = _Leaf(Any)
_TEXT: Final = _Leaf(str | None)
_TIME: Final = _Leaf(str | int | float | None)
_NUMBER: Final = _Leaf(int, 0)
_NOTHING: Final = _Leaf(None)


def compile_plain(spec: EnvelopeSpec) -> PlainEnvelope | None:
    """Compile the reader of the usual message; None if the envelope is not simple enough for that."""
    if spec.payload is not None and spec.payload.encoding not in _FRAMES:
        return None
    payload, leaf = (spec.payload.path, _FRAMES[spec.payload.encoding]) if spec.payload is not None else (None, _NOTHING)
    single = ((payload, leaf), (spec.decoded, _ANYTHING), (spec.port, _NUMBER), (spec.frame_counter, _NUMBER))
    is_plain_time = spec.time is None or spec.time.is_plain()
    if not is_plain_time or any(paths is not None and len(paths.first_of) > 1 for paths, _ in single):
        return None
    tree: _Tree = {}
    try:
        names = [_put(tree, spec.device.first_of[0], _DEVICE)]
        for paths, what in single:
            names += _put_all(tree, paths, what)
        time, *times = _put_all(tree, spec.time.path if spec.time is not None else None, _TIME)
        model, *models = _put_all(tree, spec.model, _TEXT)
        _guard(tree, spec)
        decode = msgspec.json.Decoder(_struct(tree)).decode
    except _Intricate:
        return None
    return _reader(spec, _row(spec, decode, attrgetter(*names, time, model, *times, *models), len(times), len(models)))


def _row(
    spec: EnvelopeSpec, decode: Callable[[bytes], object], take: Callable[[Any], Any], times: int, models: int
) -> Callable[[bytes], EnvelopeRow | None]:
    """The function of the decoder. Behind the parts of a row ``take`` gives further places of the time, then of the model."""
    in_hex = spec.payload is not None and spec.payload.encoding == "hex"
    is_row = not (in_hex or times or models)

    def row(message: bytes) -> EnvelopeRow | None:
        try:
            parts = take(decode(message))
            if not message.isascii():
                message.decode()  # the skipped parts must be valid too
            return parts if is_row else chosen(parts)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Undecodable):
            return None

    def chosen(parts: Any) -> EnvelopeRow:  # noqa: ANN401 - as the types of the decoder have them
        device, payload, decoded, port, frame_counter, time, model, *more = parts
        if in_hex and payload:
            payload = from_hex(payload)
        if more:
            time, model = _first_of(time, more[:times]), _first_of(model, more[times:])
        return device, payload, decoded, port, frame_counter, time, model

    return row


def _reader(spec: EnvelopeSpec, row: Callable[[bytes], EnvelopeRow | None]) -> PlainEnvelope:
    """The functions for the row of a usual message."""
    radio, lorawan = radio_of(spec), spec.lorawan
    without = b"" if spec.payload is not None else None

    def is_usual(parts: EnvelopeRow, message: bytes) -> bool:
        device, payload, decoded, port, *_ = parts
        if not device or not (payload or decoded) or (decoded and type(decoded) is not dict):
            return False
        if lorawan and port == 0 and not decoded:  # commands of the network, or a port that was left out
            return False
        return not may_be_unbounded(message)

    def document(parts: EnvelopeRow, message: bytes, device: str = "") -> Unwrapped:
        written, payload, decoded, port, frame_counter, time, model = parts
        document = Unwrapped(
            device=device or (eui_of(written) if lorawan else written),
            payload=payload or without,
            decoded=decoded or None,
            port=port,
            frame_counter=frame_counter,
            time=time,
            model=model or None,
        )
        document.message = message
        document.radio = radio
        return document

    return PlainEnvelope(row, is_usual, document)


def _first_of(value: Any, others: list[Any]) -> Any:  # noqa: ANN401 - of any type
    return value if value is not None else next((other for other in others if other is not None), None)


_Tree = dict[str, Any]
"""Key → the value there: a leaf, or the tree below."""

_NOWHERE: Final = "/ "
"""A path for what the envelope does not have. A message that has something there is unusual."""


def _put_all(tree: _Tree, paths: FirstOf | None, leaf: _Leaf) -> list[str]:
    return [_put(tree, path, leaf) for path in paths.first_of] if paths is not None else [_put(tree, _NOWHERE, _NOTHING)]


def _put(tree: _Tree, path: str, leaf: _Leaf) -> str:
    """Add the value at a path; its name for ``attrgetter``."""
    keys = _keys(path)
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise _Intricate
    if tree.setdefault(keys[-1], leaf) is not leaf:
        raise _Intricate
    return ".".join(map(_name, keys))


def _name(key: str) -> str:
    """A key as the name of a field."""
    return f"key_{key.encode().hex()}"


def _keys(path: str) -> list[str]:
    """The keys of a path that goes through objects alone."""
    steps = parse_path(path).steps
    keys = [step for step in steps if isinstance(step, str) and not step.isdigit()]
    if not keys or len(keys) < len(steps):
        raise _Intricate
    return keys


def _guard(tree: _Tree, spec: EnvelopeSpec) -> None:
    """Make the decoder of the tree refuse messages that do not pass the envelope's tests.

    What holds wherever a device and a frame are needs no guard. A test that no type can express is intricate.
    """
    keys = _keys(spec.device.first_of[0])
    above = {"/" + "/".join(keys[:length]) for length in range(1, len(keys))}
    frame = {paths.first_of[0] for paths in (spec.payload.path if spec.payload else None, spec.decoded) if paths is not None}
    tests = [*spec.when.tests().items(), *spec.data_when.tests().items()]
    words = {path: text for path, test in tests if (text := _words(test))}
    there = {spec.device.first_of[0], *above, *words}
    for path, test in tests:
        if test == _ABSENT:
            _put(tree, path, _NOTHING)
        elif _words(test):
            _put(tree, path, _Leaf(Literal[words[path]], _NEEDED))
        elif not (test == _PRESENT and path in there) and not (test == _MAP and path in above):
            raise _Intricate
    for present in (spec.when.any_present, spec.data_when.any_present):
        if present is not None and there.isdisjoint(present) and not frame <= {*present}:
            raise _Intricate


def _words(test: Test) -> tuple[str, ...]:
    """The texts one of which must be there, if the test asks for nothing else."""
    texts = tuple(value for value in test.is_ or () if isinstance(value, str))
    return texts if texts and test == Test.model_validate({"is": list(texts)}) else ()


_PRESENT: Final = Test(present=True)
_ABSENT: Final = Test(present=False)
_MAP: Final = Test.model_validate({"type": ["map"]})


def _struct(tree: _Tree) -> type[msgspec.Struct]:
    """The type of an object with the members of the tree. If all of them may be missing, so may the object."""
    needed, others = [], []
    for key, below in tree.items():
        name = _name(key)
        kind, default = below if isinstance(below, _Leaf) else _object(_struct(below))
        if default is _NEEDED:
            needed.append((name, kind))
        else:
            others.append((name, kind, default))
    return msgspec.defstruct("Message", [*needed, *others], rename={_name(key): key for key in tree})


def _object(kind: type[msgspec.Struct]) -> _Leaf:
    return _Leaf(
        kind,
        msgspec.field(default_factory=kind) if not any(field.required for field in msgspec.structs.fields(kind)) else _NEEDED,
    )
