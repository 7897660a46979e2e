"""Certificates in ``gateway check``: the days that each has left, in files and, with ``--connect``, at servers."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Final

from gateway.core.status.verdict import of_certificates
from gateway.runtime.jobs.certificates import certificate_ends, shown_end_ms, tls_servers
from gateway.support.clock import WallClock
from gateway.support.config.model import Config
from gateway.support.i18n.findings import sentence
from schemas.printable import printable

_DAY_MS: Final = 86_400_000


def check_files(config: Config) -> None:
    """Print the days that certificates in files have left."""
    _tell(certificate_ends(config))


def check_servers(config: Config) -> None:
    """Print the days that the certificates which servers show have left; one that does not answer is told elsewhere."""
    _tell(asyncio.run(_shown(config)))


async def _shown(config: Config) -> dict[str, int]:
    ends = {}
    for server in tls_servers(config):
        try:
            ends[server.setting] = await shown_end_ms(server)
        except (OSError, ValueError, IndexError, KeyError) as error:
            why = (isinstance(error, OSError) and error.strerror) or str(error) or "no answer in time"
            print(printable(f"{server.setting}: its certificate cannot be seen: {why}"))
    return ends


def _tell(ends: Mapping[str, int]) -> None:
    now_ms = WallClock().now_ms()
    days_left = {which: (end_ms - now_ms) / _DAY_MS for which, end_ms in ends.items()}
    for which, days in days_left.items():
        print(f"{which}: the certificate ends in {int(days)} days" if days > 0 else f"{which}: the certificate has ended")
    for finding in of_certificates(days_left):
        print(f"warning: {sentence(finding)}", file=sys.stderr)
