"""``install.sh`` as an administrator gives it: the words it takes, the exit status, and what it says before it begins."""

import errno
import fcntl
import io
import re
import stat
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.installation import installer as command
from gateway.admin.installation.bundle import write_sums
from gateway.admin.installation.machine import Layout, Machine, NotDone
from gateway.admin.installation.release import build_tag
from tests.admin.installation.stand_ins import Province
from tests.rows import each_row

Install = Callable[..., tuple[int, str, str]]


class Noting:
    """Takes the place of the installer, and notes what it is asked to do."""

    calls: list[tuple[Any, ...]]
    ends: type[BaseException] | None = None

    def __init__(self, layout: Layout, machine: Machine, *, patience_s: float) -> None:
        self.calls.append((layout.root, machine.dry_run, machine.owns, patience_s))

    def lost_by_purge(self) -> list[Path]:
        """Two folders."""
        return [Path("/etc/gateway"), Path("/var/lib/gateway")]

    def __getattr__(self, name: str) -> Callable[..., None]:
        def called(*given: object) -> None:
            self.calls.append((name, *given))
            if self.ends is not None:
                raise self.ends("the reason")

        return called


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Install:
    """Give the command with a folder as root; its exit status, and what it says."""
    monkeypatch.setattr(Noting, "calls", [], raising=False)
    monkeypatch.setattr(command, "Installer", Noting)
    monkeypatch.setattr(command, "_hold_signals", lambda: None)
    bundle = Province(tmp_path).bundle("1.2.0")

    def give(*words: str, root: str = str(tmp_path / "root")) -> tuple[int, str, str]:
        Noting.calls.clear()
        status = command.main(bundle, [*words, "--root", root])
        said = capsys.readouterr()
        return status, said.out, said.err

    return give


def test_without_a_word_it_installs_and_says_what_comes_next(install: Install, tmp_path: Path) -> None:
    status, out, _ = install("--patience", "5")
    made, done = Noting.calls
    assert (status, made, done[0]) == (0, (tmp_path / "root", False, False, 5.0), "install")
    assert out == f"1.2.0 is installed. What next: {done[1]}/deploy/README.md\n"
    assert install("--dry-run")[:2] == (0, "")
    assert Noting.calls[0][1] is True
    assert install("keep")[:2] == (0, "")
    assert Noting.calls[1][0] == "keep"
    for word in ("rollback", "repair", "remove"):
        assert install(word) == (0, "", "")
        assert Noting.calls[1:] == [(word,)]


class Terminal(io.StringIO):
    """A terminal at which somebody answers."""

    def isatty(self) -> bool:
        """Be one."""
        return True


