"""The documentation is held against the project: its proofs, links, commands and libraries."""

import argparse
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import pytest
from pydantic import BaseModel

from firmware_sim.arguments import parser as firmware_sim_parser
from firmware_sim.cli import COMMANDS
from gateway import __version__
from gateway.commands.cli import parser as gateway_parser
from gateway.support.config.model import Config
from tests.rows import each_row

CHECKOUT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(CHECKOUT)
    for path in CHECKOUT.rglob("*.md")
    if not any(part.startswith(".") for part in path.relative_to(CHECKOUT).parts)
)
PARSERS = {"gateway": gateway_parser(), "firmware-sim": firmware_sim_parser(COMMANDS)}
_PATHS = r"(?<![\w/.-])((?:gateway|schemas|firmware_sim|deploy|grafana|docs|tests|\.ci)/[\w./-]*\w)(?![\w*{/-])"
each_page = each_row("page", PAGES, ids=str)


def text_of(page: Path | str) -> str:
    return (CHECKOUT / page).read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def snippets(page: Path) -> Iterator[str]:
    """Commands of the page's fenced blocks, and its inline code."""
    for kind, block in re.findall(r"^ *```(sh|console)\b.*?\n(.*?)^ *```$", text_of(page), re.MULTILINE | re.DOTALL):
        lines = [line.strip() for line in block.replace("\\\n", " ").splitlines()]
        yield from (line.removeprefix("$ ") for line in lines if kind == "sh" or line.startswith("$ "))
    yield from (code.replace(r"\|", "|") for code in re.findall(r"`([^`\n]+)`", prose(page)))


def rows(page: str, heading: str = "") -> list[list[str]]:
    """The cells of all tables below a heading, without their heads."""
    section = text_of(page).partition(heading)[2].partition("\n## ")[0] if heading else text_of(page)
    lines = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in section.splitlines() if line.startswith("|")]
    rules = [number for number, cells in enumerate(lines) if all(re.fullmatch(r"-+", cell.strip()) for cell in cells)]
    left_out = {*rules, *(number - 1 for number in rules)}
    return [[cell.strip() for cell in cells] for number, cells in enumerate(lines) if number not in left_out]


# ---- Proofs ----------------------------------------------------------------------------------------------------------

FAULTS = rows("docs/guarantees.md")


@cache
def defined() -> set[str]:
    """Names of all tests."""
    found: set[str] = set()
    for path in (CHECKOUT / "tests").rglob("test_*.py"):
        found |= set(re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))
    return found


@each_row("row", [pytest.param(row, id=row[0][:40]) for row in FAULTS])
def test_every_fault_in_the_guarantees_names_tests_that_exist(row: list[str]) -> None:
    _, _, proof = row
    named = re.findall(r"`(test_\w+)`", proof)
    assert named
    assert set(named) - defined() == set(), "docs/guarantees.md names tests that are gone, or go by another name"


def test_the_guarantees_list_more_than_twenty_faults() -> None:
    assert len(FAULTS) > 20


