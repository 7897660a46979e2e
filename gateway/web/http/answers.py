"""Headers of every answer, and the words of a refusal: JSON for programs, a page for people.

Handlers say in English what is wrong, as commands print it. Who asks for Vietnamese gets the sentence of :mod:`schemas.details`
in its place; what a server or a maker's codec said stays in it as it was.
"""

import json
from typing import Any, Final

from aiohttp import web

from gateway.web.http.handlers import Document, Handler, language_of
from gateway.web.http.pages import PageRenderer
from schemas.details import in_vietnamese

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


_REFUSED: Final = 400
_API: Final = "/api/"
_OF_THE_BODY: Final = frozenset({"Content-Type", "Content-Length"})


class Refusals:
    """Answers in place of those that refuse a request."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pass a request on; put a refusal into words."""
        try:
            response = await handler(request)
        except web.HTTPException as refusal:
            if refusal.status < _REFUSED:
                raise
            text, only_status = (refusal.text or "").strip(), f"{refusal.status}: {refusal.reason}"
            return self._said(request, refusal, {"error": "" if text == only_status else text})
        if isinstance(response, web.Response) and response.status >= _REFUSED and response.content_type == "application/json":
            return self._said(request, response, json.loads(response.text or "{}"))
        return response

    def _said(self, request: web.Request, refusal: web.Response | web.HTTPException, document: Document) -> web.Response:
        headers = {name: value for name, value in refusal.headers.items() if name not in _OF_THE_BODY}
        if not request.path.startswith(_API) and "text/html" in request.headers.get("Accept", ""):
            page = self._pages.page(
                request, "refusal", status=refusal.status, answered=refusal.status, why=document.get("error", "")
            )
            page.headers.update(headers)
            return page
        texts = self._pages.texts(language_of(request, "en"))  # programs and commands that ask for none read English
        document["error"] = document.get("error") or texts.known(f"status_{refusal.status}", texts.text("status_other"))
        said = _in_vietnamese(document) if texts.language == "vi" else document
        return web.json_response(said, status=refusal.status, headers=headers)


def _in_vietnamese(document: Document) -> dict[str, Any]:
    faults = {key: in_vietnamese(what) for key, what in document.get("faults", {}).items()}
    return document | {"error": in_vietnamese(document["error"])} | ({"faults": faults} if faults else {})
