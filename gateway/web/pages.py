"""The pages as they are sent: one file each, with all it needs inside, for a phone that reaches nothing but the gateway."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Final

from aiohttp import web

from gateway.web.glossary import quantities
from gateway.web.languages import LANGUAGES, words

_FOLDER: Final = Path(__file__).parent
_SHARED: Final = {"/*style*/": "pages.css", "/*script*/": "pages.js"}
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"


def language_of(request: web.Request, configured: str) -> str:
    """The language that ``?language=`` asks for, else the configured one."""
    asked = request.query.get("language", configured)
    return asked if asked in LANGUAGES else configured


def page(name: str, language: str, status: int = 200) -> web.Response:
    """A page in one language."""
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return web.Response(text=_filled(name, language), content_type="text/html", status=status, headers=headers)


def log_in(language: str, status: int = 401) -> web.Response:
    """The page that asks for the token, in place of one that needs it."""
    return page("login.html", language, status)


@lru_cache(maxsize=16)
def _filled(name: str, language: str) -> str:
    text = (_FOLDER / name).read_text(encoding="utf-8")
    for mark, file in _SHARED.items():
        text = text.replace(mark, (_FOLDER / file).read_text(encoding="utf-8"))
    fields = {field: said._asdict() for field, said in quantities(language).items()}
    data = {"language": language, "words": words(language), "quantities": fields}
    filled = {f'"{{{key}}}"': json.dumps(value, ensure_ascii=False).replace("<", "\\u003c") for key, value in data.items()}
    for mark, value in filled.items():
        text = text.replace(mark, value)
    return text
