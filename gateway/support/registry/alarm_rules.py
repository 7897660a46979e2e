"""Reading ``alarms.yaml``: shipped rules with the utility's changes. The file's model is :mod:`schemas.alarms`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import ValidationError

from gateway.core.alarms.alarm import Severity
from gateway.core.alarms.rules import (
    ClockWrong,
    Completeness,
    Condition,
    CounterStep,
    Limit,
    Losses,
    Night,
    Param,
    Rule,
    Rules,
    Silent,
    Stuck,
    Usual,
    Values,
)
from gateway.core.alarms.shipped import SHIPPED
from gateway.support.config.files import ConfigurationFault, read_yaml
from gateway.support.registry.registry import KeyPath, RegistryFault, fault_lines, faults_in
from schemas.nearest import did_you_mean
from schemas.quantities import QUANTITIES
from schemas.registry import Registry

if TYPE_CHECKING:
    from schemas.alarms import AlarmRules, BothLanguages, ConditionSpec, LimitSpec, RuleSpec


def load_alarm_rules(path: Path) -> Rules:
    """The rules that are active: the shipped ones as ``path`` changes them, or as they are where there is no such file.

    ConfigurationFault names file, key, fault and line.
    """
    if not path.exists():
        return SHIPPED
    from schemas.alarms import AlarmRules  # noqa: PLC0415 - a gateway without such a file does not pay for its model

    document = read_yaml(path)
    try:
        spec = AlarmRules.model_validate({} if document is None else document)
    except ValidationError as error:
        raise ConfigurationFault(fault_lines(path, faults_in(error))) from error
    if wrong := list(_faults(spec)):
        raise ConfigurationFault(fault_lines(path, wrong))
    rules = dict(SHIPPED.by_name) | {rule.name: _rule(rule, SHIPPED.by_name.get(rule.name)) for rule in spec.rules}
    return Rules(tuple(rule for name, rule in rules.items() if name not in spec.switched_off))


def rules_without_devices(rules: Rules, registry: Registry) -> Iterator[str]:
    """Name the rules of a utility's own that look only at quantities which no registered device can send, a sentence each."""
    measured = {device.domain for device in registry.devices}
    if None in measured or not measured:
        return
    sent = {field for domain in (*measured, "device_health") for field in QUANTITIES.get(domain or "", ())}
    for rule in rules.rules:
        fields = {limit.field for condition in rule.when if isinstance(condition, Values) for limit in condition.limits}
        if rule.name not in SHIPPED.by_name and fields and fields.isdisjoint(sent):
            yield f"{rule.name} looks at {', '.join(sorted(fields))}; no registered device sends that"


def _faults(spec: "AlarmRules") -> Iterator[RegistryFault]:
    """Faults that no rule has alone."""
    first: dict[str, int] = {}
    for number, rule in enumerate(spec.rules):
        place: KeyPath = ("rules", number)
        if first.setdefault(rule.name, number) != number:
            yield (*place, "name"), f"{rule.name} occurs twice; the first is rules.{first[rule.name]}"
        if rule.name not in SHIPPED.by_name:
            for key in ("severity", "when", "text", "advice"):
                if key not in rule.model_fields_set:
                    yield (*place, key), f"is missing; {rule.name} is not a shipped rule that could provide it"
        limits = [one for condition in rule.when or () for one in (condition, *(condition.all or ())) if one.field is not None]
        if rule.clear is not None and len(limits) != 1:
            yield (*place, "clear"), "belongs to one limit; the rule has another number of them: write it beside its limit"
    for number, name in enumerate(spec.switched_off):
        if name not in SHIPPED.by_name:
            close = did_you_mean(name, SHIPPED.by_name)
            yield ("switched_off", number), f"there is no shipped rule {name}; gateway alarms rules lists them{close}"


def _rule(spec: "RuleSpec", shipped: Rule | None) -> Rule:
    """A rule as the engine takes it; what it leaves out is that of the shipped rule with its name."""
    given = spec.model_fields_set
    if shipped is None:
        shipped = Rule(spec.name, Severity.WARNING, (), {}, {})
    when = tuple(_condition(condition, spec.clear) for condition in spec.when) if spec.when is not None else shipped.when
    return Rule(
        spec.name,
        Severity(spec.severity) if spec.severity is not None else shipped.severity,
        when,
        _texts(spec.text, shipped.text),
        _texts(spec.advice, shipped.advice),
        spec.for_ if spec.for_ is not None else shipped.for_ms,
        spec.clear_after if spec.clear_after is not None else shipped.clear_after_ms,
        spec.source if "source" in given or "when" in given else shipped.source,
        spec.acknowledge_within if spec.acknowledge_within is not None else shipped.acknowledge_within_ms,
    )


def _texts(given: "BothLanguages | None", shipped: Mapping[str, str]) -> Mapping[str, str]:
    return shipped if given is None else {"vi": given.vi, "en": given.en}


def _condition(spec: "ConditionSpec", clear: float | None) -> Condition:
    if spec.all is not None:
        return Values(tuple(_limit(part, clear) for part in spec.all))
    if spec.silent is not None:
        return Silent(spec.silent)
    if spec.night_flow_above is not None:
        return Night(spec.night_flow_above, spec.nights, _of(spec), spec.least)
    if spec.completeness_below is not None:
        return Completeness(spec.completeness_below / 100)
    return _counted(spec) or (ClockWrong() if spec.clock_wrong else Values((_limit(spec, clear),)))


def _counted(spec: "ConditionSpec") -> Condition | None:
    """The condition about a counter; None: it is another."""
    if spec.counter_step is not None:
        return CounterStep(spec.counter_step)
    if spec.register_stuck is not None:
        return Stuck(spec.register_stuck, spec.times)
    if spec.losses_above is None:
        return None
    of = Param(spec.of, spec.default) if spec.of is not None else None
    return Losses(spec.losses_above / 100, spec.days, of, spec.times_usual, spec.least_a_day)


def _limit(spec: "LimitSpec", clear: float | None) -> Limit:
    if spec.field is None:
        return Limit(spec.state or "", "above", 0.0, 0.0, at=spec.at)
    direction: Literal["above", "below"] = "above" if spec.above is not None else "below"
    value = spec.above if spec.above is not None else spec.below or 0.0
    own = spec.clear if spec.clear is not None else clear
    return Limit(spec.field, direction, value, value if own is None else own, _of(spec), spec.at)


def _of(spec: "LimitSpec") -> Param | Usual | None:
    if spec.of is None:
        return None
    return _USUAL.get(spec.of) or Param(spec.of, spec.default)


_USUAL: Final = {mean.value: mean for mean in Usual}
