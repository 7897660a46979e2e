"""Scenarios: a table of what the fleet does besides working."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Scenario:
    """The behaviour of the devices.

    :ivar about: a line for people.
    :ivar has_clock: whether the readings carry ``ts``.
    :ivar poison: share of readings that must be refused or must lose a field.
    :ivar repeated: share of messages that are sent a second time, right before the device's next one.
    :ivar together: fewest and most readings that a device collects for one message; (1, 1) sends each at once.
    """

    about: str
    has_clock: bool = True
    poison: float = 0.0
    repeated: float = 0.0
    together: tuple[int, int] = (1, 1)


SCENARIOS: Final = {
    "normal": Scenario("everything works"),
    "no-clock": Scenario("no device knows the time: readings without ts", has_clock=False),
    "poison": Scenario("1 % of the readings must be refused or lose a field", poison=0.01),
    "duplicates": Scenario("10 % of the messages are sent twice", repeated=0.10),
    "backlog": Scenario("devices collect 2 to 20 readings and send them as one array", together=(2, 20)),
}
