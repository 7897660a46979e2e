"""A database that a test answers for: the questions are noted, the answers are given by what stands in a question."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TypeVar, cast

from gateway.ingest.database.database_http import DatabaseHttp, Form

T = TypeVar("T")


class Scripted:
    """In the place of the HTTP to a database.

    :ivar asked: path and form of each question.
    :ivar ordered: path, form and document of each order.
    """

    url = "http://db"

    def __init__(self, answers: Mapping[str, object]) -> None:
        """:param answers: text in a question → the answer, or its lines."""
        self._answers = answers
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.ordered: list[tuple[str, dict[str, str], object]] = []

    @property
    def questions(self) -> list[str]:
        """All that was asked, in the database's language."""
        return [form.get("q") or form.get("query") or form.get("match[]") or path for path, form in self.asked]

    async def lines(self, path: str, form: Form) -> AsyncIterator[bytes]:
        """Answer line by line."""
        self.asked.append((path, dict(form)))
        asked = f"{path} {dict(form)}"
        found = next((answer for part, answer in self._answers.items() if part in asked), [])
        for line in found if isinstance(found, list) else [found]:
            yield json.dumps(line).encode()

    async def whole(self, path: str, form: Form) -> bytes:
        """Answer at once."""
        return b"".join([line async for line in self.lines(path, form)])

    async def order(self, path: str, form: Form = (), document: Mapping[str, str] | None = None) -> None:
        """Take an order."""
        self.ordered.append((path, dict(form), document))

    def store(self, kind: Callable[..., T], *more: object) -> T:
        """A store that asks here."""
        return kind(cast("DatabaseHttp", self), *more)


async def all_of(found: AsyncIterator[T]) -> list[T]:
    """All that is yielded."""
    return [one async for one in found]
