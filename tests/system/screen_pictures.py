"""Makes the pictures of the technician's screen in docs/pictures: ``python -m tests.system.screen_pictures``."""

import asyncio
import re
import tempfile
from pathlib import Path

from textual.pilot import Pilot

from firmware_sim.technician.screen import PlayScreen
from firmware_sim.technician.setup import PlayRequest, make_session
from gateway.commands.demo import services
from tests.system.rig import gateway

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)
"""They would be loaded from elsewhere."""
PLAYS = ("s", "right right right", "s", "l", "s", "g", "w", "r", "d s", "d n s s s", "n", "down")
LOOK_S = 1.6


def main() -> None:
    """Play the same story in both languages."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("mosquitto", "influxdb"):
            (folder / part).mkdir()
        with services.mosquitto(folder / "mosquitto") as broker, services.influxdb(folder / "influxdb") as database:
            for language in ("en", "vi"):
                with gateway(folder / language, broker.url, database.url) as gate:
                    gate.wait_subscribed()
                    request = PlayRequest("water", f"sim-W-{language}", broker=broker.url, gateway=gate.url, interval_s=0)
                    picture = PICTURES / f"technician{'' if language == 'en' else '-' + language}.svg"
                    picture.write_text(asyncio.run(_played(request, language)), encoding="utf-8")


async def _played(request: PlayRequest, language: str) -> str:
    screen = PlayScreen(make_session(request), language)
    async with screen.run_test(size=(110, 30)) as pilot:
        await _play(pilot)
        return FONTS.sub("", screen.export_screenshot(title="firmware-sim device water"))


async def _play(pilot: Pilot[None]) -> None:
    for keys in PLAYS:
        await pilot.press(*keys.split())
        await pilot.pause(LOOK_S)


if __name__ == "__main__":
    main()
