"""Programs of this project as child processes of the demo, and the gateway's answer about itself."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from gateway.commands.demo import services
from gateway.support.plain_http import NoAnswer, PlainHttp

_START_PATIENCE_S: Final = 15.0


class DemoFault(Exception):  # noqa: N818 - the field's word
    """The demo cannot go on; the text says why."""


@contextmanager
def child(arguments: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """One of this project's programs as a child, which Ctrl-C does not reach; it is stopped in order."""
    command = [*services.dies_with_parent(), *command_of(*arguments)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def command_of(program: str, *arguments: str) -> list[str]:
    """The command line of one of this project's programs."""
    return [sys.executable, "-m", {"gateway": "gateway", "firmware-sim": "firmware_sim.cli"}[program], *arguments]


def await_page(page: str, gateway: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once the gateway is connected; DemoFault if it ends, or takes too long."""
    deadline_s = time.monotonic() + _START_PATIENCE_S
    while True:
        status = status_of(page)
        if status is not None and status["mqtt"]["connected"]:
            return
        if gateway.poll() is not None or time.monotonic() > deadline_s:
            raise DemoFault(f"the gateway did not start:\n{tail(log)}")
        time.sleep(0.05)


def status_of(page: str) -> dict[str, Any] | None:
    """The gateway's account of itself; None: it does not answer."""
    try:
        answer = PlainHttp(page).send("GET", "/api/status")
    except NoAnswer:
        return None
    document: dict[str, Any] | None = answer.document() if answer.status == HTTPStatus.OK else None
    return document


def tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
