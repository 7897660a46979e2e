"""The limit of what devices may send to the broker: a table of nftables, loaded before the broker starts.

The gateway has no right to ask for tables. One of them answers for all: it refuses a packet to an address of this machine that
nobody uses, by a rule and not for want of a listener. So it is seen too when somebody unloads the table while the broker runs.
The packet is UDP: the broker never hears of it.
"""

import errno
import socket
from typing import Final

from gateway.support.config.model import Config
from gateway.support.config.setting_types import is_loopback, split_url

_ADDRESS: Final = "127.0.88.83"
_BY_A_RULE: Final = errno.EHOSTUNREACH
_PATIENCE_S: Final = 0.5
_PORT: Final = 8883


def is_limited(port: int) -> bool:
    """Tell if the table of this port is loaded."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(_PATIENCE_S)
        try:
            asking.connect((_ADDRESS, port))
            asking.send(b"")
            asking.recv(1)
        except OSError as error:
            return error.errno == _BY_A_RULE
    return False


def open_port(config: Config) -> int:
    """The port at which devices come to a Mosquitto of this machine, if nothing limits what they send; 0 in all other cases."""
    devices = config.enrolment.url
    if devices is None or config.enrolment.management is not None or not is_loopback(split_url(config.mqtt.url).hostname or ""):
        return 0
    port = split_url(devices).port or _PORT
    return 0 if is_limited(port) else port
