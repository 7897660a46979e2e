"""Reading the configuration: ``gateway.yaml``, overridden by environment variables ``GATEWAY_MQTT__URL`` and so on.

Nothing else in the gateway reads a file or a variable for a setting.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.support.config.model import Config
from gateway.support.config.plain_yaml import Settle, read
from gateway.support.config.setting_types import sentence
from gateway.support.config.yaml_words import YamlFault
from gateway.support.private_files import private

AnySection = TypeVar("AnySection", bound=BaseModel)
DEFAULT_FILE: Final = Path("gateway.yaml")
_PREFIX: Final = "GATEWAY_"
_SURROGATE = re.compile("[\ud800-\udfff]")


class ConfigurationFault(Exception):  # noqa: N818 - the field's word
    """The configuration cannot be used; ``lines``: one for each fault: ``FILE: key.path: sentence``."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@contextmanager
def blaming(what: str) -> Iterator[None]:
    """Turn the system's refusal of a file into a ConfigurationFault that begins with these words."""
    try:
        yield
    except OSError as error:
        raise ConfigurationFault([f"{what}: {error.strerror or error}"]) from error


def read_yaml(path: Path, settle: Settle | None = None) -> Any:  # noqa: ANN401 - YAML is whatever people wrote
    """The document in ``path``, read as :func:`gateway.support.config.plain_yaml.read` does; ConfigurationFault if it is none.

    What is refused beyond YAML's own rules: :mod:`gateway.support.config.strict_yaml`.
    """
    text = text_of(path)
    try:
        return read(text, settle)
    except YamlFault as fault:
        raise ConfigurationFault([f"{path}: {fault}"]) from fault


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Config:
    """The configuration of ``path``, or of ``gateway.yaml`` in the working folder, or all defaults; then the environment.

    ConfigurationFault names file or variable, key and fault.
    """
    file = path or DEFAULT_FILE
    is_read = path is not None or file.exists()
    document = {} if not is_read or (found := read_yaml(file)) is None else found
    if not isinstance(document, dict):
        raise ConfigurationFault([f"{file}: document: must be a mapping of sections"])
    variables = _overlay(document, environment)
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        raise ConfigurationFault([_sentence(file, variables, fault) for fault in error.errors()]) from error
    places = FilePlaces(file.absolute().parent, environment.get("CREDENTIALS_DIRECTORY", ""))
    anchored = _anchor(config, places, file, document)
    if is_read:
        anchored.read_from(file.absolute())
    return anchored


def _overlay(document: dict[str, Any], environment: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Write variables over the document; return which key came from which. ConfigurationFault: one is not text."""
    variables = {}
    for name in sorted(environment):
        keys = tuple(name.removeprefix(_PREFIX).lower().split("__"))
        if not name.startswith(_PREFIX) or keys[0] not in Config.model_fields:
            continue
        section = document
        for key in keys[:-1]:
            if not isinstance(section.get(key), dict):
                section[key] = {}
            section = section[key]
        text = environment[name]
        if not text.isascii() and _SURROGATE.search(text) is not None:  # how Python shows such bytes
            raise ConfigurationFault([f"{name}: {'.'.join(keys)}: is not UTF-8"])
        section[keys[-1]] = text if keys[-1] in _TEXTS else _scalar(text)
        variables[keys] = name
    return variables


_TEXTS: Final = frozenset({"password", "token", "username", "client_id", "bucket", "org"})
"""Settings that are text even if they look like a number."""


def _scalar(text: str) -> Any:  # noqa: ANN401 - YAML is whatever people wrote
    from gateway.support.config.strict_yaml import parse  # noqa: PLC0415 - as plain_yaml does

    try:
        return parse(text)
    except YamlFault:
        return text


def _sentence(file: Path, variables: dict[tuple[str, ...], str], fault: ErrorDetails) -> str:
    path = tuple(str(part) for part in fault["loc"])
    source = next((variables[path[:n]] for n in range(len(path), 0, -1) if path[:n] in variables), str(file))
    return f"{source}: {'.'.join(path) or 'document'}: {sentence(fault)}"


_MADE_LATER: Final = {("journal", "path"), ("alarms", "rules"), ("http", "tokens_file"), ("mqtt", "shares")}
"""Files that need not exist even if they are configured: the journal is created, the shipped rules work without others, and a
missing file of tokens or shares is asked for where it is read. By default no file need exist."""

_CREDENTIALS: Final = frozenset({"client_id_file", "password_file", "token_file", "read_token_file", "webhook_token_file"})
"""Files that systemd may give to the service (``LoadCredential=secrets:``); those that a reload reads again are none."""


class FilePlaces(NamedTuple):
    """Folders in which configured files lie."""

    folder: Path  # the folder of ``gateway.yaml``
    credentials: str  # the folder that systemd filled from ``secrets``; empty for commands, which find the files themselves

    def find(self, value: Path, name: str) -> Path:
        """The absolute path of a file; ``name`` is that of its setting."""
        if self.credentials and name in _CREDENTIALS and value.parent.name == _SECRETS:
            given = Path(self.credentials) / f"{_SECRETS}_{value.name}"
            if given.exists():
                return given
        return self.folder / value


_SECRETS: Final = "secrets"


def _anchor(config: Config, places: FilePlaces, file: Path, document: dict[str, Any]) -> Config:
    """Make relative paths start at the file's folder, and check that configured files exist."""
    anchored = _anchored(config, places)
    faults = [
        f"{file}: {'.'.join(path)}: {absolute} does not exist"
        for path, absolute in configured_files(anchored)
        if path not in _MADE_LATER and _is_written(document, path) and not absolute.exists()
    ]
    if faults:
        raise ConfigurationFault(faults)
    return anchored


def _anchored(section: AnySection, places: FilePlaces) -> AnySection:
    found: dict[str, Any] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Path):
            found[name] = places.find(value, name)
        elif isinstance(value, BaseModel):
            found[name] = _anchored(value, places)
    return section.model_copy(update=found)


def configured_files(section: BaseModel, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Every setting that names a file or a folder, such as ``("mqtt", "tls", "ca")``, with its path."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Path):
            yield (*prefix, name), value
        elif isinstance(value, BaseModel):
            yield from configured_files(value, (*prefix, name))


def _is_written(document: dict[str, Any], path: tuple[str, ...]) -> bool:
    at: Any = document
    for key in path:
        if not isinstance(at, dict) or key not in at:
            return False
        at = at[key]
    return True


def secret(value: str | None, file: Path | None) -> str | None:
    """A password or token: written down, or the first line of its file; ConfigurationFault if that cannot be read."""
    if value is not None or file is None:
        return value
    return text_of(file).partition("\n")[0].strip()


def text_of(path: Path) -> str:
    """Read a text file, with or without a byte order mark; ConfigurationFault if it cannot be read, or is not UTF-8."""
    try:
        with blaming(f"{path}: document: cannot be read"), open(path, encoding="utf-8-sig", opener=private) as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise ConfigurationFault([f"{path}: document: is not UTF-8: {error.reason} at byte {error.start}"]) from error
