"""Files with a secret, written by an administrator for a service."""

import os
from pathlib import Path
from typing import Final

from gateway.support.config.files import ConfigurationFault
from gateway.support.folder_owner import as_owner
from gateway.support.private_files import give_to_readers, make_folder

_MODE: Final = 0o640


def write_secret(path: Path, secret: str) -> None:
    """Write a secret whole, or not at all; the service that uses it, its folder's owner or group, may read it.

    :raises ConfigurationFault: it cannot be written.
    """
    beside = path.with_name(path.name + ".new")
    try:
        with as_owner(path.parent):
            make_folder(path.parent)
            beside.unlink(missing_ok=True)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                give_to_readers(descriptor, path)
                file.write(f"{secret}\n")
                file.flush()
                os.fsync(descriptor)
            beside.replace(path)
    except OSError as error:
        raise ConfigurationFault([f"{path}: cannot be written: {error.strerror}"]) from error
