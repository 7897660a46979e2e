"""``gateway profiles``: proposals from descriptions for Home Assistant, and templates to copy."""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mqtt5 import PublishPacket, RetainHandling

from gateway.commands import OK, UNREACHABLE
from gateway.commands.devices.decode import recording
from gateway.commands.guest import guest, open_as_guest
from gateway.commands.terminal import add_action, whole_number
from gateway.core.message import StoredMessage
from gateway.core.mqtt_session import DISCONNECT, Connected, Event, Oversized, ProtocolFault, Session, Subscribed, pubacks
from gateway.ingest.catalog import load_catalog
from gateway.onboarding.explain.dry_run import begin
from gateway.onboarding.proposals.discovery import Entity, entities_in, is_discovery
from gateway.onboarding.proposals.proposal_text import comment, text_of, with_tests
from gateway.onboarding.proposals.proposals import Heard, Proposal, propose
from gateway.runtime.pipeline.options import broker_address, session_options
from gateway.runtime.pipeline.processing import build_processor
from gateway.support.clock import WallClock
from gateway.support.config.bundled_profiles import SHIPPED
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.private_files import private
from gateway.support.tls import ended, plain_fault
from schemas.nearest import did_you_mean
from schemas.printable import printable

_PATIENCE_S: Final = 5.0
_TEMPLATES: Final = SHIPPED / "templates"


