"""The entrance to the pages: taken at the start, and nothing behind it is loaded before somebody is there."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.commands.demo.services import free_port
from gateway.support.access.accounts import open_access
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.tls import tls_contexts
from gateway.web.entrance import Entrance

LATER = ("aiohttp", "prometheus_client", "gateway.web.server", "gateway.onboarding.registration")
"""What a start without clients does not import."""


def config_at(port: int, folder: Path) -> Config:
    return Config.model_validate({"http": {"port": port}, "journal": {"path": str(folder / "journal.db")}})


def test_a_start_imports_no_pages_and_no_http_client() -> None:
    ask = f"import gateway.commands.cli, gateway.commands.run, sys; print([name for name in {LATER} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True).stdout == "[]\n"


def test_a_start_imports_no_language_of_a_database() -> None:
    ask = (
        "import gateway.commands.run, sys; print([name for name in sys.modules if name.endswith(('.influxql', '.metricsql'))])"
    )
    assert subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True).stdout == "[]\n"


def test_the_port_is_taken_before_the_pages_are_loaded(tmp_path: Path) -> None:
    async def twice() -> None:
        config = config_at(free_port(), tmp_path)
        async with Entrance(config.http, open_access(config), tls_contexts(config)):
            with pytest.raises(ConfigurationFault, match=r"http\.port: .* in use"):
                await Entrance(config.http, open_access(config), tls_contexts(config)).__aenter__()

    asyncio.run(twice())


def test_the_first_client_is_not_accepted_until_the_pages_are_there(tmp_path: Path) -> None:
    async def come() -> None:
        config = config_at(port := free_port(), tmp_path)
        async with Entrance(config.http, open_access(config), tls_contexts(config)) as entrance:
            waits = asyncio.create_task(entrance.first_client())
            for _ in range(5):
                await asyncio.sleep(0)
            assert not waits.done()
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            await waits
            accepted, _ = entrance.listening[0].accept()
            accepted.close()
            writer.close()

    asyncio.run(come())
