"""Playing without a screen: a few lines of text, or the command's options, and a line for each message.

A line of a script is a time and what happens then::

    0s    set flow 1.2
    5s    leak on
    +10s  send          # ten seconds after the line before
    20s   end
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from firmware_sim.publish import now_ms
from firmware_sim.technician.played import PlayedDevice, UnknownControl
from firmware_sim.technician.session import PlaySession, SentMessage
from firmware_sim.technician.words import line_of, text
from schemas.durations import parse_span_ms

SET, END = "set", "end"
SWITCHES: Final = {"on": True, "off": False}
LINE: Final = "TIME set KNOB VALUE, TIME CONDITION on|off, TIME ACTION, or TIME end"
REACH_S: Final = 10.0
"""So long it looks for the broker."""
PATIENCE_S: Final = 5.0
"""So long it waits in the end for acknowledgements and for the gateway's judgement."""
LOOK_S: Final = 0.05


class BadScript(Exception):  # noqa: N818 - it says what the script is
    """A script that cannot be played; the text says which line and why."""


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """Something that a person would do at a time.

    :ivar at_ms: since the begin.
    :ivar name: knob, condition or action; empty: the end.
    :ivar value: of a knob; of a condition True to begin it; None: an action.
    """

    at_ms: int
    name: str
    value: float | bool | None = None

    def apply(self, device: PlayedDevice) -> None:
        """Do it.

        :raises UnknownControl: the device has nothing of that name.
        """
        if isinstance(self.value, bool):
            device.switch(self.name, on=self.value)
        elif self.value is not None:
            device.set(self.name, self.value)
        else:
            device.do(self.name)


@dataclass(frozen=True, slots=True)
class PlayScript:
    """Steps, and the end.

    :ivar end_ms: since the begin; None: see ``messages``.
    :ivar messages: it ends when so many have been sent.
    """

    steps: Sequence[ScriptStep] = ()
    end_ms: int | None = None
    messages: int = 1


