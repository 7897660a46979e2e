"""All that the code has is documented: whoever adds a route, an option or a lane adds a line for it.

The other direction, that what the documentation names is there, is held by ``test_documentation.py``.
"""

import argparse
import ast
import re
from collections.abc import Iterator
from itertools import chain
from typing import get_args

import pytest

from gateway.core.ledger import ReadingSource
from gateway.ingest.broker.rights import AclType, of_gateway
from gateway.support.config.model import Config
from schemas.topics import SPARKPLUG
from tests.deploy.test_documentation import CHECKOUT, PAGES, PARSERS, choices, text_of

OPERATION = text_of("docs/operation.md")
FOR_USERS = "\n".join(
    text_of(page)
    for page in PAGES
    if page.name not in {"CHANGELOG.md", "CONTRIBUTING.md", "architecture.md"} and "decisions" not in page.parts
)


def sources(*folders: str, name: str = "*.py") -> Iterator[str]:
    """The text of all files of a name in the folders of the gateway that are called so, wherever they stand."""
    for folder in folders:
        for path in sorted((CHECKOUT / "gateway").glob(f"**/{folder}/**/{name}")):
            yield path.read_text(encoding="utf-8")


# ---- Addresses and metrics -------------------------------------------------------------------------------------------


def nameless(address: str) -> str:
    """An address in which any name stands for a part that differs."""
    return re.sub(r"\{\w+\}|\bID\b", "*", address)


def routes() -> set[str]:
    """Return the addresses that the pages and the API are served at, as the code writes them."""
    return {route for text in sources("web") for route in re.findall(r'^ *@(?:reads|changes)\("(/[^"]*)"', text, re.MULTILINE)}


def missing_routes(page: str) -> set[str]:
    named = {nameless(word.partition("?")[0]) for code in re.findall(r"`([^`\n]+)`", page) for word in code.split()}
    return {route for route in routes() if nameless(route) not in named}


def test_every_address_that_is_served_stands_in_the_operators_guide() -> None:
    assert len(routes()) > 60
    assert missing_routes(OPERATION) == set(), "docs/operation.md names each address"
    assert missing_routes(OPERATION.replace("/api/late-sums", "")) == {"/api/late-sums"}


def test_every_metric_and_source_of_readings_stands_in_the_operators_guide() -> None:
    metrics = {name for text in sources("status", name="metrics.py") for name in re.findall(r'"(gateway_\w+)"', text)}
    named = {re.sub(r"_total$", "", name) for name in re.findall(r"`(gateway_\w+)", OPERATION)}
    assert len(metrics) > 40
    assert metrics - named == set(), "docs/operation.md names each metric"
    unnamed = set(get_args(ReadingSource)) - set(re.findall(r"`(\w+)`", OPERATION))
    assert unnamed == set(), "docs/operation.md names each source of readings"


# ---- Commands and their options --------------------------------------------------------------------------------------


