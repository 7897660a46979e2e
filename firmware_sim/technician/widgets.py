"""Widgets of the technician's screen, each a line high: a slider for a knob, a button for a condition or an action."""

from math import floor, log10
from typing import ClassVar, Final

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from firmware_sim.technician.controls import Control, Knob
from firmware_sim.technician.played import PlayedDevice

LABEL: Final = 12
BAR: Final = 14
STEPS: Final = 20
FILLED, EMPTY = "━", "─"


def nice_ceiling(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 … from ``value`` on."""
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(nice * power for nice in (1.0, 2.0, 5.0, 10.0) if nice * power >= value)


class KnobSlider(Widget, can_focus=True):
    """A knob as a bar: arrow keys change it, a click sets it."""

    DEFAULT_CSS = """
    KnobSlider { height: 1; }
    KnobSlider:focus { background: $surface-lighten-1; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,minus", "change(-1)", show=False),
        Binding("right,plus", "change(1)", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def __init__(self, device: PlayedDevice, knob: Knob, language: str) -> None:
        super().__init__()
        self.knob = knob
        self._device = device
        self._label = str(getattr(knob.words, language))
        self._at_start = device.positions[knob.name]
        self._most = max(nice_ceiling(self._at_start * knob.span), knob.reaches)

    @property
    def _value(self) -> float:
        return self._device.set_to.get(self.knob.name, self._at_start)

    def render(self) -> Text:
        """Draw the label, the bar and the value."""
        filled = min(round(self._value / self._most * BAR), BAR)
        bar = FILLED * filled + EMPTY * (BAR - filled)
        return Text(f"{self._label:<{LABEL}.{LABEL}} {bar} {self._value:.6g} {self.knob.unit}", no_wrap=True)

    def action_change(self, steps: int) -> None:
        """Move the knob by so many steps of its range."""
        self._set(self._value + steps * self._most / STEPS)

    def on_click(self, click: events.Click) -> None:
        """Set the knob where the bar was clicked."""
        at = click.x - LABEL - 1
        if 0 <= at <= BAR:
            self._set(at / BAR * self._most)

    def _set(self, value: float) -> None:
        self._device.set(self.knob.name, float(f"{min(max(value, 0.0), self._most):.4g}"))
        self.refresh()


class ControlButton(Widget):
    """A condition with its state, or an action; its key stands before it."""

    DEFAULT_CSS = """
    ControlButton { height: 1; }
    ControlButton:hover { background: $surface-lighten-2; }
    """

    class Pressed(Message):
        """A click on it."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, device: PlayedDevice, control: Control, language: str) -> None:
        super().__init__()
        self._device = device
        self._control = control
        self._label = str(getattr(control.words, language))

    def render(self) -> Text:
        """Draw it; a condition that holds is red."""
        holds = self._control.name in self._device.conditions
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(self._control.key, "bold cyan")
        line.append(f" {'●' if holds else ' '} " if self._control.lasts else " ", "bold red")
        return line.append(self._label, "bold red" if holds else "")

    def on_click(self) -> None:
        """Tell the screen."""
        self.post_message(self.Pressed(self._control.name))
