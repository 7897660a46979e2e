"""Changes of the registry's file by commands, said to who called them."""

from collections.abc import Mapping
from pathlib import Path

from gateway.config.files import ConfigurationFault
from gateway.config.registry_edit import edit, replace_file
from schemas.registry import RegisteredDevice, Registry


def write_registry(
    path: Path, registry: Registry, added: list[RegisteredDevice], changed: Mapping[int, RegisteredDevice], *, quiet: bool
) -> None:
    """Write the registry, its comments kept, and say so.

    :param registry: as it is to be.
    :param changed: place in the list → the device as it is to be.
    :raises ConfigurationFault: the file cannot be written; it is as it was.
    """
    try:
        text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        edition = edit(text, registry, added, changed)
        backup = replace_file(path, edition.text)
    except OSError as error:
        raise ConfigurationFault([f"{path}: devices.registry: cannot be written: {error.strerror}"]) from error
    if quiet:
        return
    print(f"{path}: written{f'; the old file is {backup}' if backup else ''}")
    if not edition.comments_kept:
        print("comments were not kept; the old file has them")
    elif changed:
        print("comments inside changed devices were not kept; the old file has them")
    print("to activate it, reload the gateway: systemctl reload gateway, or kill -HUP PID")
