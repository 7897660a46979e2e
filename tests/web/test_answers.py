"""Refusals: a program gets JSON, a person a page, each in the language that was asked for."""

import asyncio
import json
from collections.abc import Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.web.http.answers import Refusals
from tests.web.pages.languages import foreign
from tests.web.rendering import pages

NOBODY = "'m9' was never heard and is not registered; check its id and the topic that it sends to"
PAGE: Mapping[str, str] = {"Accept": "text/html"}


def refused(refusal: web.Response | web.HTTPException, path: str = "/api/x", **headers: str) -> web.Response:
    """The answer to a request that is refused so."""

    async def handler(_: web.Request) -> web.StreamResponse:
        if isinstance(refusal, web.HTTPException):
            raise refusal
        return refusal

    async def ask() -> web.StreamResponse:
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        return await Refusals(pages()).check(make_mocked_request("GET", path, headers=given), handler)

    answer = asyncio.run(ask())
    assert isinstance(answer, web.Response)
    return answer


def error(answer: web.Response) -> str:
    found: str = json.loads(answer.text or "")["error"]
    return found


def test_a_program_that_names_no_language_reads_english() -> None:
    answer = refused(web.json_response({"error": NOBODY}, status=404))
    assert (answer.status, error(answer)) == (404, NOBODY)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param("/api/x", {"Accept_Language": "vi-VN,vi;q=0.9"}, id="the-browsers-language"),
        pytest.param("/api/x", {"Cookie": "gateway_language=vi", "Accept_Language": "en"}, id="the-one-chosen-before"),
        pytest.param("/api/x?language=vi", {"Accept_Language": "en"}, id="the-one-that-is-chosen"),
    ],
)
def test_a_reason_is_said_in_the_language_that_was_asked_for(path: str, headers: dict[str, str]) -> None:
    faults = {"parent": "m9 is not among the devices"}
    answer = refused(web.json_response({"error": NOBODY, "device": "m9", "faults": faults}, status=409), path, **headers)
    assert json.loads(answer.text or "") == {
        "error": "chưa từng nghe thấy 'm9' và nó chưa đăng ký; hãy kiểm tra mã và topic mà nó gửi tới",
        "device": "m9",
        "faults": {"parent": "m9 không có trong danh sách thiết bị"},
    }


def test_what_a_server_said_is_passed_on_as_it_was() -> None:
    said = "http://[::1]:8086 answers 500 to a question: engine: disk full"
    answer = refused(web.json_response({"error": said}, status=503), Accept_Language="vi")
    assert error(answer) == "http://[::1]:8086 trả lời 500 cho một câu hỏi: engine: disk full"


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize(
    "refusal",
    [
        web.HTTPNotFound,
        web.HTTPForbidden,
        web.HTTPBadRequest,
        web.HTTPServiceUnavailable,
        lambda: web.HTTPRequestEntityTooLarge(5, 6),
        lambda: web.HTTPMethodNotAllowed("PUT", ["GET"]),
    ],
)  # fmt: skip
def test_a_person_gets_a_page_in_one_language(refusal: type[web.HTTPException], language: str) -> None:
    answer = refused(refusal(), "/nowhere", Accept="text/html", Accept_Language=language)
    assert answer.status == refusal().status
    assert answer.content_type == "text/html"
    text = (answer.text or "").partition("<main")[2].partition("</main>")[0]
    assert foreign(text.replace("/", ""), language) == []
    assert answer.headers.get("Allow") == refusal().headers.get("Allow")


def test_a_redirection_is_no_refusal() -> None:
    with pytest.raises(web.HTTPSeeOther):
        refused(web.HTTPSeeOther("/login"))