def add_options(profiles: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway profiles``."""
    actions = profiles.add_subparsers(required=True, metavar="ACTION")

    proposed = add_action(
        actions, "propose", "draft profiles from what devices tell Home Assistant", _propose, or_defaults=True
    )
    proposed.add_argument(
        "--prefix", default="homeassistant", help="topic prefix of discovery messages (default: homeassistant)"
    )
    proposed.add_argument(
        "--seconds", type=whole_number, default=10, metavar="N", help="seconds to listen at the broker (default: 10)"
    )
    proposed.add_argument("--jsonl", type=Path, metavar="FILE", help="read a recording instead of the broker, as in decode")
    proposed.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: standard output)")

    template = actions.add_parser("template", help="print a profile to fill in")
    template.add_argument("name", nargs="?", metavar="NAME", help="template to print; without a name: list all")
    template.set_defaults(call=_template)


def _template(options: argparse.Namespace) -> int:
    name = options.name
    known = {path.stem: path for path in sorted(_TEMPLATES.glob("*.yaml"))}
    if name is None:
        print("\n".join(known))
        return OK
    if name not in known:
        raise ConfigurationFault(
            [f"NAME: there is no template {name}; there are {', '.join(known)}{did_you_mean(name, known)}"]
        )
    print(known[name].read_text(encoding="utf-8"), end="")
    return OK


@dataclass(slots=True)
class _Collected:
    """Messages heard: configurations by topic, and the last message of each other topic."""

    prefix: str
    configs: dict[str, bytes] = field(default_factory=dict)
    heard: dict[str, Heard] = field(default_factory=dict)

    def take(self, topic: str, payload: bytes, arrival_ms: int) -> None:
        if is_discovery(topic, self.prefix):
            self.configs[topic] = payload
        else:
            self.heard[topic] = Heard(payload, arrival_ms)

    def entities(self) -> tuple[list[Entity], list[str]]:
        """The described values, and those that are not understood."""
        found = [one for topic, payload in self.configs.items() for one in entities_in(topic, payload, self.prefix)]
        return [one for one in found if isinstance(one, Entity)], [one for one in found if isinstance(one, str)]


def _propose(config: Config, options: argparse.Namespace) -> int:
    _check_out(options.out, config)
    collected = _Collected(options.prefix)
    if options.jsonl is not None:
        for row in recording(str(options.jsonl)):
            collected.take(row.message.topic, row.message.payload, row.arrival_ms)
    elif fault := asyncio.run(_listen(config, collected, options.seconds)):
        print(printable(fault), file=sys.stderr)
        return UNREACHABLE
    entities, notes = collected.entities()
    proposals, more = propose(entities, collected.heard)
    taken = _taken(config, collected.heard)
    documents = [text for text in (_document(proposal, taken, notes) for proposal in proposals) if text]
    notes += more
    print(printable(_summary(collected, len(documents), len(notes))), file=sys.stderr)
    if not documents:
        print(*map(printable, notes), sep="\n", file=sys.stderr)
        return 1
    head = [_HEAD, *(["Not understood:", *notes] if notes else [])]
    text = "\n".join(line for said in head for line in comment(said)) + "\n" + "---\n".join(documents)
    if options.out is None:
        print(printable(text, layout=True), end="")
    else:
        with open(options.out, "x", encoding="utf-8", opener=private) as file:
            file.write(text)
        print(f"{options.out}: written; it is not active yet", file=sys.stderr)
    return 0


_HEAD: Final = (
    "Drafted by gateway profiles propose from what devices tell Home Assistant. NOT active: compare the values in the tests "
    "with what the devices show and correct the profile; then put it into profiles/ and run gateway check."
)


def _check_out(out: Path | None, config: Config) -> None:
    if out is None:
        return
    if out.exists():
        raise ConfigurationFault([f"{out}: --out: exists already; give another name"])
    if out.resolve().parent == config.profiles.path.resolve():
        why = "is where the gateway would activate it at its next reload; write it elsewhere, review it, then move it there"
        raise ConfigurationFault([f"{out}: --out: {why}"])
    if not out.parent.is_dir():
        raise ConfigurationFault([f"{out}: --out: there is no folder {out.parent}"])


def _document(proposal: Proposal, taken: Mapping[str, str], notes: list[str]) -> str:
    try:
        profile, silent = with_tests(proposal)
    except ValueError as error:
        notes.append(f"{proposal.profile['match']['topic']}: no profile can be written of it: {error}")
        return ""
    if not profile["tests"]:
        notes += silent
        return ""
    topics = [topic for _, messages in proposal.messages for topic, _ in messages]
    covered = dict.fromkeys(taken[topic] for topic in topics if topic in taken)
    remarks = [f"The profile {name} reads these messages already: rather enable that one." for name in covered]
    remarks += [f"Look at: {doubt}." for doubt in proposal.doubts] + [f"In the last message: {one}." for one in silent]
    return text_of(profile, remarks)


def _taken(config: Config, heard: Mapping[str, Heard]) -> dict[str, str]:
    """Topic → the profile, active or shipped, that takes its messages already."""
    known = load_catalog(config, all_shipped=True)
    processor = build_processor(config, known)
    found = {}
    for topic, last in heard.items():
        seen = begin(processor, StoredMessage(topic, last.payload, retain=False), last.arrival_ms)
        if seen.profile is not None:
            found[topic] = seen.profile
    return found


def _summary(collected: _Collected, profiles: int, notes: int) -> str:
    return (
        f"{len(collected.configs)} configurations under {collected.prefix}/, messages on {len(collected.heard)} topics; "
        f"{profiles} profiles proposed, {notes} things not understood"
    )


async def _listen(config: Config, collected: _Collected, seconds: float) -> str:
    """Listen to configurations, then to the topics they name, for some seconds; return the fault, if any.

    This is a guest's connection, so that a running gateway loses nothing.
    """
    address = broker_address(config.mqtt)
    options = session_options(config)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer, _ = await open_as_guest(address, options)
    except TimeoutError:
        return f"{address}: no answer within {_PATIENCE_S:g} s"
    except (OSError, ProtocolFault) as error:
        return f"{address}: {plain_fault(error) if isinstance(error, OSError) else error}"
    async with ended(writer):
        ear = _Ear(Session(guest(options, "propose")), writer, collected)
        return await _hear(ear, reader, seconds) and f"{address}: {ear.fault}"


async def _hear(ear: "_Ear", reader: asyncio.StreamReader, seconds: float) -> str:
    """Listen for some seconds; return the fault, if any."""
    ear.writer.write(ear.session.connect())
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            try:
                while data := await reader.read(65536):
                    ear.receive(data)
            except (OSError, ProtocolFault) as error:
                ear.fault = str(error)
            else:
                ear.fault = "the broker closed the connection"
    if not ear.session.connected and not ear.fault:
        ear.fault = f"no answer within {seconds:g} s"
    ear.writer.write(DISCONNECT)
    return ear.fault


@dataclass(slots=True)
class _Ear:
    """The connection: subscribes to configurations, then to each topic they name."""

    session: Session
    writer: asyncio.StreamWriter
    collected: _Collected
    fault: str = ""
    asked: set[str] = field(default_factory=set)

    def receive(self, data: bytes) -> None:
        """Take what the broker sent; ProtocolFault if the connection cannot go on."""
        events = self.session.receive(data)
        if any(isinstance(event, Connected) for event in events):
            prefix = self.collected.prefix
            self.subscribe([f"{prefix}/+/+/config", f"{prefix}/+/+/+/config"])
        for event in events:
            self._take(event)
        owed = [
            event.packet_id for event in events if isinstance(event, PublishPacket | Oversized) and event.packet_id is not None
        ]
        if owed:
            self.writer.write(pubacks(owed))

    def subscribe(self, topics: Iterable[str]) -> None:
        """Subscribe to topics that are not subscribed yet."""
        new = [topic for topic in topics if topic not in self.asked]
        if new:
            self.asked.update(new)
            self.writer.write(self.session.subscribe(dict.fromkeys(new, RetainHandling.SEND_ALWAYS)))

    def _take(self, event: Event) -> None:
        if isinstance(event, Subscribed) and event.refused:
            self.fault = "; ".join(f"subscription {topic} refused: {why}" for topic, why in event.refused.items())
        elif isinstance(event, PublishPacket):
            payload = bytes(event.payload or b"")
            self.collected.take(event.topic, payload, WallClock().now_ms())
            if is_discovery(event.topic, self.collected.prefix):
                found = entities_in(event.topic, payload, self.collected.prefix)
                self.subscribe(one.state_topic for one in found if isinstance(one, Entity))