def commands(parser: argparse.ArgumentParser, before: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """All words that a command may begin with, to the end."""
    following = choices(parser)
    if not following:
        yield before
    for word, then in following.items():
        yield from [(*before, word)] if then is parser else commands(then, (*before, word))


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """All options of a parser, and of those behind it."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to ask
        yield from (name for name in action.option_strings if name.startswith("--"))
    yield from chain.from_iterable(options(then) for then in choices(parser).values() if then is not parser)


@pytest.mark.parametrize("program", PARSERS)
def test_every_command_stands_in_the_documentation(program: str) -> None:
    all_of_them = list(commands(PARSERS[program], (program,)))
    assert len(all_of_them) > 5
    missing = [
        " ".join(words)
        for words in all_of_them
        if not re.search(
            rf"`{' '.join(words[:-1])} [^`\n]*\b{words[-1]}\b|^ *(?:\$ |sudo )?{' '.join(words)}\b", FOR_USERS, re.MULTILINE
        )
    ]
    assert missing == [], "the pages for users, such as docs/operation.md, name each command as it is typed"


@pytest.mark.parametrize("program", PARSERS)
def test_every_option_stands_in_the_documentation(program: str) -> None:
    found = set(options(PARSERS[program]))
    assert len(found) > 20
    assert {name for name in found if not re.search(rf"{name}(?![\w-])", FOR_USERS)} == set(), (
        "the pages for users name each option"
    )


# ---- Topics ----------------------------------------------------------------------------------------------------------


def topics() -> set[str]:
    """Return the topics that the gateway subscribes to by itself or publishes, with ``+`` for names."""
    published = {right.topic for right in of_gateway() if right.acl_type is AclType.PUBLISH}
    return {*published, *Config().mqtt.subscriptions, f"{SPARKPLUG}/+/NCMD/+"}


@pytest.mark.parametrize("topic", sorted(topics()))
def test_every_topic_stands_in_the_operators_guide(topic: str) -> None:
    pattern = re.escape(topic).replace(r"\+", r"(?:\+|\{\w+\})")
    assert re.search(rf"`{pattern}`", OPERATION), "docs/operation.md names each topic"


def test_the_gateway_has_a_right_to_each_topic_of_its_own() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (CHECKOUT / "gateway").rglob("*.py")]
    own = {topic for text in texts for topic in re.findall(r'f"(gateway/v1/[^"]*)"', text)}
    rights = [right.topic for right in of_gateway()]
    without = {topic for topic in own if not any(re.match(re.sub(r"\{.*?\}", "[^/]+", topic), right) for right in rights)}
    assert own
    assert without == set(), "name it in of_gateway of gateway/ingest/broker/rights.py, or the broker takes nothing there"


# ---- Lanes -----------------------------------------------------------------------------------------------------------


def lanes(text: str) -> Iterator[str]:
    """The names of lanes in a module: of mappings called so, however they are filled, and of pairs that begin with a name."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Assign(targets=[ast.Subscript(value=holder, slice=ast.Constant(value=str(name)))]) if holds_lanes(holder):
                yield name
            case (
                ast.Assign(targets=[holder], value=value)
                | ast.AnnAssign(target=holder, value=value)
                | ast.AugAssign(target=holder, value=value)
                | ast.BinOp(left=holder, right=value)
                | ast.Call(func=ast.Attribute(value=holder, attr="update"), args=[value])
            ) if holds_lanes(holder):
                yield from keys(value)
            case ast.Yield(value=ast.Tuple(elts=[ast.Constant(value=str(name)), _])):
                yield name


def holds_lanes(holder: ast.expr) -> bool:
    """Tell if something is called ``lanes``, as a variable or of an object."""
    return getattr(holder, "attr", getattr(holder, "id", "")) == "lanes"


def keys(mapping: ast.expr | None) -> Iterator[str]:
    """The keys of a mapping as it is written."""
    written = mapping.keys if isinstance(mapping, ast.Dict) else []
    yield from (key.value for key in written if isinstance(key, ast.Constant) and isinstance(key.value, str))


def lanes_there_may_be() -> set[str]:
    """All lanes that the gateway's sources name."""
    run = [path.read_text(encoding="utf-8") for path in (CHECKOUT / "gateway").rglob("run.py")]
    return {name for text in (*sources("pipeline"), *run) for name in lanes(text)} | {"watch"}


@pytest.mark.parametrize(
    "written",
    [
        'lanes = {"new": f}',
        'lanes: Lanes = {"new": f}',
        'lanes["new"] = f',
        'lanes |= {"new": f}',
        'lanes.update({"new": f})',
        'g(lanes | {"new": f})',
        'self.lanes: Lanes = {"new": f}',
        'self.lanes["new"] = f',
        'def g():\n    yield "new", f',
    ],
)
def test_a_lane_is_seen_however_it_is_written(written: str) -> None:
    assert list(lanes(written)) == ["new"]


def test_every_lane_stands_in_the_architecture_and_no_other() -> None:
    there = lanes_there_may_be()
    section = text_of("docs/architecture.md").partition("## What runs side by side")[2].partition("\n## ")[0]
    named = {name for row in re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}
    assert len(there) > 50
    assert there == named, "docs/architecture.md lists each lane under 'What runs side by side'"


# ---- Pages -----------------------------------------------------------------------------------------------------------


def test_every_page_of_the_documentation_stands_in_its_list() -> None:
    listed = {(CHECKOUT / "docs" / link).resolve() for link in re.findall(r"\]\(([^)#]+)", text_of("docs/README.md"))}
    pages = {path.resolve() for path in (CHECKOUT / "docs").glob("*.md")} - {CHECKOUT / "docs" / "README.md"}
    assert len(pages) > 20
    assert pages - listed == set(), "docs/README.md lists each page"