# ---- Links -----------------------------------------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub and GitLab make them."""
    headings = re.findall(r"^#+ +(.+?) *$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_relative_link_leads_to_a_file_and_heading_that_exist(page: Path) -> None:
    targets = re.findall(r"\]\(<?([^)>\s]+)>?\)", prose(page))
    broken = []
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = unquote(target).partition("#")
        found = (CHECKOUT / page.parent / file).resolve() if file else CHECKOUT / page
        if not found.exists() or (anchor and found.suffix == ".md" and anchor not in anchors(found.relative_to(CHECKOUT))):
            broken.append(target)
    assert not broken, "links of this page lead to no file, or to no heading in it"


def test_links_out_of_the_repository_name_no_private_host() -> None:
    hosts = {host for page in PAGES for host in re.findall(r"\]\(https?://([^/)]+)", text_of(page))}
    assert not {host for host in hosts if re.search(r"localhost|\.local$|\.internal$|^\d", host)}


# ---- Commands --------------------------------------------------------------------------------------------------------


def choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Words that the parser takes next, with the parser of what follows them."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            found |= action.choices
        elif action.choices and not action.option_strings:
            found |= dict.fromkeys(map(str, action.choices), parser)
    return found


def faults(parser: argparse.ArgumentParser, words: list[str]) -> Iterator[str]:
    """Words of an example that the parser does not know: `a|b` stands for either."""
    known = choices(parser)
    if known:
        if not words:
            return
        alternatives = words.pop(0).split("|")
        yield from (word for word in alternatives if word not in known)
        following = [known[word] for word in alternatives if word in known]
        if following and following[0] is not parser:
            yield from faults(following[-1] if len(following) == 1 else following[0], words)
            return
    options = {name for action in parser._actions for name in action.option_strings}  # noqa: SLF001
    for word in words:
        yield from (name for name in re.findall(r"^--?[a-z][\w-]*", word) if name not in options)


def commands(page: Path) -> Iterator[str]:
    for snippet in snippets(page):
        if found := re.match(r"(?:sudo (?:-u \w+ )?)?(?:[\w./]+/)?((?:gateway|firmware-sim) [a-z\[].*)", snippet):
            yield re.split(r" [|>&#;] ?", found[1])[0]


@each_page
def test_every_command_of_the_documentation_is_one_that_the_program_has(page: Path) -> None:
    unknown = {}
    for command in commands(page):
        program, *words = re.sub(r"[\[\]]", "", command).split()
        if found := list(faults(PARSERS[program], words)):
            unknown[command] = found
    assert not unknown, "this page names commands, actions or options that the program does not have"


def test_commands_are_found_in_the_documentation() -> None:
    assert len(list(commands(Path("docs/operation.md")))) >= 8
    assert list(faults(PARSERS["gateway"], ["journal", "status|forget"])) == ["forget"]
    assert list(faults(PARSERS["gateway"], ["devices", "import", "FILE.csv", "--all"])) == ["--all"]


@each_page
def test_every_target_module_path_and_test_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", text_of("Makefile"), re.MULTILINE))
    missing = []
    for snippet in snippets(page):
        missing += [name for name in re.findall(r"^make ([a-z][a-z0-9-]*)", snippet) if name not in targets]
        for name in re.findall(r"python3? -m ([\w.]+)", snippet):
            missing += [name] if find_spec(name) is None else []
        missing += [name for name in re.findall(_PATHS, snippet) if "NAME" not in name and not (CHECKOUT / name).exists()]
    missing += sorted(set(re.findall(r"`(test_\w+)`", prose(page))) - defined())
    assert not missing, "this page names what is not there: it has moved, or goes by another name"


# ---- Settings, metrics and addresses ---------------------------------------------------------------------------------


@each_page
def test_every_setting_of_the_documentation_is_one_that_the_configuration_has(page: Path) -> None:
    sections = {name: field.annotation for name, field in Config.model_fields.items()}
    missing = []
    for section, key in re.findall(r"`(\w+)\.(\w+)`", prose(page)):
        model = sections.get(section)
        if key not in {"yaml", "db"} and isinstance(model, type) and issubclass(model, BaseModel):
            missing += [f"{section}.{key}"] if key not in model.model_fields else []
    assert not missing, "this page names settings that gateway/support/config/model.py does not have"


@each_page
def test_every_metric_of_the_documentation_is_one_that_the_gateway_has(page: Path) -> None:
    known = set(re.findall(r'"(gateway_\w+)"', text_of("gateway/monitoring/status/metrics.py")))
    named = {name.removesuffix("_total") for name in re.findall(r"`(gateway_[a-z_]+)", prose(page))}
    assert named <= known, "this page names metrics that gateway/monitoring/status/metrics.py does not have"


def test_every_address_in_the_operators_table_is_served() -> None:
    served = "".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "gateway" / "web").rglob("*.py"))
    named = {path for row in rows("docs/operation.md", "## HTTP") for path in re.findall(r"`(/[^`]*)`", row[0])}
    assert len(named) > 10
    unserved = {path for path in named if f'"{path.replace("/ID", "/{device}")}"' not in served}
    assert unserved == set(), "docs/operation.md names addresses that gateway/web does not serve"


# ---- Licence and release ---------------------------------------------------------------------------------------------


def test_the_changelog_tells_of_the_version_and_the_licence_is_the_one_the_package_names() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    assert f"## [{__version__}]" in text_of("CHANGELOG.md")
    assert project["license"] == "Apache-2.0"
    assert "LICENSE" in project["license-files"]
    assert "Version 2.0, January 2004" in text_of("LICENSE")


# ---- Libraries -------------------------------------------------------------------------------------------------------


def test_every_dependency_has_a_reason_and_no_other_is_named() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *(name for extra in extras.keys() - {"dev"} for name in extras[extra])]
    names = {re.split(r"[^\w-]", requirement)[0].lower() for requirement in required}
    listed = {name.lower() for row in rows("docs/libraries.md") for name in row[0].split(", ")}
    assert listed == names
    assert all(row[1] for row in rows("docs/libraries.md"))
