"""Makers' codecs, their calls and answers, as values and as the lines that pass between the gateway and its child.

Lines to the child, in UTF-8, each a codec's number, a space and JSON:

- ``7 "function decodeUplink..."``: the text of codec 7,
- ``7 [[1,117,92],85,1793491200250,{}]``: a call: bytes, port, time received in ms, variables; ``7 []``: load it, nothing more,
- ``7 true``: it is known that codec 7 overran: calls of it behind this line may be made,
- ``7 null``: codec 7 is not needed any more.

Lines from the child; calls are answered in their order:

- the first one, ``{"missing":["seccomp: ..."],"confined":true,"load_limit_s":0.1}``: it has started; the protections that are
  missing here, see :mod:`gateway.ingest.codecs.confinement`; how long a codec may be loaded,
- ``{"data":{...}}``: the codec's result, of which ``data``, ``errors`` and ``warnings`` are used,
- ``["TypeError: ... (line 3)",false]``: a fault, and true if the codec overran,
- ``null``: the call was not made: it was sent before it was known that the codec had overrun; it may be repeated,
- ``"text"``: console output, before the answer that it belongs to.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from gateway.core.message import CodecAsk

UNCONFINED: Final = (
    "codecs are not run: on this machine neither Landlock nor seccomp keeps them from files and connections of the service; "
    "codecs.unconfined: accept in gateway.yaml runs them all the same"
)
INSTALL: Final = "makers' codecs need the extra codecs: pip install 'province-gateway[codecs]'"
LOAD_ONLY: Final = b"[]"
OVERRUN_KNOWN: Final = b"true"
NOT_NEEDED: Final = b"null"
GIVEN_BACK: Final = b"null"
TEXT_CHARACTERS: Final = 400
LINE_BYTES_MAX: Final = 1024 * 1024
"""A longer line cannot come from the child's own program, which answers with at most 64 Ki characters."""
STRIKES: Final = 3
STRIKES_WITHIN_S: Final = 60.0
SUSPENDED_FOR_S: Final = 600.0


class Greeting(msgspec.Struct):
    """A child's first line, before any codec has run: its protections that are missing, and if one that matters holds."""

    missing: list[str]
    confined: bool
    load_limit_s: float


class CodecAnswer(NamedTuple):
    """The result of one call.

    :ivar data: the object the codec made, or a list, each item a reading of its own; None: see ``fault``.
    :ivar fault: the reason of missing data, for people; None if there is data.
    :ivar overran: the codec took longer than it may, or brought its process down.
    :ivar suspended: it was not called at all, because it is suspended; the same call may succeed later.
    """

    data: dict[str, Any] | list[Any] | None
    warnings: list[str] = []  # noqa: RUF012 - an empty list that nobody adds to
    fault: str | None = None
    overran: bool = False
    suspended: bool = False


@dataclass(slots=True, eq=False)
class Codec:
    """A codec that overran three times within a minute is suspended for ten minutes, then on trial until it answers in time.

    If one device sent all three frames, only its frames wait: it may be one meter whose frames the codec cannot handle. If
    other devices show the same, the codec is suspended for all.

    :ivar number: its number in the child.
    :ivar why: the reason of a suspension or trial; empty without one.
    :ivar device: the only device that it is suspended or on trial for; empty: for all.
    """

    key: str
    number: int
    source: str
    why: str = ""
    device: str = ""
    _strikes: deque[tuple[str, float]] = field(default_factory=lambda: deque(maxlen=STRIKES))
    _until_s: float = 0.0

    @property
    def suspended_as(self) -> str:
        """The suspended codec, with its device, for people."""
        return f"{self.key} for {self.device}" if self.device else self.key

    def is_resting(self, now_s: float) -> bool:
        """True if it must not be called, even for one device only."""
        return bool(self.why) and now_s < self._until_s

    def is_suspended(self, now_s: float, device: str = "") -> bool:
        """Tell if it must not be called for a frame of ``device``."""
        return self.is_resting(now_s) and self.device in {"", device}

    def overran(self, fault: str, now_s: float, device: str = "") -> bool:
        """Count an overrun; return True if it leads to a suspension. On trial, one is enough."""
        if self.is_suspended(now_s, device):
            return False
        self._strikes.append((device, now_s))
        is_often = len(self._strikes) == STRIKES and now_s - self._strikes[0][1] <= STRIKES_WITHIN_S
        if self.why and self.device in {"", device} and not self.is_resting(now_s):
            pass  # on trial for this frame: the suspension is renewed
        elif is_often:
            is_alone = not self.why and {one for one, _ in self._strikes} == {device}
            self.device = device if is_alone else ""
        else:
            return False
        self._strikes.clear()
        self.why, self._until_s = fault, now_s + SUSPENDED_FOR_S
        return True

    def in_time(self, now_s: float, device: str = "") -> None:
        """Note an answer in time, which ends a trial, unless the call was made before the suspension."""
        if not self.is_resting(now_s) and self.device in {"", device}:
            self.why = self.device = ""


