"""The technician's screen: knobs, faults, live values, and the story of each message. For 80 x 24 characters and more.

It shows a session (:mod:`firmware_sim.technician.session`) and changes its device; it decides nothing.
"""

import asyncio
from collections import deque
from typing import ClassVar, Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, Vertical
from textual.widgets import DataTable, Sparkline, Static

from firmware_sim.devices.source import Sample, SensorValue
from firmware_sim.publish import now_ms
from firmware_sim.technician.controls import ACTIONS, CONDITIONS, Control
from firmware_sim.technician.fates import Became
from firmware_sim.technician.session import PlaySession, SentMessage
from firmware_sim.technician.widgets import ControlButton, KnobSlider
from firmware_sim.technician.words import ON_KNOBS, clock_text, fate_text, kind_of, notice_of, text, value_text

LOOK_S: Final = 0.25
PLOTTED: Final = 120
"""Values in the plot: half a minute."""
LISTED: Final = 500
WIDE: Final = 200
"""Columns for what became of a message: the table goes on beyond the screen, and the whole sentence stands below it."""
VALUE_LINES: Final = 6
COLOURS: Final = {
    Became.TAKEN: "green",
    Became.PASSED: "green",
    Became.DUPLICATE: "yellow",
    Became.IGNORED: "yellow",
    Became.WAITING: "yellow",
    Became.REJECTED: "red",
}
STYLE: Final = """
#head, #notice, #keys { height: 1; }
#head { background: $primary; color: $text; }
#notice { background: $warning-muted; color: $text-warning; padding: 0 1; }
#notice.calm { background: $surface; color: $text-muted; }
#top { height: 11; }
#left { width: 1fr; min-width: 42; padding: 0 1; }
#right { width: 1fr; min-width: 34; padding: 0 1; }
.title { color: $text-muted; text-style: bold; height: 1; }
Grid { grid-gutter: 0 1; grid-rows: 1; }
#conditions { grid-size: 2; height: auto; }
#actions { grid-size: 2; height: auto; }
#values { height: 6; }
#plot { height: 3; width: 100%; }
#sent { height: 1fr; min-height: 4; scrollbar-size-horizontal: 0; }
#detail { height: 2; padding: 0 1; color: $text-muted; }
#keys { background: $surface; color: $text-muted; padding: 0 1; }
"""


