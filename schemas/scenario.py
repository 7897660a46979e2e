"""Scenarios of the simulator as a model: who is there, what happens to whom, when, and how devices behave meanwhile."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.durations import SpanMs

LONGEST_ARRAY: Final = 1_000
"""Readings that a native message may hold."""


class FaultKind(StrEnum):
    """A fault of one reading, or of the message that carries it."""

    DUPLICATE = "duplicate"
    RETRANSMIT = "retransmit"
    REORDER = "reorder"
    DELAY = "delay"
    DROP = "drop"
    TRUNCATE = "truncate"
    GARBAGE = "garbage"
    NOT_A_NUMBER = "not_a_number"
    SENTINEL = "sentinel"
    POISON = "poison"
    WRONG_UNIT = "wrong_unit"
    RETAINED = "retained"
    FLOOD = "flood"


class ClockKind(StrEnum):
    """The clock of a device."""

    RIGHT = "right"
    NONE = "none"


class _ScenarioPart(BaseModel):
    """A part of the file: what it does not know is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


DeviceCount = Annotated[int, Field(ge=0, le=100_000)]
FaultShare = Annotated[float, Field(ge=0, le=1)]
FaultShares = Annotated[
    dict[FaultKind, FaultShare],
    Field(description="Fault: the share of readings that it befalls, from 0 to 1. All devices, always."),
]


class ScenarioEvent(_ScenarioPart):
    """One event, or the same event at several devices."""

    story: str = Field(description="What happens; `firmware-sim stories` lists them.")
    at: SpanMs = Field(description="So long after the beginning of the run: 90s, 20min, 7h, 1.5d.")
    lasts: SpanMs | None = Field(None, description="So long; without it the shortest time that the story allows.")
    size: FaultShare = Field(0.5, description="How bad it is.")
    kinds: list[str] = Field([], description="Kinds of devices, as water-meter; without it all that the story can happen to.")
    count: int | None = Field(None, ge=1, description="At so many of them, always the same ones; without it at all.")
    skip: int = Field(0, ge=0, description="But not at the first so many.")
    here: bool = Field(
        default=False, description="Only where most of the kinds that have a `here` stand together: at one site."
    )
    from_end: bool = Field(default=False, description="`at` is so long before the end of the run.")
    spread: SpanMs = Field(0, description="Each somewhat later than the one before, the last by so much.")


class Scenario(_ScenarioPart):
    """The file. All that it leaves out is ordinary: every device works, and nothing happens."""

    about: str = Field(min_length=1, max_length=200, description="One line for people.")
    fleet: dict[str, DeviceCount] = Field(
        {}, description="Domain, or kind as water-district: so many; options of a command win."
    )
    sites: int = Field(12, ge=1, le=1_000, description="The devices stand at so many sites.")
    interval: SpanMs | None = Field(None, gt=0, description="From one reading of a device to its next.")
    lasts: SpanMs | None = Field(None, gt=0, description="The length of the run in simulated time.")
    clock: ClockKind = Field(ClockKind.RIGHT, description="none: readings carry no time.")
    sleeps: bool = Field(default=False, description="Devices connect to send, and are gone between.")
    together: tuple[int, int] = Field((1, 1), description="A device collects so many readings for one message: least, most.")
    faults: FaultShares = {}
    stories: dict[str, Annotated[int, Field(ge=0, le=1_000)]] = Field(
        {}, description="Story: so many of its events, at places and times that follow from the seed."
    )
    events: list[ScenarioEvent] = Field([], description="What happens, in any order.")

    @property
    def interval_s(self) -> float | None:
        """The interval in seconds."""
        return None if self.interval is None else self.interval / 1000

    @property
    def lasts_s(self) -> float | None:
        """The length in seconds."""
        return None if self.lasts is None else self.lasts / 1000

    @property
    def happens(self) -> bool:
        """True where something happens at a time of its own, for which time must be simulated."""
        return bool(self.events or self.stories)

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        least, most = self.together
        if not 1 <= least <= most <= LONGEST_ARRAY:
            raise ValueError(f"together is the least and the most readings of a message, from 1 to {LONGEST_ARRAY}")
        if self.happens and self.lasts is None:
            raise ValueError("a scenario in which something happens has an end: set lasts")
        late = next((event for event in self.events if event.at >= (self.lasts or 0)), None)
        if late is not None:
            raise ValueError(f"{late.story} is to happen after the end of the run: make lasts longer, or its at shorter")
        return self
