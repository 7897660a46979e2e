"""Readers of VictoriaMetrics with a limit: users of ``vmauth``, the proxy of its makers, with ``extra_filters``.

VictoriaMetrics joins several ``extra_filters`` by "or", so one that a reader adds would widen what he sees. vmauth puts its own
in place of those of an address, under both names that VictoriaMetrics knows; those in a body it does not see. So the type of
the body is removed, without which VictoriaMetrics does not read it: readers ask by GET.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from gateway.support.access.scope import DeviceScope

USERS: Final = "users"
_READING: Final = (*("/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/v1/labels"), "/api/v1/label/[^/]+/values")
"""Paths of questions; whole exports, federation, writing and administration are not among them."""
ROLLUPS: Final = "/prometheus"
"""The beginning of paths that lead to a second process, which keeps the roll-ups.

It is one that VictoriaMetrics knows, with and without it: older versions of vmauth (1.79) cannot take it away."""
_BODIES_UNREAD: Final = "Content-Type:"


def vmauth_user(name: str, token: str, scope: DeviceScope, url: str, rollups: str | None = None) -> dict[str, Any]:
    """A user of ``vmauth`` with a limit, for VictoriaMetrics at an address and maybe a second process for roll-ups."""
    routes = [_route(scope, url)]
    if rollups is not None:
        routes.append(_route(scope, rollups.rstrip("/").removesuffix(ROLLUPS), ROLLUPS))  # a cluster's address ends with it
    return {"name": name, "bearer_token": token, "url_map": routes}


def _route(scope: DeviceScope, url: str, under: str = "") -> dict[str, Any]:
    filters = [f"{key}={quote(text, safe='')}" for text in _filters(scope) for key in ("extra_filters[]", "extra_filters")]
    return {
        "src_paths": [f"{under}{path}" for path in _READING],
        "url_prefix": f"{url.rstrip('/')}/?{'&'.join(filters)}",
        "headers": [_BODIES_UNREAD],
    }


def with_user(document: Mapping[str, Any], name: str, user: Mapping[str, Any] | None) -> dict[str, Any]:
    """The configuration of ``vmauth`` with another user of a name; None removes it."""
    users: Sequence[Mapping[str, Any]] = document.get(USERS) or []
    kept = [one for one in users if one.get("name") != name]
    return {**document, USERS: [*kept, *([user] if user is not None else [])]}


def _filters(scope: DeviceScope) -> list[str]:
    """The series of a scope: of the domain's measurement, and those that have the domain as a label."""
    areas = "|".join(area.replace(".", "[.]") for area in sorted(scope.areas))
    among = f',area=~"{areas}"' if areas else ""
    return [f'{{__name__=~"{scope.domain}_.+"{among}}}', f'{{domain="{scope.domain}"{among}}}']
