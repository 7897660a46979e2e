"""Handlers of requests and the documents that they answer with, by their types."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Document = dict[str, Any]
"""What becomes the JSON of an answer."""
