"""A systemctl that starts what the installed unit says, below a root: ``played_systemctl.py ROOT ACTION ...``."""

import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

root, action, *units = Path(sys.argv[1]), *sys.argv[2:]
unit = root / "etc" / "systemd" / "system" / "gateway.service"
pid_file, runtime = root / "run" / "gateway.pid", root / "run" / "gateway"


def pid() -> int:
    """The process of the service; 0: it does not run."""
    with suppress(OSError, ValueError):
        found = int(pid_file.read_text())
        if Path(f"/proc/{found}/cmdline").read_bytes():
            return found
    return 0


def stop() -> None:
    """End it, and wait until it has ended; its runtime folder goes."""
    if running := pid():
        os.kill(running, signal.SIGTERM)
        while pid():
            time.sleep(0.05)
    pid_file.unlink(missing_ok=True)
    (runtime / "subscribed").unlink(missing_ok=True)


def start() -> None:
    """Start what stands in the unit, with its paths below the root."""
    (line,) = (line for line in unit.read_text().splitlines() if line.startswith("ExecStart="))
    words = [f"{root}{word}" if word.startswith(("/opt/", "/etc/")) else word for word in shlex.split(line.partition("=")[2])]
    runtime.mkdir(parents=True, exist_ok=True)
    with (root / "run" / "gateway.log").open("ab") as log:
        started = subprocess.Popen(
            words,
            env=os.environ | {"RUNTIME_DIRECTORY": str(runtime)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    pid_file.write_text(str(started.pid))


if action == "restart":
    stop()
    start()
elif action == "disable":
    stop()
elif action == "is-active":
    sys.exit(0 if pid() else 3)
elif action == "list-units" and pid_file.exists():
    print("gateway.service loaded active running Province gateway")  # noqa: T201 - as systemctl does
