"""The language of an answer: the one chosen, else the one that the browser asks for."""

import re
from typing import Final

from aiohttp import web

from gateway.support.i18n.languages import LANGUAGES

LANGUAGE_COOKIE: Final = "gateway_language"
_RANGE: Final = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,64})?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")
_RANGES_MAX: Final = 20


def language_of(request: web.Request, configured: str) -> str:
    """The language in ``?language=``, else the one chosen before, else the browser's, else the configured one."""
    for chosen in (request.query.get("language"), request.cookies.get(LANGUAGE_COOKIE)):
        if chosen in LANGUAGES:
            return chosen
    return _accepted(request.headers.get("Accept-Language", "")) or configured


def _accepted(header: str) -> str | None:
    """The language of ours that a browser likes best; None if it names neither (RFC 9110, 12.5.4).

    :param header: for example ``vi-VN,vi;q=0.9,en;q=0.8``.
    """
    best, best_weight = None, 0.0
    for text in header.split(",")[:_RANGES_MAX]:
        if not (found := _RANGE.fullmatch(text)):
            continue
        language, weight = found[1].lower(), float(found[2] or 1)
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best