def parse_script(source: str) -> PlayScript:
    """The script in a text.

    :raises BadScript: with the number of the line.
    """
    steps: list[ScriptStep] = []
    at_ms, end_ms = 0, None
    for number, line in enumerate(source.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            at_ms = _time_ms(words[0], at_ms)
            if words[1:] == [END]:
                end_ms = at_ms
                break
            steps.append(_step(at_ms, words[1:]))
        except ValueError as error:
            raise BadScript(f"line {number}: {line.strip()}: {error}") from None
    return PlayScript(steps, at_ms if end_ms is None else end_ms)


def _time_ms(word: str, before_ms: int) -> int:
    at_ms = parse_span_ms(word.removeprefix("+")) + (before_ms if word.startswith("+") else 0)
    if at_ms < before_ms:
        raise ValueError(f"{word} is before the line above")
    return at_ms


def _step(at_ms: int, words: Sequence[str]) -> ScriptStep:
    match words:
        case ["set", name, value]:
            return ScriptStep(at_ms, name, parse_value(value))
        case [name, switch] if switch in SWITCHES:
            return ScriptStep(at_ms, name, SWITCHES[switch])
        case [name] if name != SET:
            return ScriptStep(at_ms, name)
    raise ValueError(f"write {LINE}")


def parse_value(text_of_value: str) -> float:
    """The value of a knob.

    :raises ValueError: with a sentence for people.
    """
    try:
        value = float(text_of_value)
    except ValueError:
        value = float("nan")
    if abs(value) > 1e9 or value != value:  # noqa: PLR0124, PLR2004 - NaN differs from itself; more is a typing error
        raise ValueError(f"{text_of_value} is not a value to set")
    return value


def script_of_options(
    knobs: Sequence[str], conditions: Sequence[str], actions: Sequence[str], messages: int | None, span: str | None
) -> PlayScript:
    """The script that plain options stand for: all at the begin.

    :raises BadScript: with a sentence for people.
    """
    steps = []
    try:
        for knob in knobs:
            name, _, value = knob.partition("=")
            steps.append(ScriptStep(0, name, parse_value(value)))
        end_ms = None if span is None else parse_span_ms(span)
    except ValueError as error:
        raise BadScript(str(error)) from None
    steps += [ScriptStep(0, name, value=True) for name in conditions]
    steps += [ScriptStep(0, name) for name in actions]
    if messages is not None and messages < 1:
        raise BadScript(f"--send {messages}: 1 or more")
    if end_ms is not None and messages is not None:
        raise BadScript("--send and --for both say when it ends: give one of them")
    return PlayScript(steps, end_ms, messages or 1)


def check_script(script: PlayScript, device: PlayedDevice) -> None:
    """Tell before the begin if the device lacks what a script uses.

    :raises BadScript: with the name.
    """
    try:
        for step in script.steps:
            device.check(step.name, is_knob=isinstance(step.value, float))
    except UnknownControl as error:
        raise BadScript(str(error)) from None


@dataclass(slots=True)
class ScriptPlayer:
    """Plays a script with a session, and says what happens.

    :ivar say: takes a line.
    """

    session: PlaySession
    script: PlayScript
    language: str
    say: Callable[[str], None]
    _said: set[int] = field(default_factory=set)

    async def play(self) -> int:
        """Play to the end; return the exit status: 0 all arrived, 1 not, 3 the broker was not reached."""
        session = self.session
        session.on_change(self._changed)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        left = list(self.script.steps)
        while left and left[0].at_ms == 0:
            left.pop(0).apply(session.device)
        playing = asyncio.create_task(session.run())
        try:
            if not await self._until(self._is_reached, REACH_S):
                self.say(f"firmware-sim: broker {session.broker} not reachable: {session.link.trouble or 'no answer'}")
                return 3
            while not playing.done() and not self._is_over(left, round((loop.time() - began_s) * 1000)):
                while left and left[0].at_ms <= (loop.time() - began_s) * 1000:
                    left.pop(0).apply(session.device)
                await asyncio.sleep(LOOK_S)
            session.device.paused = True
            await self._until(lambda: not session.open, PATIENCE_S)
        finally:
            playing.cancel()
            await asyncio.wait([playing])
        return self._sum_up()

    def _is_reached(self) -> bool:
        """Tell if it is connected, or cannot be: its script took the network away."""
        return self.session.link.connected.is_set() or not self.session.device.is_connected(now_ms())

    def _is_over(self, left: Sequence[ScriptStep], passed_ms: int) -> bool:
        if left:
            return False
        if self.script.end_ms is not None:
            return passed_ms >= self.script.end_ms
        return len(self.session.sent) >= self.script.messages

    async def _until(self, holds: Callable[[], bool], within_s: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + within_s
        while not holds() and loop.time() < deadline_s:  # noqa: ASYNC110 - it may be any condition
            await asyncio.sleep(LOOK_S)
        return holds()

    def _changed(self, sent: SentMessage) -> None:
        if self.session.is_told(sent):
            self._line(sent)

    def _line(self, sent: SentMessage) -> None:
        if sent.message.number not in self._said:
            self._said.add(sent.message.number)
            self.say(line_of(sent, self.language, asked=self.session.watch is not None))

    def _sum_up(self) -> int:
        session = self.session
        for sent in session.sent:
            self._line(sent)
        if session.refuses_simulated:
            self.say(text("refused", self.language))
        if session.waits_for_registration:
            self.say(text("waits", self.language))
        if session.watch is not None:
            if session.watch.trouble:
                self.say(f"{text('gateway', self.language)}: {session.watch.trouble}")
            elif not session.watch.met:
                self.say(text("never_met", self.language))
        acknowledged = sum(sent.acknowledged_ms is not None for sent in session.sent)
        stored = len(session.device.stored)
        self.say(text("sum", self.language, len(session.sent), acknowledged, stored))
        return 0 if not session.open and not stored and session.sent else 1
