"""The configuration that a command is about, where ``-c`` does not name it.

That of the working folder, else the one of the gateway that is installed on this machine; the defaults of a gateway without a
file only where such a gateway has run.

Root goes by no file that lies in the working folder and that another user may write: it names the secrets that are read, the
files that are written and the addresses that get them. So whoever leaves one in ``/tmp`` would have root's rights.
"""

import os
import sys
from pathlib import Path
from typing import Final

from gateway.support.config.files import DEFAULT_FILE, ConfigurationFault, blaming, load
from gateway.support.config.model import Config
from gateway.support.private_files import whose
from schemas.printable import printable

MACHINE: Final = Path("/etc")
_FOLDERS: Final = ("gateway", "gateway-*")
"""As the services ``gateway`` and ``gateway@NAME`` have them."""
_NAME_ONE: Final = "name one with -c FILE"


def installed(under: Path | None = None) -> list[Path]:
    """The configurations of the gateways that are installed on this machine, or below a folder; also unreadable ones."""
    folders = [folder for pattern in _FOLDERS for folder in sorted((under or MACHINE).glob(pattern)) if folder.is_dir()]
    return [folder / DEFAULT_FILE for folder in folders if not os.access(folder, os.X_OK) or (folder / DEFAULT_FILE).exists()]


def find_config(named: Path | None, *, or_defaults: bool = False) -> Config:
    """The configuration that ``-c`` names, or that of this machine, which is told on standard error.

    :param or_defaults: without any the command goes by the defaults, as one that prepares a gateway.
    :raises ConfigurationFault: there is none, there are several, or it cannot be used.
    """
    if named is not None or DEFAULT_FILE.exists():
        if named is None:
            _refuse_foreign(DEFAULT_FILE.absolute())
        return load(named)
    files = installed()
    if len(files) > 1:
        here = ", ".join(map(str, files))
        raise ConfigurationFault(
            [f"there are {len(files)} gateways on this machine: {here}: {_NAME_ONE}; status --all shows all"]
        )
    if files:
        print(printable(f"configuration: {files[0]}"), file=sys.stderr)
        if not os.access(files[0], os.R_OK):
            raise ConfigurationFault([f"{files[0]}: may not be read by you: repeat the command with sudo, or {_NAME_ONE}"])
        return load(files[0])
    config = load(None)
    if or_defaults or os.path.exists(config.journal.path):  # noqa: PTH110 - also where it may not be looked at
        return config
    looked = ", ".join(str(MACHINE / pattern / DEFAULT_FILE) for pattern in _FOLDERS)
    raise ConfigurationFault([f"no configuration was found: looked at {DEFAULT_FILE.absolute()}, {looked}: {_NAME_ONE}"])


def _refuse_foreign(file: Path) -> None:
    """ConfigurationFault if root would go by a file that another user may write."""
    with blaming(str(file)):
        owner = whose(file)
    if owner is not None:
        raise ConfigurationFault([f"{file}: lies in the working folder, and user {owner.uid} may write it: {_NAME_ONE}"])
