"""Changes of the registry's file by commands, said to who called them."""

from collections.abc import Mapping
from dataclasses import asdict

from gateway.audit.chain import Details
from gateway.commands.recording import record_all
from gateway.config.files import ConfigurationFault
from gateway.config.model import Config
from gateway.config.registry import load_registry
from gateway.config.registry_edit import edit, replace_file
from schemas.registry import RegisteredDevice, Registry, device_key


def write_registry(
    config: Config, registry: Registry, added: list[RegisteredDevice], changed: Mapping[int, RegisteredDevice], *, quiet: bool
) -> None:
    """Write the registry, its comments kept; say so, and record each device in the audit log.

    :param registry: as it is to be.
    :param changed: place in the list → the device as it is to be.
    :raises ConfigurationFault: the file cannot be written; it is as it was.
    """
    path = config.devices.registry
    before = {device_key(device.id): device for device in (load_registry(path).devices if path.exists() else ())}
    try:
        text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        edition = edit(text, registry, added, changed)
        backup = replace_file(path, edition.text)
    except OSError as error:
        raise ConfigurationFault([f"{path}: devices.registry: cannot be written: {error.strerror}"]) from error
    record_all(config, "device registered", [{"subject": {"device": one.id}, "after": _said(one)} for one in added])
    record_all(config, "device changed", [_change(before.get(device_key(one.id)), one) for one in changed.values()])
    if quiet:
        return
    print(f"{path}: written{f'; the old file is {backup}' if backup else ''}")
    if not edition.comments_kept:
        print("comments were not kept; the old file has them")
    elif changed:
        print("comments inside changed devices were not kept; the old file has them")
    print("to activate it, reload the gateway: systemctl reload gateway, or kill -HUP PID")


def _said(device: RegisteredDevice) -> dict[str, object]:
    """The entry of a device in the registry."""
    return {key: value for key, value in asdict(device).items() if value not in (None, {})}


def _change(old: RegisteredDevice | None, new: RegisteredDevice) -> Details:
    return {"subject": {"device": new.id}, "before": _said(old) if old is not None else None, "after": _said(new)}
