"""The pages as they are sent: one self-contained file each, for a phone that reaches nothing but the gateway."""

import json
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from aiohttp import web

from gateway.i18n.details import patterns
from gateway.i18n.languages import LANGUAGES, words
from gateway.web.sessions import COOKIES
from schemas.glossary import quantities

_FOLDER: Final = Path(__file__).parent
_SHARED: Final = {"/*style*/": "pages.css", "/*script*/": "pages.js"}
_POLICY: Final = (
    "default-src 'none'; style-src {style}; script-src {script}; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""A page runs the script and the style that it was made with, known by their hashes, and no others."""


def language_of(request: web.Request, configured: str) -> str:
    """The language in ``?language=``, else the configured one."""
    asked = request.query.get("language", configured)
    return asked if asked in LANGUAGES else configured


def page(name: str, request: web.Request, configured: str) -> web.Response:
    """A page in the language of the request; with a session it offers to log out."""
    logged_in = not COOKIES.isdisjoint(request.cookies)
    return _answer(name, language_of(request, configured), 200, logged_in=logged_in)


def log_in(request: web.Request, configured: str, status: int = 401) -> web.Response:
    """The page that asks for the token, in place of one that needs it."""
    return _answer("login.html", language_of(request, configured), status, logged_in=False)


def _answer(name: str, language: str, status: int, *, logged_in: bool) -> web.Response:
    text, policy = filled(name, language, logged_in=logged_in)
    return web.Response(text=text, content_type="text/html", status=status, headers={"Content-Security-Policy": policy})


@lru_cache(maxsize=32)
def filled(name: str, language: str, *, logged_in: bool) -> tuple[str, str]:
    """The text of a page and the policy that lets it run."""
    text = (_FOLDER / name).read_text(encoding="utf-8")
    for mark, file in _SHARED.items():
        text = text.replace(mark, (_FOLDER / file).read_text(encoding="utf-8"))
    fields = {field: said._asdict() for field, said in quantities(language).items()}
    data = {
        "language": language,
        "words": words(language),
        "quantities": fields,
        "details": patterns(language),
        "logged_in": logged_in,
    }
    filled = {f'"{{{key}}}"': json.dumps(value, ensure_ascii=False).replace("<", "\\u003c") for key, value in data.items()}
    for mark, value in filled.items():
        text = text.replace(mark, value)
    return text, _POLICY.format(style=_hash(text, "style"), script=_hash(text, "script"))


def _hash(text: str, tag: str) -> str:
    """The hash of what is in an element, as a policy names it."""
    inside = text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
    return f"'sha256-{b64encode(sha256(inside.encode()).digest()).decode()}'"
