"""PageRenderer as the gateway renders them, without a gateway."""

import warnings
from functools import lru_cache
from typing import Any

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.access.accounts import AccountRole, UserAccount
from gateway.config.model import Config
from gateway.web.handlers import ACCOUNT
from gateway.web.introductions import NOTHING_KNOWN
from gateway.web.listing import Listing, ListQuery
from gateway.web.pages import PageRenderer

TECHNICIAN = UserAccount("Lan", AccountRole.TECHNICIAN, b"")
GIVEN: dict[str, dict[str, Any]] = {
    "start": {},
    "device": {"device": "m1"},
    "devices": {
        "now_ms": 0,
        "list": Listing(ListQuery({}, 1, ""), [], 0),
        "offered": [],
        "most_offered": 0,
        "states": [],
        "domains": [],
    },
    "register": {
        "now_ms": 0,
        "search": "",
        "newcomers": [],
        "left_out": 0,
        "known": [],
        "unheard": "",
        "is_no_id": False,
        "retired": "",
        "quantities": {},
    },
    "register_device": {
        "device": "m1",
        "entry": None,
        "explained": None,
        "fields": {},
        "params": {},
        "demanded": {},
        "faults": {},
        "has_fields_at_fault": False,
        "trouble": "",
        "outside": [],
        "seen": "",
        "known": NOTHING_KNOWN,
        "areas": {},
        "parents": [],
        "profiles": [],
        "domains": [],
        "may_save": True,
        "may_retire": True,
        "done": "",
        "waited": "",
        "quantities": {},
    },
    "import": {
        "may_save": True,
        "most": 0,
        "rows": "",
        "seen": "",
        "counts": None,
        "changes": [],
        "left_out": 0,
        "faults": [],
        "trouble": "",
        "done": None,
    },
    "login": {"to": "/", "denial": None},
}
"""Page → the least that it can be rendered with."""


@lru_cache(maxsize=1)
def pages() -> PageRenderer:
    """Renders pages in Vietnamese, unless a request asks for English."""
    return PageRenderer(Config())


def rendered(name: str, path: str = "/", *, account: UserAccount | None = None, **headers: str) -> web.Response:
    """A page as it is answered to a request.

    :param headers: of the request, with ``_`` for ``-``.
    """
    request = make_mocked_request("GET", path, {key.replace("_", "-"): text for key, text in headers.items()})
    if account is not None:
        with warnings.catch_warnings(
            action="ignore"
        ):  # a newer aiohttp would have the key typed, an older one has no such keys
            request[ACCOUNT] = account
    return pages().page(request, name, **GIVEN[name])


def page_text(name: str, language: str, *, account: UserAccount | None = None) -> str:
    """The text of a page in a language."""
    return rendered(name, f"/?language={language}", account=account).text or ""
