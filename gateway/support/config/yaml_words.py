"""Words of YAML without quotes: text, numbers, and what only looks like one. PyYAML is loaded for the rare ones alone."""

import re
from functools import cache
from typing import Any, Final

_MISLEADING = re.compile(r"[-+]?(?:0[0-9_]+(?:\.[0-9_]*)?|[1-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?)")
_EUI = re.compile(r"(?=[0-9]*[89])0[0-9]{15}")
"""An EUI without letters. YAML does not read it as a number either: 8 and 9 are not octal."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,40})?")
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off"})
"""Words of YAML 1.1 that begin with a letter and are not text."""

_PREFIX: Final = "tag:yaml.org,2002:"
_SCALARS: Final = frozenset(_PREFIX + name for name in ("str", "null", "bool", "int", "float", "timestamp"))
_STR: Final = f"{_PREFIX}str"


class YamlFault(Exception):  # noqa: N818 - the field's word
    """A text that is not YAML, or YAML that is refused; ``line``: the line, counted from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line


@cache
def _classifier() -> tuple[Any, Any]:
    """The loader that classifies plain words as numbers, booleans or dates, and reads no document, with the node of a word."""
    import yaml  # noqa: PLC0415 - its import is a thirtieth of a start

    return yaml.SafeLoader(""), yaml.ScalarNode


def plain_value(text: str, line: int) -> Any:  # noqa: ANN401
    """The value of a word without quotes: text, number, boolean, date or nothing; YamlFault if it is not what it looks like."""
    if text[:1].isalpha() and text.lower() not in _WORDS:
        return text
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    if _MISLEADING.fullmatch(text) and not _EUI.fullmatch(text):
        raise YamlFault(line, f'quote it: "{text}"; without quotes YAML reads another number')
    classifier, node = _classifier()
    tag: str = classifier.resolve(node, text, (True, False))
    return text if tag not in _SCALARS else converted(tag, text, line)


def converted(tag: str, text: str, line: int) -> Any:  # noqa: ANN401
    """Return what a text is under a tag of YAML; YamlFault if it cannot be that."""
    if tag == _STR:
        return text
    if tag not in _SCALARS:
        raise YamlFault(line, f"the tag {tag} is not accepted")
    classifier, node = _classifier()
    try:
        return classifier.yaml_constructors[tag](classifier, node(tag, text))
    except (ValueError, KeyError, OverflowError, AttributeError) as error:
        raise YamlFault(line, f"{text[:80]!r} is not a valid {tag.removeprefix(_PREFIX)}; quote it if it is text") from error
