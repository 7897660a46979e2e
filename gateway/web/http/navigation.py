"""The pages that every page links to."""

from typing import Final, NamedTuple


class NavigationLink(NamedTuple):
    """A page in the navigation.

    :ivar word: key of its name in :mod:`gateway.support.i18n.languages`.
    """

    path: str
    word: str


NAVIGATION: Final = (
    NavigationLink("/", "start"),
    NavigationLink("/alarms", "nav_alarms"),
    NavigationLink("/devices", "devices"),
    NavigationLink("/register", "new_devices"),
    NavigationLink("/rejects", "nav_rejects"),
    NavigationLink("/quarantine", "nav_quarantine"),
    NavigationLink("/try", "nav_try"),
    NavigationLink("/shift", "nav_shift"),
    NavigationLink("/audit", "nav_audit"),
    NavigationLink("/coverage", "coverage_short"),
)
_BESIDE: Final = {"/completeness": "/coverage", "/exports": "/coverage"}
"""Page → the one in the navigation that it is reached from."""


def current_link(path: str) -> str:
    """The path of the link that a page belongs to: its own, or the one it stands under; empty for none."""
    path = _BESIDE.get(path, path)
    under = [link.path for link in NAVIGATION if path == link.path or path.startswith(f"{link.path}/")]
    return max(under, key=len, default="")
