"""Scenarios from their files, with a sentence for people about each fault in one."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from firmware_sim.fleet import KIND_NAMES, KINDS
from firmware_sim.stories.table import STORIES
from schemas.scenario import Scenario

SHIPPED: Final = Path(__file__).parent
ORDINARY: Final = "normal"


class BadScenario(Exception):  # noqa: N818 - it says what the file is
    """A file that is no scenario; the text has a line for each fault: ``FILE: key.path: what is wrong``."""


@cache
def shipped() -> Mapping[str, Scenario]:
    """The scenarios beside this module by their names, as people read them: the ordinary one first."""
    names = sorted((path.stem for path in SHIPPED.glob("*.yaml")), key=lambda name: (name != ORDINARY, name))
    return {name: _read(SHIPPED / f"{name}.yaml") for name in names}


def scenario(asked: str) -> Scenario:
    """The scenario of a shipped name, or in a file of one's own.

    :raises BadScenario: there is none, or it is faulty.
    """
    if asked.endswith((".yaml", ".yml")):
        return _read(Path(asked))
    path = SHIPPED / f"{asked}.yaml"
    if not path.is_file():
        names = ", ".join(shipped())
        raise BadScenario(f"--scenario {asked}: there is none of that name; name a FILE.yaml, or one of {names}")
    return _read(path)


def _read(path: Path) -> Scenario:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = Scenario.model_validate(document)
    except OSError as error:
        raise BadScenario(f"{path}: document: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise BadScenario(f"{path}: document: is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise BadScenario(f"{path}: document: {line}{error.problem or 'is not YAML'}") from None
    except yaml.YAMLError as error:
        raise BadScenario(f"{path}: document: {error}") from None
    except ValidationError as error:
        raise BadScenario("\n".join(f"{path}: {_sentence(dict(fault))}" for fault in error.errors())) from None
    faults = list(_unknown(found))
    if faults:
        raise BadScenario("\n".join(f"{path}: {fault}" for fault in faults))
    return found


def _sentence(fault: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in fault["loc"] if part != "[key]") or "document"
    what = "there is no such key" if fault["type"] == "extra_forbidden" else fault["msg"].removeprefix("Value error, ")
    return f"{where}: {what}"


def _unknown(found: Scenario) -> Iterator[str]:
    """Names in a file that nothing has."""
    events = [(f"events.{number}", event) for number, event in enumerate(found.events)]
    stories = [*((f"stories.{name}", name) for name in found.stories), *((f"{at}.story", one.story) for at, one in events)]
    for where, name in stories:
        if name not in STORIES or STORIES[name].is_calendar:
            yield f"{where}: there is no story {name}; firmware-sim stories lists them"
    for name in found.fleet:
        if name not in KINDS and name not in KIND_NAMES:
            yield f"fleet.{name}: write a domain ({', '.join(KINDS)}) or a kind ({', '.join(sorted(KIND_NAMES))})"
    for at, event in events:
        possible = STORIES[event.story].kinds if event.story in STORIES else ()
        for kind in event.kinds:
            if kind not in possible:
                yield f"{at}.kinds: {event.story} does not happen to a {kind}; it happens to {', '.join(possible)}"
