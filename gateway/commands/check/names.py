"""The part of ``gateway check --connect`` about the names in certificates.

The gateway's own connections compare them by themselves. Nobody does for devices, which come by ``enrolment.url``, nor for
people, who open the pages by ``http.hosts``.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import ip_address

from gateway.runtime.jobs.certificates import names_in
from gateway.support.config.model import Config
from gateway.support.config.setting_types import split_url
from gateway.support.tls import first_in


def unnamed(config: Config, shown: Mapping[str, bytes]) -> Iterator[str]:
    """Yield what certificates do not name though they are asked for by it; ``shown``: those of servers, by setting."""
    host = split_url(config.enrolment.url or "").hostname
    if host is not None and "enrolment.url" in shown:
        yield _unnamed("enrolment.url", "the broker's certificate", str(host), shown["enrolment.url"], "devices refuse it")
    cert = config.http.tls.cert
    if cert is None or config.http.trusted_proxies:  # a proxy shows one of its own
        return
    with suppress(OSError, ValueError):  # a file that cannot be used has been told
        for name in config.http.hosts:
            yield _unnamed("http.hosts", str(cert), name, first_in(cert), "browsers warn of it")


def _unnamed(setting: str, what: str, wanted: str, certificate: bytes, then: str) -> str:
    """The fault; empty if the certificate has the name."""
    names = names_in(certificate)
    if any(_is(wanted, name) for name in names):
        return ""
    has = f"is for {', '.join(names)}" if names else "has no name in it"
    return f"{setting}: {wanted}: {what} {has}, and not for {wanted}: {then}. Make one with that name, or write one that it has"


def _is(wanted: str, name: str) -> bool:
    """Tell if a certificate with this name is for what is wanted; ``*`` stands for the first label (RFC 9525 section 6.3)."""
    with suppress(ValueError):
        return str(ip_address(wanted)) == name
    wanted, name = wanted.rstrip(".").lower(), name.rstrip(".").lower()
    first, _, rest = wanted.partition(".")
    return name == wanted or (bool(first and rest) and name == f"*.{rest}")
