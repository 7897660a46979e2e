"""Files with a secret, written by an administrator for a service."""

import os
from pathlib import Path
from typing import Final

from gateway.config.files import ConfigurationFault
from gateway.private_files import make_folder

_MODE: Final = 0o640


def write_secret(path: Path, secret: str) -> None:
    """Write a secret whole, or not at all; root gives it the owner and the group of its folder, the service that uses it.

    :raises ConfigurationFault: it cannot be written.
    """
    beside = path.with_name(path.name + ".new")
    try:
        make_folder(path.parent)
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{secret}\n")
            file.flush()
            os.fsync(descriptor)
        if os.geteuid() == 0:
            folder = path.parent.stat()
            os.chown(beside, folder.st_uid, folder.st_gid)
        beside.replace(path)
    except OSError as error:
        raise ConfigurationFault([f"{path}: cannot be written: {error.strerror}"]) from error
