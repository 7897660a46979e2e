"""Addresses of servers in the configuration."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator


def check_address(*schemes: str, secrets: str) -> AfterValidator:
    """A check that a text is an address of one of ``schemes``; ``secrets`` says where user and password belong."""

    def check(text: str) -> str:
        if "@" in text:  # nothing after this point is quoted: the end of a password is not known
            raise ValueError(f"an address holds no user and no password; write {secrets}")
        if "?" in text or "#" in text:
            raise ValueError(f"an address ends before ? and #; for a token or password write {secrets}")
        parts = split_url(text)
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"{text!r} is not an address; write {schemes[0]}://HOST:PORT (IPv6 as {schemes[0]}://[::1]:PORT)")
        return text

    return AfterValidator(check)


def split_url(text: str) -> SplitResult:
    """The parts of an address.

    :raises ValueError: with a sentence, for an invalid port or an unclosed bracket.
    """
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is not an address: {error}") from error
    return parts


def is_loopback(host: str) -> bool:
    """Tell if only this machine can reach ``host``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
