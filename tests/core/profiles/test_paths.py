"""Paths into a document."""

from typing import Any

import pytest

from gateway.core.profiles.language.paths import change, end_of, parse_path
from tests.rows import each_row

METERS: list[dict[str, Any]] = [
    {"id": 101, "kind": "water", "v": 1},
    {"id": "102", "kind": "heat", "v": 2},
    {"id": 103, "kind": "water", "v": 3},
]
DOCUMENT: dict[str, Any] = {
    "a": {"b": 1, "c": [10, 20, 30]},
    "Pd (P1-PBaro)": 2,
    "line_1.0_total_in": 3,
    "em1:0": 4,
    "1-0:1.8.0*255": 5,
    "a/b": 6,
    "m~n": 7,
    "x[y]": 8,
    "": 9,
    "nothing": None,
    "false": False,
    "meters": METERS,
    "by_name": {"p": {"on": True, "v": 1}, "q": {"on": False, "v": 2}},
    "rows": [{"on": [1]}, {}, {"on": 7}],
    "lists": [{"on": [1, 2]}, {}, {"on": [3]}],
    "tree": [{"of": [1, None]}, {"of": [2]}],
}


@each_row(
    ("path", "found"),
    [
        pytest.param("/a/b", 1, id="two-keys"),
        pytest.param("/a/c/1", 20, id="number-in-a-list"),
        pytest.param("/a/c[1]", 20, id="brackets"),
        pytest.param("/a/c[-1]", 30, id="from-the-end"),
        pytest.param("/a/c[3]", None, id="past-the-end"),
        pytest.param("/a/c[*]", [10, 20, 30], id="all"),
        pytest.param("/Pd (P1-PBaro)", 2, id="blanks-and-brackets-in-a-key"),
        pytest.param("/line_1.0_total_in", 3, id="a-dot-in-a-key"),
        pytest.param("/em1:0", 4, id="a-colon-in-a-key"),
        pytest.param("/1-0:1.8.0*255", 5, id="an-obis-code"),
        pytest.param("/a~1b", 6, id="a-slash-in-a-key"),
        pytest.param("/m~0n", 7, id="a-tilde-in-a-key"),
        pytest.param("/x[y]", 8, id="square-brackets-in-a-key"),
        pytest.param("/nothing", None, id="null-is-nothing"),
        pytest.param("/false", False, id="false-is-something"),
        pytest.param("/b", None, id="not-there"),
        pytest.param("/a/b/c", None, id="below-a-number"),
        pytest.param("/a/b/c/d/e", None, id="far-below-a-number"),
        pytest.param("/meters[?id==101]/v", 1, id="search-for-a-number"),
        pytest.param("/meters[?id==102]/v", 2, id="search-for-a-number-that-is-text"),
        pytest.param("/meters[?kind==water]/v", 1, id="the-first-that-fits"),
        pytest.param("/meters[?kind==gas]/v", None, id="none-fits"),
        pytest.param('/meters[?kind=="heat"]/v', 2, id="search-with-quotes"),
        pytest.param("/meters[*]/v", [1, 2, 3], id="one-of-each"),
        pytest.param("/by_name[?on==true]/v", 1, id="search-in-a-map"),
        pytest.param("/by_name[*]/v", [1, 2], id="all-of-a-map"),
    ],
)
def test_a_path_finds_what_stands_there_and_nothing_elsewhere(path: str, found: object) -> None:
    assert parse_path(path).get(DOCUMENT) == found


def test_a_slash_alone_is_the_whole_document() -> None:
    assert parse_path("/").get(DOCUMENT) is DOCUMENT
    assert parse_path("/").get(12.5) == 12.5


def test_a_path_without_a_slash_in_front_is_relative() -> None:
    path = parse_path("a/b")
    assert (path.absolute, path.get({"a": {"b": 1}})) == (False, 1)


