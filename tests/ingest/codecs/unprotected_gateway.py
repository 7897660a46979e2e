"""``gateway`` on a kernel without Landlock and seccomp: its child is the program beside this one."""

import sys
from pathlib import Path

from gateway.commands.cli import main
from gateway.ingest.codecs import process

process._PROGRAM = Path(__file__).with_name("unprotected_worker.py")  # type: ignore[misc]  # noqa: SLF001
sys.exit(main())
