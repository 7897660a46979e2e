"""The start of a gateway, and the faults of every command in a line each. No parser of a command line is loaded for it."""

import gc
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.commands import CONFIGURATION, FAULT, UNREACHABLE, Declined, OutOfReach
from gateway.support.config.files import ConfigurationFault, load
from gateway.support.private_files import NobodysFolder, as_owner
from schemas.printable import printable


def start(file: Path | None) -> int:
    """Run a gateway; return its exit status. ConfigurationFault if something of its configuration cannot be used."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nothing is read yet that could be read again; by default it would end us
    gc.disable()  # imports, registry and profiles stay: a search for garbage among them would take a tenth of a start
    from gateway.commands.run import run  # noqa: PLC0415 - it loads the gateway

    config = load(file)
    with as_owner(config.journal.path):
        return run(config)


def told(command: Callable[[], int]) -> int:
    """Call it; return its exit status, and tell what hindered it."""
    try:
        return command()
    except ConfigurationFault as fault:
        for text in fault.lines:
            print(printable(text), file=sys.stderr)
        return CONFIGURATION
    except PermissionError as fault:
        advice = "" if isinstance(fault, NobodysFolder) else "; give the command as the owner of its folder: sudo -u OWNER ..."
        print(printable(f"{fault.filename}: {fault.strerror}{advice}"), file=sys.stderr)
        return CONFIGURATION
    except OutOfReach as fault:
        print(printable(str(fault)), file=sys.stderr)
        return UNREACHABLE
    except Declined:
        print("nothing was done", file=sys.stderr)
        return FAULT
    except (KeyboardInterrupt, BrokenPipeError):
        return FAULT
