"""Parameters of requests."""

from typing import Final

from aiohttp import web

_DIGITS_MAX: Final = 18


def whole_number(text: str | None) -> int | None:
    """A number of 0 or more; None where there is no text.

    :raises web.HTTPBadRequest: the text is not one.
    """
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise web.HTTPBadRequest(text=f"{text[:40]!r} is not a number")
    return int(text)
