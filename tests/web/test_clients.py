"""The client of a request: its address behind proxies, the host name it used, and the page it came from."""

import asyncio
import ssl
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from gateway.web.http.clients import Client, Clients, OwnNames, is_cross_site
from tests.rows import each_row


def asked(peer: str = "192.0.2.50", came_to: str = "192.0.2.1", *, scheme: str = "http", **headers: str) -> web.Request:
    """A request with these headers; an underscore stands for a hyphen."""
    transport = Mock(spec=asyncio.Transport)
    context = ssl.create_default_context() if scheme == "https" else None
    known = {"peername": (peer, 1), "sockname": (came_to, 8080), "sslcontext": context}
    transport.get_extra_info.side_effect = lambda name, default=None: known.get(name, default)
    pairs = CIMultiDict((name.replace("_", "-"), value) for name, value in headers.items())
    return make_mocked_request("POST", "/x", pairs, transport=transport, sslcontext=context)


def client(request: web.Request, *trusted: str) -> Client:
    return Clients(trusted).of(request)


@pytest.mark.parametrize(
    ("peer", "said", "address"),
    [
        pytest.param("203.0.113.9", "192.0.2.7", "203.0.113.9", id="a-stranger-s-word-is-not-taken"),
        pytest.param("192.0.2.10", "192.0.2.7", "192.0.2.7", id="one-proxy"),
        pytest.param("192.0.2.10", "10.0.0.1, 192.0.2.7", "192.0.2.7", id="what-the-client-wrote-is-not-taken"),
        pytest.param("192.0.2.10", "192.0.2.7, 2001:db8::1", "192.0.2.7", id="two-proxies"),
        pytest.param("192.0.2.10", "192.0.2.7, nonsense", "192.0.2.10", id="not-past-what-is-no-address"),
        pytest.param("192.0.2.10", "", "192.0.2.10", id="it-does-not-say"),
        pytest.param("::ffff:192.0.2.10", "::ffff:192.0.2.7", "192.0.2.7", id="ipv4-in-ipv6"),
        pytest.param("192.0.2.10", "192.0.2.10," * 500, "192.0.2.10", id="a-long-list"),
    ],
)
def test_limits_count_the_client_behind_trusted_proxies(peer: str, said: str, address: str) -> None:
    found = client(asked(peer, X_Forwarded_For=said), "192.0.2.10", "2001:db8::/64")
    assert (str(found.address), found.forwarded) == (address, True)


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Anything", "Via", "X-Real-IP"])
def test_a_request_that_was_forwarded_is_known_as_such(header: str) -> None:
    assert client(asked("127.0.0.1", **{header: "x"})).forwarded
    assert not client(asked("127.0.0.1", Forwarder="x")).forwarded


def test_of_ipv6_a_whole_network_is_one_client() -> None:
    assert client(asked("2001:db8:1:2:3::4")).network == client(asked("2001:db8:1:2:9::9")).network == "2001:db8:1:2::/64"
    assert client(asked("192.0.2.7")).network == "192.0.2.7"


def test_only_a_trusted_proxy_says_that_the_client_speaks_https() -> None:
    assert client(asked("192.0.2.10", X_Forwarded_Proto="https"), "192.0.2.10").secure
    assert not client(asked("192.0.2.11", X_Forwarded_Proto="https"), "192.0.2.10").secure
    assert client(asked(scheme="https")).secure


HOSTS = [
    pytest.param("localhost:8080", True, id="localhost"),
    pytest.param("127.0.0.1", True, id="loopback"),
    pytest.param("[::1]:8080", True, id="loopback-ipv6"),
    pytest.param("192.0.2.1:8080", True, id="the-address-it-came-to"),
    pytest.param("192.0.2.2:8080", False, id="another-address"),
    pytest.param("PI-7.example.vn", True, id="the-machine"),
    pytest.param("pi-7.local:8080", True, id="the-machine-in-its-network"),
    pytest.param("gateway.example.vn.", True, id="http-hosts"),
    pytest.param("198.51.100.7", True, id="http-hosts-address"),
    pytest.param("evil.example", False, id="a-name-that-was-made-to-point-here"),
    pytest.param("localhost.evil.example", False, id="begins-like-ours"),
    pytest.param("evil.example@localhost", False, id="with-a-user"),
    pytest.param("", False, id="empty"),
    pytest.param("localhost:8080:1", False, id="two-ports"),
]


@each_row(("host", "ours"), HOSTS)
def test_a_request_for_another_name_is_known(host: str, ours: bool) -> None:  # noqa: FBT001
    names = OwnNames(["127.0.0.1", "gateway.example.vn", "198.51.100.7"], "pi-7.example.vn")
    request = asked(Host=host)
    assert names.include(request, client(request)) is ours


def test_a_request_without_a_host_is_not_for_us() -> None:
    assert not OwnNames([]).include(asked(), client(asked()))


@each_row(
    ("headers", "crosses"),
    [
        pytest.param({}, False, id="a-program"),
        pytest.param({"Origin": "http://localhost:8080"}, False, id="our-page"),
        pytest.param({"Origin": "http://localhost:3000"}, True, id="another-port"),
        pytest.param({"Origin": "https://localhost:8080"}, True, id="another-scheme"),
        pytest.param({"Origin": "http://localhost"}, True, id="without-the-port"),
        pytest.param({"Origin": "null"}, True, id="a-page-without-origin"),
        pytest.param({"Origin": "http://evil.example"}, True, id="another-site"),
        pytest.param({"Sec_Fetch_Site": "same-site"}, True, id="same-site-is-another-port"),
        pytest.param({"Sec_Fetch_Site": "cross-site", "Origin": "http://localhost:8080"}, True, id="both-must-agree"),
        pytest.param({"Sec_Fetch_Site": "same-origin", "Origin": "http://localhost:8080"}, False, id="both-ours"),
    ],
)
def test_a_change_that_a_page_of_elsewhere_sends_is_known(headers: dict[str, str], crosses: bool) -> None:  # noqa: FBT001
    request = asked(Host="localhost:8080", **headers)
    assert is_cross_site(request, client(request)) is crosses


def test_behind_a_trusted_proxy_the_origin_is_that_of_the_browser() -> None:
    headers = {"Host": "gateway.example.vn", "Origin": "https://gateway.example.vn", "X_Forwarded_Proto": "https"}
    request = asked("127.0.0.1", **headers)
    assert not is_cross_site(request, client(request, "127.0.0.1"))
    assert is_cross_site(request, client(request)), "nobody knows that it is https"
