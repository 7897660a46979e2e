"""Files and folders that only the gateway's own user may read, whatever the umask is. Existing files keep their mode."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700


def make_folder(folder: Path) -> None:
    """Create the folder, with its missing parents.

    :raises OSError: it cannot be created.
    """
    if not folder.parent.exists():
        make_folder(folder.parent)
    folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)


def make_empty(path: Path) -> None:
    """Create an empty file if it is missing. A failure is left to the next one who opens it, who reports it."""
    with suppress(OSError):
        os.close(private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def private(path: str | Path, flags: int) -> int:
    """Open a file; the ``opener`` for :func:`open`."""
    return os.open(path, flags, FILE_MODE)