@each_row(
    ("path", "items"),
    [
        pytest.param("/", [(key, member, ()) for key, member in DOCUMENT.items()], id="the-whole-document"),
        pytest.param("/a/c", [("0", 10, ()), ("1", 20, ()), ("2", 30, ())], id="list"),
        pytest.param("/by_name", [("p", {"on": True, "v": 1}, ()), ("q", {"on": False, "v": 2}, ())], id="map"),
        pytest.param("/a/c[*]", [("0", 10, ()), ("1", 20, ()), ("2", 30, ())], id="all-of-a-list"),
        pytest.param("/meters[?kind==water]", [("0", METERS[0], ()), ("1", METERS[2], ())], id="all-that-fit"),
        pytest.param("/a/b", [], id="a-number-has-none"),
        pytest.param("/nowhere", [], id="nothing-has-none"),
        pytest.param(
            "/meters[*]/v",
            [("0", 1, (("0", METERS[0]),)), ("1", 2, (("1", METERS[1]),)), ("2", 3, (("2", METERS[2]),))],
            id="a-column-of-numbers",
        ),
        pytest.param(
            "/rows[*]/on",
            [("0", [1], (("0", {"on": [1]}),)), ("1", None, (("1", {}),)), ("2", 7, (("2", {"on": 7}),))],
            id="a-column-with-a-number-counts-rows-without-one",
        ),
        pytest.param(
            "/lists[*]/on",
            [("0", 1, (("0", {"on": [1, 2]}),)), ("1", 2, (("0", {"on": [1, 2]}),)), ("0", 3, (("2", {"on": [3]}),))],
            id="lists-in-a-column-are-walked-through",
        ),
        pytest.param(
            "/tree[*]/of[*]",
            [("0", 1, (("0", {"of": [1, None]}),)), ("1", 2, (("1", {"of": [2]}),))],
            id="null-is-no-item-behind-a-selector",
        ),
        pytest.param("/tree[*]/of[0]", [], id="a-number-behind-all-makes-no-column"),
    ],
)
def test_items_are_the_members_of_what_is_found_or_behind_a_selector_what_is_found(path: str, items: object) -> None:
    assert list(parse_path(path).items(DOCUMENT)) == items


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/a~2b", id="unknown-escape"),
        pytest.param("/a~", id="tilde-alone"),
        pytest.param("/a[?b]", id="search-for-no-value"),
        pytest.param("/a[?b=1]", id="one-equals-sign"),
        pytest.param("/" + "a" * 600, id="too-long"),
    ],
)
def test_what_is_no_path_is_told(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        parse_path(path)


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        pytest.param("/a", {"a": [2, 3, None], "b": 5}, id="a-key-with-a-list"),
        pytest.param("/a[*]", {"a": [2, 3, None], "b": 5}, id="every-member"),
        pytest.param("/a[-2]", {"a": [1, 3, None], "b": 5}, id="one-member"),
        pytest.param("/b", {"a": [1, 2, None], "b": 6}, id="a-key"),
        pytest.param("/c/d", {"a": [1, 2, None], "b": 5}, id="nothing-there"),
    ],
)
def test_a_change_reaches_only_what_stands_at_the_path(path: str, changed: object) -> None:
    def one_more(value: Any) -> Any:  # noqa: ANN401 - a number or a list of them
        return [one_more(item) if item is not None else None for item in value] if isinstance(value, list) else value + 1

    assert change({"a": [1, 2, None], "b": 5}, parse_path(path), one_more) == changed


@pytest.mark.parametrize(
    ("path", "end"),
    [
        pytest.param("/a/x", "/a holds b, c", id="the-keys-beside-it"),
        pytest.param("/a/x/y/z", "/a holds b, c", id="as-far-as-it-goes"),
        pytest.param("/a/b/c", "/a/b is '1'", id="a-value-that-holds-nothing"),
        pytest.param("/a/c[7]", "/a/c is a list of 3", id="past-the-end-of-a-list"),
        pytest.param("/by_name/p/x", "/by_name/p holds on, v", id="deep"),
        pytest.param("/x", f"/ holds {', '.join([*DOCUMENT][:12])}", id="at-the-top"),
        pytest.param("/meters[?id==9]/v", "/meters is a list of 3", id="a-search-that-finds-nothing"),
        pytest.param("/a~1b/c", "/a~1b is '6'", id="written-as-in-a-path"),
        pytest.param("p/x", "the item holds a, Pd (P1-PBaro)", id="of-an-item"),
    ],
)
def test_a_path_that_leads_nowhere_says_where_it_ends_and_what_stands_there(path: str, end: str) -> None:
    assert end_of(parse_path(path), DOCUMENT).startswith(end)


def test_bytes_and_empty_objects_are_told_in_short() -> None:
    assert end_of(parse_path("/p/q"), {"p": b"123"}) == "/p is 3 bytes"
    assert end_of(parse_path("/p/q"), {"p": {}}) == "/p is empty"
    assert end_of(parse_path("/p/q"), {"p": {f"k{n}": n for n in range(15)}}).endswith("k11 and 3 more")


def test_a_key_with_a_slash_in_it_is_told_with_the_way_to_write_it() -> None:
    told = end_of(parse_path("Flow (m3/h)"), {"Flow (m3/h)": 5})
    assert told == "the item holds Flow (m3/h); for the key 'Flow (m3/h)' write Flow (m3~1h)"
    assert "write" not in end_of(parse_path("/a/b"), {"c": 5})


def test_a_lone_quote_in_a_search_is_itself() -> None:
    assert parse_path('/q[?k=="]/v').get({"q": [{"k": '"', "v": 1}]}) == 1
    assert parse_path("/q[?k=='']/v").get({"q": [{"k": "x"}, {"k": "", "v": 2}]}) == 2