class PlayScreen(App[None]):
    """The screen of one session."""

    CSS = STYLE
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", show=False),
        Binding("space", "pause", show=False, priority=True),
    ]

    def __init__(self, session: PlaySession, language: str) -> None:
        super().__init__()
        self._session = session
        self._language = language
        self._plotted: dict[str, deque[float]] = {}
        self._playing: asyncio.Task[None] | None = None

    def compose(self) -> ComposeResult:
        """Lay the parts out."""
        device, say = self._session.device, self._say
        yield Static(id="head", markup=False)
        with Horizontal(id="top"):
            with Vertical(id="left"):
                for knob in device.knobs:
                    yield KnobSlider(device, knob, self._language)
                yield Static(say("conditions"), classes="title")
                yield self._controls(CONDITIONS, "conditions")
                yield Static(say("actions"), classes="title")
                yield self._controls(ACTIONS, "actions")
            with Vertical(id="right"):
                yield Static(say("values"), classes="title")
                yield Static(id="values", markup=False)
                yield Sparkline([], id="plot")
                yield Static(id="plotted", markup=False, classes="title")
        yield Static(id="notice", markup=False)
        yield DataTable[Text](id="sent", cursor_type="row", zebra_stripes=True)
        yield Static(id="detail", markup=False)
        yield Static(say("keys"), id="keys", markup=False)

    def on_mount(self) -> None:
        """Begin to play."""
        table = self._table
        for key in ("number", "time", "kind", "broker", "became"):
            table.add_column(self._say(key), key=key, width=WIDE if key == "became" else None)
        for control in self._session.device.controls:
            self.bind(control.key, f"use('{control.name}')", show=False)
        self._session.on_change(self._show_message)
        self._playing = asyncio.create_task(self._session.run())
        self.set_interval(LOOK_S, self._show)
        self._show()
        first = self.query(KnobSlider)
        if first:
            first.first().focus()

    async def on_unmount(self) -> None:
        """Send what is left, and say goodbye to the broker."""
        self._session.tell_nobody()
        if self._playing is not None:
            self._playing.cancel()
            await asyncio.wait([self._playing])

    def action_use(self, name: str) -> None:
        """Switch a condition, or let the device do something."""
        device = self._session.device
        if name in {condition.name for condition in CONDITIONS}:
            device.switch(name, on=name not in device.conditions)
        else:
            device.do(name)
        self._show()

    def action_pause(self) -> None:
        """Send only when told, or by the clock again."""
        self._session.device.paused = not self._session.device.paused
        self._show()

    def on_control_button_pressed(self, pressed: ControlButton.Pressed) -> None:
        """Take a click on a control."""
        self.action_use(pressed.name)

    def on_data_table_row_highlighted(self, moved: DataTable.RowHighlighted) -> None:
        """Show the whole sentence about a message."""
        self._show_detail(int(str(moved.row_key.value)))

    # What is shown.

    def _controls(self, table: tuple[Control, ...], name: str) -> Grid:
        device = self._session.device
        shown = [ControlButton(device, control, self._language) for control in table if control in device.controls]
        return Grid(*shown, id=name)

    def _show(self) -> None:
        """Refresh all that changes by itself."""
        if not self._is_open:
            return
        session, instant_ms = self._session, now_ms()
        sample = session.device.writer.look(instant_ms)
        self.query_one("#head", Static).update(self._head())
        self.query_one("#values", Static).update(self._values(sample))
        notice, is_calm = notice_of(session, instant_ms, self._language)
        bar = self.query_one("#notice", Static)
        bar.update(notice)
        bar.set_class(is_calm, "calm")
        self._plot(sample)
        for widget in (*self.query(KnobSlider), *self.query(ControlButton)):
            widget.refresh()

    def _head(self) -> Text:
        session = self._session
        broker = "connected" if session.link.connected.is_set() else "connecting"
        parts = [session.identity.name, f"{session.broker}: {self._say(broker)}"]
        if session.watch is not None:
            parts.append(f"{self._say('gateway')}: {session.watch.trouble or self._say('gateway_ok')}")
        return Text(" " + "  ·  ".join(parts), no_wrap=True, overflow="ellipsis")

    def _values(self, sample: Sample) -> Text:
        """The values on knobs, what is raised, then the others."""
        values = {**sample.values, **sample.health}
        if not values:
            return Text(self._say("fixed"))
        order = sorted(values, key=lambda name: _rank(name, values[name]))
        lines = []
        for name in order[:VALUE_LINES]:
            said, shown = value_text(name, values[name], self._language)
            lines.append(f"{said:<18.18} {shown:>15}")
        return Text("\n".join(lines))

    def _plot(self, sample: Sample) -> None:
        gauges = {name: value for name, value in sample.values.items() if name in ON_KNOBS}
        for name, value in gauges.items():
            self._plotted.setdefault(name, deque(maxlen=PLOTTED)).append(float(value))
        focused = self.focused.knob.field if isinstance(self.focused, KnobSlider) else next(iter(self._plotted), "")
        if data := self._plotted.get(focused):
            self.query_one("#plot", Sparkline).data = list(data)
            name, _ = value_text(focused, 0.0, self._language)
            self.query_one("#plotted", Static).update(f"{name}: {min(data):.6g} … {max(data):.6g}")

    def _show_message(self, sent: SentMessage) -> None:
        """Add a message to the table, or what is new about it."""
        if not self._is_open:
            return
        table, key = self._table, str(sent.message.number)
        broker, became = self._broker_cell(sent), self._became_cell(sent)
        if key in table.rows:
            table.update_cell(key, "broker", broker)
            table.update_cell(key, "became", became)
        else:
            at_end = table.cursor_row >= table.row_count - 1
            kind = Text(kind_of(sent.message, self._language))
            table.add_row(Text(key), Text(clock_text(sent.sent_ms)), kind, broker, became, key=key)
            if table.row_count > LISTED:
                table.remove_row(next(iter(table.rows)))
            if at_end:
                table.move_cursor(row=table.row_count - 1)
        if table.row_count and table.cursor_row == table.get_row_index(key):
            self._show_detail(sent.message.number)

    def _broker_cell(self, sent: SentMessage) -> Text:
        if sent.acknowledged_ms is None:
            return Text("…", "yellow")
        return Text(f"{sent.acknowledged_ms - sent.sent_ms} ms")

    def _became_cell(self, sent: SentMessage) -> Text:
        if sent.fate is None:
            return Text("" if self._session.watch is None else "…")
        return Text(fate_text(sent.fate, self._language), COLOURS[sent.fate.became], no_wrap=True)

    def _show_detail(self, number: int) -> None:
        sent = self._session.message(number)
        said = fate_text(sent.fate, self._language) if sent is not None and sent.fate is not None else ""
        self.query_one("#detail", Static).update(said)

    @property
    def _is_open(self) -> bool:
        """Tell if the screen still has its widgets: a timer can fire once more while they go."""
        return bool(self.query("#keys"))

    @property
    def _table(self) -> DataTable[Text]:
        return self.query_one("#sent", DataTable)

    def _say(self, key: str) -> str:
        return text(key, self._language)


def _rank(name: str, value: SensorValue) -> int:
    """The place of a value: on a knob, raised, a number, not raised."""
    return 0 if name in ON_KNOBS else 1 if value is True else 2 if value is not False else 3
