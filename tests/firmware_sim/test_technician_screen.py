"""The technician's screen, driven by Textual's pilot; the broker is not there."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Static

from firmware_sim.technician.fates import Became, MessageFate, TakenPoint
from firmware_sim.technician.screen import PlayScreen
from firmware_sim.technician.session import PlaySession
from firmware_sim.technician.setup import PlayRequest, make_session
from firmware_sim.technician.widgets import KnobSlider, nice_ceiling
from gateway.commands.demo.services import free_port
from schemas.quantities import Quality

Drive = Callable[[Pilot[None], PlaySession], Awaitable[None]]


def drive(by: Drive, kind: str = "water", language: str = "en", size: tuple[int, int] = (80, 24)) -> None:
    """Open the screen of a device that sends only when told."""

    async def open_screen() -> None:
        session = make_session(PlayRequest(kind, broker=f"mqtt://127.0.0.1:{free_port()}", interval_s=0))
        async with PlayScreen(session, language).run_test(size=size) as pilot:
            await by(pilot, session)

    asyncio.run(open_screen())


def shown(pilot: Pilot[None], name: str) -> str:
    return str(pilot.app.query_one(f"#{name}", Static).render())


def test_keys_switch_conditions_and_a_key_of_another_domain_does_nothing() -> None:
    async def by(pilot: Pilot[None], session: PlaySession) -> None:
        await pilot.press("l", "n", "p")
        assert session.device.conditions == {"leak", "network"}
        await pilot.press("l")
        assert session.device.conditions == {"network"}
        assert "no network" in shown(pilot, "notice")

    drive(by)


def test_arrows_and_clicks_move_the_knob() -> None:
    async def by(pilot: Pilot[None], session: PlaySession) -> None:
        flow, pressure = pilot.app.query(KnobSlider)
        before = session.device.positions["flow"]
        await pilot.press("right")
        assert session.device.set_to["flow"] > before
        await pilot.press("down", "left")
        assert session.device.set_to["pressure"] < session.device.positions["pressure"]
        await pilot.click(flow, offset=(13, 0))
        assert session.device.set_to["flow"] == 0.0
        assert pressure.has_focus or flow.has_focus

    drive(by)


WORDIEST = ("water", "vi")
OTHERS = [(kind, language) for kind in ("water", "power", "traffic", "urban") for language in ("vi", "en")]


@pytest.mark.parametrize(
    ("kind", "language"), [WORDIEST, *(pytest.param(*each, marks=pytest.mark.slow) for each in OTHERS if each != WORDIEST)]
)
def test_everything_fits_into_80_columns_and_24_lines(kind: str, language: str) -> None:
    async def by(pilot: Pilot[None], session: PlaySession) -> None:  # noqa: ARG001 - as every driver
        await pilot.pause()
        for widget in pilot.app.query("*"):
            assert widget.region.right <= 80, widget
            assert widget.region.bottom <= 24, widget
        controls = [widget for widget in pilot.app.query("ControlButton") if widget.display]
        assert all(widget.region.height == 1 for widget in controls)
        assert pilot.app.query_one("#sent").region.height >= 6

    drive(by, kind, language)


def test_a_message_stands_with_its_acknowledgement_and_its_fate() -> None:
    async def by(pilot: Pilot[None], session: PlaySession) -> None:
        await pilot.press("s")
        session.step()
        (sent,) = session.sent
        sent.acknowledged_ms = sent.sent_ms + 7
        quality = Quality.SIMULATED | Quality.GATEWAY_TIME
        sent.fate = MessageFate(Became.TAKEN, (TakenPoint("water", quality, {"flow_m3_h": 1.2}, 0),))
        session.tell(sent)
        await pilot.pause()
        row = [str(cell) for cell in pilot.app.query_one(DataTable).get_row("1")]
        said = "taken: water [time of the gateway, not of the device, simulated] Flow 1.2 m³/h"
        assert [row[0], *row[2:]] == ["1", "reading", "7 ms", said]
        assert shown(pilot, "detail") == said

    drive(by, size=(160, 40))


def test_a_gateway_that_refuses_simulated_devices_is_said_so_in_vietnamese() -> None:
    async def by(pilot: Pilot[None], session: PlaySession) -> None:
        await pilot.press("s")
        session.step()
        detail = "sim-W-1 is simulated and limits.simulated is reject"
        session.sent[0].fate = MessageFate(Became.REJECTED, reason="unknown_device", detail=detail)
        session.tell(session.sent[0])
        await pilot.pause(0.3)
        assert "Cổng từ chối mọi thiết bị mô phỏng" in shown(pilot, "notice")
        assert "sim-W-1 là thiết bị mô phỏng" in shown(pilot, "detail")

    drive(by, language="vi", size=(160, 40))


@pytest.mark.parametrize(("value", "most"), [(0, 1), (0.03, 0.05), (3.9, 5), (63.4, 100), (550, 1000), (1000, 1000)])
def test_a_slider_ends_at_a_round_number(value: float, most: float) -> None:
    assert nice_ceiling(value) == pytest.approx(most)
