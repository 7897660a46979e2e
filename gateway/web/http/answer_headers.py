"""Headers on every answer, which tell a browser what it may do with it."""

from typing import Final

from aiohttp import web

_DATA_POLICY: Final = "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Policy for answers that are not pages: nothing in them may run. A page brings its own policy."""
_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # tells others nothing, and lets a form of ours say which page it is of
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


async def protect(_: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on an answer; aiohttp calls it for each, errors of its own included."""
    response.headers.update(_ALWAYS)
    response.headers.setdefault("Content-Security-Policy", _DATA_POLICY)
    response.headers.pop("Server", None)  # hide the versions
