"""A small world for the standby: a broker with wills and retained states, and machines that crash, freeze and are cut off."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from gateway.core.gateways.standby import WORDS_EACH_KEEP_ALIVE, PairRole, Standby

STEP_S: Final = 0.1
KEEP_ALIVE_S: Final = 10.0
_WILL_AFTER_S: Final = 1.5 * KEEP_ALIVE_S

State = tuple[PairRole, int]


@dataclass
class Machine:
    """A machine of the pair: its watch, and its hold on the session.

    :ivar cut: packets between it and the broker are lost.
    """

    name: str
    standby: Standby
    running: bool = True
    frozen: bool = False
    cut: bool = False
    watching: bool = False
    inbox: list[tuple[str, State, bool]] = field(default_factory=list)
    said: PairRole | None = None
    next_word_s: float = 0.0
    again_s: float = 0.0
    unanswered_s: float | None = None


@dataclass
class World:
    """Broker and machines; one step is a tenth of a second.

    :ivar moves: how often the session went to another machine than before.
    """

    random: Random
    machines: dict[str, Machine] = field(default_factory=dict)
    now_s: float = 0.0
    broker_up: bool = True
    retained: dict[str, State] = field(default_factory=dict)
    on_disk: dict[str, State] = field(default_factory=dict)
    watches: dict[str, float] = field(default_factory=dict)
    holder: str | None = None
    last_holder: str | None = None
    moves: int = 0
    both_live_s: float = 0.0

    def start(self, name: str) -> None:
        """Start a machine, or start it again."""
        self.machines[name] = Machine(name, Standby(name, KEEP_ALIVE_S), cut=name in self.machines and self.machines[name].cut)

    def stop(self, name: str) -> None:
        """Stop a machine in order."""
        machine = self.machines[name]
        if machine.running and not machine.frozen and self._reaches(machine) and machine.watching:
            self.watches.pop(name, None)
            self._publish(name, (PairRole.OFFLINE, machine.standby.term))
        self.kill(name)

    def kill(self, name: str) -> None:
        """Kill a machine: the broker sees its connections close, unless it is cut off."""
        machine = self.machines[name]
        machine.running = machine.watching = False
        if not machine.cut:
            self._end(name)

    def crash_broker(self) -> None:
        """Kill the broker; what it last saved comes back with it."""
        self.broker_up, self.holder = False, None
        self.watches.clear()

    def restart_broker(self) -> None:
        """Start it again."""
        self.broker_up, self.retained = True, dict(self.on_disk)

    def live(self) -> list[str]:
        """Return the machines that believe that they are live, and can act."""
        return [
            name for name, one in self.machines.items() if one.running and not one.frozen and one.standby.role is PairRole.LIVE
        ]

    def step(self) -> None:
        """Let a tenth of a second pass."""
        self.now_s += STEP_S
        if self.broker_up:
            for name, heard_s in list(self.watches.items()):
                if self.now_s - heard_s > _WILL_AFTER_S:
                    self._end(name)
        for machine in self.random.sample(list(self.machines.values()), len(self.machines)):
            if machine.running and not machine.frozen:
                self._work(machine)
        if len(self.live()) > 1:
            self.both_live_s += STEP_S

    # The broker.

    def _reaches(self, machine: Machine) -> bool:
        return self.broker_up and not machine.cut

    def _publish(self, name: str, state: State) -> None:
        self.retained[name] = state
        for other in self.watches:
            self.machines[other].inbox.append((name, state, False))

    def _end(self, name: str) -> None:
        """Close what a machine has open at the broker, and publish its will."""
        if self.holder == name:
            self.holder = None
        if self.watches.pop(name, None) is not None:
            self._publish(name, (PairRole.OFFLINE, 0))

    # A machine.

    def _work(self, machine: Machine) -> None:
        name, standby, reaches = machine.name, machine.standby, self._reaches(machine)
        self._look(machine, reaches=reaches)
        if not machine.watching and reaches and self.now_s >= machine.again_s:
            self._end(name)  # a connection of before, that the broker believes in
            self.watches[name], machine.watching, machine.said, machine.inbox = self.now_s, True, None, []
            machine.inbox += [(of, state, True) for of, state in self.retained.items()]
        if machine.watching and reaches:
            self.watches[name] = self.now_s
            for of, (role, term), was_retained in machine.inbox:
                standby.heard(of, role, term, self.now_s, retained=was_retained)
            machine.inbox.clear()
            standby.synced(self.now_s)
        role = standby.decide(self.now_s)
        if machine.watching and reaches and (role is not machine.said or self.now_s >= machine.next_word_s):
            machine.said, machine.next_word_s = role, self.now_s + KEEP_ALIVE_S / WORDS_EACH_KEEP_ALIVE
            self._publish(name, (role, standby.term))
        if role is not PairRole.LIVE and self.holder == name and reaches:
            self.holder = None
        if reaches and standby.may_open and self.holder is None:
            self.holder = name
        elif reaches and standby.may_open and self.holder != name and self._believes_gone(name):
            self.holder = name  # thrown out: it waits a minute, and hears of a later term meanwhile
        if self.holder is not None and self.holder != self.last_holder:
            self.moves += self.last_holder is not None
            self.last_holder = self.holder

    def _believes_gone(self, name: str) -> bool:
        """Tell if whoever holds the session is not live in the eyes of this machine: it takes the session over."""
        return all(partner.role is not PairRole.LIVE for partner in self.machines[name].standby.partners.values())

    def _look(self, machine: Machine, *, reaches: bool) -> None:
        """Notice that the watch has ended: at once if the broker closed it, after a keep-alive without an answer."""
        if not machine.watching:
            return
        if reaches and machine.name in self.watches:
            machine.unanswered_s = None
            return
        closed = self.broker_up and not machine.cut
        machine.unanswered_s = machine.unanswered_s or self.now_s
        if closed or not self.broker_up or self.now_s - machine.unanswered_s > KEEP_ALIVE_S:
            machine.watching, machine.unanswered_s = False, None
            machine.again_s = self.now_s + self.random.uniform(0.05, 2.0)
            machine.standby.lost(self.now_s)
