"""Foundations of the HTTP server: the sockets it listens on."""

import asyncio
import socket
from contextlib import suppress
from ipaddress import IPv6Address


def is_all_of_ipv6(host: str) -> bool:
    """Tell if ``host`` stands for every IPv6 address of this machine, however it is written."""
    with suppress(ValueError):
        return IPv6Address(host).is_unspecified
    return False


def bind_both_families(port: int) -> socket.socket:
    """Bind every address of this machine, IPv6 and IPv4: asyncio would leave IPv4 out, and many a phone has nothing else.

    :raises OSError: the port is taken, or the machine has no IPv6.
    """
    bound = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind(("::", port))
    except OSError:
        bound.close()
        raise
    return bound


async def bind(host: str, port: int) -> asyncio.Server:
    """Take the address; newcomers are accepted elsewhere, one a turn of the loop.

    :raises OSError: it cannot be used.
    """
    create = asyncio.get_running_loop().create_server
    if is_all_of_ipv6(host):
        return await create(asyncio.Protocol, sock=bind_both_families(port), start_serving=False)
    return await create(asyncio.Protocol, host, port, start_serving=False)