@dataclass(slots=True, eq=False)
class Call:
    """A call that waits for its answer, of a frame of ``device``; ``deaths``: children that ended while they were in it."""

    codec: Codec
    arguments: bytes
    then: Callable[[CodecAnswer], None]
    device: str
    deaths: int = 0


class _CodecResult(msgspec.Struct):
    data: Any = msgspec.UNSET
    errors: Any = None
    warnings: Any = None


ITEMS_MAX: Final = 1000
WITHOUT_DATA: Final = "returned an object without data: the object itself is taken as its data"
_BESIDE_DATA: Final = frozenset({"errors", "warnings"})

_encode = msgspec.json.Encoder().encode
_decode_result = msgspec.json.Decoder(_CodecResult).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_decode_fault = msgspec.json.Decoder(tuple[str, bool]).decode
read_greeting = msgspec.json.Decoder(Greeting).decode
"""Reads a child's first line."""


def child_line(number: int, text: bytes) -> bytes:
    """A line about a codec to the child: its text, the arguments of a call, or one of the words above."""
    return b"%d %s\n" % (number, text)


def source_line(number: int, source: str) -> bytes:
    """The line that gives the child a codec's text."""
    return child_line(number, _encode(source))


def arguments(ask: CodecAsk) -> bytes:
    """The call's arguments as JSON."""
    return _encode((list(ask.payload), ask.port, ask.received_ms, dict(ask.variables)))


def read_answer(line: bytes) -> CodecAnswer:
    """Parse an answer; any line gives one."""
    try:
        if line.startswith(b"["):
            fault, overran = _decode_fault(line)
            return CodecAnswer(None, fault=fault, overran=overran)
        result = _decode_result(line)
        others = _decode_object(line) if result.data is msgspec.UNSET else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # half a surrogate pair, or a thousand levels
        return CodecAnswer(None, fault=f"returned what cannot be read: {error}")
    warnings = _texts(result.warnings)
    if result.errors:
        return CodecAnswer(None, warnings, "; ".join(_texts(result.errors))[:TEXT_CHARACTERS])
    data = result.data
    if data is msgspec.UNSET:
        data = {key: value for key, value in others.items() if key not in _BESIDE_DATA}
        if data:  # makers return {} for a frame without data
            warnings.append(WITHOUT_DATA)
    if isinstance(data, list) and len(data) > ITEMS_MAX:
        return CodecAnswer(None, warnings, f"returned a list of {len(data)} items as data; {ITEMS_MAX} are taken")
    if isinstance(data, dict | list):
        return CodecAnswer(data, warnings)
    return CodecAnswer(None, warnings, f"returned {_named(data)} as data")


def _texts(value: object) -> list[str]:
    """Copy a list of texts from an untrusted value."""
    if not value:
        return []
    items = value if isinstance(value, list) else [value]
    return [item if isinstance(item, str) else _encode(item).decode() for item in items]


def _named(value: object) -> str:
    """The JSON name of a value's type."""
    if value is None:
        return "nothing"
    return {bool: "a boolean", str: "a text"}.get(type(value), "a number")
