"""Every sentence that the API or a page can give as a reason has a Vietnamese one; a new one without it fails here.

The sentences are found in the program's text: what is raised, returned or answered. Faults of a profile's text are left out:
its author reads them beside the reference, which is in English.
"""

import ast
import re
from collections.abc import Iterator
from typing import Final

from gateway.commands.demo.services import CHECKOUT
from schemas.details import in_vietnamese
from tests.web.pages.languages import is_todo

_ANSWERS: Final = (
    "gateway/web/**/*.py",
    "gateway/onboarding/registration.py",
    "gateway/support/access/accounts.py",
    "gateway/support/audit/log.py",
    "gateway/ingest/codecs/*.py",
    "gateway/support/registry/[!as]*.py",  # pages read no rules of alarms and no shares
    "gateway/support/config/strict_yaml.py",
    "gateway/support/config/yaml_words.py",
    "gateway/core/devices/*.py",
    "gateway/core/mqtt_session.py",
    "gateway/ingest/database/database_http.py",
    "gateway/ingest/storage/database.py",
)
"""Modules of which everything that is raised, returned or answered may be shown."""
_PAYLOADS: Final = "gateway/core/**/*.py"
"""Modules of which only what is told of a payload is shown."""
_OF_PAYLOADS: Final = frozenset({"Undecodable", "Unnamed", "Unresolved", "bad_payload", "_too_many"})
_NAMES: Final = frozenset({"detail", "why", "what"})
_PART: Final = "x1"
_NOT_SHOWN: Final = frozenset(
    {
        # Names of changes in the audit log, which have words of their own, and a part of a sentence.
        "planned work ended", "waiting messages purged", "sums worked out again", "has no register",
        # Parts that are put together with a sentence, or a form of it.
        f"{_PART} for {_PART}", f"{_PART} (line {_PART})", f"{_PART}: row 1: {_PART}", f"{_PART}: line {_PART}: {_PART}",
        f"row {_PART}: {_PART}: {_PART}", f"{_PART}: character {_PART}", f"id: this column is missing; {_PART}",
        f"{_PART} has {_PART}; it has {_PART}", f"{_PART}  {_PART}: {_PART}\n", "a malformed packet",
        "no MQTT 5, which the gateway needs,", f"the broker sent {_PART}: {_PART}",
        # Said at the start, before there is a page, or by a command.
        f"{_PART} is no limit; write domain={_PART}, and after it area=CODE,CODE for some areas",
        f"its first line is a token of {_PART} characters", "its first line is empty",
        f"{_PART}: http.token_file: {_PART}; {_PART}",
        f"there is no text {_PART}: write it into WORDS of gateway/support/i18n/languages.py",
        "shares: is not written as a list; write the gateway of the share by hand",
        f"{_PART}\n{_PART}{_PART}: {_PART}{_PART}", f"{_PART}, {_PART}: {_PART}{_PART}",
        f"gateway.yaml: http.port: {_PART} port {_PART}: {_PART}",
        f"{_PART}: http.tls: cannot be used with the key {_PART}: {_PART}",
        # Steps of an explanation, marked as English, and words of what was found.
        f"{_PART} literal topic levels, {_PART} predicates", f"{_PART} is not {_PART}",
        "text/plain; version=0.0.4; charset=utf-8",
    }
)  # fmt: skip
_SENTENCE: Final = re.compile(r"[a-z{<x'\-].*", re.IGNORECASE | re.DOTALL)
_WORDS_MIN: Final = 3
_SHOWN_MIN: Final = 150


def text_of(node: ast.AST) -> str | None:
    """A text in the program, with a part in place of what is filled in; None: it is none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else _PART for part in node.values)
    return None


def texts_in(node: ast.AST) -> Iterator[str]:
    """The longest texts below a node."""
    if (text := text_of(node)) is not None:
        yield text
        return
    for below in ast.iter_child_nodes(node):
        yield from texts_in(below)


def name_of(node: ast.AST) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


def told_of_payloads(node: ast.AST) -> bool:
    """Tell if a node makes a reason why a payload is no reading."""
    if isinstance(node, ast.Assign):
        return any(name_of(target) in _NAMES for target in node.targets)
    return isinstance(node, ast.Call) and name_of(node.func) in _OF_PAYLOADS


def told(node: ast.AST) -> bool:
    """Tell if a node gives a reason."""
    return isinstance(node, ast.Raise | ast.Return | ast.Yield | ast.Call | ast.Dict | ast.Assign) and (
        not isinstance(node, ast.Call | ast.Dict | ast.Assign)
        or told_of_payloads(node)
        or (isinstance(node, ast.Call) and name_of(node.func) in {"CodecAnswer", "_told", "_Denial", "_not_found"})
        or (isinstance(node, ast.Dict) and any(text_of(key) == "error" for key in node.keys if key is not None))
    )


def sentences() -> Iterator[str]:
    answers = {path for pattern in _ANSWERS for path in CHECKOUT.glob(pattern)}
    for path in sorted(answers | set(CHECKOUT.glob(_PAYLOADS))):
        gives = told if path in answers else told_of_payloads
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if gives(node):
                yield from (text for text in texts_in(node) if len(text.split()) >= _WORDS_MIN and _SENTENCE.fullmatch(text))


def test_each_reason_that_can_be_shown_has_its_vietnamese_sentence() -> None:
    shown = set(sentences()) - _NOT_SHOWN
    assert len(shown) > _SHOWN_MIN, "the program's text is read"
    lacking = sorted(sentence for sentence in shown if in_vietnamese(sentence) == sentence and not is_todo(sentence))
    assert lacking == [], "schemas/details.py and those beside it hold the sentences"
