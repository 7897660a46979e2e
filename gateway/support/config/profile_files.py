"""Profiles and envelopes from their files: YAML → model → compiled. A fault has the form ``FILE: key.path: sentence``."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.core.profiles.envelopes import Envelope
from gateway.core.profiles.language.profile import CompiledProfile, ProfileFaults, compile_profile
from gateway.support.config.bundled_profiles import SHIPPED, files_called
from gateway.support.config.files import ConfigurationFault, blaming, text_of
from gateway.support.config.setting_types import sentence
from gateway.support.config.strict_yaml import parse
from gateway.support.config.yaml_words import YamlFault
from schemas.envelope import EnvelopeSpec
from schemas.nearest import did_you_mean
from schemas.profile import Profile

Model = TypeVar("Model", bound=BaseModel)
_NAME = re.compile(r"\{\w*\}")
_FILE_MAX_BYTES: Final = 4 * 2**20


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A profile and its file, that of the maker's codec, and if it came with the product."""

    path: Path
    model: Profile
    compiled: CompiledProfile
    codec: Path | None
    shipped: bool

    @property
    def warnings(self) -> list[str]:
        """Warnings about parts that are allowed but probably a mistake: ``FILE: key.path: sentence``."""
        return [f"{self.path}: {key}: {what}" for key, what in self.compiled.warnings]


@dataclass(frozen=True, slots=True)
class Loaded:
    """All profiles and envelopes found, by name; ``faults``: file → a line each. Valid parts of the file are loaded."""

    profiles: dict[str, ProfileFile]
    envelopes: dict[str, Envelope]
    faults: dict[Path, list[str]] = field(default_factory=dict)

    @property
    def fault_lines(self) -> list[str]:
        """All faults."""
        return [line for lines in self.faults.values() for line in lines]


def read_profiles(
    local: Path | None, shipped: Path = SHIPPED, *, file: Path | None = None, wanted: Iterable[str] | None = None
) -> Loaded:
    """The profiles and envelopes of a utility, and those that are shipped and not replaced by one of the same name or file.

    A faulty file does not keep the others from being read. ``file`` is the only one of the utility's that is read, with the
    envelopes beside it; of those shipped only what has a name or model that is ``wanted``, None: all.
    """
    own = _files(local) if local is not None else []
    if file is not None:
        own = [file, *sorted(file.parent.glob("envelopes/*.yaml"))]
    names = {path.name for path in own}
    loaded = Loaded({}, {})
    others = _files(shipped) if wanted is None else [*files_called(wanted, shipped), *sorted(shipped.glob("envelopes/*.yaml"))]
    for path in [*own, *(path for path in others if path.name not in names)]:
        try:
            _load(path, loaded, local, shipped)
        except ConfigurationFault as fault:
            loaded.faults[path] = fault.lines
    return loaded


def _files(folder: Path) -> list[Path]:
    return sorted(path for pattern in ("*.yaml", "*.yml", "envelopes/*.yaml") for path in folder.glob(pattern))


def _load(path: Path, loaded: Loaded, local: Path | None, shipped: Path) -> None:
    """Add what a file holds; its documents are profiles or, with the key ``envelope``, envelopes."""
    faults: list[str] = []
    for document in read_documents(path):
        try:
            if isinstance(document, Mapping) and "envelope" in document and "profile" not in document:
                _add_envelope(path, document, loaded)
            else:
                _add_profile(path, document, loaded, local, shipped)
        except ConfigurationFault as fault:
            faults += fault.lines
    if faults:
        raise ConfigurationFault(faults)


def _add_envelope(path: Path, document: object, loaded: Loaded) -> None:
    spec = _validated(EnvelopeSpec, path, document)
    try:
        loaded.envelopes.setdefault(spec.envelope, Envelope(spec))
    except ValueError as error:
        raise ConfigurationFault([f"{path}: document: {error}"]) from error


def _add_profile(path: Path, document: object, loaded: Loaded, local: Path | None, shipped: Path) -> None:
    model = _validated(Profile, path, document)
    if not model.tests:
        what = "a profile without tests is refused; give a message and its expected points"
        raise ConfigurationFault([f"{path}: tests: {what}"])
    known = loaded.profiles.get(model.profile)
    is_shipped = path.is_relative_to(shipped)
    if known is not None and is_shipped and not known.shipped:
        return
    if known is not None:
        raise ConfigurationFault([f"{path}: profile: {model.profile} is also the name of {known.path}; rename one of them"])
    try:
        compiled = compile_profile(model, file=str(path))
    except ProfileFaults as faults:
        raise ConfigurationFault(str(faults).split("\n")) from faults
    codec = _codec_file(path, compiled, [folder for folder in (local, path.parent, shipped) if folder is not None])
    loaded.profiles[model.profile] = ProfileFile(path, model, compiled, codec, is_shipped)


