"""Profiles as files: those shipped with the gateway, whose code is not imported, and a utility's own.

Encodings of a make are not read here: a profile says how to decode, and carries messages as tests.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from schemas.envelope import EnvelopeSpec
from schemas.printable import printable
from schemas.profile import Profile

OWN: Final = Path("profiles")
"""Where a gateway looks for own profiles too, beside its configuration."""


class NoProfile(Exception):  # noqa: N818 - it says what is missing
    """A profile that there is not, or that cannot be read; the text says which and why."""


def shipped_folder() -> Path | None:
    """The folder of the shipped profiles; None where the gateway is not installed."""
    gateway = find_spec("gateway")
    places = (gateway.submodule_search_locations if gateway is not None else None) or []
    return next((folder for place in places if (folder := Path(place, "profiles")).is_dir()), None)


def profile_paths(own: Path = OWN) -> dict[str, Path]:
    """Name → file, own profiles before shipped ones of the same name."""
    folders = [folder for folder in (shipped_folder(), own) if folder is not None]
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}


def find_profile(name: str, own: Path = OWN) -> Profile:
    """The profile of a name, or in a file.

    :raises NoProfile: with a sentence for people.
    """
    paths = profile_paths(own)
    if path := paths.get(name):
        return read_profile(path)
    if name.endswith(".yaml"):
        return read_profile(Path(name))
    raise NoProfile(f"there is no profile {printable(name)}; firmware-sim profiles lists {len(paths)}, or name a FILE.yaml")


def read_profile(path: Path) -> Profile:
    """The profile in a file.

    :raises NoProfile: with a sentence for people.
    """
    try:
        return Profile.model_validate(_document(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise NoProfile(f"{path}: {where}: {first['msg']}; gateway check says more") from None


def envelopes(own: Path = OWN) -> Iterator[EnvelopeSpec]:
    """The forms in which network servers wrap a device's frame."""
    for folder in (shipped_folder(), own):
        for path in sorted((folder / "envelopes").glob("*.yaml")) if folder is not None else ():
            try:
                yield EnvelopeSpec.model_validate(_document(path))
            except ValidationError as error:
                raise NoProfile(f"{path}: {error.errors()[0]['msg']}; gateway check says more") from None


def _document(path: Path) -> Any:  # noqa: ANN401 - of any form until the model has seen it
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoProfile(f"{path}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise NoProfile(f"{path}: not YAML: {error}") from None
