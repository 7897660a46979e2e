"""Makes a session from what the command line says, or tells in a sentence why it cannot."""

import ssl
import sys
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware_sim.fleet import KINDS, SimDevice
from firmware_sim.maker_fleet import registers_of, sensors_of
from firmware_sim.makers.identity import MakerIdentity
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.table import encoder
from firmware_sim.profile_files import OWN, NoProfile, envelopes, find_profile
from firmware_sim.publish import BrokerAccess, now_ms
from firmware_sim.signals import rng
from firmware_sim.technician.bench import Bench
from firmware_sim.technician.controls import ACTIONS, BAD_VALUE, CONDITIONS, FIXED_ONLY
from firmware_sim.technician.encoded import EncodedReadings
from firmware_sim.technician.fixed import FixedMessages, fixed_forms
from firmware_sim.technician.native import NativeReadings
from firmware_sim.technician.pinned import UntrustedBroker, pinned_context
from firmware_sim.technician.played import PayloadWriter, PlayedDevice
from firmware_sim.technician.session import DeviceIdentity, PlaySession
from firmware_sim.technician.watch import GatewayAccess
from schemas.enrolment import BadEnrolment, Enrolment, parse_enrolment
from schemas.printable import printable
from schemas.topics import SIMULATED_PREFIX, NativeTopic, is_id, parse_topic

USUAL_KINDS: Final = {"water": "district", "power": "feeder", "traffic": "road", "urban": "air"}
"""Domain → the kind that has the most to play with."""
USUAL_S: Final = 10.0
"""Interval of the sensors of a device that sends only when told."""
COUNTED_S: Final = 300.0
"""Time that a detector counts, so that the traffic at the start shows; the bench counts from message to message."""
FROM_INPUT: Final = "-"


class BadPlay(Exception):  # noqa: N818 - it says what the request is
    """A device that cannot be played as asked; the text says why."""


@dataclass(frozen=True, slots=True)
class PlayRequest:
    """The words of the command line.

    :ivar kind: domain, or domain and kind as in ``water-meter``; empty: see profile or enrolment.
    :ivar interval_s: 0: it sends only when told.
    """

    kind: str
    name: str | None = None
    site: str | None = None
    broker: str = "mqtt://127.0.0.1:1883"
    ca: str | None = None
    from_qr: str | None = None
    profile: str | None = None
    own_profiles: Path = OWN
    gateway: str | None = None
    token_file: Path | None = None
    interval_s: float = USUAL_S
    seed: int = 1
    as_real: bool = False


def kinds() -> list[str]:
    """All kinds of devices that can be played."""
    return [name for domain, each in KINDS.items() for name in (domain, *(f"{domain}-{kind.name}" for kind in each))]


def make_session(request: PlayRequest) -> PlaySession:
    """The session that is asked for. Needs a running event loop.

    :raises BadPlay: with a sentence for people.
    :raises OSError: the broker of an enrolment cannot be reached.
    """
    enrolment = _enrolment(request.from_qr)
    device, identity = device_of(request, now_ms(), enrolment)
    return PlaySession(device, identity, _broker(request, enrolment), _gateway(request))


def device_of(request: PlayRequest, instant_ms: int, enrolment: Enrolment | None = None) -> tuple[PlayedDevice, DeviceIdentity]:
    """The device that is asked for, switched on at an instant.

    :raises BadPlay: with a sentence for people.
    """
    topic = _topic(request, enrolment)
    _check_name(topic, as_real=request.as_real)
    if request.profile is not None:
        return _device_of_profile(request, topic.device, instant_ms)
    return _native_device(request, topic, instant_ms)


def _enrolment(line: str | None) -> Enrolment | None:
    if line is None:
        return None
    try:
        return parse_enrolment(sys.stdin.readline() if line == FROM_INPUT else line)
    except BadEnrolment as error:
        raise BadPlay(f"--from-qr: {error}") from None


def _topic(request: PlayRequest, enrolment: Enrolment | None) -> NativeTopic:
    """The native topic of the device: from the enrolment, or from kind, site and id."""
    domain = request.kind.partition("-")[0]
    told = parse_topic(enrolment.topic) if enrolment is not None else None
    if enrolment is not None and told is None and request.profile is None:
        raise BadPlay(
            f"--from-qr: {printable(enrolment.topic)} is not iot/v1/SITE/DOMAIN/DEVICE/readings; --profile plays other devices"
        )
    if told is None:
        if not domain and request.profile is None:
            raise BadPlay(f"name a kind of device: {', '.join(kinds())}")
        name = request.name or f"{SIMULATED_PREFIX}{(domain or 'device')[0].upper()}-1"
        return NativeTopic(request.site or "test", domain or "water", name, "readings")
    for option, given, other in (
        ("--id", request.name, told.device),
        ("--site", request.site, told.site),
        ("KIND", domain, told.domain),
    ):
        if given and given != other:
            raise BadPlay(f"{option} is {printable(given)}, but the enrolment is for {other}")
    return told


def _check_name(topic: NativeTopic, *, as_real: bool) -> None:
    for option, text in (("--id", topic.device), ("--site", topic.site)):
        if not is_id(text):
            raise BadPlay(f"{option} {printable(text)}: 1 to 64 of A-Z a-z 0-9 . _ : -")
    if not as_real and not topic.device.startswith(SIMULATED_PREFIX):
        raise BadPlay(
            f"{topic.device} may be a real device, whose sums would take in what you play: choose an id that begins with "
            f"{SIMULATED_PREFIX}, or add --as-real if it must be this one"
        )


