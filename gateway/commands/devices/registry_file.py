"""Changes of the registry's file by commands, said to who called them."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from gateway.commands.recording import record_all
from gateway.commands.running import ask, is_running
from gateway.onboarding.registration import FileChanged, WrittenChange, change_registry
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.registry.changes import ChangeRefused, MakeChange
from schemas.printable import printable


def write_registry(config: Config, make: MakeChange, *, quiet: bool) -> WrittenChange:
    """Write a change of the registry, its comments kept; say so, and record each device in the audit log.

    :raises ConfigurationFault: the change is refused, or the file cannot be written; it is as it was.
    """
    path = config.devices.registry
    try:
        written = change_registry(config, make)
    except ChangeRefused as refused:
        raise ConfigurationFault([f"{path}: {refused.device}: {key}: {what}" for key, what in refused.faults.items()]) from None
    except FileChanged as changed:
        raise ConfigurationFault([f"{changed}; repeat the command"]) from None
    for action, entries in groupby(written.details, key=lambda entry: entry[0]):
        record_all(config, action, [details for _, details in entries])
    if not quiet and written.devices:
        print(f"{path}: written{f'; the old file is {written.backup}' if written.backup else ''}")
        if not written.comments_kept:
            print("comments were not kept; the old file has them")
        print("to activate it, reload the gateway: systemctl reload gateway, or kill -HUP PID")
    return written


def change_device(config: Config, path: str, make: MakeChange, document: Mapping[str, Any]) -> None:
    """Change one device: through the running gateway, which activates it at once, or in the file.

    :param path: of the change in the API.
    :raises ConfigurationFault: it is refused.
    """
    if not is_running(config):
        if not write_registry(config, make, quiet=False).devices:
            print("nothing to change: the registry says so already")
        return
    answer = ask(config, "POST", path, {}, body=document)
    waited = answer.get("waiting") or 0
    came = (
        f"; {waited} {'message that waited for it comes' if waited == 1 else 'messages that waited for it come'} in"
        if waited
        else ""
    )
    print(printable(f"{answer['device']}: {answer['done']}, and active{came}"))
