"""Messages of Sparkplug edge nodes: their births, and the side effects of their messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.core.message import Arrival, Outcome, SideEffects, WaitCause, quarantined
from gateway.core.profiled import ByProfile
from gateway.core.profiles.matching import ProfiledTopic
from gateway.core.sparkplug.births import NAMESPACE, Address
from gateway.core.sparkplug.host import SparkplugHost, SparkplugVerdict

BIRTH: Final = "birth "
"""Prefix of the keys under which Sparkplug births are saved."""
BIRTH_PATIENCE_MS: Final = 600_000


@dataclass(slots=True)
class EdgeNodes:
    """The edge nodes of all brokers, and the host that follows them."""

    profiled: ByProfile
    host: SparkplugHost = field(default_factory=SparkplugHost)

    def restore_births(self, saved: Mapping[str, str]) -> list[str]:
        """Take the saved births; return the names of those that are obsolete."""
        useless = self.host.restore({name.removeprefix(BIRTH): text for name, text in saved.items()})
        return [BIRTH + key for key in useless]

    def receive(self, address: Address, arrival: Arrival) -> SparkplugVerdict:
        """Follow a node by one of its messages, unless that is Undecodable, and note which of its devices are online."""
        verdict = self.host.receive(address, arrival.message.payload, arrival.now_ms, replayed=arrival.replayed)
        self.profiled.evaluator.sequence_missing["unknown"] += verdict.missing
        for names, online in ((verdict.online, True), (verdict.offline, False)):
            for name in names:
                self.profiled.said(self._device(address, name), arrival, online=online)
        return verdict

    def add_side_effects(self, verdict: SparkplugVerdict, topic: ProfiledTopic, arrival: Arrival, outcome: Outcome) -> Outcome:
        """Add the side effects to an outcome: births to save, a rebirth to request, messages released or kept."""
        side_effects = outcome.side_effects or SideEffects()
        if verdict.wait is not None:
            expires_ms, device = arrival.now_ms + BIRTH_PATIENCE_MS, self.profiled.of_topic(topic)
            waits = quarantined(arrival, WaitCause.NO_BIRTH, verdict.wait, expires_ms, device=device, domain="unknown")
            side_effects.waiting.append(waits)
        side_effects.released += verdict.released
        side_effects.keep |= {f"{BIRTH}{key}": text for key, text in verdict.save.items()}
        if verdict.rebirth is not None:
            side_effects.publish.append(verdict.rebirth)
        if side_effects != SideEffects():
            outcome.side_effects = side_effects
        if verdict.wait is not None:
            self.profiled.noted(self.profiled.of_topic(topic), arrival, outcome)
        return outcome

    def _device(self, address: Address, name: str) -> str:
        """The name that the profile for its data gives to a device of an edge node."""
        topic = f"{NAMESPACE}/{address.group}/NDATA/{address.node}"
        if name:
            topic = f"{NAMESPACE}/{address.group}/DDATA/{address.node}/{name}"
        found = self.profiled.streams.profiles.topic(topic)
        return (found.device() if found else None) or ""