def _broker(request: PlayRequest, enrolment: Enrolment | None) -> BrokerAccess:
    if enrolment is not None:
        host, port = enrolment.host, enrolment.port
        return BrokerAccess(host, port, enrolment.username, enrolment.password, _tls_of(enrolment, request.ca))
    try:
        return BrokerAccess.parse(request.broker, request.ca)
    except ValueError as error:
        raise BadPlay(f"--broker {error}") from None


def _tls_of(enrolment: Enrolment, ca: str | None) -> ssl.SSLContext:
    """The authority that the enrolment names by its fingerprint, else that in a file, else those of the system."""
    if enrolment.ca_sha256 is None:
        return _tls(ca)
    try:
        return pinned_context(enrolment.host, enrolment.port, enrolment.ca_sha256)
    except UntrustedBroker as error:
        raise BadPlay(f"--from-qr: {error}") from None
    except OSError as error:
        raise OSError(f"broker mqtts://{enrolment.host}:{enrolment.port} not reachable: {error}") from None


def _tls(ca: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise BadPlay(f"--ca {ca}: {error.strerror or error}") from None


def _gateway(request: PlayRequest) -> GatewayAccess | None:
    if request.gateway is None:
        return None
    if not request.gateway.startswith(("http://", "https://")):
        raise BadPlay(f"--gateway {printable(request.gateway)}: write http://HOST:8080")
    tls = _tls(request.ca) if request.gateway.startswith("https://") else None
    if request.token_file is None:
        return GatewayAccess(request.gateway, tls=tls)
    try:
        return GatewayAccess(request.gateway, request.token_file.read_text(encoding="utf-8").strip(), tls)
    except (OSError, UnicodeDecodeError) as error:
        raise BadPlay(f"--gateway-token-file {request.token_file}: {getattr(error, 'strerror', None) or error}") from None


def _native_device(request: PlayRequest, topic: NativeTopic, instant_ms: int) -> tuple[PlayedDevice, DeviceIdentity]:
    wanted = request.kind.partition("-")[2] or USUAL_KINDS[topic.domain]
    found = next((kind for kind in KINDS[topic.domain] if kind.name == wanted), KINDS[topic.domain][0])
    interval_s = COUNTED_S if topic.domain == "traffic" else request.interval_s or USUAL_S
    source = found.make(rng(request.seed, topic.device), interval_s)
    simulated = SimDevice(topic.device, topic.site, topic.domain, source)
    bench = Bench(topic.domain, source, found.registers, instant_ms / 1000)
    identity = DeviceIdentity(topic.device, topic.device, simulated.presence)
    return _on_bench(request, topic.device, NativeReadings(str(topic), bench), bench), identity


def _device_of_make(request: PlayRequest, name: str, maker: Maker, instant_ms: int) -> tuple[PlayedDevice, DeviceIdentity]:
    chance = rng(request.seed, name)
    source = sensors_of(maker, chance, request.interval_s or USUAL_S)
    made = MakerIdentity(maker, maker.name(name, chance), maker.forms[0] if maker.forms else "")
    bench = Bench(maker.domain, source, registers_of(maker), instant_ms / 1000)
    presence = maker.presence(made.source) if maker.presence is not None else None
    identity = DeviceIdentity(name, made.source, presence, maker.profile)
    return _on_bench(request, name, EncodedReadings(made, bench), bench, {BAD_VALUE}), identity


def _on_bench(
    request: PlayRequest, name: str, writer: PayloadWriter, bench: Bench, lacking: AbstractSet[str] = frozenset()
) -> PlayedDevice:
    controls = tuple(
        each
        for each in (*CONDITIONS, *ACTIONS)
        if each.name not in lacking and (not each.domains or bench.domain in each.domains)
    )
    interval_ms = round(request.interval_s * 1000)
    return PlayedDevice(
        name, interval_ms, writer, bench.knobs, controls, bench.positions, bench.set_to, bench.broken, paused=not interval_ms
    )


def _device_of_profile(request: PlayRequest, name: str, instant_ms: int) -> tuple[PlayedDevice, DeviceIdentity]:
    """A device of a profile: by its encoder, else by the messages in its tests."""
    try:
        profile = find_profile(request.profile or "", request.own_profiles)
        if maker := encoder(profile.profile):
            return _device_of_make(request, name, maker, instant_ms)
        forms = fixed_forms(profile, envelopes(request.own_profiles))
    except NoProfile as error:
        raise BadPlay(f"--profile: {error}") from None
    if not forms:
        raise BadPlay(f"--profile {request.profile}: no test in it holds a message whose device can be given another name")
    writer = FixedMessages(forms, name)
    controls = tuple(each for each in (*CONDITIONS, *ACTIONS) if each.name in FIXED_ONLY)
    interval_ms = round(request.interval_s * 1000)
    device = PlayedDevice(name, interval_ms, writer, (), controls, {}, {}, set(), paused=not interval_ms)
    return device, DeviceIdentity(name, writer.sends_as, None, profile.profile)
