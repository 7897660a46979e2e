"""Small parts of every answer: numbers and languages of a request, values made once for all, streams that stay alive, lists."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.web.http.answers import EventStreams, Fresh, event_of, some_at_a_time
from gateway.web.http.connections import Connections
from gateway.web.http.handlers import Listing, ListQuery, language_of, list_query, whole_number
from tests.rows import each_row
from tests.web.visiting import Visitor, visit


@each_row(
    ("text", "number"),
    [
        (None, None),
        ("0", 0),
        ("007", 7),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, ""),
        ("", ""),
        ("-1", ""),
        ("1.0", ""),
        ("٣", ""),
        (" 1", ""),
    ],
)
def test_a_number_in_an_address_is_whole_and_not_endless(text: str | None, number: int | str | None) -> None:
    if number == "":
        with pytest.raises(web.HTTPBadRequest) as refused:
            whole_number(text)
        assert refused.value.text == f"{(text or '')[:40]!r} is not a number"
    else:
        assert whole_number(text) == number


@each_row(
    ("path", "headers", "language"),
    [
        ("/", {}, "vi"),
        ("/?language=en", {"Accept-Language": "vi"}, "en"),
        ("/?language=xx", {"Cookie": "gateway_language=en"}, "en"),
        ("/", {"Cookie": "gateway_language=xx", "Accept-Language": "en"}, "en"),
        ("/", {"Accept-Language": "vi-VN,vi;q=0.9,en;q=0.8"}, "vi"),
        ("/", {"Accept-Language": "fr, en-GB;q=0.5, vi;q=0.4"}, "en"),
        ("/", {"Accept-Language": "vi;q=0.4,en;q=0.5"}, "en"),
        ("/", {"Accept-Language": "en;q=0.5,vi;q=0.5"}, "en"),
        ("/", {"Accept-Language": "EN"}, "en"),
        ("/", {"Accept-Language": "en;q=0"}, "vi"),
        ("/", {"Accept-Language": "en;q=2,fr"}, "vi"),
        ("/", {"Accept-Language": "fr," * 19 + "en"}, "en"),
        ("/", {"Accept-Language": "fr," * 20 + "en"}, "vi"),
    ],
)
def test_the_language_is_the_one_in_the_address_else_chosen_before_else_what_a_browser_likes_best(
    path: str, headers: dict[str, str], language: str
) -> None:
    assert language_of(make_mocked_request("GET", path, headers), "vi") == language


def query(path: str) -> ListQuery:
    return list_query(make_mocked_request("GET", path), ("search", "state"), "name")


def test_a_list_knows_its_page_its_order_and_the_addresses_of_others() -> None:
    asked = query("/x?search=+a+&state=&other=1&page=3")
    assert (asked.given, asked.page, asked.sort, asked.start) == ({"search": "a"}, 3, "name", 100)
    assert (asked.get("search"), asked.get("state")) == ("a", "")
    assert asked.link(page=2, state="new") == "?search=a&page=2&state=new"
    assert asked.link(search="") == "?"
    assert (asked.order_of("name"), asked.order_of("site")) == ("ascending", "none")
    assert (asked.sorted_by("name"), asked.sorted_by("site")) == ("?search=a&sort=-name", "?search=a&sort=site")
    turned = query("/x?sort=-name&page=0")
    assert (turned.page, turned.order_of("name"), turned.sorted_by("name")) == (1, "descending", "?sort=name")
    assert query("/x?page=99999999").page == 10_000
    rows = list(range(101))
    assert [(page.rows, page.pages, page.found) for page in (asked.page_of(rows), turned.page_of(rows))] == [
        ([100], 3, 101), (list(range(50)), 3, 101)
    ]  # fmt: skip
    assert [Listing(asked, [], found).pages for found in (0, 50, 51)] == [1, 1, 2]
    assert list(some_at_a_time(range(5), 2)) == [[0, 1], [2, 3], [4]]


def test_a_value_is_made_once_for_all_who_ask_and_anew_when_it_is_old_or_about_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s, made = [0.0], list[float]()

    async def make() -> float:
        made.append(now_s[0])
        now_s[0] += 1.0 if len(made) == 1 else 0.0
        return now_s[0]

    async def story() -> None:
        fresh = Fresh(make, 5.0)
        assert fresh.newest(99.0) is None
        assert {*await asyncio.gather(fresh.get(), fresh.get())} == {1.0}
        now_s[0] = 10.9
        assert await fresh.get() == 1.0, "it took a second: ten seconds it is good for"
        assert (fresh.newest(9.9), fresh.newest(9.8)) == (1.0, None)
        now_s[0] = 11.0
        assert await fresh.get() == 11.0
        now_s[0] = 15.9
        assert await fresh.get() == 11.0
        basis = object()
        assert await fresh.get(basis) == 15.9
        assert await fresh.get(basis) == 15.9
        now_s[0] = 20.9
        assert await fresh.get(basis) == 20.9
        assert made == [0.0, 11.0, 15.9, 20.9]

    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    asyncio.run(story())


def test_a_stream_says_what_is_new_shows_that_it_lives_and_ends_with_its_session(tmp_path: Path) -> None:
    events: list[bytes | None] = [b"one", None, b"two", *[None] * 30, b"three"]
    sent: list[bytes] = []
    left = [len(events) + 1]

    async def next_event() -> bytes | None:
        return events.pop(0)

    async def write(piece: bytes) -> None:
        sent.append(piece)

    def admits(_: web.Request) -> bool:
        left[0] -= 1
        return left[0] > 0

    async def story(visitor: Visitor) -> web.StreamResponse:
        streams = EventStreams(Connections(visitor.parts.foundation.events), admits)
        request: Any = make_mocked_request("GET", "/")
        request._payload_writer.write = write  # noqa: SLF001
        return await streams.answer(request, next_event, 0.0)

    answer = visit(tmp_path, story)
    assert sent == [b"one", b"two", b":\n\n", b"three"], "thirty turns without a word"
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert json.loads(event_of({"now": 1}).removeprefix(b"data: ")) == {"now": 1}
    assert event_of({}).endswith(b"\n\n")
