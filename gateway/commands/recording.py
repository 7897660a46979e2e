"""The audit of commands that change the files of a gateway themselves."""

import getpass
from typing import Final

from gateway.support.audit.chain import Deed, Details
from gateway.support.audit.log import AuditFault, AuditLog
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config

_ROLE: Final = "command"


def user() -> str:
    """The user of this machine who gives the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return "unknown"


def record(config: Config, action: str, *, subject: object, before: object = None, after: object = None) -> None:
    """Write a change into the audit log.

    :raises ConfigurationFault: it cannot be written; the change was made.
    """
    record_all(config, action, [{"subject": subject, "before": before, "after": after}])


def record_all(config: Config, action: str, details: list[Details]) -> None:
    """Write many changes of one kind into the audit log.

    :raises ConfigurationFault: they cannot be written; the changes were made.
    """
    if not details:
        return
    deed = Deed(WallClock().now_ms(), user(), _ROLE, action)
    try:
        AuditLog(config.journal.path).record(deed, *details)
    except AuditFault as fault:
        raise ConfigurationFault([f"the change was made, but is not in the audit log: {fault}"]) from fault
