"""Envelopes: the messages that network servers wrap around a device's frame → one form for all servers.

The same frame through every server gives the same device, bytes and port, and so the same points. Only ``raw`` differs.
A number that the JSON form of protobuf leaves out is zero; its 64-bit integers come as text.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from gateway.core.message import Undecodable
from gateway.core.profiles import envelope_fields
from gateway.core.profiles.envelope_fast import compile_plain
from gateway.core.profiles.language.conditions import compile_test
from gateway.core.profiles.language.paths import Get, first_of, parse_path
from gateway.core.profiles.recognition import Ignored
from schemas.envelope import ANY_LORAWAN, EnvelopeSpec
from schemas.profile_values import FirstOf
from schemas.profile_when import Test, When
from schemas.rejects import IgnoreCause

_NETWORK_PORT: Final = (0, "0")
"""LoRaWAN's port for commands of the network. One that is left out says nothing."""


class Envelope:
    """The messages of one kind of server.

    :ivar topics: the filters under which it usually publishes.
    :ivar plain: reads its usual message from the bytes, and gives the same as :meth:`unwrap`; None where there is no usual one.
    """

    def __init__(self, spec: EnvelopeSpec) -> None:
        """Compile ``spec``; a ValueError tells which path or time is not valid."""
        self.name = spec.envelope
        self.lorawan = spec.lorawan
        self.topics = tuple(spec.topics)
        self.recognises = _holds(spec.when)
        self._holds_data = _holds(spec.data_when)
        self._is_heard = _holds(spec.heard_when) if spec.heard_when is not None else None
        self._device = envelope_fields.device_of(spec.device, lorawan=spec.lorawan)
        self._payload = envelope_fields.payload_of(spec.payload)
        self._decoded = envelope_fields.decoded_of(spec.decoded)
        self._port = envelope_fields.whole_number_of(spec.port, "port")
        self._told_port = first_of(spec.port if spec.lorawan else None)
        self._counter = envelope_fields.whole_number_of(spec.frame_counter, "frame counter")
        self._time = envelope_fields.time_of(spec.time)
        self._radio = envelope_fields.radio_of(spec)
        self._model = envelope_fields.text_of(spec.model)
        self.plain = compile_plain(spec)

    def unwrap(self, raw: dict[str, Any]) -> dict[str, Any] | Ignored:
        """Unwrap a recognised message.

        ``device``; ``payload``, bytes, or None where the envelope has none; ``decoded``, the server's object, or None; ``port``
        and ``frame_counter``, integers, or None where the envelope has none; ``time`` as it was sent, text or number, or None;
        ``rssi`` and ``snr`` of the strongest gateway, or None; ``model``, text or None; ``raw``, the message itself.

        A frame without payload, or with commands of the network alone, is no data. What is broken in it is a bad payload.
        """
        if not self._holds_data(raw):
            is_heard = self._is_heard is not None and self._is_heard(raw)
            return Ignored(IgnoreCause.NOT_DATA, self._sender(raw) if is_heard else "")
        payload, decoded = self._payload(raw), self._decoded(raw)
        if decoded is None and (payload == b"" or self._told_port(raw) in _NETWORK_PORT):
            return Ignored(IgnoreCause.NOT_DATA, self._sender(raw))
        rssi, snr = self._radio(raw)
        return {
            "device": self._device(raw),
            "payload": payload,
            "decoded": decoded,
            "port": self._port(raw),
            "frame_counter": self._counter(raw),
            "time": self._time(raw),
            "rssi": rssi,
            "snr": snr,
            "model": self._model(raw),
            "raw": raw,
        }

    def _sender(self, raw: object) -> str:
        """The device, if a message without data names it."""
        with suppress(Undecodable):
            return self._device(raw)
        return ""


class Envelopes:
    """All active envelopes."""

    def __init__(self, envelopes: Iterable[Envelope] = ()) -> None:
        known = tuple(envelopes)
        self._of: dict[str | None, tuple[Envelope, ...]] = {envelope.name: (envelope,) for envelope in known}
        self._of[ANY_LORAWAN] = tuple(envelope for envelope in known if envelope.lorawan)
        self._of[None] = known

    def of(self, only: str | None) -> tuple[Envelope, ...]:
        """The envelope of that name, all of LoRaWAN for ``lorawan``, all for None; empty if there is no such envelope."""
        return self._of.get(only, ())

    def find(self, raw: object, only: str | None = None) -> Envelope | None:
        """The envelope of ``raw``, a decoded message, among those of :meth:`of`; None if it has none of them."""
        return next((envelope for envelope in self.of(only) if envelope.recognises(raw)), None)


def _holds(when: When) -> Callable[[object], bool]:
    checks = [_check(parse_path(path).get, test) for path, test in when.tests().items()]
    if when.any_present is not None:
        checks.insert(0, _check(first_of(FirstOf(first_of=when.any_present)), Test(present=True)))
    if len(checks) == 1:
        return checks[0]

    def holds(raw: object) -> bool:
        for check in checks:  # noqa: SIM110 - a generator would take longer than the checks
            if not check(raw):
                return False
        return True

    return holds


def _check(get: Get, test: Test) -> Callable[[object], bool]:
    if test == Test(present=True):  # the usual ones, in one call less
        return lambda raw: get(raw) is not None
    if test == Test(present=False):
        return lambda raw: get(raw) is None
    fits = compile_test(test)
    return lambda raw: fits(get(raw))
