"""The rules of alarms as a model: ``alarms.yaml``, in which a utility changes shipped rules and adds its own."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.durations import SpanMs
from schemas.quantities import QUANTITIES, Kind, Quantity

FIELDS: Final[dict[str, Quantity]] = {row.field: row for rows in QUANTITIES.values() for row in rows.values()}
"""Every quantity that a rule may look at; those that two measurements share are alike."""

USUAL: Final = ("usual", "usual_peak")
RULE_NAME: Final = r"^[a-z][a-z0-9_]{0,63}$"


def _quantity(text: str) -> str:
    if text not in FIELDS:
        raise ValueError(f"there is no quantity {text}; quantities.md lists all")
    return text


class _AlarmsPart(BaseModel):
    """A part of the file: what it does not know is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Field_ = Annotated[str, AfterValidator(_quantity)]


class LimitSpec(_AlarmsPart):
    """A value above or below a limit, or a state that is true."""

    state: Field_ | None = Field(None, description="A state: the condition is met while it is true.")
    field: Field_ | None = Field(None, description="A quantity with a number.")
    above: float | None = Field(None, description="Met above this value, in the unit of the quantity or as a multiple of `of`.")
    below: float | None = Field(None, description="Met below this value.")
    clear: float | None = Field(None, description="An active alarm ends at this value; without it at the limit itself.")
    of: str | None = Field(
        None,
        min_length=1,
        description="The limit is a multiple of a parameter of the device in the registry; or of `usual`, the mean of the same "
        "hour over the last 14 days, or of `usual_peak`, that of the hour with the highest.",
    )
    default: float | None = Field(
        None, description="The parameter's value for devices that have none; without it they are left out."
    )
    at: Literal["device", "parent"] = Field("device", description="parent: the value of the device that this one hangs behind.")

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if self.state is not None:
            self._check_state(self.state)
        elif self.field is not None:
            self._check_number(self.field)
        return self

    def _check_state(self, state: str) -> None:
        if FIELDS[state].kind is not Kind.STATE:
            raise ValueError(f"{state} is a number; write field: {state} with above or below")
        if (self.field, self.above, self.below, self.clear, self.of) != (None,) * 5:
            raise ValueError("a state is true or false; leave out field, above, below, clear and of")

    def _check_number(self, name: str) -> None:
        if FIELDS[name].kind is Kind.STATE:
            raise ValueError(f"{name} is true or false; write state: {name}")
        if (self.above is None) == (self.below is None):
            raise ValueError(f"give above or below for {name}; for both write two conditions in a list")
        wrong = self.clear is not None and (
            (self.above is not None and self.clear > self.above) or (self.below is not None and self.clear < self.below)
        )
        if wrong:
            raise ValueError("clear lies beyond the limit: the alarm would end before it begins")
        if self.default is not None and self.of in (None, *USUAL):
            raise ValueError("default is the value of a parameter; name the parameter in of")


class PartSpec(LimitSpec):
    """One of two or more limits that must be passed together."""

    @model_validator(mode="after")
    def _some_limit(self) -> Self:
        if self.state is None and self.field is None:
            raise ValueError("give state or field")
        return self


