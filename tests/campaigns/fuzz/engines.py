"""Engines that feed a target: atheris where this machine has it, else a simple loop of our own.

This module imports none of the project's: atheris must see them come in.
"""

import importlib
import importlib.util
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
KEPT = CHECKOUT / ".cache" / "fuzz"
LOCK = Path(__file__).with_name("requirements.lock")
WATCHED_FROM = (3, 12)
"""The first Python that can tell which lines run without slowing them all down."""
HANGS_AFTER_S = 20
MEMORY_MAX_MB = 2048


class NoEngine(Exception):  # noqa: N818 - it says what is missing
    """Nothing can feed targets here; the text says why."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder in which a target's inputs are kept between runs."""

    path: Path

    @property
    def corpus(self) -> Path:
        """Inputs that reach something new."""
        return self.path / "corpus"

    @property
    def seeds(self) -> Path:
        """Inputs that one begins with."""
        return self.path / "seeds"

    @property
    def found(self) -> Path:
        """Inputs that hit a fault."""
        return self.path / "found"

    def make(self) -> None:
        """Have them there."""
        for folder in (self.corpus, self.seeds, self.found):
            folder.mkdir(parents=True, exist_ok=True)


def folder_of(target: str) -> Folder:
    """The folder of a target."""
    return Folder(KEPT / target)


def has_atheris() -> bool:
    """Tell if it is installed."""
    return importlib.util.find_spec("atheris") is not None


def install() -> str:
    """Install atheris if need be; what there is to say about it.

    :raises NoEngine: it cannot be, and this Python is too old for our own loop.
    """
    if has_atheris():
        return ""
    command = [sys.executable, *_pip(), "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "--requirement", str(LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    importlib.invalidate_caches()
    if has_atheris():
        return "atheris, the fuzzer, was put into .venv"
    said = done.stderr.strip().splitlines()[-1:]
    why = f"atheris cannot be installed for Python {platform.python_version()} on {platform.machine()} ({' '.join(said)})"
    if sys.version_info < WATCHED_FROM:
        raise NoEngine(f"{why}; the simple loop that stands in for it needs Python 3.12")
    return f"{why}; a simple loop stands in for it"


def _pip() -> list[str]:
    """Return the command that runs pip; Debian keeps it apart from Python, as a wheel that can be run as it is."""
    if importlib.util.find_spec("pip") is not None:
        return ["-m", "pip"]
    wheels = [*Path("/usr/share/python-wheels").glob("pip-*.whl"), *CHECKOUT.glob(".cache/parts/**/python-wheels/pip-*.whl")]
    return [f"{wheels[0]}/pip"] if wheels else ["-m", "pip"]


def fuzz(target: str, seconds: int) -> None:
    """Feed a target for so long, or until it fails; ends the process where atheris does it."""
    folder = folder_of(target)
    folder.make()
    if not has_atheris():
        importlib.import_module("tests.campaigns.fuzz.watched").fuzz(target, seconds, folder)
        return
    arguments = [f"-max_total_time={seconds}", f"-timeout={HANGS_AFTER_S}", f"-rss_limit_mb={MEMORY_MAX_MB}"]
    arguments += [f"-artifact_prefix={folder.found}/", "-print_final_stats=1", str(folder.corpus), str(folder.seeds)]
    importlib.import_module("tests.campaigns.fuzz.guided").fuzz(target, arguments, folder)