def _codec_file(path: Path, profile: CompiledProfile, folders: Sequence[Path]) -> Path | None:
    if profile.codec is None:
        return None
    found = next((folder / profile.codec.name for folder in folders if (folder / profile.codec.name).is_file()), None)
    if found is None:
        raise ConfigurationFault([f"{path}: codec: {profile.codec.name} is not beside the profile; put the maker's file there"])
    return found


def ambiguities(profiles: Iterable[ProfileFile]) -> list[str]:
    """Active profiles that fit the same messages equally well, a line for each pair."""
    return [
        f"{second.path}: match: takes the same messages as {first.path}, with the same tests; only one of them may be active"
        for first, second in combinations([file for file in profiles if not file.compiled.by_registry], 2)
        if _takes(first) == _takes(second)
    ]


def _takes(file: ProfileFile) -> tuple[object, ...]:
    match = file.model.match
    topics = frozenset(_NAME.sub("{}", topic) for topic in match.topic or ())
    return topics, file.compiled.envelope, match.when


def read_documents(path: Path) -> list[Any]:
    """The documents of a YAML file, separated by ``---``; ConfigurationFault if it cannot be read or is not YAML."""
    with blaming(f"{path}: document: cannot be read"):
        if path.stat().st_size > _FILE_MAX_BYTES:
            raise ConfigurationFault([f"{path}: document: is larger than {_FILE_MAX_BYTES // 2**20} MiB"])
    try:
        return [_plain(document) for document in map(parse, _parts(text_of(path))) if document is not None]
    except YamlFault as fault:
        raise ConfigurationFault([f"{path}: {fault}"]) from fault


def _parts(text: str) -> Iterator[str]:
    """Each document alone, with empty lines before it, so that the lines of its faults are those of the file."""
    lines = text.split("\n")
    starts = [0, *(number for number, line in enumerate(lines) if number and line.split(" ")[0].rstrip() == "---")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield "\n" * start + "\n".join(lines[start:end])


def _plain(value: object) -> object:
    """Turn dates, which YAML makes of some texts, back into texts."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date | datetime) else value


def _validated(model: type[Model], path: Path, document: object) -> Model:
    if not isinstance(document, Mapping):
        raise ConfigurationFault([f"{path}: document: is not a mapping; a profile begins with profile: NAME"])
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise ConfigurationFault(list(_sentences(path, document, error))) from error


def _sentences(path: Path, document: object, error: ValidationError) -> Iterator[str]:
    """One line for each faulty place. If a value may have several forms, pydantic reports a fault for each of them."""
    told: set[str] = set()
    for fault in error.errors(include_url=False):
        key = ".".join(map(str, _place(document, fault["loc"], fault["type"]))) or "document"
        if key not in told:
            told.add(key)
            yield f"{path}: {key}: {_what(fault)}"


def _place(document: object, location: Sequence[int | str], kind: str) -> Iterator[int | str]:
    """The part of a location that the writer knows: keys and numbers in the document, not the names of types."""
    at: Any = document
    for step, part in enumerate(location):
        if isinstance(at, Mapping) and str(part) in (names := {str(key): key for key in at}):
            at = at[names[str(part)]]
        elif isinstance(at, list) and isinstance(part, int) and part < len(at):
            at = at[part]
        elif kind != "missing" or step < len(location) - 1:
            continue
        yield part


def _what(fault: ErrorDetails) -> str:
    kind = fault["type"]
    if kind == "extra_forbidden":
        key = str(fault["loc"][-1])
        return "there is no such key" + (" here" if key in _keys() else did_you_mean(key, _keys(), 0.7))
    if kind == "bool_type" and fault["input"] is None:
        return "null is not a value: a key that is null counts as absent"
    if kind == "missing":
        return "must be given"
    if kind in {"model_type", "model_attributes_type", "dict_type"}:
        return "is a mapping, with keys of its own"
    if kind == "string_pattern_mismatch":
        is_name = fault["loc"][-1] in {"profile", "envelope"}
        form = "1 to 64 of a-z 0-9 . _ -, the first a letter or digit" if is_name else fault["ctx"]["pattern"]
        return f"{fault['input']!r} is not of the form {form}"
    return sentence(fault)


@cache
def _keys() -> tuple[str, ...]:
    """Every key of the language."""
    schema = Profile.model_json_schema()
    return tuple({key for part in [schema, *schema["$defs"].values()] for key in part.get("properties", ())})