class ConditionSpec(LimitSpec):
    """One condition, of exactly one kind: the keys from ``all`` on, ``state`` and ``field`` are one each."""

    all: list[PartSpec] | None = Field(
        None, min_length=2, description="All of these together, of one device or of it and its parent; the rarest first."
    )
    silent: Literal["device", "site"] | None = Field(None, description="Nothing came for silent_after.")
    night_flow_above: float | None = Field(
        None, ge=0, description="The lowest flow of the night in m3/h, or as a multiple of `of`, was above this."
    )
    nights: int = Field(3, strict=True, ge=1, le=14, description="So many nights in a row.")
    least: float = Field(0.0, ge=0, description="A limit of the night that is a multiple is never below so many m3/h.")
    completeness_below: float | None = Field(None, gt=0, le=100, description="Less than so many % of a day's readings arrived.")
    counter_step: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=10,
        description="A register stepped without an exchange, and so many messages say so; three at most.",
    )
    register_stuck: Literal["flow", "behind", "habit"] | None = Field(
        None,
        description="A register stands still, and a witness says that something flows: the device's own flow, power or counts; "
        "the meters behind it; its habit.",
    )
    times: float = Field(
        3.0,
        ge=1,
        le=100,
        description="The witness says so many times as much as ever before the register moved; a habit: the register stands "
        "still so many times as long as ever.",
    )
    losses_above: float | None = Field(
        None,
        gt=0,
        le=100,
        description="More % of a parent's supply, or as a multiple of `of`, was counted by no meter behind it.",
    )
    days: int = Field(3, strict=True, ge=1, le=14, description="Losses of so many days together.")
    times_usual: float = Field(
        1.5, ge=0, le=100, description="The share is also above so many times its mean of 28 days; 0: that does not matter."
    )
    least_a_day: float = Field(0.5, ge=0, description="Smaller losses of a day are none, in m3 or kWh.")
    clock_wrong: Literal[True] | None = Field(None, description="The device's clock is too far off to be believed.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [kind for kind in _KINDS if kind in self.model_fields_set]
        if len(given) != 1:
            raise ValueError(
                f"a condition has exactly one of {', '.join(_KINDS)}" + (f", not {', '.join(given)}" if given else "")
            )
        allowed = _BESIDE.get(given[0], set()) | {given[0]}
        for key in sorted(self.model_fields_set - allowed):
            raise ValueError(f"{key} does not belong to a condition with {given[0]}")
        if self.at == "parent":
            raise ValueError("at: parent stands in all, behind a limit of the device itself")
        if self.losses_above is not None and self.of in USUAL:
            raise ValueError("losses are compared with what is usual by times_usual; of names a parameter")
        if self.all is not None and self.all[0].at == "parent":
            raise ValueError("the first of all is the device's own; put the parent's behind it")
        return self


_LIMIT: Final = {"above", "below", "clear", "of", "default", "at"}
_KINDS: Final = (
    *("state", "field", "all", "silent", "night_flow_above", "completeness_below", "counter_step", "register_stuck"),
    *("losses_above", "clock_wrong"),
)
_BESIDE: Final = {
    "field": _LIMIT,
    "night_flow_above": {"nights", "least", "of", "default"},
    "register_stuck": {"times"},
    "losses_above": {"days", "times_usual", "least_a_day", "of", "default"},
}
"""Kind of a condition → the keys that may stand beside it."""


class BothLanguages(_AlarmsPart):
    """A sentence in both languages."""

    vi: str = Field(min_length=1, max_length=500)
    en: str = Field(min_length=1, max_length=500)


class RuleSpec(_AlarmsPart):
    """A rule. One with the name of a shipped rule replaces it; what it leaves out stays as shipped."""

    name: str = Field(pattern=RULE_NAME, description="Small letters, digits and _; a shipped name replaces that rule.")
    severity: Literal["critical", "warning", "info"] | None = None
    when: Annotated[
        list[ConditionSpec] | None,
        BeforeValidator(
            lambda written: [written] if isinstance(written, dict) else written,
            json_schema_input_type=ConditionSpec | list[ConditionSpec] | None,
        ),
    ] = Field(None, min_length=1, description="One condition or a list, of which one is enough.")
    for_: SpanMs | None = Field(None, alias="for", description="So long the condition must stand: 10min. 0s: at once.")
    clear: float | None = Field(None, description="For a rule with one limit: the value at which an active alarm ends.")
    clear_after: SpanMs | None = Field(None, description="So long the condition must be gone before the alarm ends.")
    acknowledge_within: SpanMs | None = Field(
        None,
        description="The time in which a person should acknowledge the alarm; then it is told of again, and again. 0s: never. "
        "Left out: 30min for critical, 8h for warning, never for info.",
    )
    text: BothLanguages | None = Field(None, description="What is the matter, in one sentence.")
    advice: BothLanguages | None = Field(None, description="What to do.")
    source: str = Field("", max_length=500, description="Where the limits come from, for those who ask.")


class AlarmRules(_AlarmsPart):
    """The file: changes of shipped rules, rules of the utility's own, and names of rules that are switched off."""

    rules: Annotated[
        list[RuleSpec],
        BeforeValidator(lambda written: [] if written is None else written, json_schema_input_type=list[RuleSpec] | None),
    ] = Field(default_factory=list)
    switched_off: Annotated[
        list[str], BeforeValidator(lambda written: [] if written is None else written, json_schema_input_type=list[str] | None)
    ] = Field(default_factory=list, description="Names of shipped rules that do not apply here.")
