"""The alarm engine: readings, rounds, nights and days in, transitions out. :mod:`.alarm` explains how it works."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, tzinfo
from typing import Final

from gateway.core.alarms import looking
from gateway.core.alarms.alarm import AlarmState
from gateway.core.alarms.counted import CountedDays, CountedHours, judge_losses, judge_register
from gateway.core.alarms.flicker import Flickers
from gateway.core.alarms.rounds import Rounds, place_of
from gateway.core.alarms.rules import NIGHT_COVERAGE, CounterStep, Night, Rule, Rules, Usual, Values
from gateway.core.alarms.states import States
from gateway.core.alarms.views import UsualHours, Views
from gateway.core.alarms.watch import FLOW, Scales, is_within
from gateway.core.devices.device import Device, Series
from gateway.core.devices.limits import NO_GUARD
from gateway.core.readings.clock_trust import TimeRules
from gateway.core.readings.line_protocol import FieldSet
from gateway.core.readings.steps import DAY_MS, RegisterStep
from gateway.core.status.silence import Silence
from schemas.quantities import Quality
from schemas.readings import Value
from schemas.registry import RegisteredDevice

_SILENT_MOST: Final = 0.8
"""Share of a day. A day with more silence leaves too little to judge."""
_UNUSUAL: Final = Quality.HISTORIC | Quality.COUNTER_SUSPECT


class Alarms:
    """The alarm engine: its active rules, and the states of their alarms, pending ones too."""

    def __init__(self, rules: Rules, silence: Silence, times: TimeRules, zone: tzinfo) -> None:
        """Begin without any state; ``times`` has the tolerance for clocks of devices, ``zone`` is that of the usual hours."""
        self._silence = silence
        self._rounds = Rounds(silence, times)
        self.states = States()
        self._registered: Mapping[str, RegisteredDevice] = {}
        self._views = Views(zone)
        self._flickers = Flickers(self.states, self._views)
        self.rules = rules
        self._views.replace_rules(rules)

    # ---- from the shell ----------------------------------------------------------------------------------------------

    def restore(self, states: Iterable[AlarmState], now_ms: int) -> None:
        """Restore the states of the previous run without telling anybody; end those whose rule was removed."""
        self.states.restore(states)
        self.replace_rules(self.rules, now_ms)

    def replace_rules(self, rules: Rules, now_ms: int) -> None:
        """Take other rules. An alarm whose rule was removed ends; one whose severity changed goes on under the new severity."""
        self.settle()
        self.rules = rules
        self._views.replace_rules(rules)
        for state in list(self.states):
            rule = rules.by_name.get(state.key.alarm)
            if rule is None:
                self.states.end(state, now_ms)
            elif rule.severity != state.severity:
                self.states.move(state, state.tags, rule.severity, now_ms)

    def replace_registry(self, registered: Mapping[str, RegisteredDevice], now_ms: int) -> None:
        """Take the registered devices by name. Alarms of a device that left end; those of one that moved get its new tags."""
        self.settle()
        before, self._registered = self._registered, registered
        self._views.replace_registry(registered)
        for state in list(self.states):
            name = state.tags.device
            entry, was = registered.get(name), before.get(name)
            if entry is None:
                if state.registered:
                    self.states.end(state, now_ms)
                continue
            state.registered = True
            moved = was is not None and was.site != entry.site
            tags = state.tags._replace(area=entry.area or "", site=(entry.site or "") if moved else state.tags.site)
            if tags != state.tags:
                self.states.move(state, tags, state.severity, now_ms)

    def forget(self, devices: Iterable[str], now_ms: int) -> None:
        """End the alarms of devices that the core forgot."""
        names = list(devices)
        self._views.forget(names)
        for name in names:
            self._flickers.forget(name)
        for state in self.states.of_devices(names):
            self.states.end(state, now_ms)

    def pass_on(self, device: Device, now_ms: int) -> None:
        """End what readings of a device told here: another gateway receives them from now on."""
        device.offset_ms = device.clock = None
        self._flickers.forget(device.name)
        for state in self.states.of_devices([device.name]):
            self.states.pass_on(state, self.rules.by_name[state.key.alarm], now_ms)

    def settle(self) -> None:
        """Let conditions that have stood for less than a minute become pending states, which are stored."""
        self._flickers.settle()

    def tell_again(self, device: Device, now_ms: int) -> None:
        """Tell once more of the alarms that readings of a device raised here, while another gateway had it too."""
        for state in self.states.of_devices([device.name]):
            of_all = self.rules.by_name[state.key.alarm].of_all_readings
            if state.is_active and not of_all.issuperset(state.standing):
                self.states.tell_again(state, now_ms)

    def exchanged(self, device: str, now_ms: int) -> None:
        """End the alarms about steps of a counter: the exchange that explains them was told."""
        self._views.forget_registers(device)
        for state in self.states.of_devices([device]):
            if all(isinstance(condition, CounterStep) for condition in self.rules.by_name[state.key.alarm].when):
                self.states.end(state, now_ms)

    # ---- readings ----------------------------------------------------------------------------------------------------

    def reading(
        self,
        series: Series,
        time_ms: int,
        field_set: FieldSet,
        numbers: tuple[Value, ...],
        quality: int,
        step: RegisterStep | None = None,
    ) -> None:
        """Look at a new reading, whose values are in the order of the field set; ignore one that tells of the past.

        ``step`` is that of a counter that it tells of, if people must explain one.
        """
        if step is not None and not quality & Quality.HISTORIC:
            looking.note_step(self.states, self.rules, place_of(series.device, series), series.pattern.text_tags, time_ms, step)
            series.device.guard = NO_GUARD  # its readings are looked at closely while the alarm stands
        device = series.device
        guard, flickers = device.guard, self._flickers
        if guard.from_ms <= time_ms < guard.until_ms and not quality & _UNUSUAL:
            gate = guard.gates.get(field_set)
            if gate is not None:
                for at, low, high in gate:
                    if not low <= numbers[at] <= high:  # type: ignore[operator] # texts are tags by now
                        if looking.is_overtaken(device, time_ms) or flickers.is_marked(series, field_set, time_ms, numbers):
                            return
                        break
                else:
                    if not flickers or flickers.is_calm(series, field_set, time_ms):
                        return
        if not quality & Quality.HISTORIC and not looking.is_overtaken(device, time_ms):
            if flickers:
                flickers.settle(device.name)
            place = place_of(device, series)
            self._look(series, field_set, looking.Look(place, time_ms, numbers, quality, series.pattern.text_tags))

    def _look(self, series: Series, field_set: FieldSet, look: looking.Look) -> None:
        """Look at a reading that did not pass a gate: a value is outside, a condition stands, or there is no view yet."""
        device, time_ms = series.device, look.time_ms
        guard = device.guard
        if guard.from_ms <= time_ms < guard.until_ms:
            view = self._views.of(device)
        else:
            view = self._views.look(device, time_ms, busy=self.states.has(device.name))
        table = view.table(field_set)
        if table.with_flow is not None and not view.sends_flow:
            flow_m3_h = view.flow(float(look.numbers[table.volume_at]), time_ms, look.quality, look.text_tags)
            if flow_m3_h is not None:
                look.numbers, table = (*look.numbers, flow_m3_h), table.with_flow
        if view.is_busy or look.quality & Quality.COUNTER_SUSPECT or not is_within(table.gate, look.numbers):
            looking.look_closely(self.states, view, table, look, self._views.of_parent(view))
        self._views.put(view)

    # ---- rounds and roll-ups -----------------------------------------------------------------------------------------

    def tick(self, now_ms: int, devices: Iterable[Device], *, clock_trusted: bool = True) -> Iterator[None]:
        """Make a round over all registered devices, for silence and wrong clocks, and over the alarms that wait for people.

        Each step looks at some of them. While the gateway's own clock is in doubt no other is judged.
        """
        yield from self._rounds.run(self.rules, self.states, devices, now_ms, clock_trusted=clock_trusted)
        yield from self.states.remind(self.rules, now_ms)

    def night(self, device: Device, day: date, flow_min_m3_h: float, coverage: float, now_ms: int) -> None:
        """Take the lowest flow of a device's night. One that lacks readings, by the share that arrived, does not count."""
        if coverage < NIGHT_COVERAGE:
            return
        usual_m3_h = self._views.usual_night(device.name, looking.NIGHT_HOURS)
        scales = Scales(device.params, {} if usual_m3_h is None else {(Usual.HOUR, FLOW): usual_m3_h})
        looking.judge_night(self.rules, self.states, place_of(device), day, flow_min_m3_h, scales, now_ms)

    def day(self, device: Device, completeness: float, now_ms: int, *, longest_gap_s: float = 0.0) -> None:
        """Take the completeness of a device's newest day."""
        # A gap that was long enough for an alarm of silence, of the device or of its site, does not count a second time.
        told = longest_gap_s * 1000 / DAY_MS if longest_gap_s * 1000 >= self._silence.after_ms(device) else 0.0
        if self._silence.membership.heard_ms(device) and told <= _SILENT_MOST:
            looking.judge_day(self.rules, self.states, place_of(device), min(1.0, completeness / (1 - told)), now_ms)

    def counted_hours(self, device: Device, counted: CountedHours) -> int | None:
        """Take what a device counted; return since when its register was stuck if the alarm began or ended now."""
        before = self._stuck_since(device.name)
        judge_register(self.rules, self.states, place_of(device), counted)
        after = self._stuck_since(device.name)
        return None if before == after else min(one for one in (before, after) if one is not None)

    def _stuck_since(self, name: str) -> int | None:
        found = (state for state in self.states.of_devices([name]) if state.is_active and self.rules.is_stuck(state.key.alarm))
        return min((state.since_ms for state in found), default=None)

    def counted_days(self, parent: Device, days: CountedDays, now_ms: int) -> None:
        """Take what a parent and the meters behind it counted up to the newest day."""
        judge_losses(self.rules, self.states, place_of(parent), days, Scales(parent.params, {}), now_ms)

    def usual(self, device: str, hours: UsualHours) -> bool:
        """Take the means of the last days by local hour, or after a restart those that were kept; False: they are not taken."""
        active = [state.key.alarm for state in self.states.of_devices([device]) if state.is_active]
        if device in self._views.usual and any(_looks_at_usual(self.rules.by_name[name]) for name in active):
            return False  # else the alarm that stands would become what is usual, and end
        self._views.take_usual(device, hours)
        return True


def _looks_at_usual(rule: Rule) -> bool:
    """Tell if a limit of a rule is a multiple of what is usual."""
    limits = [limit.of for condition in rule.when if isinstance(condition, Values) for limit in condition.limits]
    nights = [condition.of for condition in rule.when if isinstance(condition, Night)]
    return any(isinstance(of, Usual) for of in [*limits, *nights])
