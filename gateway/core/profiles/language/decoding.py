"""From the bytes of a message to the document of a profile: the decoder, nested values, the flat frame of ``struct``."""

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from gateway.core.decoders import bad_payload, decoder_of
from gateway.core.decoders.plain import from_base64, from_hex, from_json_text, from_words
from gateway.core.decoders.struct_frame import WIDTHS, compile_struct
from gateway.core.decoders.text import compile_csv, compile_pairs
from gateway.core.decoders.text import compile_text as compile_template
from gateway.core.message import Undecodable
from gateway.core.profiles.language.paths import Get, Node, change, end_of, parse_path
from gateway.core.profiles.language.sources import within
from schemas.envelope import ANY_LORAWAN
from schemas.profile import Profile
from schemas.profile_frames import Csv, Decode, FrameSpec, NestedStep, Pairs

ReadBytes = Callable[[bytes], Any]
Prepare = Callable[[Any], Any]

_OVER_TEXT: Final[dict[str, Callable[[object], bytes]]] = {"hex": from_hex, "base64": from_base64}
_DEFAULT: Final = Decode.model_validate({"as": "json"})
_BYTES: Final = Decode.model_validate({"as": "bytes"})


def decode_of(profile: Profile) -> Decode:
    """The default decoding of a profile."""
    if profile.decode is not None:
        return profile.decode
    return _BYTES if profile.struct is not None and profile.match.envelope is None else _DEFAULT


def decimal_of(decode: Decode) -> str:
    """The decimal mark with which a decoder makes numbers of texts; empty if it makes none."""
    if decode.as_ == "csv" and decode.csv is not None:
        return decode.csv.decimal
    return "." if decode.as_ in {"csv", "text"} else ""


def envelope_of(profile: Profile) -> str | None:
    """The envelope around a profile's frames, if the profile does not name one.

    Makes that bytes cannot tell apart are taken to be radio devices, unless the profile says how to find their messages.
    """
    match = profile.match
    if match.envelope is None and match.topic is None and profile.decode is None:
        return ANY_LORAWAN
    return match.envelope


def compile_decode(decode: Decode, *, has_each: bool) -> tuple[Hashable, ReadBytes]:
    """Compile the decoder of a profile's messages, with a key that is equal for profiles that decode alike."""
    key = (decode.model_dump_json(), has_each if decode.csv is not None else None)
    read = _outer(decode, has_each=has_each)
    changes = []
    for path, steps in decode.nested.items():
        with within(f"nested.{path}"):
            changes.append((parse_path(path if path.startswith("/") else f"/{path}"), _chain(steps)))
    if not changes:
        return key, read

    def read_nested(payload: bytes) -> Node:
        document = read(payload)
        for path, function in changes:
            document = change(document, path, function)
        return {"payload": document} if isinstance(document, bytes) else document

    return key, read_nested


def tests_hold(model: Profile, read: ReadBytes, root: Get) -> Callable[[str], bool]:
    """Compile a check if a test message of the profile has a value at a path; of a frame in an envelope, its named parts."""
    if envelope_of(model) is not None:
        return _TEXTS_OF_FRAME.__contains__

    def hold(path: str) -> bool:
        get = parse_path(path).get
        for message in (message for test in model.tests for message in test.sequence()):
            with suppress(Undecodable):
                if get(root(read(message.body()))) is not None:
                    return True
        return False

    return hold


_TEXTS_OF_FRAME: Final = frozenset({"/device", "/port", "/frame_counter", "/rssi", "/snr", "/model"})
"""Parts of a frame that can be a tag."""


def _outer(decode: Decode, *, has_each: bool) -> ReadBytes:
    with within(decode.as_):
        match decode.as_:
            case "text":
                return compile_template(decode.text or "")
            case "csv":
                return _rows(decode.csv or Csv(), has_each=has_each)
            case "pairs":
                pairs = decode.pairs or Pairs()
                return compile_pairs(pairs.between, pairs.equals)
            case "hex" | "base64":
                from_text = _OVER_TEXT[decode.as_]
                return lambda payload: {"payload": from_text(payload.decode("ascii", "replace"))}
            case name:
                return decoder_of(name)


def _rows(options: Csv, *, has_each: bool) -> ReadBytes:
    read = compile_csv(options.delimiter, options.header, options.decimal)
    if has_each:
        return read

    def one_row(payload: bytes) -> Node:
        rows = read(payload)
        if len(rows) > 1:
            raise bad_payload(f"{len(rows)} rows; a profile without each reads one row in a message")
        return rows[0]

    return one_row


def _chain(steps: Sequence[NestedStep]) -> Callable[[Node], Node]:
    functions = [_nested(step) for step in steps]

    def chain(value: Node) -> Node:
        for function in functions:
            value = function(value)
        return value

    return chain


def _nested(step: NestedStep) -> Callable[[Node], Node]:
    match step.as_:
        case "words":
            return partial(from_words, order=step.order)
        case "json":
            return lambda value: from_json_text(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)
        case "hex" | "base64":
            from_text = _OVER_TEXT[step.as_]
            return lambda value: from_text(value.decode("ascii", "replace") if isinstance(value, bytes) else value)
        case kind:
            return _number(kind, step.order)


def _number(kind: str, order: str) -> Callable[[Node], Node]:
    decode = compile_struct([{"name": kind, "type": kind, "order": order}])

    def number(value: Node) -> Node:
        if not isinstance(value, bytes) or len(value) != WIDTHS[kind]:
            found = f"{len(value)} bytes" if isinstance(value, bytes) else f"{value!r:.40}"
            raise bad_payload(f"{kind} is {WIDTHS[kind]} bytes; there is {found}")
        return decode(value)[kind]

    return number


def compile_struct_of(frame: FrameSpec) -> Prepare:
    """Compile the step that adds ``/struct`` to a document."""
    with within("of"):
        path = parse_path(frame.of)
    get = path.get
    with within("fields"):
        decode = compile_struct(field.model_dump() for field in frame.fields)

    def prepare(document: Node) -> Node:
        payload = get(document)
        if not isinstance(payload, bytes) or not isinstance(document, dict):
            raise bad_payload(f"there are no bytes at {frame.of} for struct: {end_of(path, document)}")
        return document | {"struct": decode(payload)}

    return prepare
