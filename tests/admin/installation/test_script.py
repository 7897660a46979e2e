"""``install.sh`` itself: it refuses what it cannot install before anything is done, and starts the Python of the wheel."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from gateway.admin.installation.bundle import write_sums
from tests.admin.installation.stand_ins import Province

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "deploy" / "install.sh"
needs_venv = pytest.mark.skipif(find_spec("ensurepip") is None, reason="this Python has no ensurepip: install python3-venv")


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable}
    return subprocess.run(
        ["/bin/sh", str(script), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle that can run."""
    return wheel_of_this_checkout(Province(tmp_path).bundle("1.0.0"))


def wheel_of_this_checkout(made: Path, note: str = "") -> Path:
    """Give a bundle a wheel that holds the modules that install, and nothing else but a note."""
    (wheel,) = (made / "wheels").glob("*.whl")
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in modules():
            archive.write(path, str(path.relative_to(ROOT)))
        archive.writestr("note", note)
    write_sums(made)
    return made


def modules() -> Iterator[Path]:
    files = ("__init__.py", "admin/__init__.py", "support/__init__.py", "support/private_files.py")
    yield from (ROOT / "gateway" / name for name in files)
    yield from sorted((ROOT / "gateway" / "admin" / "installation").glob("*.py"))


def test_a_shell_can_read_it() -> None:
    assert subprocess.run(["/bin/sh", "-n", str(SCRIPT)], check=False).returncode == 0


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is missing; on Debian: apt-get install shellcheck")
def test_shellcheck_finds_nothing() -> None:
    done = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_in_a_checkout_it_names_the_command_that_makes_a_bundle() -> None:
    done = run(SCRIPT)
    assert (done.returncode, done.stdout) == (1, "")
    assert "make bundle" in done.stderr


@needs_venv
def test_it_runs_from_the_wheel_through_a_link_and_changes_nothing_in_a_dry_run(bundle: Path, tmp_path: Path) -> None:
    link = tmp_path / "install.sh"
    link.symlink_to(bundle / "install.sh")
    done = run(link, "--dry-run", "--root", str(tmp_path / "elsewhere"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "would link: " in done.stdout
    assert not (tmp_path / "elsewhere").exists()


def test_a_damaged_bundle_runs_no_code_of_its_own(bundle: Path) -> None:
    (wheel,) = (bundle / "wheels").glob("*.whl")
    wheel.write_bytes(wheel.read_bytes() + b"x")
    done = run(bundle / "install.sh", "--help")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"wheels/{wheel.name}: FAILED\n" in done.stderr
    assert "the bundle is damaged" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        pytest.param(["purge", "--root", "{root}"], 2, "lost for good", id="a purge without yes"),
        pytest.param(["rollback", "--root", "{root}"], 1, "there is no version before this one", id="nothing to go back to"),
        pytest.param(["repair", "--root", "{root}"], 1, "no version is installed", id="nothing to repair"),
        pytest.param(["later"], 2, "invalid choice: 'later'", id="an unknown action"),
    ],
)
@needs_venv
def test_what_it_cannot_do_is_said(bundle: Path, tmp_path: Path, arguments: list[str], status: int, said: str) -> None:
    done = run(bundle / "install.sh", *(word.format(root=tmp_path / "elsewhere") for word in arguments))
    assert done.returncode == status
    assert said in done.stderr
