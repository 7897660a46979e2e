"""One page of a list that is searched, filtered, sorted and cut on the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.web.http.handlers import whole_number

PAGE_ROWS: Final = 50
_PAGES_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The parameters of a list in an address.

    :ivar given: those that are not empty, the page left out.
    :ivar page: counted from 1.
    :ivar sort: key of the order, with ``-`` before it the other way round.
    """

    given: Mapping[str, str]
    page: int
    sort: str

    @property
    def start(self) -> int:
        """Number of rows before the page."""
        return (self.page - 1) * PAGE_ROWS

    def get(self, name: str) -> str:
        """A parameter; empty where it is not given."""
        return self.given.get(name, "")

    def link(self, **changed: object) -> str:
        """The address of the same list with other parameters; its first page, unless one is named."""
        return "?" + urlencode({name: value for name, value in {**self.given, **changed}.items() if value})

    def order_of(self, key: str) -> str:
        """The order by a column, as ``aria-sort`` names it."""
        return "ascending" if self.sort == key else "descending" if self.sort == f"-{key}" else "none"

    def sorted_by(self, key: str) -> str:
        """The address of the list in the order of a column; the other way round where it is so already."""
        return self.link(sort=f"-{key}" if self.sort == key else key)

    def page_of(self, rows: Sequence[Any]) -> "Listing":
        """The page of all rows of the list."""
        return Listing(self, rows[self.start : self.start + PAGE_ROWS], len(rows))


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a list.

    :ivar rows: the rows of the page.
    :ivar found: number of rows on all its pages.
    """

    query: ListQuery
    rows: Sequence[Any]
    found: int

    @property
    def pages(self) -> int:
        """Number of pages, at least one."""
        return max(1, ceil(self.found / PAGE_ROWS))


def list_query(request: web.Request, names: Sequence[str], default_sort: str = "") -> ListQuery:
    """The parameters of a request for a list.

    :param names: the filters that the list knows; others are left out.
    :raises web.HTTPBadRequest: the page is no number.
    """
    given = {name: text for name in (*names, "sort") if (text := request.query.get(name, "").strip())}
    page = min(max(1, whole_number(request.query.get("page")) or 1), _PAGES_MAX)
    return ListQuery(given, page, given.get("sort", default_sort))
