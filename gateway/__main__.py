"""``gateway``, also as ``python -m gateway``: what holds for a process before it loads anything."""

import gc
import os
import sys
from functools import partial
from pathlib import Path


def main() -> int:
    """Run a command; return its exit status."""
    gc.disable()  # what is loaded stays: a search for garbage in it takes a twentieth of a start
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # none is used, and it looks for them in all that is installed
    match sys.argv[1:]:
        case ["run", "-c", file] if not file.startswith("-"):  # as a service starts it: the short way
            from gateway.commands.starting import start, told  # noqa: PLC0415

            return told(partial(start, Path(file)))
    from gateway.commands.cli import main as command  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    return command()


if __name__ == "__main__":
    sys.exit(main())
