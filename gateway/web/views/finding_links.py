"""The page on which one sees more of a finding, or does something about it."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from gateway.core.status.verdict import Finding

_LINKS: Final[Mapping[str, str]] = {
    "alarms_critical": "/alarms",
    "alarms_active": "/alarms",
    "all_silent": "/devices?state=silent&sort=heard",
    "clocks_off": "/devices?state=online",
    "codec_suspended": "#codecs",
    "devices_stopped": "/devices?state=online",
    "domain_silent": "/devices?state=silent&sort=heard&domain={domain}",
    "flood": "/devices/{device}",
    "imbalance": "#ledger",
    "lost": "#ledger",
    "expired": "#ledger",
    "never_heard": "/devices?state=unknown",
    "none_heard": "/devices?state=new",
    "quarantine_crowded": "/quarantine",
    "quarantine_filling": "/quarantine",
    "rejects_lately": "/rejects?reason={reason}",
    "silent": "/devices?state=silent&sort=heard",
    "silent_since_yesterday": "/devices?state=silent&sort=heard",
    "too_many_devices": "/devices?state=unregistered",
}
"""Key of a finding → its page; a name in braces stands for a parameter. The others say all there is."""


def finding_link(finding: Finding) -> str:
    """The address; empty where the sentence says all there is."""
    params = {key: quote(str(value), safe="") for key, value in finding.params.items()}
    return _LINKS.get(finding.key, "").format_map(params)
