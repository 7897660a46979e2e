"""A command of the gateway as a process of its own: figures of many devices, which would hold readings up in the gateway.

The process has the lowest priority and is the first to go when memory is short. Its figures are those of the command, because
it is the command.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.support.config.model import Config

_PATIENCE_S: Final = 1800.0
_FAULT_LETTERS: Final = 500
_LOWEST_PRIORITY: Final = 19
_FIRST_TO_GO: Final = "900"


class CommandFailed(Exception):  # noqa: N818 - says what it is
    """The command failed; the text says why."""


def configured(config: Config) -> list[str]:
    """The option that leads a command to this configuration."""
    return ["-c", str(config.file)] if config.file is not None else []


async def printed(name: str, arguments: Sequence[str]) -> str:
    """The output of a command that makes the thing called ``name``; without one it raises :class:`CommandFailed`."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the gateway, which ends it
        )
    except OSError as error:
        raise CommandFailed(f"{name} cannot be started: {error.strerror}") from error
    _stand_back(process.pid)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            out, said = await process.communicate()
    except TimeoutError as error:
        raise CommandFailed(f"{name} was not ready within {_PATIENCE_S / 60:.0f} minutes") from error
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    if process.returncode:
        why = said.decode(errors="replace").strip()[-_FAULT_LETTERS:]
        raise CommandFailed(why or f"{name} ended with status {process.returncode}")
    return out.decode()


def _stand_back(pid: int) -> None:
    """Let a process come after the gateway where CPU or memory is short."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _LOWEST_PRIORITY)
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(_FIRST_TO_GO)  # Linux only