def test_a_purge_names_what_would_be_lost_and_waits_for_a_yes(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = "/etc/gateway /var/lib/gateway"
    unasked = "nothing was done: there is no terminal to ask at; --yes does it unasked"
    for nobody in (io.StringIO("y\n"), None):  # a pipe; closed
        monkeypatch.setattr("sys.stdin", nobody)
        assert install("purge") == (2, "", f"install.sh: these would be lost for good: {lost}; {unasked}\n")
        assert Noting.calls[1:] == []
    for answer, status, calls in (("\n", 1, []), ("no\n", 1, []), ("y\n", 0, [("purge",)])):
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        assert install("purge")[0] == status
        assert Noting.calls[1:] == calls
    for words in (("--yes",), ("--dry-run",)):
        assert install("purge", *words)[0] == 0
        assert Noting.calls[1:] == [("purge",)]


def test_what_is_not_done_and_what_is_interrupted_end_with_a_line(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Noting, "ends", NotDone)
    assert install() == (1, "", "install.sh: the reason\n")
    monkeypatch.setattr(Noting, "ends", KeyboardInterrupt)
    assert install() == (130, "", "install.sh: interrupted; run it again to go on\n")


def test_a_second_one_at_the_same_time_is_refused_unless_it_changes_nothing(install: Install, tmp_path: Path) -> None:
    install()
    with (tmp_path / "root" / "run" / "gateway-install.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert install() == (1, "", "install.sh: another installation is running\n")
        assert install("--dry-run")[0] == 0
    assert install()[0] == 0


@each_row(
    ("patched", "value", "said"),
    [
        ("sys.version_info", (3, 10, 9), "Python 3.11 or newer is missing. Debian 12 or later has it: "),
        ("os.geteuid", lambda: 1000, "run it as root: sudo ./install.sh\n"),
    ],
)
def test_a_machine_that_lacks_something_is_told_before_anything_is_done(
    install: Install, patched: str, value: object, said: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patched, value)
        status, _, err = install(root="/")
    assert (status, err.startswith(f"install.sh: {said}"), len(Noting.calls)) == (1, True, 1)


def test_a_python_without_venv_is_told_which_package_has_it(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert install() == (1, "", "install.sh: Python's venv is missing: apt-get install python3-venv\n")


def test_settings_are_for_the_gateway_to_read_and_its_data_for_nobody_else(tmp_path: Path) -> None:
    province = Province(tmp_path)
    province.installer.install(province.bundle("1.0.0"))
    settings = province.layout.settings()
    folders = [settings, *(settings / name for name in ("profiles", "secrets", "registry")), province.layout.data()]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o750}
    kept = province.layout.kept("1.0.0")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir() if path.is_file()}
    assert {name for name, mode in modes.items() if mode != 0o644} == {"install.sh"}
    assert modes["install.sh"] == 0o755
    assert "systemctl daemon-reload" in province.machine.ran
    assert "systemctl try-restart systemd-journald.service" in province.machine.ran


def test_without_room_on_the_disk_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    province = Province(tmp_path)
    bundle = province.bundle("1.0.0")
    with zipfile.ZipFile(bundle / "wheels" / build_tag() / f"some-{build_tag()}.whl", "w") as wheel:
        wheel.writestr("some.py", b"x" * 4097)  # two blocks, and two when compiled
    write_sums(bundle)
    needed = 24 * 2**20 + 4 * 4096 + sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
    needed -= (bundle / "SHA256SUMS").stat().st_size
    room: list[int] = [needed - 1]
    monkeypatch.setattr("gateway.admin.installation.release.shutil.disk_usage", lambda _: type("Usage", (), {"free": room[0]}))
    with pytest.raises(NotDone, match=rf"{province.root} has 25 MB left, 26 MB are needed: make room"):
        province.installer.install(bundle)
    assert not province.layout.home.exists()
    room[0] += 1
    province.installer.install(bundle)
    room[0] = 0
    province.installer.install(bundle)  # nothing is built, nothing copied


def test_what_the_system_refuses_is_said_with_the_file(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(number: int) -> type[OSError]:
        return type("Refused", (OSError,), {"__init__": lambda self, _: OSError.__init__(self, number, "said so", "/opt/x")})

    monkeypatch.setattr(Noting, "ends", refused(errno.EROFS))
    assert install() == (1, "", "install.sh: /opt/x: said so\n")
    monkeypatch.setattr(Noting, "ends", refused(errno.ENOSPC))
    status, _, err = install()
    assert status == 1
    assert re.fullmatch(r"install.sh: the disk of /opt/x is full: \d+ MB are left \(df -h /opt\)[.] Make room first\n", err)


def test_an_enabled_instance_is_a_unit_though_systemd_has_not_loaded_it(tmp_path: Path) -> None:
    province = Province(tmp_path)
    province.installer.install(province.bundle("1.0.0"))
    wants = province.layout.units / "multi-user.target.wants"
    wants.mkdir()
    for name in ("gateway@north.service", "gateway.service", "gateway-of-others.service"):
        (wants / name).touch()
    province.installer.remove()
    stopped = [words for words in province.machine.ran if " disable " in words]
    assert stopped == [f"systemctl disable --now {name}" for name in ("gateway.service", "gateway@north.service")]
